#include "sagitta/wire/response.h"

#include <algorithm>
#include <array>

#include "notation.h"
#include "response_numbers.h"
#include "utf8.h"

namespace sagitta::wire {
namespace {

// Reason code "unknown" of a failure map entry.
constexpr uint16_t kUnknownReason = 0;

// For people: whatever a message quotes, the [string] that goes out is UTF-8, or drivers fail to
// read the whole response. A text that is cut inside a character loses its half of it too.
std::string readable(std::string_view text) {
  std::string out;
  for (text = text.substr(0, kStringBytesMax);;) {
    size_t valid = utf8_prefix(text);
    out.append(text.substr(0, valid));
    if (valid == text.size()) return out;
    out.push_back('?');
    text.remove_prefix(valid + 1);
  }
}

void put_inet(Bytes& out, const InetAddress& node) {
  out.push_back(static_cast<char>(node.address.size()));
  out.append(node.address);
  put_big(out, node.port);
}

Bytes begin_result(ResultKind kind) {
  Bytes out;
  put_big(out, static_cast<int32_t>(kind));
  return out;
}

// ---- errors ----

void put_counts(Bytes& out, Consistency consistency, int32_t received, int32_t required) {
  put_big(out, static_cast<uint16_t>(consistency));
  put_big(out, received);
  put_big(out, required);
}

// v4 counts the failed nodes; v5 has a map from node to reason, which for our single node we need
// not fill.
void put_failures(Bytes& out, uint8_t version, int32_t failures) {
  static constexpr std::array<char, 4> kNowhere{};
  put_big(out, failures);
  if (version < 5) return;
  for (int32_t i = 0; i < failures; ++i) {
    out.push_back(static_cast<char>(kNowhere.size()));
    out.append(kNowhere.data(), kNowhere.size());
    put_big(out, kUnknownReason);
  }
}

struct DetailWriter {
  Bytes& out;
  uint8_t version;

