// Requests as a client sends them.
#include <fmt/format.h>

#include <array>
#include <cstdint>

#include "sagitta/wire/request.h"

#include "notation.h"
#include "query_flags.h"

namespace sagitta::wire {
namespace {

constexpr size_t kCountMax = 0xFFFF;
constexpr size_t kValueBytesMax = INT32_MAX;

std::unexpected<Error> too_many(std::string_view what, size_t count, size_t max) {
  return fail(ErrorCode::kInvalid, fmt::format("The protocol carries no {} of {}, at most {}", what, count, max));
}

/// Writes the body of one request; each part that the protocol cannot carry is refused.
class RequestWriter {
 public:
  explicit RequestWriter(uint8_t version) : version_(version) {}

  Status write(const Startup& m) {
    SAGITTA_CHECK(count("number of options", m.options.size()));
    for (const auto& [name, value] : m.options) {
      SAGITTA_CHECK(string("option name", name));
      SAGITTA_CHECK(string("option value", value));
    }
    return {};
  }
  Status write(const Options&) { return {}; }
  Status write(const Query& m) {
    SAGITTA_CHECK(long_string(m.text));
    return parameters(m.parameters);
  }
  Status write(const Prepare& m) {
    SAGITTA_CHECK(long_string(m.text));
    if (version_ < 5) return m.keyspace ? absent_in_v4("keyspace") : Status();
    put_big(body, m.keyspace ? kPrepareKeyspace : uint32_t{0});
    return m.keyspace ? string("keyspace name", *m.keyspace) : Status();
  }
  Status write(const Execute& m) {
    SAGITTA_CHECK(string("statement id", m.id));
    if (version_ >= 5) SAGITTA_CHECK(string("result metadata id", m.result_metadata_id));
    return parameters(m.parameters);
  }
  Status write(const Batch& m) {
    body.push_back(static_cast<char>(m.kind));
    SAGITTA_CHECK(count("number of statements", m.statements.size()));
    for (const BatchStatement& statement : m.statements) SAGITTA_CHECK(batch_statement(statement));
    put_big(body, static_cast<uint16_t>(m.parameters.consistency));
    uint32_t set = 0;
    SAGITTA_TRY(set, option_flags(m.parameters));
    flags(set);
    return options(m.parameters);
  }
  Status write(const Register& m) {
    SAGITTA_CHECK(count("number of events", m.events.size()));
    for (const std::string_view event : m.events) SAGITTA_CHECK(string("event type", event));
    return {};
  }
  Status write(const AuthResponse& m) { return bytes("token", m.token); }

  Status custom_payload(const CustomPayload& payload) {
    SAGITTA_CHECK(count("custom payload", payload.size()));
    for (const auto& [name, value] : payload) {
      SAGITTA_CHECK(string("key of the custom payload", name));
      SAGITTA_CHECK(bytes("value of the custom payload", value));
    }
    return {};
  }

  Bytes body;

 private:
  static Status absent_in_v4(std::string_view what) {
    return fail(ErrorCode::kInvalid, fmt::format("Version 4 of the protocol has no {} in a request", what));
  }
  Status count(std::string_view what, size_t count) {
    if (count > kCountMax) return too_many(what, count, kCountMax);
    put_big(body, static_cast<uint16_t>(count));
    return {};
  }
  Status string(std::string_view what, std::string_view s) {
    if (s.size() > kStringBytesMax) return too_many(what, s.size(), kStringBytesMax);
    put_string(body, s);
    return {};
  }
  Status long_string(std::string_view text) { return bytes("query string", text); }
  Status bytes(std::string_view what, const ValueView& value) {
    if (value && value->size() > kValueBytesMax) return too_many(what, value->size(), kValueBytesMax);
    put_bytes(body, value);
    return {};
  }
  Status value(const BoundValue& v) {
    if (v.is_unset()) put_big(body, kUnsetLength);
    if (v.is_null()) put_big<int32_t>(body, -1);
    return v.kind == BoundValue::Kind::kBytes ? bytes("value", v.bytes) : Status();
  }
  Status values(const std::vector<BoundValue>& all, const std::vector<std::string_view>& names) {
    SAGITTA_CHECK(count("number of values", all.size()));
    for (size_t i = 0; i < all.size(); ++i) {
      if (!names.empty()) SAGITTA_CHECK(string("name of a value", names[i]));
      SAGITTA_CHECK(value(all[i]));
    }
    return {};
  }
  Status batch_statement(const BatchStatement& m) {
    body.push_back(m.prepared ? 1 : 0);
    SAGITTA_CHECK(m.prepared ? string("statement id", m.text_or_id) : long_string(m.text_or_id));
    return values(m.values, {});
  }

