#include "sagitta/rows/read_view.h"

#include <algorithm>
#include <utility>

#include "sagitta/rows/apart_cells.h"
#include "sagitta/rows/row_keys.h"
#include "sagitta/rows/stored_row.h"

namespace sagitta::rows {
namespace {

using kv::Family;

Status check(const WorkMeter* meter) {
  if (meter == nullptr || !meter->spent()) return {};
  return fail(ErrorCode::kWouldBlock, "the work of a turn is done");
}

/// Where entries are read from.
struct Source {
  kv::Store* store;
  kv::SnapshotPtr snapshot;
  kv::ReadMode mode;
  Sweeps sweeps;  ///< within what is read
  WorkMeter* meter = nullptr;

  void charge(uint64_t units) const {
    if (meter != nullptr) meter->add(units);
  }

  /// A row that was read. One that is gone counts as one tombstone at least.
  void note(bool is_live, size_t dead_cells) const {
    if (meter == nullptr) return;
    meter->rows().live += is_live ? 1 : 0;
    meter->rows().tombstones += is_live ? dead_cells : std::max<size_t>(dead_cells, 1);
  }

  std::unique_ptr<kv::Iterator> iterate(BytesView from, BytesView to) const {
    return store->iterate(Family::kRows, from, to, mode, snapshot);
  }
};

/// The row of an entry as it is at `now_s`, whole; nothing when it does not exist then.
Result<std::optional<LiveRow>> read_row(const schema::TableDef& table, const Source& source, BytesView key,
                                        BytesView value, bool is_static, int64_t now_s) {
  if (!source.sweeps.is_empty() && source.sweeps.takes(key, value)) return std::optional<LiveRow>();
  SAGITTA_TRY(StoredRow stored, StoredRow::decode(value));
  for (const auto& [id, column] : stored.apart) {
    if (table.find_column(id) == nullptr) continue;
    SAGITTA_TRY(const Bytes base, cells_base(key, id));
    auto& cells = stored.maps[id].cells;
    SAGITTA_TRY(cells, read_apart(*source.store, base, source.mode, source.snapshot, source.sweeps));
    source.charge(work::kExpression * cells.size());
  }
  if (!source.sweeps.is_empty()) stored.shadow(source.sweeps.over(key, stored.epoch));
  const size_t dead = stored.dead_cells(now_s);
  auto live = live_row(table, std::move(stored), is_static, now_s);
  source.note(live.has_value(), dead);
  return live;
}

/// Walks entries of [from, to) and yields the live rows among them.
class EntryCursor final : public RowCursor {
 public:
  EntryCursor(const schema::TableDef& table, Source source, BytesView from, BytesView to, int64_t now_s, bool reversed)
      : table_(table),
        source_(std::move(source)),
        entries_(source_.iterate(from, to)),
        now_s_(now_s),
        reversed_(reversed) {}

  Result<bool> next() override {
    for (;;) {
      if (started_ && !entries_->valid()) return false;
      SAGITTA_CHECK(check(source_.meter));
      move();
      if (!entries_->valid()) {
        SAGITTA_CHECK(entries_->status());
        return false;
      }
      source_.charge(work::kEntry + work::bytes(entries_->value().size()));
      SAGITTA_TRY(const bool live, read_entry());
      if (live) return true;
    }
  }

  LiveRow& row() override { return row_; }
  BytesView row_key() const override { return entries_->key(); }

 private:
  void move() {
    if (!started_) {
      started_ = true;
      reversed_ ? entries_->seek_to_last() : entries_->seek_to_first();
    } else if (!std::exchange(moved_, false)) {
      reversed_ ? entries_->prev() : entries_->next();
    }
  }

  Result<bool> read_entry() {
    SAGITTA_TRY(const KeyParts parts, split_key(entries_->key()));
    if (parts.kind == EntryKind::kHeader) return false;
    if (parts.kind > EntryKind::kRow) {
      // Rows come first in their partition: the next one is of the next.
      entries_->seek(types::after_prefix(parts.partition_prefix));
      SAGITTA_CHECK(entries_->status());
      moved_ = true;
      return false;
    }
    SAGITTA_TRY(auto live, read_row(table_, source_, entries_->key(), entries_->value(),
                                    parts.kind == EntryKind::kStatic, now_s_));
    if (!live) return false;
    row_ = std::move(*live);
    if (partition_prefix_ != parts.partition_prefix) {
      SAGITTA_TRY(partition_, decode_partition(table_, parts));
      partition_prefix_ = Bytes(parts.partition_prefix);
    }
    row_.partition = partition_;
    if (!row_.is_static) {
      SAGITTA_TRY(row_.clustering, decode_clustering(table_, parts.clustering));
    }
    return true;
  }

