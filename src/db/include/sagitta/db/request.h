/// What a request brings: values, options, and the statements of a batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/clock.h"
#include "sagitta/db/client.h"
#include "sagitta/types/request.h"

namespace sagitta::db {

/// One bound value of a request. Unset leaves a column as it is; a null deletes it.
struct BoundValue {
  Value value;
  bool unset = false;
  /// Empty for positional values; else the marker's name as it travelled.
  std::string name;
};

using types::BatchKind;
using types::Consistency;

/// Who asks; no user where nobody has to say who they are.
struct Identity {
  std::string user = {};
  /// Of the client, in text.
  std::string address = {};
};

/// What a request brings besides its statement.
struct RequestOptions {
  /// For unqualified names: of the request, else of the session's USE. Empty = none.
  std::string keyspace = {};
  std::vector<BoundValue> values = {};
  Consistency consistency = Consistency::kOne;
  std::optional<Consistency> serial_consistency = {};
  /// Rows per page; 0 or less = all in one.
  int32_t page_size = 0;
  /// As an earlier answer gave it; empty for the first page. kProtocol when it is damaged or of
  /// another statement.
  Bytes paging_state = {};
  /// Microseconds; given by the client, it wins over the server's time.
  std::optional<int64_t> default_timestamp_us = {};
  /// Seconds since the epoch: the time that values expire by and that lifetimes begin at; the
  /// server's when absent.
  std::optional<int64_t> now_s = {};
  Deadline deadline = {};
  /// Records the request in system_traces under an id of its own (Answer::tracing_id).
  bool tracing = false;
  Identity who = {};
  /// Whose connection it came by; null: none's, as within a process.
  ClientPtr client = nullptr;
};

/// One statement of a BATCH request: text, or a prepared id when `prepared_id` is not empty.
struct BatchItem {
  std::string text;
  Bytes prepared_id;
  std::vector<BoundValue> values = {};
};

/// A longer text takes long to parse: query() and batch() do that on a worker, prepare() does it on
/// the caller's thread.
inline constexpr size_t kCallerTextBytes = size_t{8} << 10;

}  // namespace sagitta::db
