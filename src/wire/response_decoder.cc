// Responses as a client reads them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sagitta/base/assert.h"
#include "sagitta/wire/client.h"

#include "body_reader.h"
#include "response_numbers.h"

namespace sagitta::wire {
namespace {

/// The index of `word` in `words`, which are in the order of the enum E.
template <class E, size_t n>
Result<E> read_word(BodyReader& in, const std::array<std::string_view, n>& words, std::string_view what) {
  SAGITTA_TRY(const auto word, in.string(what));
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return fail(ErrorCode::kProtocol, fmt::format("Unknown {} '{}'", what, word));
  return static_cast<E>(found - words.begin());
}

Result<std::vector<std::string_view>> read_string_list(BodyReader& in, std::string_view what) {
  SAGITTA_TRY(const auto count, in.count<uint16_t>(2, what));
  std::vector<std::string_view> list;
  list.reserve(count);
  for (uint16_t i = 0; i < count; ++i) {
    SAGITTA_TRY(const auto s, in.string(what));
    list.push_back(s);
  }
  return list;
}

// ---- errors ----

struct Counts {
  Consistency consistency;
  int32_t received, required;
};

Result<Counts> read_counts(BodyReader& in) {
  Counts counts;
  SAGITTA_TRY(counts.consistency, in.consistency());
  SAGITTA_TRY(counts.received, in.number<int32_t>("a count of replicas"));
  SAGITTA_TRY(counts.required, in.number<int32_t>("a count of replicas"));
  return counts;
}

/// v4 counts the failed nodes; v5 has a map from node to reason.
Result<int32_t> read_failures(BodyReader& in) {
  constexpr std::string_view kWhat = "the failed replicas";
  if (in.version() < 5) return in.number<int32_t>(kWhat);
  SAGITTA_TRY(const auto count, in.count<int32_t>(3, kWhat));
  for (int32_t i = 0; i < count; ++i) {
    SAGITTA_TRY(const auto address_bytes, in.number<uint8_t>(kWhat));
    SAGITTA_CHECK(in.take(address_bytes, kWhat));
    SAGITTA_CHECK(in.number<uint16_t>(kWhat));
  }
  return count;
}

Result<ErrorDetail> read_unavailable(BodyReader& in) {
  SAGITTA_TRY(const Counts c, read_counts(in));
  return UnavailableDetail{c.consistency, c.received, c.required};
}

Result<ErrorDetail> read_read_timeout(BodyReader& in) {
  SAGITTA_TRY(const Counts c, read_counts(in));
  SAGITTA_TRY(const auto data_present, in.number<uint8_t>("data_present"));
  return ReadTimeoutDetail{c.consistency, c.received, c.required, data_present != 0};
}

Result<ErrorDetail> read_write_timeout(BodyReader& in) {
  SAGITTA_TRY(const Counts c, read_counts(in));
  SAGITTA_TRY(const auto write_type, in.string("the write type"));
  if (in.version() >= 5 && write_type == "CAS") SAGITTA_CHECK(in.number<uint16_t>("the contentions"));
  return WriteTimeoutDetail{c.consistency, c.received, c.required, std::string(write_type)};
}

Result<ErrorDetail> read_read_failure(BodyReader& in) {
  SAGITTA_TRY(const Counts c, read_counts(in));
  SAGITTA_TRY(const int32_t failures, read_failures(in));
  SAGITTA_TRY(const auto data_present, in.number<uint8_t>("data_present"));
  return ReadFailureDetail{c.consistency, c.received, c.required, failures, data_present != 0};
}

Result<ErrorDetail> read_write_failure(BodyReader& in) {
  SAGITTA_TRY(const Counts c, read_counts(in));
  SAGITTA_TRY(const int32_t failures, read_failures(in));
  SAGITTA_TRY(const auto write_type, in.string("the write type"));
  return WriteFailureDetail{c.consistency, c.received, c.required, failures, std::string(write_type)};
}

Result<ErrorDetail> read_function_failure(BodyReader& in) {
  SAGITTA_TRY(const auto keyspace, in.string("the keyspace"));
  SAGITTA_TRY(const auto function, in.string("the function"));
  SAGITTA_TRY(const auto types, read_string_list(in, "an argument type"));
  return FunctionFailureDetail{std::string(keyspace), std::string(function), {types.begin(), types.end()}};
}

Result<ErrorDetail> read_already_exists(BodyReader& in) {
  SAGITTA_TRY(const auto keyspace, in.string("the keyspace"));
  SAGITTA_TRY(const auto table, in.string("the table"));
  return AlreadyExistsDetail{std::string(keyspace), std::string(table)};
}

Result<ErrorDetail> read_unprepared(BodyReader& in) {
  SAGITTA_TRY(const auto id, in.string("the statement id"));
  return UnpreparedDetail{Bytes(id)};
}

bool is_known(CqlError code) {
  return code == CqlError::kServer || code == CqlError::kProtocol || code == CqlError::kBadCredentials ||
         (code >= CqlError::kUnavailable && code <= CqlError::kTruncate) || code == CqlError::kWriteTimeout ||
         code == CqlError::kReadTimeout || code == CqlError::kReadFailure || code == CqlError::kFunctionFailure ||
         code == CqlError::kWriteFailure || code == CqlError::kCdcWriteFailure ||
         (code >= CqlError::kSyntax && code <= CqlError::kUnprepared);
}

Result<ErrorDetail> read_detail(CqlError code, BodyReader& in) {
  switch (code) {
    case CqlError::kUnavailable: return read_unavailable(in);
    case CqlError::kReadTimeout: return read_read_timeout(in);
    case CqlError::kWriteTimeout: return read_write_timeout(in);
    case CqlError::kReadFailure: return read_read_failure(in);
    case CqlError::kWriteFailure: return read_write_failure(in);
    case CqlError::kFunctionFailure: return read_function_failure(in);
    case CqlError::kAlreadyExists: return read_already_exists(in);
    case CqlError::kUnprepared: return read_unprepared(in);
    default: return ErrorDetail();
  }
}

Result<Reply> read_error(BodyReader& in) {
  ErrorMessage error;
  SAGITTA_TRY(const auto code, in.number<uint32_t>("the error code"));
  error.code = static_cast<CqlError>(code);
  SAGITTA_TRY(error.message, in.string("the error message"));
  SAGITTA_TRY(error.detail, read_detail(error.code, in));
  if (!is_known(error.code)) SAGITTA_CHECK(in.take(in.left(), "the rest"));
  return error;
}

// ---- handshake ----

Result<Reply> read_supported(BodyReader& in) {
  Supported out;
  SAGITTA_TRY(const auto count, in.count<uint16_t>(4, "the options"));
  for (uint16_t i = 0; i < count; ++i) {
    SAGITTA_TRY(const auto name, in.string("the name of an option"));
    SAGITTA_TRY(auto values, read_string_list(in, "the values of an option"));
    out.options.emplace_back(name, std::move(values));
  }
  return out;
}

// ---- metadata ----

Result<ColumnSpec> read_column(BodyReader& in, const ColumnSpec* global) {
  ColumnSpec column;
  if (global != nullptr) {
    column = *global;
  } else {
    SAGITTA_TRY(column.keyspace, in.string("the keyspace of a column"));
    SAGITTA_TRY(column.table, in.string("the table of a column"));
  }
  SAGITTA_TRY(column.name, in.string("the name of a column"));
  SAGITTA_TRY(column.type, types::DataType::read_option(in.bytes_left()));
  return column;
}

Result<std::vector<ColumnSpec>> read_columns(BodyReader& in, uint32_t flags, uint32_t count) {
  const bool one_table = (flags & metadata_flags::kGlobalTable) != 0;
  ColumnSpec global;
  if (one_table) {
    SAGITTA_TRY(global.keyspace, in.string("the keyspace of the columns"));
    SAGITTA_TRY(global.table, in.string("the table of the columns"));
  }
  // A name and a type are 4 bytes at least.
  if (count > in.left() / 4) return in.malformed("the number of columns");
  std::vector<ColumnSpec> columns;
  columns.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    SAGITTA_TRY(auto column, read_column(in, one_table ? &global : nullptr));
    columns.push_back(std::move(column));
  }
  return columns;
}

Result<uint32_t> read_column_count(BodyReader& in) {
  SAGITTA_TRY(const auto count, in.number<int32_t>("the number of columns"));
  if (count < 0) return in.malformed("the number of columns");
  return static_cast<uint32_t>(count);
}

/// The metadata of rows, as they come or as a prepared statement will give them; `rows` gets all
/// but the cells.
Status read_rows_metadata(BodyReader& in, Rows& rows) {
  SAGITTA_TRY(const auto flags, in.number<uint32_t>("the metadata flags"));
  SAGITTA_TRY(rows.column_count, read_column_count(in));
  if (flags & metadata_flags::kMorePages) {
    SAGITTA_TRY(rows.paging_state, in.bytes("the paging state"));
  }
  if (in.version() >= 5 && (flags & metadata_flags::kChanged)) {
    SAGITTA_TRY(rows.metadata.id, in.string("the result metadata id"));
  }
  if (flags & metadata_flags::kNoMetadata) return {};
  SAGITTA_TRY(rows.metadata.columns, read_columns(in, flags, rows.column_count));
  return {};
}

// ---- results ----

Result<Reply> read_rows(BodyReader& in) {
  Rows rows;
  SAGITTA_CHECK(read_rows_metadata(in, rows));
  SAGITTA_TRY(const auto count, in.number<int32_t>("the number of rows"));
  if (count < 0 || (rows.column_count == 0 && count > 0)) return in.malformed("the number of rows");
  rows.row_count = static_cast<uint32_t>(count);
  const uint64_t cells = uint64_t{rows.row_count} * rows.column_count;
  if (cells > in.left() / sizeof(int32_t)) return in.malformed("the number of rows");
  const char* const begin = in.bytes_left().rest().data();
  const size_t before = in.left();
  for (uint64_t i = 0; i < cells; ++i) SAGITTA_CHECK(in.bytes("a cell"));
  rows.cells = BytesView(begin, before - in.left());
  return rows;
}

Result<Reply> read_prepared(BodyReader& in) {
  Prepared out;
  SAGITTA_TRY(out.id, in.string("the statement id"));
  Bytes result_id;
  if (in.version() >= 5) {
    SAGITTA_TRY(result_id, in.string("the result metadata id"));
  }
  SAGITTA_TRY(const auto flags, in.number<uint32_t>("the marker flags"));
  SAGITTA_TRY(const uint32_t markers, read_column_count(in));
  SAGITTA_TRY(const auto keys, in.count<int32_t>(2, "the number of key columns"));
  for (int32_t i = 0; i < keys; ++i) {
    SAGITTA_TRY(const auto index, in.number<uint16_t>("the marker of a key column"));
    if (index >= markers) return in.malformed("the marker of a key column");
    out.partition_key_indexes.push_back(index);
  }
  SAGITTA_TRY(out.markers.columns, read_columns(in, flags, markers));
  Rows rows;
  SAGITTA_CHECK(read_rows_metadata(in, rows));
  out.result = std::move(rows.metadata);
  out.result.id = std::move(result_id);
  return out;
}

Result<SchemaChange> read_schema_change(BodyReader& in) {
  static constexpr std::array<std::string_view, 3> kChanges = {"CREATED", "UPDATED", "DROPPED"};
  static constexpr std::array<std::string_view, 3> kTargets = {"KEYSPACE", "TABLE", "TYPE"};
  SchemaChange out;
  SAGITTA_TRY(out.change, read_word<SchemaChange::Change>(in, kChanges, "schema change"));
  SAGITTA_TRY(out.target, read_word<SchemaChange::Target>(in, kTargets, "schema target"));
  SAGITTA_TRY(out.keyspace, in.string("the keyspace"));
  if (out.target == SchemaChange::Target::kKeyspace) return out;
  SAGITTA_TRY(out.name, in.string("the name of what changed"));
  return out;
}

Result<Reply> read_result(BodyReader& in) {
  SAGITTA_TRY(const auto kind, in.number<int32_t>("the kind of a result"));
  switch (static_cast<ResultKind>(kind)) {
    case ResultKind::kVoid: return VoidResult{};
    case ResultKind::kRows: return read_rows(in);
    case ResultKind::kSetKeyspace: {
      SAGITTA_TRY(const auto keyspace, in.string("the keyspace"));
      return KeyspaceSet{keyspace};
    }
    case ResultKind::kPrepared: return read_prepared(in);
    case ResultKind::kSchemaChange: {
      SAGITTA_TRY(auto change, read_schema_change(in));
      return change;
    }
  }
  return fail(ErrorCode::kProtocol, fmt::format("Unknown kind {} of a result", kind));
}

// ---- events ----

Result<InetAddress> read_inet(BodyReader& in) {
  InetAddress node;
  SAGITTA_TRY(const auto bytes, in.number<uint8_t>("an address"));
  if (bytes != 4 && bytes != 16) return in.malformed("an address");
  SAGITTA_TRY(node.address, in.take(bytes, "an address"));
  SAGITTA_TRY(node.port, in.number<int32_t>("a port"));
  return node;
}

Result<Reply> read_event(BodyReader& in) {
  static constexpr std::array<std::string_view, 2> kStatus = {"UP", "DOWN"};
  static constexpr std::array<std::string_view, 3> kTopology = {"NEW_NODE", "REMOVED_NODE", "MOVED_NODE"};
  SAGITTA_TRY(const auto type, in.string("the type of an event"));
  if (type == "SCHEMA_CHANGE") {
    SAGITTA_TRY(auto change, read_schema_change(in));
    return SchemaEvent{std::move(change)};
  }
  if (type == "STATUS_CHANGE") {
    SAGITTA_TRY(const auto change, read_word<StatusChange>(in, kStatus, "status change"));
    SAGITTA_TRY(auto node, read_inet(in));
    return StatusEvent{change, std::move(node)};
  }
  if (type != "TOPOLOGY_CHANGE") return fail(ErrorCode::kProtocol, fmt::format("Unknown event '{}'", type));
  SAGITTA_TRY(const auto change, read_word<TopologyChange>(in, kTopology, "topology change"));
  SAGITTA_TRY(auto node, read_inet(in));
  return TopologyEvent{change, std::move(node)};
}

// ---- all ----

Result<Reply> read_authenticate(BodyReader& in) {
  SAGITTA_TRY(const auto authenticator, in.string("the authenticator"));
  return Authenticate{authenticator};
}

template <class T>
Result<Reply> read_token(BodyReader& in) {
  SAGITTA_TRY(const auto token, in.bytes("the token"));
  return T{token};
}

Result<Reply> read_reply(uint8_t opcode, BodyReader& in) {
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::kError: return read_error(in);
    case Opcode::kReady: return Ready{};
    case Opcode::kAuthenticate: return read_authenticate(in);
    case Opcode::kAuthChallenge: return read_token<AuthChallenge>(in);
    case Opcode::kAuthSuccess: return read_token<AuthSuccess>(in);
    case Opcode::kSupported: return read_supported(in);
    case Opcode::kResult: return read_result(in);
    case Opcode::kEvent: return read_event(in);
    default: return fail(ErrorCode::kProtocol, fmt::format("Unknown opcode {} for a response", opcode));
  }
}