  void flags(uint32_t set) {
    if (version_ >= 5) {
      put_big(body, set);
    } else {
      body.push_back(static_cast<char>(set));
    }
  }
  /// Of what QUERY, EXECUTE and BATCH have in common.
  Result<uint32_t> option_flags(const QueryParameters& p) const {
    if (version_ < 5 && p.keyspace) return fail(absent_in_v4("keyspace"));
    if (version_ < 5 && p.now_in_seconds) return fail(absent_in_v4("now_in_seconds"));
    return (p.serial_consistency != Consistency::kSerial ? query_flags::kSerialConsistency : 0) |
           (p.timestamp ? query_flags::kTimestamp : 0) | (p.keyspace ? query_flags::kKeyspace : 0) |
           (p.now_in_seconds ? query_flags::kNowInSeconds : 0);
  }
  Status parameters(const QueryParameters& p) {
    if (!p.names.empty() && p.names.size() != p.values.size()) {
      return fail(ErrorCode::kInvalid, fmt::format("{} names for {} values", p.names.size(), p.values.size()));
    }
    SAGITTA_TRY(uint32_t set, option_flags(p));
    set |= (p.values.empty() ? 0 : query_flags::kValues) | (p.names.empty() ? 0 : query_flags::kNames) |
           (p.skip_metadata ? query_flags::kSkipMetadata : 0) | (p.page_size ? query_flags::kPageSize : 0) |
           (p.paging_state ? query_flags::kPagingState : 0);
    put_big(body, static_cast<uint16_t>(p.consistency));
    flags(set);
    if (!p.values.empty()) SAGITTA_CHECK(values(p.values, p.names));
    if (p.page_size) put_big(body, *p.page_size);
    if (p.paging_state) SAGITTA_CHECK(bytes("paging state", *p.paging_state));
    return options(p);
  }
  /// In the order of their flags.
  Status options(const QueryParameters& p) {
    if (p.serial_consistency != Consistency::kSerial) put_big(body, static_cast<uint16_t>(p.serial_consistency));
    // INT64_MIN is how rows say that they have none.
    if (p.timestamp == INT64_MIN) return fail(ErrorCode::kInvalid, "A timestamp is greater than -2^63");
    if (p.timestamp) put_big(body, *p.timestamp);
    if (p.keyspace) SAGITTA_CHECK(string("keyspace name", *p.keyspace));
    if (p.now_in_seconds) put_big(body, *p.now_in_seconds);
    return {};
  }

  uint8_t version_;
};

Opcode opcode_of(const Message& message) {
  static constexpr std::array kOpcodes = {Opcode::kStartup, Opcode::kOptions, Opcode::kQuery,    Opcode::kPrepare,
                                          Opcode::kExecute, Opcode::kBatch,   Opcode::kRegister, Opcode::kAuthResponse};
  static_assert(kOpcodes.size() == std::variant_size_v<Message>);
  return kOpcodes[message.index()];
}

}  // namespace

Result<OutgoingFrame> encode_request(const Request& request) {
  RequestWriter writer(request.version);
  OutgoingFrame frame{.version = request.version, .stream = request.stream, .opcode = opcode_of(request.message)};
  if (request.tracing) frame.flags |= frame_flags::kTracing;
  if (!request.custom_payload.empty()) {
    frame.flags |= frame_flags::kCustomPayload;
    SAGITTA_CHECK(writer.custom_payload(request.custom_payload));
  }
  SAGITTA_CHECK(std::visit([&](const auto& message) { return writer.write(message); }, request.message));
  frame.body = std::move(writer.body);
  return frame;
}

}  // namespace sagitta::wire
