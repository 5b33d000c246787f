#include "sagitta/rows/row_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/rows/read_view.h"
#include "sagitta/types/value.h"

namespace sagitta::rows {
namespace {

using kv::Family;

/// The cell that an operation leaves: a value with the row's time to live, or a tombstone.
Cell make_cell(const Mutation& mutation, const RowMutation& change, const Value& value, int64_t log_s) {
  Cell cell{.timestamp_us = mutation.timestamp_us, .value = value};
  if (!value) {
    cell.deleted_s = log_s;
  } else if (change.ttl_s > 0) {
    cell.ttl_s = change.ttl_s;
    cell.expires_s = change.expires_s;
  }
  return cell;
}

/// The paths of the list's live elements, in order.
std::vector<Bytes> live_paths(const CellMap& list, int64_t now_s) {
  std::vector<Bytes> paths;
  for (const auto& [path, cell] : list.cells) {
    if (cell.is_live(now_s)) paths.push_back(path);
  }
  return paths;
}

Status set_list_element(CellMap& list, int64_t number, const Cell& cell, int64_t now_s) {
  const std::vector<Bytes> paths = live_paths(list, now_s);
  if (number < 0 || static_cast<uint64_t>(number) >= paths.size()) {
    return fail(ErrorCode::kInvalid,
                paths.empty() ? "Attempted to set an element on a list which is null"
                              : fmt::format("List index {} out of bound, list has size {}", number, paths.size()));
  }
  list.put(paths[static_cast<size_t>(number)], cell);
  return {};
}

void discard_list_elements(CellMap& list, const CellOp& op, const Cell& tombstone, int64_t now_s) {
  for (const Bytes& path : live_paths(list, now_s)) {
    const Bytes value = *list.cells[path].value;
    if (std::ranges::find(op.elements, value) != op.elements.end()) list.put(path, tombstone);
  }
}

/// Additions commute: each is applied once, in log order, whatever its timestamp.
void add_to_counter(StoredRow& row, const CellOp& op, int64_t timestamp_us) {
  const auto old = row.cells.find(op.column_id);
  if (old == row.cells.end() || !old->second.value) {
    return row.put(op.column_id, {.timestamp_us = timestamp_us, .value = types::from_int64(op.number)});
  }
  Cell& cell = old->second;
  const auto before = static_cast<uint64_t>(types::to_int64(*cell.value));
  cell.value = types::from_int64(static_cast<int64_t>(before + static_cast<uint64_t>(op.number)));
  cell.timestamp_us = std::max(timestamp_us, cell.timestamp_us);
}

/// What an assignment replaces: all that is older.
Tombstone before(int64_t timestamp_us, int64_t at_s) {
  return timestamp_us == kNoTimestamp ? Tombstone() : Tombstone{timestamp_us - 1, at_s};
}

}  // namespace

RowWriter::RowWriter(kv::Batch& batch, ApplyTime time, RowObserver observer)
    : batch_(batch), time_(time), log_s_(time.log_time_us / 1'000'000), observer_(std::move(observer)) {}

Status RowWriter::apply(const schema::TableDef& table, const Mutation& mutation) {
  const Bytes prefix = partition_prefix(table.id, mutation.partition_key);
  SAGITTA_TRY(PartitionHeader header, read_header(table, prefix));
  if (mutation.delete_partition || !mutation.deletions.empty()) {
    SAGITTA_CHECK(delete_ranges(table, mutation, prefix, header));
  }
  for (const RowMutation& change : mutation.rows) SAGITTA_CHECK(write_rows(table, mutation, change, prefix, header));
  return {};
}

// ---- entries ----

Result<PartitionHeader> RowWriter::read_header(const schema::TableDef& table, const Bytes& prefix) {
  SAGITTA_TRY(const auto bytes, batch_.row(entry_key(prefix, EntryKind::kHeader)));
  if (!bytes) return PartitionHeader();
  SAGITTA_TRY(PartitionHeader header, PartitionHeader::decode(*bytes));
  header.purge(log_s_, table.gc_grace_s());
  return header;
}

Result<StoredRow> RowWriter::read_row(const schema::TableDef& table, const Bytes& key) {
  SAGITTA_TRY(const auto bytes, batch_.row(key));
  if (!bytes) return StoredRow();
  SAGITTA_TRY(StoredRow row, StoredRow::decode(*bytes));
  row.forget_dropped(table);
  row.purge(log_s_, table.gc_grace_s());
  return row;
}

void RowWriter::write_row(const schema::TableDef& table, const Bytes& key, const StoredRow& row, bool is_static) {
  if (row.is_empty()) {
    batch_.remove(Family::kRows, key);
  } else {
    Bytes encoded;
    row.encode(encoded);
    batch_.put(Family::kRows, key, encoded);
  }
  if (table.indexes.empty() || is_static) return;
  const auto live = live_row(table, row, false, log_s_);
  observer_(table, key, live ? &*live : nullptr);
}

// ---- deletions ----

Status RowWriter::delete_ranges(const schema::TableDef& table, const Mutation& mutation, const Bytes& prefix,
                                PartitionHeader& header) {
  const Tombstone tombstone{mutation.timestamp_us, log_s_};
  if (mutation.delete_partition) {
    header.deletion.merge(tombstone);
    SAGITTA_CHECK(shadow_rows(table, entry_key(prefix, EntryKind::kStatic), types::after_prefix(prefix), tombstone));
  }
  for (const RangeDeletion& deletion : mutation.deletions) {
    const types::Interval interval =
        interval_of(table, {deletion.start, deletion.end, deletion.start_inclusive, deletion.end_inclusive});
    const Bytes to =
        interval.to.empty() ? types::after_prefix(prefix) : entry_key(prefix, EntryKind::kRow, interval.to);
    SAGITTA_CHECK(shadow_rows(table, entry_key(prefix, EntryKind::kRow, interval.from), to, tombstone));
    SAGITTA_CHECK(header.add({interval, tombstone}));
  }
  header.purge(log_s_, table.gc_grace_s());
  const Bytes key = entry_key(prefix, EntryKind::kHeader);
  if (header.is_empty()) {
    batch_.remove(Family::kRows, key);
    return {};
  }
  Bytes encoded;
  header.encode(encoded);
  batch_.put(Family::kRows, key, encoded);
  return {};
}

Status RowWriter::shadow_rows(const schema::TableDef& table, const Bytes& from, const Bytes& to,
                              const Tombstone& tombstone) {
  SAGITTA_TRY(const std::vector<Bytes> keys, batch_.row_keys(from, to));
  for (const Bytes& key : keys) {
    SAGITTA_TRY(const KeyParts parts, split_key(key));
    SAGITTA_TRY(StoredRow row, read_row(table, key));
    row.shadow(tombstone);
    write_row(table, key, row, parts.kind == EntryKind::kStatic);
  }
  return {};
}

// ---- rows ----

Status RowWriter::write_rows(const schema::TableDef& table, const Mutation& mutation, const RowMutation& change,
                             const Bytes& prefix, const PartitionHeader& header) {
  const Bytes clustering = encode_clustering(table, change.clustering);
  const Bytes key = entry_key(prefix, change.is_static ? EntryKind::kStatic : EntryKind::kRow, clustering);
  SAGITTA_TRY(StoredRow row, read_row(table, key));
  if (change.delete_row) row.deletion.merge({mutation.timestamp_us, log_s_});
  if (change.insert_marker) {
    const bool expires = change.ttl_s > 0;
    row.put(Marker{mutation.timestamp_us, expires ? change.ttl_s : 0, expires ? change.expires_s : 0});
  }
  for (const CellOp& op : change.cells) SAGITTA_CHECK(apply_cell(table, mutation, change, op, row));
  row.shadow(change.is_static ? header.deletion : header.covering(clustering));
  write_row(table, key, row, change.is_static);
  return {};
}

Status RowWriter::apply_cell(const schema::TableDef& table, const Mutation& mutation, const RowMutation& change,
                             const CellOp& op, StoredRow& row) const {
  // A column that was dropped since the statement was bound takes nothing.
  if (table.find_column(op.column_id) == nullptr) return {};
  switch (op.kind) {
    case CellOp::Kind::kSet: row.put(op.column_id, make_cell(mutation, change, op.value, log_s_)); return {};
    case CellOp::Kind::kSetElement:
      row.maps[op.column_id].put(op.path, make_cell(mutation, change, op.value, log_s_));
      return {};
    case CellOp::Kind::kClear: row.maps[op.column_id].shadow(before(mutation.timestamp_us, log_s_)); return {};
    case CellOp::Kind::kDelete: row.maps[op.column_id].shadow({mutation.timestamp_us, log_s_}); return {};
    case CellOp::Kind::kListSet:
      return set_list_element(row.maps[op.column_id], op.number, make_cell(mutation, change, op.value, log_s_), log_s_);
    case CellOp::Kind::kListDiscard:
      discard_list_elements(row.maps[op.column_id], op, make_cell(mutation, change, std::nullopt, log_s_), log_s_);
      return {};
    case CellOp::Kind::kAdd: add_to_counter(row, op, mutation.timestamp_us); return {};
  }
  return fail(ErrorCode::kFormat, fmt::format("cell operation {} is unknown", static_cast<int>(op.kind)));
}

}  // namespace sagitta::rows