  const schema::TableDef& table_;
  const Source source_;
  const std::unique_ptr<kv::Iterator> entries_;
  const int64_t now_s_;
  const bool reversed_;
  bool started_ = false;
  bool moved_ = false;  ///< to an entry that was not looked at
  LiveRow row_;
  Bytes partition_prefix_;
  PartitionKeyPtr partition_;
};

/// The smallest key above `key`.
Bytes just_after(BytesView key) {
  Bytes after(key);
  after.push_back('\0');
  return after;
}

}  // namespace

ReadView::ReadView(kv::Store& store, kv::SnapshotPtr snapshot, SweepsPtr sweeps, int64_t now_s, kv::ReadMode mode)
    : store_(&store), snapshot_(std::move(snapshot)), sweeps_(std::move(sweeps)), now_s_(now_s), mode_(mode) {}

Sweeps ReadView::sweeps_within(BytesView from, BytesView to) const {
  return sweeps_ == nullptr || sweeps_->is_empty() ? Sweeps() : sweeps_->within(from, to);
}

bool ReadView::deletes_rows_of(const schema::TableDef& table) const {
  const auto [from, to] = table_interval(table.id);
  return !sweeps_within(from, to).is_empty();
}

ReadView ReadView::metered(WorkMeter& meter) const {
  ReadView view = *this;
  view.meter_ = &meter;
  return view;
}

Status ReadView::may_go_on() const { return check(meter_); }

Result<std::optional<LiveRow>> ReadView::get(const schema::TableDef& table, BytesView partition_key,
                                             std::span<const Bytes> clustering) const {
  return get_by_key(table, row_key(table, partition_key, clustering));
}

Result<std::optional<LiveRow>> ReadView::get_static(const schema::TableDef& table, BytesView partition_key) const {
  return get_by_key(table, static_row_key(table, partition_key));
}

Result<std::optional<LiveRow>> ReadView::get_by_key(const schema::TableDef& table, BytesView key) const {
  SAGITTA_TRY(const KeyParts parts, split_key(key));
  if (parts.kind != EntryKind::kStatic && parts.kind != EntryKind::kRow)
    return fail(ErrorCode::kInvalid, "a key of no row");
  charge(work::kGet);
  SAGITTA_TRY(const auto bytes, store_->get(Family::kRows, key, mode_, snapshot_.get()));
  if (!bytes) return std::optional<LiveRow>();
  charge(work::kEntry + work::bytes(bytes->size()));
  // Of the whole rest of the partition: pages of its cells come behind the row.
  const Source source{store_, snapshot_, mode_, sweeps_within(key, types::after_prefix(parts.partition_prefix)),
                      meter_};
  SAGITTA_TRY(auto row, read_row(table, source, key, *bytes, parts.kind == EntryKind::kStatic, now_s_));
  if (!row) return row;
  SAGITTA_TRY(row->partition, decode_partition(table, parts));
  if (!row->is_static) {
    SAGITTA_TRY(row->clustering, decode_clustering(table, parts.clustering));
  }
  return row;
}

std::unique_ptr<RowCursor> ReadView::scan_partition(const schema::TableDef& table, BytesView partition_key,
                                                    const ClusteringRange& range, bool reversed,
                                                    BytesView after) const {
  const Bytes prefix = partition_prefix(table.id, partition_key);
  const types::Interval interval = interval_of(table, range);
  Bytes from = entry_key(prefix, EntryKind::kRow, interval.from);
  const Bytes last = entry_key(prefix, EntryKind::kRow);
  Bytes to = interval.to.empty() ? types::after_prefix(last) : entry_key(prefix, EntryKind::kRow, interval.to);
  if (!after.empty()) {
    if (reversed) {
      to = std::min(to, Bytes(after));
    } else {
      from = std::max(from, just_after(after));
    }
  }
  if (to < from) to = from;
  charge(work::kSeek);
  const Source source{store_, snapshot_, mode_, sweeps_within(prefix, types::after_prefix(prefix)), meter_};
  return std::make_unique<EntryCursor>(table, source, from, to, now_s_, reversed);
}

std::unique_ptr<RowCursor> ReadView::scan_tokens(const schema::TableDef& table, int64_t start, int64_t end,
                                                 BytesView after) const {
  auto [from, to] = token_interval(table.id, start, end);
  if (!after.empty()) from = std::max(from, just_after(after));
  if (to < from) to = from;
  charge(work::kSeek);
  const Source source{store_, snapshot_, mode_, sweeps_within(from, to), meter_};
  return std::make_unique<EntryCursor>(table, source, from, to, now_s_, false);
}

}  // namespace sagitta::rows