  void operator()(std::monostate) const {}
  void operator()(const UnavailableDetail& d) const { put_counts(out, d.consistency, d.required, d.alive); }
  void operator()(const ReadTimeoutDetail& d) const {
    put_counts(out, d.consistency, d.received, d.required);
    out.push_back(d.data_present ? 1 : 0);
  }
  void operator()(const WriteTimeoutDetail& d) const {
    put_counts(out, d.consistency, d.received, d.required);
    put_string(out, d.write_type);
    if (version >= 5 && d.write_type == "CAS") put_big(out, uint16_t{0});  // contentions
  }
  void operator()(const ReadFailureDetail& d) const {
    put_counts(out, d.consistency, d.received, d.required);
    put_failures(out, version, d.failures);
    out.push_back(d.data_present ? 1 : 0);
  }
  void operator()(const WriteFailureDetail& d) const {
    put_counts(out, d.consistency, d.received, d.required);
    put_failures(out, version, d.failures);
    put_string(out, d.write_type);
  }
  void operator()(const FunctionFailureDetail& d) const {
    put_string(out, d.keyspace);
    put_string(out, d.function);
    put_string_list(out, d.argument_types);
  }
  void operator()(const AlreadyExistsDetail& d) const {
    put_string(out, d.keyspace);
    put_string(out, d.table);
  }
  void operator()(const UnpreparedDetail& d) const { put_string(out, d.id); }
};

CqlError to_cql_error(ErrorCode code) {
  switch (code) {
    case ErrorCode::kProtocol: return CqlError::kProtocol;
    case ErrorCode::kSyntax: return CqlError::kSyntax;
    case ErrorCode::kInvalid: return CqlError::kInvalid;
    case ErrorCode::kFunction: return CqlError::kFunctionFailure;
    case ErrorCode::kConfig: return CqlError::kConfig;
    case ErrorCode::kAlreadyExists: return CqlError::kAlreadyExists;
    case ErrorCode::kUnprepared: return CqlError::kUnprepared;
    case ErrorCode::kUnauthorized: return CqlError::kUnauthorized;
    case ErrorCode::kOverloaded: return CqlError::kOverloaded;
    case ErrorCode::kReadTimeout: return CqlError::kReadTimeout;
    case ErrorCode::kWriteTimeout: return CqlError::kWriteTimeout;
    case ErrorCode::kUnavailable: return CqlError::kUnavailable;
    case ErrorCode::kTruncate: return CqlError::kTruncate;
    default: return CqlError::kServer;
  }
}

// ---- metadata ----

bool one_table(const std::vector<ColumnSpec>& columns) {
  return !columns.empty() && std::ranges::all_of(columns, [&](const ColumnSpec& c) {
    return c.keyspace == columns[0].keyspace && c.table == columns[0].table;
  });
}

void put_columns(Bytes& out, const std::vector<ColumnSpec>& columns, bool global) {
  if (global) {
    put_string(out, columns[0].keyspace);
    put_string(out, columns[0].table);
  }
  for (const ColumnSpec& column : columns) {
    if (!global) {
      put_string(out, column.keyspace);
      put_string(out, column.table);
    }
    put_string(out, column.name);
    column.type->append_option(out);
  }
}

void put_result_metadata(Bytes& out, uint8_t version, const RowsResult& rows) {
  const bool known = rows.metadata == nullptr;
  const bool global = !known && one_table(rows.metadata->columns);
  const bool changed = !known && version >= 5 && rows.metadata_changed;
  const uint32_t flags = (global ? metadata_flags::kGlobalTable : 0) |
                         (rows.paging_state ? metadata_flags::kMorePages : 0) |
                         (known ? metadata_flags::kNoMetadata : 0) | (changed ? metadata_flags::kChanged : 0);
  put_big(out, flags);
  put_big(out, static_cast<int32_t>(known ? rows.column_count : rows.metadata->columns.size()));
  if (rows.paging_state) put_bytes(out, *rows.paging_state);
  if (changed) put_string(out, rows.metadata->id);
  if (!known) put_columns(out, rows.metadata->columns, global);
}

void put_schema_change(Bytes& out, const SchemaChange& change) {
  static constexpr std::array<std::string_view, 3> kChanges = {"CREATED", "UPDATED", "DROPPED"};
  static constexpr std::array<std::string_view, 3> kTargets = {"KEYSPACE", "TABLE", "TYPE"};
  put_string(out, kChanges[static_cast<size_t>(change.change)]);
  put_string(out, kTargets[static_cast<size_t>(change.target)]);
  put_string(out, change.keyspace);
  if (change.target != SchemaChange::Target::kKeyspace) put_string(out, change.name);
}

Bytes encode_node_event(std::string_view type, std::string_view change, const InetAddress& node) {
  Bytes out;
  put_string(out, type);
  put_string(out, change);
  put_inet(out, node);
  return out;
}

}  // namespace

ErrorMessage to_error_message(const Error& error, Consistency consistency) {
  // A client that shows an empty text shows nothing.
  const std::string text = error.message().empty() ? std::string(to_string(error.code())) : error.message();
  ErrorMessage out{to_cql_error(error.code()), text, {}};
  switch (out.code) {
    case CqlError::kAlreadyExists: out.detail = AlreadyExistsDetail{error.subject(), error.subject_table()}; break;
    case CqlError::kUnprepared: out.detail = UnpreparedDetail{error.subject()}; break;
    case CqlError::kFunctionFailure: out.detail = FunctionFailureDetail{"system", error.subject(), {}}; break;
    case CqlError::kReadTimeout: out.detail = ReadTimeoutDetail{consistency, 0, 1, false}; break;
    case CqlError::kWriteTimeout:
      out.detail = WriteTimeoutDetail{consistency, 0, 1, error.subject().empty() ? "SIMPLE" : error.subject()};
      break;
    case CqlError::kUnavailable: out.detail = UnavailableDetail{consistency, 1, 0}; break;
    default: break;
  }
  return out;
}

Bytes encode_error(uint8_t version, const ErrorMessage& error) {
  Bytes out;
  put_big(out, static_cast<uint32_t>(error.code));
  put_string(out, readable(error.message));
  std::visit(DetailWriter{out, version}, error.detail);
  return out;
}

Bytes encode_supported(const StringMultimap& options) {
  Bytes out;
  put_big(out, static_cast<uint16_t>(options.size()));
  for (const auto& [name, values] : options) {
    put_string(out, name);
    put_string_list(out, values);
  }
  return out;
}

Bytes encode_void() { return begin_result(ResultKind::kVoid); }

Bytes encode_rows(uint8_t version, const RowsResult& rows) {
  Bytes out = begin_result(ResultKind::kRows);
  put_result_metadata(out, version, rows);
  out.reserve(out.size() + sizeof(uint32_t) + rows.cells.size());
  put_big(out, rows.row_count);
  out.append(rows.cells);
  return out;
}

Bytes encode_set_keyspace(std::string_view keyspace) {
  Bytes out = begin_result(ResultKind::kSetKeyspace);
  put_string(out, keyspace);
  return out;
}

Bytes encode_prepared(uint8_t version, const PreparedResult& prepared) {
  static const ResultMetadata kNoRows;
  const ResultMetadata& result = prepared.result ? *prepared.result : kNoRows;
  const auto& markers = prepared.markers->columns;
  Bytes out = begin_result(ResultKind::kPrepared);
  put_string(out, prepared.id);
  if (version >= 5) put_string(out, result.id);
  bool global = one_table(markers);
  put_big(out, global ? metadata_flags::kGlobalTable : uint32_t{0});
  put_big(out, static_cast<int32_t>(markers.size()));
  put_big(out, static_cast<int32_t>(prepared.partition_key_indexes.size()));
  for (uint16_t index : prepared.partition_key_indexes) put_big(out, index);
  put_columns(out, markers, global);
  put_result_metadata(out, version, {.metadata = result.columns.empty() ? nullptr : &result});
  return out;
}

Bytes encode_schema_change(const SchemaChange& change) {
  Bytes out = begin_result(ResultKind::kSchemaChange);
  put_schema_change(out, change);
  return out;
}

Bytes encode_schema_event(const SchemaChange& change) {
  Bytes out;
  put_string(out, "SCHEMA_CHANGE");
  put_schema_change(out, change);
  return out;
}

Bytes encode_status_event(StatusChange change, const InetAddress& node) {
  return encode_node_event("STATUS_CHANGE", change == StatusChange::kUp ? "UP" : "DOWN", node);
}

Bytes encode_topology_event(TopologyChange change, const InetAddress& node) {
  static constexpr std::array<std::string_view, 3> kChanges = {"NEW_NODE", "REMOVED_NODE", "MOVED_NODE"};
  return encode_node_event("TOPOLOGY_CHANGE", kChanges[static_cast<size_t>(change)], node);
}

void add_prefix(OutgoingFrame& response, const std::optional<Uuid>& tracing_id, std::span<const std::string> warnings,
                const CustomPayload& custom_payload) {
  Bytes prefix;
  if (tracing_id) {
    prefix.append(tracing_id->bytes());
    response.flags |= frame_flags::kTracing;
  }
  if (!warnings.empty()) {
    put_string_list(prefix, warnings);
    response.flags |= frame_flags::kWarning;
  }
  if (!custom_payload.empty()) {
    put_custom_payload(prefix, custom_payload);
    response.flags |= frame_flags::kCustomPayload;
  }
  if (!prefix.empty()) response.body.insert(0, prefix);
}

}  // namespace sagitta::wire
