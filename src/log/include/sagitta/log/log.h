/// The log: one ordered, durable stream of records per log partition. The log is the database;
/// everything else is derived from it. `local_log.h` keeps it in segment files here, `sim_log.h` in
/// memory with faults; a Kafka one has the same interface.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sagitta/base/result.h"
#include "sagitta/log/feed.h"
#include "sagitta/log/record.h"

namespace sagitta::log {

/// Called once, when the record is durable (or will never be: then with the error), from a thread
/// of the log; after stop() from within `append`. Must not block.
using AppendDone = std::function<void(Result<Offset>)>;

/// What a partition has: its records are in [begin, end).
struct Bounds {
  /// The oldest offset that can be read.
  Offset begin = 0;
  /// One more than that of the last durable record; a replica that has applied everything below it
  /// is up to date.
  Offset end = 0;
};

/// Thread-safe. A call names a partition below `partitions()`.
class Log {
 public:
  virtual ~Log() = default;
  virtual Partition partitions() const = 0;
  /// Queues the record. Records of one thread keep their order. `done` gets kOverloaded past the
  /// queue's limit, kInvalid for a payload above limits::kRecordBytesMax, kUnavailable when it was
  /// not appended, kWriteTimeout when it may have been; a log may have further errors.
  virtual void append(Partition partition, Record record, AppendDone done) = 0;
  /// Durable records from `from` on, in order, up to about `max_bytes` but at least one; blocks up
  /// to `wait_us` while there is none, then returns an empty list. kCorruption when a record in the
  /// middle is damaged, kNotFound when `from` was trimmed.
  virtual Result<std::vector<Entry>> read(Partition partition, Offset from, size_t max_bytes, int64_t wait_us) = 0;
  /// Follows no partition yet. The log must outlive it.
  virtual std::unique_ptr<Feed> feed() = 0;
  virtual Bounds bounds(Partition partition) const = 0;
  /// Records below `before` will not be read again; frees what storage it can.
  virtual Status trim(Partition partition, Offset before) = 0;
  /// Fails waiting readers and feeds with kUnavailable, refuses new appends, makes queued ones
  /// durable, joins threads. Idempotent.
  virtual void stop() = 0;
};

}  // namespace sagitta::log
