/// Reading rows: one moment of the store, seen at one time of day. A read yields live rows only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sagitta/base/work_meter.h"
#include "sagitta/kv/store.h"
#include "sagitta/rows/posting_cursor.h"
#include "sagitta/rows/row.h"
#include "sagitta/rows/sweeps.h"
#include "sagitta/schema/schema.h"
#include "sagitta/types/ordered_bytes.h"

namespace sagitta::rows {

/// Clustering keys from `start` to `end`, in the table's clustering order. A bound is a prefix of
/// the components; an empty one is none. An inclusive bound includes every row that begins with the
/// prefix; an exclusive one none.
struct ClusteringRange {
  std::vector<Bytes> start, end;
  bool start_inclusive = true, end_inclusive = true;

  bool is_everything() const { return start.empty() && end.empty(); }
};

/// The ordered form of a prefix of the clustering components: what clustering keys are compared by.
Bytes encode_clustering(const schema::TableDef& table, std::span<const Bytes> components);
/// The encoded clustering keys of a range.
types::Interval interval_of(const schema::TableDef& table, const ClusteringRange& range);

/// Walks live rows. Not thread-safe. Must not outlive the TableDef it was made with.
class RowCursor {
 public:
  virtual ~RowCursor() = default;
  /// Moves to the next row; false at the end. kWouldBlock when a cache-only view misses the cache:
  /// the cursor is then of no more use. kWouldBlock when the view's meter is spent: once it is
  /// refilled, call again. kCorruption, kIo.
  virtual Result<bool> next() = 0;
  /// The current row; good until the next move. May be moved from.
  virtual LiveRow& row() = 0;
  /// The key of the current row: a place to go on from later, with another view too (see
  /// ReadView::scan_tokens).
  virtual BytesView row_key() const = 0;
};

/// Copyable, thread-safe (with a meter, of one thread at a time); keeps its snapshot alive.
class ReadView {
 public:
  /// `store` must outlive it. `sweeps`: the deletions under way in the snapshot; null: none.
  /// `now_s`: cells that expire at or before it are gone.
  ReadView(kv::Store& store, kv::SnapshotPtr snapshot, SweepsPtr sweeps, int64_t now_s, kv::ReadMode mode);
  /// The same moment, seen at the expense of `meter`, which must outlive the view and its cursors.
  ReadView metered(WorkMeter& meter) const;
  /// kWouldBlock when the meter is spent.
  Status may_go_on() const;

  /// The row; nothing when it does not exist. kWouldBlock, kCorruption, kIo as everywhere here.
  Result<std::optional<LiveRow>> get(const schema::TableDef& table, BytesView partition_key,
                                     std::span<const Bytes> clustering) const;
  /// The static row; nothing when it has no live cell.
  Result<std::optional<LiveRow>> get_static(const schema::TableDef& table, BytesView partition_key) const;
  /// The row (or static row) at a key that a cursor or an index gave; kInvalid if it is no row key
  /// of the table.
  Result<std::optional<LiveRow>> get_by_key(const schema::TableDef& table, BytesView row_key) const;

  /// The rows of one partition within `range` in clustering order, or backwards; never the static
  /// row. `after` is a row key of the partition: only rows beyond it in the direction of the walk.
  std::unique_ptr<RowCursor> scan_partition(const schema::TableDef& table, BytesView partition_key,
                                            const ClusteringRange& range = {}, bool reversed = false,
                                            BytesView after = {}) const;
  /// All rows with start <= token <= end by partition and clustering order. The static row of a
  /// partition, if live, comes before its rows. `after`: only rows beyond this row key; the static
  /// row of its partition is then not repeated.
  std::unique_ptr<RowCursor> scan_tokens(const schema::TableDef& table, int64_t start = INT64_MIN,
                                         int64_t end = INT64_MAX, BytesView after = {}) const;

  /// What Family::kMeta has of the same moment; nothing when the key is not there.
  Result<std::optional<Bytes>> meta(BytesView key) const {
    charge(work::kGet);
    return store_->get(kv::Family::kMeta, key, mode_, snapshot_.get());
  }
  /// The postings whose keys are in [from, to), of the same moment.
  PostingCursor postings(BytesView from, BytesView to) const {
    return {store_->iterate(kv::Family::kPostings, from, to, mode_, snapshot_), now_s_, meter_};
  }

  /// Whether deletions of rows of the table are under way: an index may then name rows that are
  /// gone.
  bool deletes_rows_of(const schema::TableDef& table) const;

  const kv::SnapshotPtr& snapshot() const { return snapshot_; }
  int64_t now_s() const { return now_s_; }
  kv::ReadMode mode() const { return mode_; }

 private:
  Sweeps sweeps_within(BytesView from, BytesView to) const;
  void charge(uint64_t units) const {
    if (meter_ != nullptr) meter_->add(units);
  }

  kv::Store* store_;
  kv::SnapshotPtr snapshot_;
  SweepsPtr sweeps_;
  int64_t now_s_;
  kv::ReadMode mode_;
  WorkMeter* meter_ = nullptr;
};

/// The key of a row in the store: table | token | partition key | kind | clustering components. Its
/// memcmp order is the order of scans.
Bytes row_key(const schema::TableDef& table, BytesView partition_key, std::span<const Bytes> clustering);
Bytes static_row_key(const schema::TableDef& table, BytesView partition_key);

}  // namespace sagitta::rows
