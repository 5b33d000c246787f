/// Responses decoded into structs, as a client reads them; request.h encodes what it asks. Strings
/// and bytes are views into the frame's body, which the Response keeps alive; only errors, metadata
/// and schema changes are copies.
///
/// A connection of a client: FrameEncoder(Sender::kClient) and FrameDecoder(max, Sender::kServer);
/// OPTIONS, then STARTUP; when READY or AUTHENTICATE was taken, the agreed compression and, in v5,
/// use_segments() on both.
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
#include "sagitta/base/uuid.h"
#include "sagitta/wire/frame.h"
#include "sagitta/wire/protocol.h"
#include "sagitta/wire/response.h"

namespace sagitta::wire {

struct Ready {};
struct Authenticate {
  std::string_view authenticator;  ///< the class that the server names
};
struct AuthChallenge {
  ValueView token;
};
struct AuthSuccess {
  ValueView token;
};
struct Supported {
  std::vector<std::pair<std::string_view, std::vector<std::string_view>>> options;
};

struct VoidResult {};
struct Rows {
  ResultMetadata metadata;  ///< no columns when the client has them already; `id` only when they have changed
  uint32_t column_count = 0;
  std::optional<BytesView> paging_state;  ///< present: there are more pages
  uint32_t row_count = 0;
  BytesView cells;  ///< verified: row_count × column_count of them; CellReader gives each
};
struct KeyspaceSet {
  std::string_view keyspace;
};
struct Prepared {
  BytesView id;
  ResultMetadata markers;
  std::vector<uint16_t> partition_key_indexes;
  ResultMetadata result;  ///< no columns for a statement without rows; `id` in v5 only
};

struct SchemaEvent {
  SchemaChange change;
};
struct StatusEvent {
  StatusChange change = StatusChange::kUp;
  InetAddress node;
};
struct TopologyEvent {
  TopologyChange change = TopologyChange::kNewNode;
  InetAddress node;
};

using Reply = std::variant<ErrorMessage, Ready, Authenticate, AuthChallenge, AuthSuccess, Supported, VoidResult, Rows,
                           KeyspaceSet, Prepared, SchemaChange, SchemaEvent, StatusEvent, TopologyEvent>;

struct Response {
  uint8_t version = kVersionMax;
  int16_t stream = 0;
  std::optional<Uuid> tracing_id;
  std::vector<std::string_view> warnings;
  CustomPayload custom_payload;
  Reply reply;
  std::shared_ptr<const Bytes> body;  ///< what the views point into
};

/// Decodes the body of a frame that a FrameDecoder of responses gave. kProtocol when the opcode is
/// unknown or no response, or when the body does not hold what its opcode says; the connection can
/// live on. An error of a code that we do not know keeps its code and text.
Result<Response> decode_response(const Frame& frame);

/// The cells of rows, one after another. The Rows must be one that decode_response gave.
class CellReader {
 public:
  explicit CellReader(const Rows& rows) : in_(rows.cells) {}
  bool empty() const { return in_.empty(); }
  /// The next cell, or null; not at the end.
  ValueView next();

 private:
  ByteReader in_;
};

/// An error of the server as one of ours, its code as near as there is; the inverse of
/// to_error_message.
Error to_error(const ErrorMessage& error);

}  // namespace sagitta::wire