/// What may stand before any body, in the order of the protocol.
Status read_prefix(BodyReader& in, uint8_t flags, Response& response) {
  if (flags & frame_flags::kTracing) {
    SAGITTA_TRY(const BytesView id, in.take(sizeof(Uuid::octets), "the tracing id"));
    response.tracing_id = Uuid::from_bytes(id);
  }
  if (flags & frame_flags::kWarning) {
    SAGITTA_TRY(response.warnings, read_string_list(in, "a warning"));
  }
  if (flags & frame_flags::kCustomPayload) {
    SAGITTA_TRY(response.custom_payload, read_custom_payload(in));
  }
  return {};
}

ErrorCode to_error_code(CqlError code) {
  switch (code) {
    case CqlError::kProtocol: return ErrorCode::kProtocol;
    case CqlError::kBadCredentials:
    case CqlError::kUnauthorized: return ErrorCode::kUnauthorized;
    case CqlError::kUnavailable:
    case CqlError::kBootstrapping: return ErrorCode::kUnavailable;
    case CqlError::kOverloaded: return ErrorCode::kOverloaded;
    case CqlError::kTruncate: return ErrorCode::kTruncate;
    case CqlError::kWriteTimeout: return ErrorCode::kWriteTimeout;
    case CqlError::kReadTimeout: return ErrorCode::kReadTimeout;
    case CqlError::kSyntax: return ErrorCode::kSyntax;
    case CqlError::kInvalid: return ErrorCode::kInvalid;
    case CqlError::kFunctionFailure: return ErrorCode::kFunction;
    case CqlError::kConfig: return ErrorCode::kConfig;
    case CqlError::kAlreadyExists: return ErrorCode::kAlreadyExists;
    case CqlError::kUnprepared: return ErrorCode::kUnprepared;
    default: return ErrorCode::kServer;
  }
}

}  // namespace

