#include "sagitta/rows/read_view.h"

#include "sagitta/rows/row_keys.h"
#include "sagitta/rows/stored_row.h"

namespace sagitta::rows {
namespace {

using kv::Family;

/// Walks entries of [from, to) and yields the live rows among them.
class EntryCursor final : public RowCursor {
 public:
  EntryCursor(const schema::TableDef& table, std::unique_ptr<kv::Iterator> entries, int64_t now_s, bool reversed)
      : table_(table), entries_(std::move(entries)), now_s_(now_s), reversed_(reversed) {}

  Result<bool> next() override {
    for (;;) {
      if (started_ && !entries_->valid()) return false;
      move();
      if (!entries_->valid()) {
        SAGITTA_CHECK(entries_->status());
        return false;
      }
      SAGITTA_TRY(const bool live, read());
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
    } else {
      reversed_ ? entries_->prev() : entries_->next();
    }
  }

  Result<bool> read() {
    SAGITTA_TRY(const KeyParts parts, split_key(entries_->key()));
    if (parts.kind == EntryKind::kHeader) return false;
    SAGITTA_TRY(const StoredRow stored, StoredRow::decode(entries_->value()));
    auto live = live_row(table_, stored, parts.kind == EntryKind::kStatic, now_s_);
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
  const std::unique_ptr<kv::Iterator> entries_;
  const int64_t now_s_;
  const bool reversed_;
  bool started_ = false;
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

Bytes token_start(uint32_t table_id, int64_t token) {
  Bytes key;
  put_big<uint32_t>(key, table_id);
  put_big<uint64_t>(key, static_cast<uint64_t>(token) ^ (uint64_t{1} << 63));
  return key;
}

}  // namespace

ReadView::ReadView(kv::Store& store, kv::SnapshotPtr snapshot, int64_t now_s, kv::ReadMode mode)
    : store_(&store), snapshot_(std::move(snapshot)), now_s_(now_s), mode_(mode) {}

Result<std::optional<LiveRow>> ReadView::get(const schema::TableDef& table, BytesView partition_key,
                                             std::span<const Bytes> clustering) const {
  return get_by_key(table, row_key(table, partition_key, clustering));
}

Result<std::optional<LiveRow>> ReadView::get_static(const schema::TableDef& table, BytesView partition_key) const {
  return get_by_key(table, static_row_key(table, partition_key));
}

Result<std::optional<LiveRow>> ReadView::get_by_key(const schema::TableDef& table, BytesView key) const {
  SAGITTA_TRY(const KeyParts parts, split_key(key));
  SAGITTA_TRY(const auto bytes, store_->get(Family::kRows, key, mode_, snapshot_.get()));
  if (!bytes) return std::optional<LiveRow>();
  SAGITTA_TRY(const StoredRow stored, StoredRow::decode(*bytes));
  auto row = live_row(table, stored, parts.kind == EntryKind::kStatic, now_s_);
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
  return std::make_unique<EntryCursor>(table, store_->iterate(Family::kRows, from, to, mode_, snapshot_), now_s_,
                                       reversed);
}

std::unique_ptr<RowCursor> ReadView::scan_tokens(const schema::TableDef& table, int64_t start, int64_t end,
                                                 BytesView after) const {
  Bytes from = token_start(table.id, start);
  if (!after.empty()) from = std::max(from, just_after(after));
  Bytes to = end == INT64_MAX ? token_start(table.id + 1, INT64_MIN) : token_start(table.id, end + 1);
  if (start > end || to < from) to = from;
  return std::make_unique<EntryCursor>(table, store_->iterate(Family::kRows, from, to, mode_, snapshot_), now_s_,
                                       false);
}

}  // namespace sagitta::rows
