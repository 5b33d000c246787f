/// Responses: each function makes the plain body of one for a protocol version; FrameEncoder frames
/// it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"
#include "sagitta/types/data_type.h"
#include "sagitta/wire/frame.h"
#include "sagitta/wire/protocol.h"

namespace sagitta::wire {

struct ColumnSpec {
  std::string keyspace, table, name;
  types::DataTypePtr type;
};

/// The columns of a result or of bind markers. Immutable once shared; `id` is what v5 sends as
/// result metadata id.
struct ResultMetadata {
  std::vector<ColumnSpec> columns;
  Bytes id;
};

// ---- errors ----

struct UnavailableDetail {
  Consistency consistency;
  int32_t required, alive;
};
struct ReadTimeoutDetail {
  Consistency consistency;
  int32_t received, required;
  bool data_present;
};
struct WriteTimeoutDetail {
  Consistency consistency;
  int32_t received, required;
  std::string write_type;  ///< "SIMPLE", "BATCH", ...
};
struct ReadFailureDetail {
  Consistency consistency;
  int32_t received, required, failures;
  bool data_present;
};
struct WriteFailureDetail {
  Consistency consistency;
  int32_t received, required, failures;
  std::string write_type;
};
struct FunctionFailureDetail {
  std::string keyspace, function;
  std::vector<std::string> argument_types;
};
struct AlreadyExistsDetail {
  std::string keyspace, table;  ///< table empty: the keyspace exists
};
struct UnpreparedDetail {
  Bytes id;
};
using ErrorDetail =
    std::variant<std::monostate, UnavailableDetail, ReadTimeoutDetail, WriteTimeoutDetail, ReadFailureDetail,
                 WriteFailureDetail, FunctionFailureDetail, AlreadyExistsDetail, UnpreparedDetail>;

/// An ERROR as it goes out. `detail` must be the one that `code` has in the protocol.
struct ErrorMessage {
  CqlError code = CqlError::kServer;
  std::string message;
  ErrorDetail detail;
};

/// The CQL form of an error of ours, with one node's numbers in the details.
ErrorMessage to_error_message(const Error& error, Consistency consistency = Consistency::kOne);
Bytes encode_error(uint8_t version, const ErrorMessage& error);

// ---- handshake ----

using StringMultimap = std::vector<std::pair<std::string, std::vector<std::string>>>;
Bytes encode_supported(const StringMultimap& options);
/// READY has an empty body.
inline Bytes encode_ready() { return {}; }

// ---- results ----

/// What changed, for RESULT and EVENT alike.
struct SchemaChange {
  enum class Change : uint8_t { kCreated, kUpdated, kDropped };
  enum class Target : uint8_t { kKeyspace, kTable, kType };
  Change change = Change::kCreated;
  Target target = Target::kKeyspace;
  std::string keyspace;
  std::string name;  ///< of the table or type; empty for a keyspace
};

/// `cells` is the rows one after another, each cell [int32 length][bytes] or length -1: it is
/// appended as it is.
struct RowsResult {
  const ResultMetadata* metadata = nullptr;    ///< null: the client has it
  size_t column_count = 0;                     ///< when `metadata` is null
  std::optional<BytesView> paging_state = {};  ///< present: there are more pages
  bool metadata_changed = false;               ///< v5: the client has another
  uint32_t row_count = 0;
  BytesView cells = {};
};

struct PreparedResult {
  BytesView id;
  const ResultMetadata* markers = nullptr;
  std::span<const uint16_t>
      partition_key_indexes;  ///< the marker of each key column, in key order; empty when not all are bound
  const ResultMetadata* result = nullptr;  ///< null for a statement without rows
};

Bytes encode_void();
Bytes encode_rows(uint8_t version, const RowsResult& rows);
Bytes encode_set_keyspace(std::string_view keyspace);
Bytes encode_prepared(uint8_t version, const PreparedResult& prepared);
Bytes encode_schema_change(const SchemaChange& change);

// ---- events ----

/// An address as [inet]: 4 or 16 bytes and a port.
struct InetAddress {
  Bytes address;
  int32_t port = 0;
};

Bytes encode_schema_event(const SchemaChange& change);
enum class StatusChange : uint8_t { kUp, kDown };
Bytes encode_status_event(StatusChange change, const InetAddress& node);
enum class TopologyChange : uint8_t { kNewNode, kRemovedNode, kMovedNode };
Bytes encode_topology_event(TopologyChange change, const InetAddress& node);
/// Events travel on this stream.
inline constexpr int16_t kEventStream = -1;

// ---- what may stand before any body ----

/// Puts the tracing id, the warnings and the custom payload before `response.body` and sets their
/// flags.
void add_prefix(OutgoingFrame& response, const std::optional<Uuid>& tracing_id, std::span<const std::string> warnings,
                const CustomPayload& custom_payload = {});

}  // namespace sagitta::wire
