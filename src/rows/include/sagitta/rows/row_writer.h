/// Applies mutations to rows: reads each row concerned, resolves, writes it back into the record's
/// batch.
#pragma once

#include <functional>
#include <optional>

#include "sagitta/kv/store.h"
#include "sagitta/log/log.h"
#include "sagitta/rows/conditional_write.h"
#include "sagitta/rows/deletions.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/rows/record_entries.h"
#include "sagitta/rows/row.h"
#include "sagitta/rows/row_edit.h"

namespace sagitta::rows {

/// When a record is applied, on the log's clock.
struct ApplyTime {
  int64_t log_time_us = 0;
  log::Offset offset = 0;
};

/// Told of each row of an indexed table that was written or removed: as it is now, without the
/// columns that are apart (stored_row.h), or nothing when no more of it exists.
using RowObserver = std::function<void(const schema::TableDef&, BytesView row_key, std::optional<LiveRow> now)>;

inline constexpr size_t kFirstRowsTried = 256;

/// For one record. Rows are read through the batch, so that it sees what it, and the records before
/// it in the same batch, have changed. Not thread-safe.
class RowWriter {
 public:
  /// `cells` is told of tables that it wants; null: of none.
  RowWriter(kv::Batch& batch, SweepBook& sweeps, const SweepLimits& limits, ApplyTime time, RowObserver observer,
            CellObserver* cells = nullptr);

  /// The mutation's timestamp is final. kInvalid when it does not fit the rows (a list position out
  /// of bounds): the record is then to be dropped whole.
  Status apply(const schema::TableDef& table, Mutation mutation);

  /// The row of the condition as it is now, with its keys, and the newest timestamp that anything
  /// has which a write to it would meet.
  Result<RowEdit::Whole> read(const schema::TableDef& table, BytesView partition_key, const RowCondition& condition);

  /// The first row of the partition, of those that its first `kFirstRowsTried` entries are; nothing
  /// when none of them lives.
  Result<std::optional<LiveRow>> first_row(const schema::TableDef& table, BytesView partition_key);

  /// Every entry of Family::kRows from `from` on and before `to` goes.
  Status remove_all(const Bytes& from, const Bytes& to);
  /// Tells the observer of cells what there is of the first `limit` rows, static rows too, with
  /// keys after `from` and before `to`. Returns the key of the last; nothing when these were all.
  Result<Bytes> show_some(const schema::TableDef& table, const Bytes& from, const Bytes& to, size_t limit);
  /// Takes a deletion under way a step further. The table is that of its rows; null when it was
  /// dropped.
  Status go_on(const schema::TableDef* table, const Sweep& sweep);

  /// Range deletions that were decoded so far: the work that they are to writes.
  uint64_t deletions_decoded() const;

 private:
  /// A partition, from one of its mutations to the next.
  struct Partition {
    Bytes prefix;
    PartitionHeader header = {};
    /// Absent until they are asked for.
    std::optional<PartitionDeletions> deletions = std::nullopt;
  };

  Status enter(const schema::TableDef& table, BytesView partition_key);
  PartitionDeletions& deletions(const schema::TableDef& table);
  Status move_old_ranges(const schema::TableDef& table);
  void write_header();
  Result<Tombstone> covering(const schema::TableDef& table, const Bytes& clustering);
  Status carry_out(const schema::TableDef* table, Sweep sweep);
  Result<Bytes> take_some(const schema::TableDef* table, const Sweep& sweep, size_t limit);
  Status take(const schema::TableDef* table, const Sweep& sweep, const Bytes& key);
  Status delete_ranges(const schema::TableDef& table, const Mutation& mutation);
  Status write_rows(const schema::TableDef& table, int64_t timestamp_us, RowMutation change);
  RowEdit edit(const schema::TableDef& table, Bytes key);
  Result<RowEdit::Whole> read_whole(const schema::TableDef& table, const Bytes& key);
  Status finish(const schema::TableDef& table, RowEdit& edit, bool is_static);

  kv::Batch& batch_;
  SweepBook& sweeps_;
  const SweepLimits limits_;
  RecordEntries entries_;
  const ApplyTime time_;
  const int64_t log_s_;
  const RowObserver observer_;
  CellObserver* const cells_;
  std::optional<Partition> partition_;
  uint64_t deletions_decoded_ = 0;  ///< of the partitions before
  size_t at_once_left_;             ///< entries that the record may still delete at once
};

}  // namespace sagitta::rows
