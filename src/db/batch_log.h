/// Logged batches over several log partitions: in a log of their own before they go into the
/// partitions, so that what a crash leaves of one is completed at the next start.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "sagitta/db/options.h"
#include "sagitta/log/log.h"

#include "data_directory.h"

namespace sagitta::db {

/// Thread-safe between `open` and `close`. A record of kind kBatch has the mutations of a batch,
/// one of kind kBatchDone the offset of a batch that is applied (docs/formats/log.md).
class BatchLog {
 public:
  /// It must outlive it.
  explicit BatchLog(const Environment& environment) : env_(environment) {}

  /// Blocks. kCorruption, kFormat, kIo. The log is made at the first start with several partitions.
  Status open(const DataDirectory& directory);
  /// Batches that an earlier process began, and may have left; each until it is finished. Blocks.
  Result<std::vector<log::Entry>> unfinished();

  /// Makes a batch durable.
  void append(log::Record batch, log::AppendDone done);
  /// Every part of the batch at the offset is applied, or refused for good: it will not be done
  /// again.
  void finish(log::Offset batch);

  void stop();
  /// Nobody uses it any more.
  void close() { log_.reset(); }

 private:
  Status note(const log::Entry& entry, std::vector<log::Entry>& batches);

  const Environment& env_;
  std::unique_ptr<log::Log> log_;
  std::mutex mutex_;
  std::set<log::Offset> open_;  ///< batches that are under way
};

}  // namespace sagitta::db
