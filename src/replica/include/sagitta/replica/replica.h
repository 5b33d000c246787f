/// A replica: the state (rows, schema, vector indexes, offset) that results from applying a log
/// partition in order. One thread applies; a record is in one kv batch with everything that follows
/// from it, its offset included.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "sagitta/base/budget.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/executor.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/result.h"
#include "sagitta/index/index.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/log.h"
#include "sagitta/replica/schema_source.h"
#include "sagitta/rows/conditional_write.h"
#include "sagitta/rows/purge.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/schema/schema.h"
#include "sagitta/schema/schema_change.h"
#include "sagitta/tablet/table_space.h"

namespace sagitta::replica {

/// What applying a record gave.
struct ApplyResult {
  log::Offset offset = 0;
  /// The log clock after it, microseconds since the epoch.
  int64_t log_time_us = 0;
  /// Of a kSchema record; of a repeated one with the schema of now. From a catalog, of a kTruncate
  /// record too, which has nothing to tell clients.
  std::optional<schema::SchemaOutcome> schema;
  /// Of a kConditional record; of a repeated one, the first decision, without the rows if it was
  /// long ago.
  std::shared_ptr<const rows::Decision> decision = nullptr;
};

/// The record's own error (kInvalid, kAlreadyExists, ...: nothing was changed), kWriteTimeout when
/// it was past its not_after_us or when the replica halted or stopped before its outcome was known,
/// kUnavailable when it was submitted after that (nothing was appended), or the log's error.
using ApplyDone = std::function<void(Result<ApplyResult>)>;

/// How far a start has come.
struct ReplayProgress {
  /// Of the records in the log that the store lacked: those applied, and all of them.
  uint64_t applied = 0, all = 0;
};

struct Options {
  /// Store flush and log trim after this many bytes of applied records, or this long after a
  /// change.
  uint64_t flush_bytes = uint64_t{64} << 20;
  int64_t flush_interval_us = 60'000'000;
  /// How long a request id is remembered when its record has no not_after_us.
  int64_t request_memory_us = 600'000'000;
  rows::SweepLimits sweeps;
  /// Called by `open` while it replays: at the start, every few megabytes of records, at the end.
  std::function<void(const ReplayProgress&)> on_replay = {};
};

/// What it works with; all must outlive it.
struct Environment {
  kv::Store& store;
  log::Log& log;
  const Clock& clock;
  MetricsRegistry& metrics;
  /// Builds indexes, flushes.
  Executor& workers;
  /// Charged for the vectors of indexes.
  MemoryBudget& vectors;
  /// Of the store's compaction filter, told of each flush; null when there is none.
  rows::PurgeHorizon* horizon = nullptr;
  index::SnapshotPlace snapshots;
  /// Of the log: the one that is applied.
  log::Partition partition = 0;
  /// Of all partitions of the process: `workers`, `vectors` and `snapshots` are theirs, and whoever
  /// made them stops them. Null: the replica makes its own, as the only partition.
  index::SharedIndexes* indexes = nullptr;
  /// Of a log with several partitions: what changes the schema comes from here, and not from the
  /// log. Null: from the log.
  const SchemaSource* schemas = nullptr;
};

class Lanes;

/// Thread-safe.
class Replica {
 public:
  /// Loads schema and offset from the store, replays the log up to its end as it is now and flushes
  /// that, begins index builds. Blocks. From then on one of `lanes`, which must outlive it, applies
  /// what comes; none: a thread of its own. kCorruption, kFormat, kIo.
  static Result<std::unique_ptr<Replica>> open(Environment environment, Options options = {}, Lanes* lanes = nullptr);
  /// Stops.
  virtual ~Replica() = default;

  /// Appends the record and calls `done` once, after it is durable, applied and visible; from the
  /// applier's or a log thread, or at once on an error. `done` must not block. A zero request_id
  /// gets none of the protection against doubles; a record with the id of one that was applied
  /// before gives that one's result again.
  virtual void submit(log::Record record, ApplyDone done) = 0;

  /// The newest state. Rows, schema and indexes seen after `done` of a record include it.
  virtual schema::SchemaPtr schema() const = 0;
  virtual index::IndexSetPtr indexes() const = 0;
  /// Takes a snapshot of the rows, to be read at `now_s`.
  virtual rows::ReadView read_view(int64_t now_s, kv::ReadMode mode) const = 0;

  /// Called from the applier's thread after each schema change; must not block. Destroy the handle
  /// to stop: no call is under way when its destructor returns.
  [[nodiscard]] virtual std::shared_ptr<void> on_schema_change(
      std::function<void(const schema::SchemaOutcome&)> listener) = 0;

  /// The error that halted it, if any: then every submit fails and reads show the last good state.
  virtual std::optional<Error> halted() const = 0;
  /// The next offset to apply.
  virtual log::Offset applied() const = 0;
  virtual int64_t log_clock_us() const = 0;
  /// As TableSpace::server_clock_us.
  virtual int64_t server_clock_us() const = 0;
  /// No index is building.
  virtual bool indexes_ready() const = 0;
  /// Flushes the store and trims the log. Blocks.
  virtual Status flush() = 0;
  /// Its lane applies no more records than those at hand. Once it is called the log may be stopped,
  /// which frees a lane that waits for records at once.
  virtual void begin_stop() = 0;
  /// Ends its lane and builders, fails waiters with kWriteTimeout, flushes. The log is not stopped.
  /// Idempotent.
  virtual Status stop() = 0;
};

}  // namespace sagitta::replica
