#include "sagitta/rows/row_edit.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/types/value.h"

namespace sagitta::rows {
namespace {

/// The buffer of a longer row is given back.
constexpr size_t kEncodedBytesKept = size_t{1} << 20;

/// The cell that an operation leaves: its value, which is taken, with the row's time to live, or a
/// tombstone.
Cell make_cell(int64_t timestamp_us, const RowMutation& change, CellOp& op, int64_t log_s) {
  Cell cell{.timestamp_us = timestamp_us};
  if (op.kind != CellOp::Kind::kListDiscard) cell.value = std::move(op.value);
  if (!cell.value) {
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

Status out_of_bounds(int64_t number, size_t size, bool deletes) {
  if (size > 0) {
    return fail(ErrorCode::kInvalid, fmt::format("List index {} out of bound, list has size {}", number, size));
  }
  return fail(ErrorCode::kInvalid, deletes ? "Attempted to delete an element from a list which is null"
                                           : "Attempted to set an element on a list which is null");
}

/// What a list is to lose, in order.
std::vector<BytesView> sorted(const std::vector<Bytes>& elements) {
  std::vector<BytesView> out(elements.begin(), elements.end());
  std::ranges::sort(out);
  return out;
}

Status set_list_element(CellMap& list, int64_t number, const Cell& cell, int64_t now_s) {
  std::vector<Bytes> paths = live_paths(list, now_s);
  if (number < 0 || static_cast<uint64_t>(number) >= paths.size()) {
    return out_of_bounds(number, paths.size(), !cell.value);
  }
  list.put(std::move(paths[static_cast<size_t>(number)]), cell);
  return {};
}

void discard_list_elements(CellMap& list, const CellOp& op, const Cell& tombstone, int64_t now_s) {
  const std::vector<BytesView> lost = sorted(op.elements);
  for (const Bytes& path : live_paths(list, now_s)) {
    if (std::ranges::binary_search(lost, BytesView(*list.cells[path].value))) list.put(path, tombstone);
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

/// Keeps the later of two moments of expiry; 0 is never.
void keep_later(int64_t& expires_s, int64_t other_s) {
  expires_s = expires_s == 0 || other_s == 0 ? 0 : std::max(expires_s, other_s);
}

/// Up to when something exists: seconds since the epoch, 0 = for ever; nothing for what does not.
class Lifetime {
 public:
  void add(int64_t expires_s) { until_s_ ? keep_later(*until_s_, expires_s) : void(until_s_ = expires_s); }
  void add(const std::map<Bytes, Cell>& cells) {
    for (const auto& [path, cell] : cells) add(cell);
  }
  void add(const Cell& cell) {
    if (cell.value) add(cell.expires_s);
  }
  bool is_for_ever() const { return until_s_ == 0; }
  const std::optional<int64_t>& until_s() const { return until_s_; }

 private:
  std::optional<int64_t> until_s_;
};

/// Whether an index wants to know how long rows exist.
bool has_index_on_key(const schema::TableDef& table) {
  return std::ranges::any_of(table.indexes, [&](const schema::IndexDef& index) {
    const schema::ColumnDef* column = table.find_column(index.column_id);
    return column != nullptr && column->is_key();
  });
}

/// Of a row without its columns that are apart. A static row exists by its cells alone.
Lifetime lifetime_of(const StoredRow& row, bool is_static) {
  Lifetime lifetime;
  if (row.marker.is_set() && !is_static) lifetime.add(row.marker.expires_s);
  for (const auto& [id, cell] : row.cells) lifetime.add(cell);
  for (const auto& [id, map] : row.maps) lifetime.add(map.cells);
  return lifetime;
}

int64_t newest_us(const StoredRow& row) {
  int64_t newest = std::max(row.marker.timestamp_us, row.deletion.timestamp_us);
  const auto add = [&](int64_t timestamp_us) { newest = std::max(newest, timestamp_us); };
  for (const auto& [id, cell] : row.cells) add(cell.timestamp_us);
  for (const auto& [id, map] : row.maps) {
    add(map.deletion.timestamp_us);
    for (const auto& [path, cell] : map.cells) add(cell.timestamp_us);
  }
  return newest;
}

/// What an assignment replaces: all that is older.
Tombstone before(int64_t timestamp_us, int64_t at_s) {
  return timestamp_us == kNoTimestamp ? Tombstone() : Tombstone{timestamp_us - 1, at_s};
}

}  // namespace

Status RowEdit::read() {
  if (observer_ != nullptr) observer_->begin_row(table_, key_);
  SAGITTA_TRY(const auto bytes, entries_.read(key_));
  if (!bytes) return {};
  SAGITTA_TRY(row_, StoredRow::decode(*bytes));
  tell_all(true);
  tell_existed();
  SAGITTA_CHECK(forget_dropped());
  row_.purge(log_s_, table_.gc_grace_s());
  if (entries_.sweeps().is_empty()) return {};
  const Tombstone lost = entries_.sweeps().over(key_, row_.epoch);
  return lost.is_set() ? shadow(lost) : Status();
}

bool RowEdit::is_static() const {
  const auto parts = split_key(key_);
  return parts && parts->kind == EntryKind::kStatic;
}

/// The cells that are in the row.
void RowEdit::tell_all(bool before) {
  if (observer_ == nullptr) return;
  for (const auto& [id, cell] : row_.cells) {
    before ? observer_->was(id, {}, cell) : observer_->is(id, {}, cell);
  }
  for (const auto& [id, map] : row_.maps) tell(id, map.cells, before);
}

void RowEdit::tell_existed() {
  if (observer_ == nullptr || !has_index_on_key(table_)) return;
  const Lifetime lifetime = lifetime_of(row_, is_static());
  if (!row_.apart.empty() && !lifetime.is_for_ever()) return observer_->existed(std::nullopt);
  if (lifetime.until_s()) observer_->existed(lifetime.until_s());
}

/// Columns that are apart are read where the row may live by them alone.
Status RowEdit::tell_exists() {
  if (observer_ == nullptr || !has_index_on_key(table_)) return {};
  Lifetime lifetime = lifetime_of(row_, is_static());
  for (const auto& [id, column] : row_.apart) {
    if (lifetime.is_for_ever()) break;
    SAGITTA_TRY(const ApartCells cells, apart_cells(id));
    SAGITTA_TRY(const auto all, cells.all());
    lifetime.add(all);
  }
  if (lifetime.until_s()) observer_->exists(*lifetime.until_s());
  return {};
}

void RowEdit::tell(uint32_t column_id, const std::map<Bytes, Cell>& cells, bool before) {
  if (observer_ == nullptr) return;
  for (const auto& [path, cell] : cells) {
    before ? observer_->was(column_id, path, cell) : observer_->is(column_id, path, cell);
  }
}

Result<RowEdit::Whole> RowEdit::whole(bool is_static) {
  SAGITTA_TRY(const auto bytes, entries_.read(key_));
  if (!bytes) return Whole();
  SAGITTA_TRY(row_, StoredRow::decode(*bytes));
  for (const auto& [id, column] : std::exchange(row_.apart, {})) {
    SAGITTA_TRY(const ApartCells cells, apart_cells(id));
    CellMap& map = row_.maps[id];
    map.deletion = column.deletion;
    SAGITTA_TRY(map.cells, cells.all());
  }
  if (!entries_.sweeps().is_empty()) row_.shadow(entries_.sweeps().over(key_, row_.epoch));
  Whole whole{.row = {}, .newest_us = newest_us(row_)};
  whole.row = live_row(table_, std::move(row_), is_static, log_s_);
  return whole;
}

Status RowEdit::show() {
  SAGITTA_CHECK(read());
  observer_->begin_row(table_, key_);  // as if nothing had been there
  for (const auto& [id, column] : row_.apart) {
    SAGITTA_TRY(const ApartCells cells, apart_cells(id));
    SAGITTA_TRY(const auto all, cells.all());
    tell(id, all, false);
  }
  // Reading may have taken cells out of their pages.
  if (table_.has_revived || !entries_.sweeps().is_empty()) return write();
  tell_all(false);
  SAGITTA_CHECK(tell_exists());
  observer_->end_row();
  return {};
}

/// What columns had before they were dropped.
Status RowEdit::forget_dropped() {
  if (!table_.has_revived) return {};
  for (const schema::ColumnDef& column : table_.columns) {
    const auto apart = row_.apart.find(column.id);
    const Tombstone dropped{column.dropped_us, 0};
    if (apart != row_.apart.end() && dropped.covers(apart->second.oldest_us)) {
      SAGITTA_CHECK(move_back(column.id, dropped));
    }
  }
  row_.forget_dropped(table_);
  return {};
}

Status RowEdit::write() {
  SAGITTA_CHECK(move_large_apart());
  tell_all(false);
  SAGITTA_CHECK(tell_exists());
  if (observer_ != nullptr) observer_->end_row();
  if (row_.is_empty()) {
    entries_.remove(key_);
    return {};
  }
  row_.epoch = entries_.sweeps().epoch(key_);
  // One a thread, as the batch copies it.
  static thread_local Bytes encoded;
  encoded.clear();
  row_.encode(encoded);
  entries_.write(key_, encoded);
  if (encoded.capacity() > kEncodedBytesKept) Bytes().swap(encoded);
  return {};
}

Status RowEdit::apply(int64_t timestamp_us, RowMutation change, const Tombstone& covering) {
  if (change.delete_row) row_.deletion.merge({timestamp_us, log_s_});
  if (change.insert_marker) {
    const bool expires = change.ttl_s > 0;
    row_.put(Marker{timestamp_us, expires ? change.ttl_s : 0, expires ? change.expires_s : 0});
  }
  for (CellOp& op : change.cells) {
    // A column that was dropped since the statement was bound takes nothing.
    if (table_.find_column(op.column_id) == nullptr) continue;
    Cell cell = make_cell(timestamp_us, change, op, log_s_);
    const bool is_apart = row_.apart.contains(op.column_id);
    SAGITTA_CHECK(is_apart ? apply_apart(op, cell, covering) : apply(std::move(op), std::move(cell)));
  }
  return shadow(covering);
}

Status RowEdit::shadow(const Tombstone& tombstone) {
  Tombstone strongest = row_.deletion;
  strongest.merge(tombstone);
  std::vector<uint32_t> covered;
  for (const auto& [id, column] : row_.apart) {
    if (strongest.covers(column.oldest_us)) covered.push_back(id);
  }
  for (const uint32_t id : covered) SAGITTA_CHECK(move_back(id, strongest));
  row_.shadow(tombstone);
  return {};
}

Status RowEdit::apply(CellOp op, Cell cell) {
  switch (op.kind) {
    case CellOp::Kind::kSet: row_.put(op.column_id, std::move(cell)); return {};
    case CellOp::Kind::kSetElement: row_.maps[op.column_id].put(std::move(op.path), std::move(cell)); return {};
    case CellOp::Kind::kClear: row_.maps[op.column_id].shadow(before(cell.timestamp_us, log_s_)); return {};
    case CellOp::Kind::kDelete: row_.maps[op.column_id].shadow({cell.timestamp_us, log_s_}); return {};
    case CellOp::Kind::kListSet: return set_list_element(row_.maps[op.column_id], op.number, cell, log_s_);
    case CellOp::Kind::kListDiscard: discard_list_elements(row_.maps[op.column_id], op, cell, log_s_); return {};
    case CellOp::Kind::kAdd: add_to_counter(row_, op, cell.timestamp_us); return {};
  }
  return fail(ErrorCode::kFormat, fmt::format("cell operation {} is unknown", static_cast<int>(op.kind)));
}

// ---- columns that are apart ----

Result<ApartCells> RowEdit::apart_cells(uint32_t column_id) {
  SAGITTA_TRY(Bytes base, cells_base(key_, column_id));
  return ApartCells(entries_, std::move(base), log_s_, table_.gc_grace_s());
}

Status RowEdit::move_large_apart() {
  std::vector<uint32_t> large;
  for (const auto& [id, map] : row_.maps) {
    if (is_large(map.cells)) large.push_back(id);
  }
  for (const uint32_t id : large) {
    const CellMap map = std::move(row_.maps.extract(id).mapped());
    ApartColumn column{map.deletion, map.cells.begin()->second.timestamp_us, map.cells.begin()->second.timestamp_us};
    for (const auto& [path, cell] : map.cells) column.extend(cell.timestamp_us);
    row_.apart[id] = column;
    SAGITTA_TRY(ApartCells cells, apart_cells(id));
    cells.write_all(map.cells);
    tell(id, map.cells, false);
  }
  return {};
}

/// Back into the row, where the tombstone is going to meet them; those that it covers need not be
/// read for that, but for an observer.
Status RowEdit::move_back(uint32_t column_id, const Tombstone& tombstone) {
  const ApartColumn column = row_.apart.extract(column_id).mapped();
  SAGITTA_TRY(ApartCells cells, apart_cells(column_id));
  CellMap map{.deletion = column.deletion};
  const bool stays = !tombstone.covers(column.newest_us);
  if (stays || observer_ != nullptr) {
    SAGITTA_TRY(map.cells, cells.all());
    tell(column_id, map.cells, true);
  }
  if (!stays) map.cells.clear();
  if (!map.cells.empty() || map.deletion.is_set()) row_.maps[column_id] = std::move(map);
  return cells.remove_all();
}

Status RowEdit::apply_apart(const CellOp& op, const Cell& cell, const Tombstone& covering) {
  switch (op.kind) {
    case CellOp::Kind::kSetElement: return put_apart(op.column_id, {op.path}, cell, covering);
    case CellOp::Kind::kListSet: return set_apart_element(op, cell, covering);
    case CellOp::Kind::kListDiscard: return discard_apart_elements(op, cell, covering);
    case CellOp::Kind::kClear: return shadow_apart(op.column_id, before(cell.timestamp_us, log_s_));
    case CellOp::Kind::kDelete: return shadow_apart(op.column_id, {cell.timestamp_us, log_s_});
    case CellOp::Kind::kSet:
    case CellOp::Kind::kAdd: break;
  }
  return fail(ErrorCode::kCorruption, fmt::format("a column of single cells, {}, is kept as many", op.column_id));
}

Status RowEdit::shadow_apart(uint32_t column_id, const Tombstone& tombstone) {
  ApartColumn& column = row_.apart[column_id];
  if (!tombstone.covers(column.oldest_us)) {
    column.deletion.merge(tombstone);
    return {};
  }
  SAGITTA_CHECK(move_back(column_id, tombstone));
  row_.maps[column_id].shadow(tombstone);
  return {};
}

/// What is covered by a deletion never gets in.
Status RowEdit::put_apart(uint32_t column_id, const std::vector<Bytes>& paths, const Cell& cell,
                          const Tombstone& covering) {
  ApartColumn& column = row_.apart[column_id];
  Tombstone strongest = covering;
  strongest.merge(row_.deletion);
  strongest.merge(column.deletion);
  if (paths.empty() || strongest.covers(cell.timestamp_us)) return {};
  column.extend(cell.timestamp_us);
  SAGITTA_TRY(ApartCells cells, apart_cells(column_id));
  for (const Bytes& path : paths) {
    SAGITTA_TRY(const std::optional<Cell> before, cells.put(path, cell));
    if (observer_ == nullptr) continue;
    if (before) observer_->was(column_id, path, *before);
    observer_->is(column_id, path, before && !wins(cell, *before) ? *before : cell);
  }
  return {};
}

Status RowEdit::set_apart_element(const CellOp& op, const Cell& cell, const Tombstone& covering) {
  SAGITTA_TRY(const ApartCells cells, apart_cells(op.column_id));
  std::optional<Bytes> found;
  int64_t live = 0;
  SAGITTA_CHECK(cells.visit([&](const Bytes& path, const Cell& old) {
    if (!old.is_live(log_s_)) return true;
    if (live == op.number) found = path;
    ++live;
    return !found;
  }));
  if (!found) return out_of_bounds(op.number, static_cast<size_t>(live), !cell.value);
  return put_apart(op.column_id, {*found}, cell, covering);
}

Status RowEdit::discard_apart_elements(const CellOp& op, const Cell& cell, const Tombstone& covering) {
  SAGITTA_TRY(const ApartCells cells, apart_cells(op.column_id));
  const std::vector<BytesView> lost = sorted(op.elements);
  std::vector<Bytes> paths;
  SAGITTA_CHECK(cells.visit([&](const Bytes& path, const Cell& old) {
    if (old.is_live(log_s_) && std::ranges::binary_search(lost, BytesView(*old.value))) paths.push_back(path);
    return true;
  }));
  return put_apart(op.column_id, paths, cell, covering);
}

}  // namespace sagitta::rows
