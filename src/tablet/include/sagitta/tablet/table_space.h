/// Applying: the one place where rows, journal, row maps and indexes change. The applier of a log
/// partition uses it from one thread: the changes of a group of records go into one kv batch; once
/// that is written, `committed` changes the indexes in the same step.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "sagitta/base/metrics.h"
#include "sagitta/base/result.h"
#include "sagitta/index/shared_indexes.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/record.h"
#include "sagitta/rows/conditional_write.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/rows/row_writer.h"
#include "sagitta/schema/schema.h"
#include "sagitta/schema/schema_change.h"

namespace sagitta::tablet {

/// The part of all tables that is in one log partition. One thread applies; `view` may be called
/// from any. What it is given must outlive it.
class TableSpace {
 public:
  /// `indexes` are those of the process, for as many partitions as it has.
  TableSpace(kv::Store& store, MetricsRegistry& metrics, index::SharedIndexes& indexes, log::Partition partition = 0,
             const rows::SweepLimits& sweeps = {});
  /// Stops the indexes, if they are not.
  ~TableSpace();
  TableSpace(const TableSpace&) = delete;
  TableSpace& operator=(const TableSpace&) = delete;

  /// The rows in the store are those of all records before `next`, which lead to `schema`. Once
  /// every partition has started the indexes are made in the background, from their snapshots or
  /// from the rows. Of a snapshot that is ahead of the store, the records between are applied
  /// again.
  Status start(const schema::SchemaPtr& schema, log::Offset next);

  /// Begins the next record of the batch.
  void begin(rows::ApplyTime time, kv::Batch& batch);

  // What the record does, one of these: its changes go into the batch. kInvalid when it does not
  // fit its rows (a dropped table, a list position out of bounds): the same on every replica. After
  // an error `take_back`.
  Status apply_mutations(const schema::Schema& schema, std::vector<rows::Mutation> mutations, kv::Batch& batch);
  /// Decides, and applies the mutations if the conditions hold. kInvalid as `apply_mutations`.
  Result<rows::Decision> apply_conditional(const schema::Schema& schema, rows::ConditionalWrite write,
                                           kv::Batch& batch);
  /// The only record of its batch.
  Status truncate(const schema::TableDef& table, kv::Batch& batch);
  /// Gives a change whose timestamp is only proposed its place among server-stamped writes. Before
  /// it is applied.
  Status stamp(schema::SchemaChange& change);
  /// Removes the rows of dropped tables and the journal of dropped indexes. The only record of its
  /// batch.
  Status change_schema(const schema::Schema& before, const schema::SchemaPtr& after, kv::Batch& batch);

  /// Takes what is under way a step further, if there is something: the oldest deletion of many
  /// rows, then the numbers and postings of rows that were there before their index. Such work goes
  /// with records that change nothing else: none holds up what comes after it.
  Status step(const schema::Schema& schema, kv::Batch& batch);
  /// Whether something is under way, with what the batch has begun.
  bool has_steps() const;

  /// Takes the changes of the record back, those that the caller has put into the batch since
  /// `begin` too.
  void take_back(kv::Batch& batch);
  /// Puts what the records of the batch leave behind once: numbers of rows, the clock. Then it is
  /// to be written.
  void finish(kv::Batch& batch);
  /// Writes the batch, so that every view has all of it or nothing.
  Status write(kv::Batch& batch);
  /// The batch is written: brings the indexes up to it.
  void committed();

  /// While it replays, indexes are not saved: the log has what a save would keep, and the rows have
  /// to be flushed too.
  void set_replaying(bool replaying);

  /// The rows as they are now, at `now_s`. Any thread.
  rows::ReadView view(int64_t now_s, kv::ReadMode mode) const;

  /// The newest timestamp that the server gave here, microseconds since the epoch; INT64_MIN: none
  /// yet. Any thread.
  int64_t server_clock_us() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sagitta::tablet
