/// Requests as structs: what a server decodes and a client encodes. Strings and values of a decoded
/// one are views into the frame's body, which the Request keeps alive.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/wire/frame.h"
#include "sagitta/wire/protocol.h"

namespace sagitta::wire {

/// A value bound to a marker.
struct BoundValue {
  enum class Kind : uint8_t { kBytes, kNull, kUnset };
  Kind kind = Kind::kNull;
  BytesView bytes;

  bool is_null() const { return kind == Kind::kNull; }
  bool is_unset() const { return kind == Kind::kUnset; }
};

/// What QUERY, EXECUTE and BATCH carry beside their statements.
struct QueryParameters {
  Consistency consistency = Consistency::kOne;
  Consistency serial_consistency = Consistency::kSerial;
  std::vector<BoundValue> values;       ///< empty for BATCH: there each statement has its own
  std::vector<std::string_view> names;  ///< one per value when the values are named, else empty
  bool skip_metadata = false;
  std::optional<int32_t> page_size;  ///< as sent: may be zero or negative, which means no paging
  std::optional<BytesView> paging_state;
  std::optional<int64_t> timestamp;          ///< microseconds
  std::optional<std::string_view> keyspace;  ///< v5
  std::optional<int32_t> now_in_seconds;     ///< v5
};

struct Startup {
  std::vector<std::pair<std::string_view, std::string_view>> options;
  /// The value of option `name`, or nothing.
  std::optional<std::string_view> find(std::string_view name) const;
};
struct Options {};
struct Query {
  std::string_view text;
  QueryParameters parameters;
};
struct Prepare {
  std::string_view text;
  std::optional<std::string_view> keyspace;  ///< v5
};
struct Execute {
  BytesView id;
  BytesView result_metadata_id;  ///< v5: of the result metadata that the client knows; else empty
  QueryParameters parameters;
};
using types::BatchKind;
/// One statement of a BATCH: a text, or the id of a prepared statement.
struct BatchStatement {
  bool prepared = false;
  BytesView text_or_id;
  std::vector<BoundValue> values;
};
struct Batch {
  BatchKind kind = BatchKind::kLogged;
  std::vector<BatchStatement> statements;
  QueryParameters parameters;  ///< without values
};
struct Register {
  std::vector<std::string_view> events;  ///< "SCHEMA_CHANGE" ...; unknown ones are the session's to judge
};
struct AuthResponse {
  std::optional<BytesView> token;
};

using Message = std::variant<Startup, Options, Query, Prepare, Execute, Batch, Register, AuthResponse>;

struct Request {
  uint8_t version = kVersionMax;
  int16_t stream = 0;
  bool tracing = false;
  CustomPayload custom_payload;
  Message message;
  std::shared_ptr<const Bytes> body;  ///< of a decoded one: what the views point into
};

/// Decodes the body of a frame. kProtocol when the opcode is unknown or no request, or when the
/// body does not hold what its opcode says (a length that lies, bytes left over, an unknown
/// consistency or flag that changes the layout); the connection can live on.
Result<Request> decode_request(const Frame& frame);

/// The frame of a request, `body` passed over: decode_request gives the same request again, but for
/// what says nothing (the values and pages of a BATCH; a result metadata id in v4). kInvalid when
/// the protocol cannot carry it: a string or an id over 65,535 bytes, a value over 2 GiB, more than
/// 65,535 values, statements or events, names that are not one a value, the timestamp that means
/// none, and what v4 does not have (a keyspace, now_in_seconds).
Result<OutgoingFrame> encode_request(const Request& request);

}  // namespace sagitta::wire
