#include "sagitta/wire/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/assert.h"

#include "body_reader.h"
#include "query_flags.h"

namespace sagitta::wire {
namespace {

Result<uint32_t> read_query_flags(BodyReader& in) {
  uint32_t flags = 0, known = query_flags::kAllV4;
  if (in.version() >= 5) {
    SAGITTA_TRY(flags, in.number<uint32_t>("query flags"));
    known = query_flags::kAllV5;
  } else {
    SAGITTA_TRY(flags, in.number<uint8_t>("query flags"));
  }
  if (flags & ~known) return fail(ErrorCode::kProtocol, fmt::format("Unknown query flags {:#x}", flags & ~known));
  return flags;
}

Status read_values(BodyReader& in, bool named, std::vector<BoundValue>& values, std::vector<std::string_view>* names) {
  SAGITTA_TRY(auto count, in.count<uint16_t>(named ? 6 : 4, "the number of values"));
  values.reserve(count);
  for (uint16_t i = 0; i < count; ++i) {
    if (named) {
      SAGITTA_TRY(auto name, in.string("the name of a value"));
      names->push_back(name);
    }
    SAGITTA_TRY(auto value, in.value());
    values.push_back(value);
  }
  return {};
}

/// INT64_MIN is how rows say that they have none.
Result<int64_t> read_timestamp(BodyReader& in) {
  SAGITTA_TRY(const int64_t timestamp, in.number<int64_t>("the timestamp"));
  if (timestamp != INT64_MIN) return timestamp;
  return fail(ErrorCode::kProtocol,
              fmt::format("Out of bound timestamp, must be in [{}, {}] (got {})", INT64_MIN + 1, INT64_MAX, INT64_MIN));
}

/// What follows the values in QUERY and EXECUTE, and the statements in BATCH.
Status read_options(BodyReader& in, uint32_t flags, QueryParameters& out) {
  if (flags & query_flags::kPageSize) {
    SAGITTA_TRY(out.page_size, in.number<int32_t>("the page size"));
  }
  if (flags & query_flags::kPagingState) {
    SAGITTA_TRY(out.paging_state, in.bytes("the paging state"));
  }
  if (flags & query_flags::kSerialConsistency) {
    SAGITTA_TRY(out.serial_consistency, in.consistency());
  }
  if (flags & query_flags::kTimestamp) {
    SAGITTA_TRY(out.timestamp, read_timestamp(in));
  }
  if (flags & query_flags::kKeyspace) {
    SAGITTA_TRY(out.keyspace, in.string("the keyspace"));
  }
  if (flags & query_flags::kNowInSeconds) {
    SAGITTA_TRY(out.now_in_seconds, in.number<int32_t>("now in seconds"));
  }
  return {};
}

Result<QueryParameters> read_parameters(BodyReader& in) {
  QueryParameters out;
  SAGITTA_TRY(out.consistency, in.consistency());
  SAGITTA_TRY(auto flags, read_query_flags(in));
  out.skip_metadata = (flags & query_flags::kSkipMetadata) != 0;
  if (flags & query_flags::kValues) {
    SAGITTA_CHECK(read_values(in, (flags & query_flags::kNames) != 0, out.values, &out.names));
  }
  SAGITTA_CHECK(read_options(in, flags, out));
  return out;
}

Result<Message> read_startup(BodyReader& in) {
  Startup out;
  SAGITTA_TRY(auto count, in.count<uint16_t>(4, "the number of options"));
  for (uint16_t i = 0; i < count; ++i) {
    SAGITTA_TRY(auto name, in.string("the name of an option"));
    SAGITTA_TRY(auto value, in.string("the value of an option"));
    out.options.emplace_back(name, value);
  }
  return out;
}

Result<Message> read_query(BodyReader& in) {
  Query out;
  SAGITTA_TRY(out.text, in.query_string());
  SAGITTA_TRY(out.parameters, read_parameters(in));
  return out;
}

Result<Message> read_prepare(BodyReader& in) {
  Prepare out;
  SAGITTA_TRY(out.text, in.query_string());
  if (in.version() < 5) return out;
  SAGITTA_TRY(auto flags, in.number<uint32_t>("prepare flags"));
  if (flags & ~kPrepareKeyspace) return fail(ErrorCode::kProtocol, fmt::format("Unknown prepare flags {:#x}", flags));
  if (flags & kPrepareKeyspace) {
    SAGITTA_TRY(out.keyspace, in.string("the keyspace"));
  }
  return out;
}

Result<Message> read_execute(BodyReader& in) {
  Execute out;
  SAGITTA_TRY(out.id, in.string("the statement id"));
  if (in.version() >= 5) {
    SAGITTA_TRY(out.result_metadata_id, in.string("the result metadata id"));
  }
  SAGITTA_TRY(out.parameters, read_parameters(in));
  return out;
}

Result<BatchStatement> read_batch_statement(BodyReader& in) {
  BatchStatement out;
  SAGITTA_TRY(auto kind, in.number<uint8_t>("the kind of a batch statement"));
  if (kind > 1) return fail(ErrorCode::kProtocol, fmt::format("Invalid query kind {} in BATCH: must be 0 or 1", kind));
  out.prepared = kind == 1;
  SAGITTA_TRY(out.text_or_id, out.prepared ? in.string("the statement id") : in.query_string());
  SAGITTA_CHECK(read_values(in, false, out.values, nullptr));
  return out;
}

Result<Message> read_batch(BodyReader& in) {
  Batch out;
  SAGITTA_TRY(auto kind, in.number<uint8_t>("the batch type"));
  if (kind > 2) return fail(ErrorCode::kProtocol, fmt::format("Invalid batch type {}", kind));
  out.kind = static_cast<BatchKind>(kind);
  SAGITTA_TRY(auto count, in.count<uint16_t>(5, "the number of statements"));
  out.statements.reserve(count);
  for (uint16_t i = 0; i < count; ++i) {
    SAGITTA_TRY(auto statement, read_batch_statement(in));
    out.statements.push_back(std::move(statement));
  }
  SAGITTA_TRY(out.parameters.consistency, in.consistency());
  SAGITTA_TRY(auto flags, read_query_flags(in));
  if (flags & query_flags::kNames) return fail(ErrorCode::kProtocol, "Named values are not supported in BATCH");
  // A batch has no values, pages or result metadata of its own: their flags mean nothing here.
  flags &= ~(query_flags::kValues | query_flags::kSkipMetadata | query_flags::kPageSize | query_flags::kPagingState);
  SAGITTA_CHECK(read_options(in, flags, out.parameters));
  return out;
}

Result<Message> read_register(BodyReader& in) {
  Register out;
  SAGITTA_TRY(auto count, in.count<uint16_t>(2, "the number of events"));
  for (uint16_t i = 0; i < count; ++i) {
    SAGITTA_TRY(auto event, in.string("an event type"));
    out.events.push_back(event);
  }
  return out;
}

Result<Message> read_auth_response(BodyReader& in) {
  AuthResponse out;
  SAGITTA_TRY(out.token, in.bytes("the token"));
  return out;
}

Result<Message> read_message(uint8_t opcode, BodyReader& in) {
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::kStartup: return read_startup(in);
    case Opcode::kOptions: return Options{};
    case Opcode::kQuery: return read_query(in);
    case Opcode::kPrepare: return read_prepare(in);
    case Opcode::kExecute: return read_execute(in);
    case Opcode::kBatch: return read_batch(in);
    case Opcode::kRegister: return read_register(in);
    case Opcode::kAuthResponse: return read_auth_response(in);
    default: return fail(ErrorCode::kProtocol, fmt::format("Unknown opcode {} for a request", opcode));
  }
}

}  // namespace

std::optional<std::string_view> Startup::find(std::string_view name) const {
  auto found = std::ranges::find(options, name, [](const auto& option) { return option.first; });
  return found == options.end() ? std::nullopt : std::optional(found->second);
}

Result<Request> decode_request(const Frame& frame) {
  SAGITTA_ASSERT(frame.body != nullptr);  // a large frame is opened first
  BodyReader in(*frame.body, frame.version, "request");
  Request request;
  if (frame.flags & frame_flags::kCustomPayload) {
    SAGITTA_TRY(request.custom_payload, read_custom_payload(in));
  }
  request.version = frame.version;
  request.stream = frame.stream;
  request.tracing = (frame.flags & frame_flags::kTracing) != 0;
  request.body = frame.body;
  SAGITTA_TRY(request.message, read_message(frame.opcode, in));
  SAGITTA_CHECK(in.end());
  return request;
}

}  // namespace sagitta::wire
