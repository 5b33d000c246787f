/// What one partition of a local log may use of what the options allow to all of them.
#pragma once

#include <cstddef>

#include "sagitta/log/local_log.h"

namespace sagitta::log {

struct LocalLimits {
  size_t segment_bytes;
  size_t reserve_bytes;
  /// Records that are written and synced together.
  size_t group_bytes_max;
  /// Of the memory of a group's bytes, for the next.
  size_t group_bytes_kept;
  /// Of its tail, also while others want room.
  size_t tail_bytes;
};

LocalLimits limits_of(const LocalOptions& options);

}  // namespace sagitta::log
