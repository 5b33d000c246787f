#include "sagitta/rows/row_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sagitta/rows/read_view.h"
#include "sagitta/types/value.h"

namespace sagitta::rows {

RowWriter::RowWriter(kv::Batch& batch, SweepBook& sweeps, const SweepLimits& limits, ApplyTime time,
                     RowObserver observer, CellObserver* cells)
    : batch_(batch),
      sweeps_(sweeps),
      limits_(limits),
      entries_(batch, sweeps),
      time_(time),
      log_s_(time.log_time_us / 1'000'000),
      observer_(std::move(observer)),
      cells_(cells),
      at_once_left_(limits.at_once) {}

Status RowWriter::apply(const schema::TableDef& table, Mutation mutation) {
  SAGITTA_CHECK(enter(table, mutation.partition_key));
  if (mutation.delete_partition || !mutation.deletions.empty()) SAGITTA_CHECK(delete_ranges(table, mutation));
  for (RowMutation& change : mutation.rows) {
    SAGITTA_CHECK(write_rows(table, mutation.timestamp_us, std::move(change)));
  }
  return {};
}

Result<RowEdit::Whole> RowWriter::read(const schema::TableDef& table, BytesView partition_key,
                                       const RowCondition& condition) {
  SAGITTA_CHECK(enter(table, partition_key));
  const bool is_static = condition.is_static;
  const Bytes clustering = is_static ? Bytes() : encode_clustering(table, condition.clustering);
  Tombstone strongest = partition_->header.deletion;
  if (!is_static) {
    SAGITTA_TRY(strongest, covering(table, clustering));
  }
  const Bytes key = entry_key(partition_->prefix, is_static ? EntryKind::kStatic : EntryKind::kRow, clustering);
  SAGITTA_TRY(RowEdit::Whole whole, read_whole(table, key));
  whole.newest_us = std::max(whole.newest_us, strongest.timestamp_us);
  return whole;
}

Result<RowEdit::Whole> RowWriter::read_whole(const schema::TableDef& table, const Bytes& key) {
  SAGITTA_TRY(const KeyParts parts, split_key(key));
  const bool is_static = parts.kind == EntryKind::kStatic;
  SAGITTA_TRY(RowEdit::Whole whole, RowEdit(entries_, table, key, log_s_).whole(is_static));
  if (!whole.row) return whole;
  SAGITTA_TRY(whole.row->partition, decode_partition(table, parts));
  if (!is_static) {
    SAGITTA_TRY(whole.row->clustering, decode_clustering(table, parts.clustering));
  }
  return whole;
}

Result<std::optional<LiveRow>> RowWriter::first_row(const schema::TableDef& table, BytesView partition_key) {
  const Bytes from = entry_key(partition_prefix(table.id, partition_key), EntryKind::kRow);
  SAGITTA_TRY(const auto keys, entries_.keys_between(from, types::after_prefix(from), kFirstRowsTried));
  for (const Bytes& key : keys) {
    SAGITTA_TRY(RowEdit::Whole whole, read_whole(table, key));
    if (whole.row) return std::move(whole.row);
  }
  return std::optional<LiveRow>();
}

uint64_t RowWriter::deletions_decoded() const {
  return deletions_decoded_ + (partition_ && partition_->deletions ? partition_->deletions->decoded() : 0);
}

// ---- the partition ----

Status RowWriter::enter(const schema::TableDef& table, BytesView partition_key) {
  Bytes prefix = partition_prefix(table.id, partition_key);
  if (partition_ && partition_->prefix == prefix) return {};
  deletions_decoded_ = deletions_decoded();
  partition_.emplace(std::move(prefix));
  SAGITTA_TRY(const auto bytes, entries_.read(entry_key(partition_->prefix, EntryKind::kHeader)));
  if (!bytes) return {};
  SAGITTA_TRY(partition_->header, PartitionHeader::decode(*bytes));
  deletions_decoded_ += partition_->header.old_ranges.size();
  partition_->header.purge(log_s_, table.gc_grace_s());
  return partition_->header.old_ranges.empty() ? Status() : move_old_ranges(table);
}

/// Few partitions have any.
PartitionDeletions& RowWriter::deletions(const schema::TableDef& table) {
  auto& deletions = partition_->deletions;
  if (!deletions) deletions.emplace(entries_, partition_->prefix, log_s_, table.gc_grace_s());
  return *deletions;
}

Status RowWriter::move_old_ranges(const schema::TableDef& table) {
  PartitionHeader& header = partition_->header;
  header.ranges_at_s = log_s_;
  for (const RangeTombstone& range : std::exchange(header.old_ranges, {})) {
    SAGITTA_CHECK(deletions(table).add(range));
  }
  write_header();
  return {};
}

void RowWriter::write_header() {
  PartitionHeader& header = partition_->header;
  const Bytes key = entry_key(partition_->prefix, EntryKind::kHeader);
  header.epoch = entries_.sweeps().epoch(key);
  if (header.is_empty()) return entries_.remove(key);
  Bytes encoded;
  header.encode(encoded);
  entries_.write(key, encoded);
}

/// What the rows of the partition with this clustering key are under.
Result<Tombstone> RowWriter::covering(const schema::TableDef& table, const Bytes& clustering) {
  Tombstone strongest = partition_->header.deletion;
  if (!partition_->header.ranges_at_s) return strongest;
  SAGITTA_TRY(const Tombstone of_range, deletions(table).covering(clustering));
  strongest.merge(of_range);
  return strongest;
}

RowEdit RowWriter::edit(const schema::TableDef& table, Bytes key) {
  CellObserver* cells = cells_ != nullptr && cells_->wants(table) ? cells_ : nullptr;
  return {entries_, table, std::move(key), log_s_, cells};
}

Result<Bytes> RowWriter::show_some(const schema::TableDef& table, const Bytes& from, const Bytes& to, size_t limit) {
  SAGITTA_TRY(const auto places, entries_.all_between(from + '\0', to, limit));
  for (const auto& [key, epoch] : places) {
    const auto parts = split_key(key);
    const bool is_row = parts && (parts->kind == EntryKind::kRow || parts->kind == EntryKind::kStatic);
    if (is_row) SAGITTA_CHECK(edit(table, key).show());
  }
  return places.size() < limit ? Bytes() : places.back().key;
}

Status RowWriter::finish(const schema::TableDef& table, RowEdit& edit, bool is_static) {
  SAGITTA_CHECK(edit.write());
  if (table.indexes.empty() || is_static) return {};
  observer_(table, edit.key(), live_row(table, edit.take(), false, log_s_));
  return {};
}

// ---- deletions ----

Status RowWriter::delete_ranges(const schema::TableDef& table, const Mutation& mutation) {
  const Bytes& prefix = partition_->prefix;
  PartitionHeader& header = partition_->header;
  const Tombstone tombstone{mutation.timestamp_us, log_s_};
  if (mutation.delete_partition) {
    header.deletion.merge(tombstone);
    SAGITTA_CHECK(carry_out(&table, {.from = entry_key(prefix, EntryKind::kStatic),
                                     .to = entry_key(prefix, EntryKind::kDeletions),
                                     .tombstone = tombstone}));
  }
  for (const RangeDeletion& deletion : mutation.deletions) {
    const types::Interval interval =
        interval_of(table, {deletion.start, deletion.end, deletion.start_inclusive, deletion.end_inclusive});
    const Bytes to = interval.to.empty() ? entry_key(prefix, EntryKind::kDeletions)
                                         : entry_key(prefix, EntryKind::kRow, interval.to);
    SAGITTA_CHECK(carry_out(
        &table, {.from = entry_key(prefix, EntryKind::kRow, interval.from), .to = to, .tombstone = tombstone}));
    header.ranges_at_s = log_s_;
    SAGITTA_CHECK(deletions(table).add({interval, tombstone}));
  }
  header.purge(log_s_, table.gc_grace_s());
  write_header();
  return {};
}

Status RowWriter::remove_all(const Bytes& from, const Bytes& to) {
  return carry_out(nullptr, {.from = from, .to = to});
}

/// As far as it may at once; the rest from then on.
Status RowWriter::carry_out(const schema::TableDef* table, Sweep sweep) {
  // It takes what all before it have written, and nothing that is written from here on is in its
  // way.
  sweep.number = std::numeric_limits<uint64_t>::max();
  const bool all_at_once = sweeps_.current()->all().size() >= limits_.sweeps_max;
  SAGITTA_TRY(sweep.from, take_some(table, sweep, all_at_once ? SIZE_MAX : at_once_left_));
  if (!sweep.from.empty()) sweeps_.begin(std::move(sweep), batch_);
  return {};
}

Status RowWriter::go_on(const schema::TableDef* table, const Sweep& sweep) {
  Bytes from;
  // Of a dropped table all entries go by the sweep that its drop began.
  if (table != nullptr || sweep.takes_all()) {
    SAGITTA_TRY(from, take_some(table, sweep, limits_.step));
  }
  if (from.empty()) {
    sweeps_.end(sweep.number, batch_);
  } else {
    sweeps_.go_on(sweep.number, from, batch_);
  }
  return {};
}

/// Of the first `limit` entries; returns where the others begin, nothing when there are none.
Result<Bytes> RowWriter::take_some(const schema::TableDef* table, const Sweep& sweep, size_t limit) {
  if (limit == 0) return sweep.from;
  SAGITTA_TRY(const auto places, entries_.all_between(sweep.from, sweep.to, limit));
  for (const auto& [key, epoch] : places) {
    if (epoch < sweep.number) SAGITTA_CHECK(take(table, sweep, key));
  }
  at_once_left_ -= std::min(at_once_left_, places.size());
  return places.size() < limit ? Bytes() : places.back().key + '\0';
}

Status RowWriter::take(const schema::TableDef* table, const Sweep& sweep, const Bytes& key) {
  if (sweep.takes_all()) {
    entries_.remove(key);
    return {};
  }
  SAGITTA_TRY(const KeyParts parts, split_key(key));
  RowEdit row = edit(*table, key);
  SAGITTA_CHECK(row.read());
  SAGITTA_CHECK(row.shadow(sweep.tombstone));
  return finish(*table, row, parts.kind == EntryKind::kStatic);
}

Status RowWriter::write_rows(const schema::TableDef& table, int64_t timestamp_us, RowMutation change) {
  const Bytes clustering = encode_clustering(table, change.clustering);
  const EntryKind kind = change.is_static ? EntryKind::kStatic : EntryKind::kRow;
  RowEdit row = edit(table, entry_key(partition_->prefix, kind, clustering));
  SAGITTA_CHECK(row.read());
  Tombstone strongest = partition_->header.deletion;
  if (!change.is_static) {
    SAGITTA_TRY(strongest, covering(table, clustering));
  }
  const bool is_static = change.is_static;
  SAGITTA_CHECK(row.apply(timestamp_us, std::move(change), strongest));
  return finish(table, row, is_static);
}

}  // namespace sagitta::rows
