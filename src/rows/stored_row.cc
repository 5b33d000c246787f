#include "sagitta/rows/stored_row.h"

#include <algorithm>
#include <limits>

#include "sagitta/base/assert.h"
#include "sagitta/types/value.h"

#include "stored_codec.h"

namespace sagitta::rows {
namespace {

/// Of rows without an epoch or columns that are apart: as all were first.
constexpr uint8_t kPlainRowFormat = 1;
constexpr uint8_t kRowFormat = 2;

/// Sections of a row.
constexpr uint8_t kHasMarker = 1;
constexpr uint8_t kMarkerExpires = 2;
constexpr uint8_t kHasDeletion = 4;
constexpr uint8_t kRowFlags = kHasMarker | kMarkerExpires | kHasDeletion;

/// Cells expiring and tombstones end somewhere in time; the tie rules look at that first.
int64_t ends_s(const Cell& cell) { return cell.value ? cell.expires_s : cell.deleted_s; }

std::optional<Marker> decode_marker(ByteReader& in, bool expires) {
  Marker marker;
  const auto timestamp = in.signed_varint();
  if (!timestamp || *timestamp == kNoTimestamp) return std::nullopt;
  marker.timestamp_us = *timestamp;
  if (expires && !decode_expiry(in, marker.ttl_s, marker.expires_s)) return std::nullopt;
  return marker;
}

std::optional<CellMap> decode_cell_map(ByteReader& in) {
  CellMap map;
  const auto deletion = decode_tombstone(in);
  if (!deletion || !decode_cells(in, map.cells)) return std::nullopt;
  map.deletion = *deletion;
  return map;
}

std::optional<ApartColumn> decode_apart_column(ByteReader& in) {
  const auto deletion = decode_tombstone(in);
  const auto oldest_us = in.signed_varint(), newest_us = in.signed_varint();
  if (!deletion || !oldest_us || !newest_us) return std::nullopt;
  return ApartColumn{*deletion, *oldest_us, *newest_us};
}

/// A column's id; nothing unless it is larger than all of `entries`, which it will join.
template <class Entries>
std::optional<uint32_t> decode_column_id(ByteReader& in, const Entries& entries) {
  const auto id = in.varint();
  if (!id || *id > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  if (!entries.empty() && *id <= entries.rbegin()->first) return std::nullopt;
  return static_cast<uint32_t>(*id);
}

/// A count and the columns by id, each read by `decode`; whether they could be read.
template <class Columns, class Decode>
bool decode_columns(ByteReader& in, Columns& columns, Decode decode) {
  const auto count = in.varint();
  if (!count) return false;
  for (uint64_t i = 0; i < *count; ++i) {
    const auto id = decode_column_id(in, columns);
    auto column = id ? decode(in) : std::nullopt;
    if (!column) return false;
    columns.emplace_hint(columns.end(), *id, std::move(*column));
  }
  return true;
}

/// Flags, marker and deletion; whether they could be read.
bool decode_liveness(ByteReader& in, StoredRow& row) {
  const auto flags = in.big<uint8_t>();
  if (!flags || (*flags & ~kRowFlags) != 0) return false;
  if ((*flags & kHasMarker) != 0) {
    const auto marker = decode_marker(in, (*flags & kMarkerExpires) != 0);
    if (!marker) return false;
    row.marker = *marker;
  }
  if ((*flags & kHasDeletion) == 0) return true;
  const auto deletion = decode_tombstone(in);
  if (!deletion || !deletion->is_set()) return false;
  row.deletion = *deletion;
  return true;
}

/// Cells of a multi-cell column by their paths.
using Entries = std::vector<std::pair<const Bytes, Cell>*>;

CellTime time_of(const Cell& cell) { return {cell.timestamp_us, cell.expires_s}; }

/// By key, in its type's order; of equal keys the one whose bytes are larger.
void sort_by_key(const types::DataType& key, Entries& entries) {
  const auto order = [&](const auto* a, const auto* b) { return types::compare(key, a->first, b->first); };
  std::ranges::stable_sort(entries, [&](const auto* a, const auto* b) { return order(a, b) < 0; });
  const auto equal = [&](const auto* a, const auto* b) { return order(a, b) == 0; };
  const auto rest = std::unique(entries.rbegin(), entries.rend(), equal);
  entries.erase(entries.begin(), rest.base());
}

void pack_fields(const types::DataType& type, const Entries& entries, LiveCell& whole) {
  std::vector<Value> fields(type.parameters().size());
  whole.elements.resize(fields.size());
  for (auto* entry : entries) {
    auto& [path, cell] = *entry;
    const size_t field = path.size() == 2 ? get_big<uint16_t>(path.data()) : fields.size();
    if (field >= fields.size()) continue;
    whole.elements[field] = time_of(cell);
    fields[field] = std::move(cell.value);
  }
  whole.value = types::pack_tuple(fields);
}

void pack_collection(const types::DataType& type, Entries& entries, LiveCell& whole) {
  const types::Kind kind = type.kind();
  if (kind != types::Kind::kList) sort_by_key(*type.key(), entries);
  std::vector<Bytes> elements;
  elements.reserve(entries.size() * type.parameters().size());
  whole.elements.reserve(entries.size());
  for (auto* entry : entries) {
    auto& [path, cell] = *entry;
    whole.elements.push_back(time_of(cell));
    if (kind != types::Kind::kList) elements.push_back(path);
    if (kind != types::Kind::kSet) elements.push_back(*std::move(cell.value));
  }
  whole.value = types::pack_elements(type, elements);
}

/// The packed whole of a multi-cell column; nothing when no cell of it lives.
std::optional<LiveCell> live_whole(const schema::ColumnDef& column, CellMap map, int64_t now_s) {
  Entries live;
  LiveCell whole{.column_id = column.id};
  for (auto& entry : map.cells) {
    const Cell& cell = entry.second;
    if (!cell.is_live(now_s) || cell.timestamp_us <= column.dropped_us) continue;
    live.push_back(&entry);
    whole.timestamp_us = std::max(whole.timestamp_us, cell.timestamp_us);
  }
  if (live.empty()) return std::nullopt;
  if (column.type->kind() == types::Kind::kUdt) {
    pack_fields(*column.type, live, whole);
  } else {
    pack_collection(*column.type, live, whole);
  }
  return whole;
}

}  // namespace

bool wins(const Cell& a, const Cell& b) {
  if (a.timestamp_us != b.timestamp_us) return a.timestamp_us > b.timestamp_us;
  const bool a_ends = ends_s(a) != 0 || !a.value, b_ends = ends_s(b) != 0 || !b.value;
  if (a_ends != b_ends) return a_ends;
  if (a_ends) {
    if (a.value.has_value() != b.value.has_value()) return !a.value;
    if (ends_s(a) != ends_s(b)) return ends_s(a) > ends_s(b);
  }
  return a.value.value_or(Bytes()) >= b.value.value_or(Bytes());
}

void CellMap::put(Bytes path, Cell cell) {
  if (deletion.covers(cell.timestamp_us)) return;
  const auto [place, is_new] = cells.try_emplace(std::move(path), std::move(cell));
  if (!is_new && wins(cell, place->second)) place->second = std::move(cell);
}

void CellMap::shadow(const Tombstone& tombstone) {
  deletion.merge(tombstone);
  std::erase_if(cells, [&](const auto& entry) { return deletion.covers(entry.second.timestamp_us); });
}

void StoredRow::put(uint32_t column_id, Cell cell) {
  if (deletion.covers(cell.timestamp_us)) return;
  const auto [place, is_new] = cells.try_emplace(column_id, std::move(cell));
  if (!is_new && wins(cell, place->second)) place->second = std::move(cell);
}

void StoredRow::put(const Marker& other) {
  if (deletion.covers(other.timestamp_us)) return;
  const bool newer = other.timestamp_us > marker.timestamp_us;
  const bool later = other.timestamp_us == marker.timestamp_us && other.expires_s > marker.expires_s;
  if (!marker.is_set() || newer || later) marker = other;
}

size_t StoredRow::dead_cells(int64_t now_s) const {
  const auto is_dead = [now_s](const auto& entry) { return !entry.second.is_live(now_s); };
  size_t dead = static_cast<size_t>(std::ranges::count_if(cells, is_dead));
  for (const auto& [id, map] : maps) dead += static_cast<size_t>(std::ranges::count_if(map.cells, is_dead));
  return dead;
}

void StoredRow::shadow(const Tombstone& tombstone) {
  if (tombstone.covers(deletion.timestamp_us)) deletion = {};
  Tombstone strongest = deletion;
  strongest.merge(tombstone);
  if (strongest.covers(marker.timestamp_us)) marker = {};
  std::erase_if(cells, [&](const auto& entry) { return strongest.covers(entry.second.timestamp_us); });
  for (auto& [id, map] : maps) {
    if (strongest.covers(map.deletion.timestamp_us)) map.deletion = {};
    Tombstone over = strongest;
    over.merge(map.deletion);
    std::erase_if(map.cells, [&](const auto& entry) { return over.covers(entry.second.timestamp_us); });
  }
  std::erase_if(maps, [](const auto& entry) { return entry.second.cells.empty() && !entry.second.deletion.is_set(); });
}

bool StoredRow::purge(int64_t log_s, int64_t gc_grace_s) {
  const auto is_gone = [&](const auto& entry) { return is_purgeable(entry.second, log_s, gc_grace_s); };
  bool purged = drop_old(deletion, log_s, gc_grace_s);
  if (marker.expires_s != 0 && is_over(marker.expires_s, log_s, gc_grace_s)) {
    marker = {};
    purged = true;
  }
  purged |= std::erase_if(cells, is_gone) > 0;
  for (auto& [id, map] : maps) {
    purged |= drop_old(map.deletion, log_s, gc_grace_s);
    purged |= std::erase_if(map.cells, is_gone) > 0;
  }
  std::erase_if(maps, [](const auto& entry) { return entry.second.cells.empty() && !entry.second.deletion.is_set(); });
  for (auto& [id, column] : apart) purged |= drop_old(column.deletion, log_s, gc_grace_s);
  return purged;
}

void StoredRow::forget_dropped(const schema::TableDef& table) {
  if (!table.has_revived) return;
  for (const schema::ColumnDef& column : table.columns) {
    const auto is_old = [&](const auto& entry) { return entry.second.timestamp_us <= column.dropped_us; };
    if (const auto cell = cells.find(column.id); cell != cells.end() && is_old(*cell)) cells.erase(cell);
    const auto map = maps.find(column.id);
    if (map == maps.end()) continue;
    std::erase_if(map->second.cells, is_old);
    if (map->second.cells.empty() && !map->second.deletion.is_set()) maps.erase(map);
  }
}

bool StoredRow::is_empty() const {
  return !marker.is_set() && !deletion.is_set() && cells.empty() && maps.empty() && apart.empty();
}

void StoredRow::encode(Bytes& out) const {
  const bool is_plain = epoch == 0 && apart.empty();
  out.push_back(static_cast<char>(is_plain ? kPlainRowFormat : kRowFormat));
  if (!is_plain) put_varint(out, epoch);
  const bool marker_expires = marker.is_set() && marker.expires_s != 0;
  out.push_back(static_cast<char>((marker.is_set() ? kHasMarker : 0) | (marker_expires ? kMarkerExpires : 0) |
                                  (deletion.is_set() ? kHasDeletion : 0)));
  if (marker.is_set()) {
    put_signed_varint(out, marker.timestamp_us);
    if (marker_expires) {
      put_signed_varint(out, marker.ttl_s);
      put_signed_varint(out, marker.expires_s);
    }
  }
  if (deletion.is_set()) encode_tombstone(deletion, out);
  put_varint(out, cells.size());
  for (const auto& [id, cell] : cells) {
    put_varint(out, id);
    encode_cell(cell, out);
  }
  put_varint(out, maps.size());
  for (const auto& [id, map] : maps) {
    put_varint(out, id);
    encode_tombstone(map.deletion, out);
    encode_cells(map.cells, out);
  }
  if (is_plain) return;
  put_varint(out, apart.size());
  for (const auto& [id, column] : apart) {
    put_varint(out, id);
    encode_tombstone(column.deletion, out);
    put_signed_varint(out, column.oldest_us);
    put_signed_varint(out, column.newest_us);
  }
}

Result<StoredRow> StoredRow::decode(BytesView bytes) {
  StoredRow row;
  ByteReader in(bytes);
  const auto format = in.big<uint8_t>();
  if (!format || *format == 0) return corrupt_entry();
  if (*format > kRowFormat) return unknown_format("a row", *format, kRowFormat);
  const bool is_plain = *format == kPlainRowFormat;
  const auto epoch = is_plain ? 0 : in.varint();
  if (!epoch) return corrupt_entry();
  row.epoch = *epoch;
  const bool complete = decode_liveness(in, row) && decode_columns(in, row.cells, decode_cell) &&
                        decode_columns(in, row.maps, decode_cell_map) &&
                        (is_plain || decode_columns(in, row.apart, decode_apart_column));
  const auto is_double = [&](const auto& entry) { return row.maps.contains(entry.first); };
  if (!complete || !in.empty() || std::ranges::any_of(row.apart, is_double)) return corrupt_entry();
  return row;
}

std::optional<LiveRow> live_row(const schema::TableDef& table, StoredRow stored, bool is_static, int64_t now_s) {
  LiveRow row{.is_static = is_static};
  row.cells.reserve(stored.cells.size() + stored.maps.size());
  for (auto& [id, cell] : stored.cells) {
    const schema::ColumnDef* column = table.find_column(id);
    if (column == nullptr || !cell.is_live(now_s) || cell.timestamp_us <= column->dropped_us) continue;
    row.cells.push_back({id, *std::move(cell.value), cell.timestamp_us, cell.expires_s, {}});
  }
  for (auto& [id, map] : stored.maps) {
    const schema::ColumnDef* column = table.find_column(id);
    auto whole = column == nullptr ? std::nullopt : live_whole(*column, std::move(map), now_s);
    if (whole) row.cells.push_back(std::move(*whole));
  }
  if (row.cells.empty() && (is_static || !stored.marker.is_live(now_s))) return std::nullopt;
  std::ranges::sort(row.cells, {}, &LiveCell::column_id);
  // A column has one cell, or elements, never both.
  SAGITTA_ASSERT(std::ranges::adjacent_find(row.cells, {}, &LiveCell::column_id) == row.cells.end());
  return row;
}

}  // namespace sagitta::rows
