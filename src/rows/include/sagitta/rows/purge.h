/// What leaves the disk on its own. When kv rewrites rows, deletions and expired cells whose grace
/// period is over are left out: they count as absent wherever their bytes are
/// (docs/formats/rows.md, rule 3).
#pragma once

#include <cstdint>
#include <mutex>

#include "sagitta/kv/store.h"
#include "sagitta/schema/schema.h"

namespace sagitta::rows {

/// How far purging may go: to the log time of what is flushed, and not to now. After a crash the
/// records behind the last flush are applied again, at their own log times, and must find every
/// deletion that they were under at first. Thread-safe.
class PurgeHorizon {
 public:
  /// The store, flushed, has all records before this log time, and this schema. Nothing is purged
  /// before the first call.
  void advance(int64_t log_time_us, schema::SchemaPtr schema);
  /// Purges up to where the horizon is now; null when it was never advanced. Entries of unknown
  /// tables, and those that cannot be read, stay.
  kv::CompactionFilter filter() const;

 private:
  mutable std::mutex mutex_;
  int64_t log_s_ = 0;
  schema::SchemaPtr schema_;
};

}  // namespace sagitta::rows
