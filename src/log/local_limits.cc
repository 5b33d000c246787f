// The share of a partition. One partition has all, and many together have little more.
#include "local_limits.h"

#include <algorithm>

#include "sagitta/base/assert.h"

namespace sagitta::log {
namespace {

/// A segment costs a file and three syncs.
constexpr size_t kSegmentBytesLeast = size_t{4} << 20;
/// One group is one write and one sync; larger ones would only delay their first records.
constexpr size_t kGroupBytes = size_t{8} << 20;
constexpr size_t kGroupBytesLeast = size_t{256} << 10;
/// The buffer of a larger group is given back.
constexpr size_t kGroupBytesKept = size_t{1} << 20;
constexpr size_t kGroupBytesKeptLeast = size_t{16} << 10;

size_t share_of(size_t all, Partition partitions, size_t least) {
  return std::max(all / partitions, std::min(all, least));
}

}  // namespace

LocalLimits limits_of(const LocalOptions& options) {
  const Partition partitions = options.partitions;
  SAGITTA_ASSERT(partitions > 0);
  const size_t reserved = options.reserve_bytes * LocalOptions::kReservingPartitions / partitions;
  return {.segment_bytes = share_of(options.segment_bytes, partitions, kSegmentBytesLeast),
          .reserve_bytes = std::min(options.reserve_bytes, reserved),
          .group_bytes_max = share_of(kGroupBytes, partitions, kGroupBytesLeast),
          .group_bytes_kept = share_of(kGroupBytesKept, partitions, kGroupBytesKeptLeast),
          .tail_bytes = options.tail_bytes / partitions};
}

}  // namespace sagitta::log