Result<Response> decode_response(const Frame& frame) {
  SAGITTA_ASSERT(frame.body != nullptr);  // a large frame is opened first
  BodyReader in(*frame.body, frame.version, "response");
  Response response;
  response.version = frame.version;
  response.stream = frame.stream;
  response.body = frame.body;
  SAGITTA_CHECK(read_prefix(in, frame.flags, response));
  SAGITTA_TRY(response.reply, read_reply(frame.opcode, in));
  SAGITTA_CHECK(in.end());
  return response;
}

ValueView CellReader::next() {
  const auto length = in_.big<int32_t>();
  SAGITTA_ASSERT(length.has_value());
  if (*length < 0) return std::nullopt;
  const auto cell = in_.take(static_cast<size_t>(*length));
  SAGITTA_ASSERT(cell.has_value());
  return *cell;
}

Error to_error(const ErrorMessage& error) {
  const ErrorCode code = to_error_code(error.code);
  if (const auto* exists = std::get_if<AlreadyExistsDetail>(&error.detail)) {
    return Error(code, error.message, exists->keyspace, exists->table);
  }
  if (const auto* unprepared = std::get_if<UnpreparedDetail>(&error.detail)) {
    return Error(code, error.message, unprepared->id);
  }
  if (const auto* function = std::get_if<FunctionFailureDetail>(&error.detail)) {
    return Error(code, error.message, function->function);
  }
  return Error(code, error.message);
}

}  // namespace sagitta::wire
