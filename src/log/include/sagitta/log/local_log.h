/// A log of segment files in a directory.
#pragma once

#include <memory>
#include <string>

#include "sagitta/base/clock.h"
#include "sagitta/base/file.h"
#include "sagitta/base/metrics.h"
#include "sagitta/log/log.h"

namespace sagitta::log {

struct LocalOptions {
  std::string directory;
  size_t segment_bytes = size_t{64} << 20;
  /// Room that is made in a segment ahead of its records, so that a small one is synced without a
  /// new file size.
  size_t reserve_bytes = size_t{1} << 20;
  size_t queue_bytes_max = size_t{64} << 20;
  /// Recent records kept in memory for readers, so that the applier reads no disk.
  size_t tail_bytes = size_t{32} << 20;
};

/// Opens or creates a log of segment files. A torn tail (a last record cut short by a crash) is cut
/// off and counted; damage before the tail is kCorruption naming file and position. `files`,
/// `clock` and `metrics` must outlive it.
///
/// It has one partition; its offsets are 0, 1, 2, … without gaps. An append gets kNoSpace or kIo
/// when it could not be made durable. From then on every append fails until the log is opened
/// again, because what reached the disk is not known.
Result<std::unique_ptr<Log>> open_local_log(FileSystem& files, const Clock& clock, MetricsRegistry& metrics,
                                            const LocalOptions& options);

}  // namespace sagitta::log
