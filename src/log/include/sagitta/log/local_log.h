/// A log of segment files, in a folder for each partition.
#pragma once

#include <memory>
#include <string>

#include "sagitta/base/clock.h"
#include "sagitta/base/file.h"
#include "sagitta/base/metrics.h"
#include "sagitta/log/log.h"

namespace sagitta::log {

struct LocalOptions {
  /// Has a folder for each partition, named by its number: 0, 1, …
  std::string directory;
  Partition partitions = 1;
  /// What is no longer needed goes by whole segments, so that a partition keeps up to one more than
  /// its replica has not flushed. Of several partitions each has its share, at least 4 MiB: 64 of
  /// them keep 256 MiB where one keeps 64. So do 64 replicas that flush 4 MiB
  /// each, where one flushes 64 MiB.
  size_t segment_bytes = size_t{64} << 20;
  /// Room that is made in a segment ahead of its records, so that a small one is synced without a
  /// new file size. Of more than `kReservingPartitions` each makes less: together they never have
  /// more than 16 MiB of it.
  size_t reserve_bytes = size_t{1} << 20;
  static constexpr size_t kReservingPartitions = 16;
  /// Records of all partitions that wait to be written.
  size_t queue_bytes_max = size_t{64} << 20;
  /// Recent records of all partitions that are kept in memory for readers, so that the applier
  /// reads no disk. A partition may use what the others leave, and keeps its share when they want
  /// more.
  size_t tail_bytes = size_t{32} << 20;
};

/// Opens or creates a log of segment files. A torn tail (a last record cut short by a crash) is cut
/// off and counted; damage before the tail is kCorruption naming partition, file and position, and
/// what to do. `files`, `clock` and `metrics` must outlive it.
///
/// The offsets of a partition are 0, 1, 2, … without gaps. An append gets kNoSpace or kIo when it
/// could not be made durable. From then on every append to that partition fails until the log is
/// opened again, because what reached the disk is not known; the other partitions go on.
Result<std::unique_ptr<Log>> open_local_log(FileSystem& files, const Clock& clock, MetricsRegistry& metrics,
                                            const LocalOptions& options);

}  // namespace sagitta::log
