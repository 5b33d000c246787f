/// Where a database keeps its logs and rows, when that is not in files of the data directory.
#pragma once

#include <cstdint>
#include <memory>

#include "sagitta/base/result.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/log.h"

namespace sagitta::db {

/// What a log is for.
enum class LogRole : uint8_t {
  kData,     ///< what is written, in as many partitions as the database has
  kMeta,     ///< the schema of several partitions; of one partition
  kBatches,  ///< logged batches over several partitions; of one partition
};

/// Thread-safe. What it hands out is used up to the end of the database, and the same things are
/// asked for again by the next one.
class Storage {
 public:
  virtual ~Storage() = default;
  virtual Result<std::unique_ptr<log::Log>> open_log(LogRole role) = 0;
  /// Of the log partition.
  virtual Result<std::unique_ptr<kv::Store>> open_store(log::Partition partition,
                                                        kv::CompactionFilterSource filters) = 0;
};

}  // namespace sagitta::db
