#include "sagitta/rows/stored_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sagitta/types/value.h"

namespace sagitta::rows {
namespace {

constexpr uint8_t kRowFormat = 1;
constexpr uint8_t kHeaderFormat = 1;

/// Bits of a cell's first byte.
constexpr uint8_t kHasValue = 1;
constexpr uint8_t kExpires = 2;
constexpr uint8_t kCellFlags = kHasValue | kExpires;

/// Sections of a row.
constexpr uint8_t kHasMarker = 1;
constexpr uint8_t kMarkerExpires = 2;
constexpr uint8_t kHasDeletion = 4;
constexpr uint8_t kRowFlags = kHasMarker | kMarkerExpires | kHasDeletion;

std::unexpected<Error> corrupt() { return fail(ErrorCode::kCorruption, "a stored row that cannot be read"); }

/// Cells expiring and tombstones end somewhere in time; the tie rules look at that first.
int64_t ends_s(const Cell& cell) { return cell.value ? cell.expires_s : cell.deleted_s; }

void encode_cell(const Cell& cell, Bytes& out) {
  out.push_back(static_cast<char>((cell.value ? kHasValue : 0) | (cell.expires_s != 0 ? kExpires : 0)));
  put_signed_varint(out, cell.timestamp_us);
  if (cell.value) {
    put_blob(out, *cell.value);
  } else {
    put_signed_varint(out, cell.deleted_s);
  }
  if (cell.expires_s != 0) {
    put_signed_varint(out, cell.ttl_s);
    put_signed_varint(out, cell.expires_s);
  }
}

/// Whether there was one.
bool decode_expiry(ByteReader& in, int32_t& ttl_s, int64_t& expires_s) {
  const auto ttl = in.signed_varint(), expires = in.signed_varint();
  if (!ttl || *ttl < 0 || *ttl > std::numeric_limits<int32_t>::max() || !expires || *expires == 0) return false;
  ttl_s = static_cast<int32_t>(*ttl);
  expires_s = *expires;
  return true;
}

std::optional<Cell> decode_cell(ByteReader& in) {
  Cell cell;
  const auto flags = in.big<uint8_t>();
  const auto timestamp = in.signed_varint();
  if (!flags || (*flags & ~kCellFlags) != 0 || !timestamp) return std::nullopt;
  cell.timestamp_us = *timestamp;
  if ((*flags & kHasValue) != 0) {
    const auto value = in.blob();
    if (!value) return std::nullopt;
    cell.value = Bytes(*value);
  } else {
    const auto deleted = in.signed_varint();
    if (!deleted) return std::nullopt;
    cell.deleted_s = *deleted;
  }
  if ((*flags & kExpires) != 0) {
    if (!decode_expiry(in, cell.ttl_s, cell.expires_s)) return std::nullopt;
  }
  return cell;
}

std::optional<Marker> decode_marker(ByteReader& in, bool expires) {
  Marker marker;
  const auto timestamp = in.signed_varint();
  if (!timestamp || *timestamp == kNoTimestamp) return std::nullopt;
  marker.timestamp_us = *timestamp;
  if (expires && !decode_expiry(in, marker.ttl_s, marker.expires_s)) return std::nullopt;
  return marker;
}

void encode_tombstone(const Tombstone& tombstone, Bytes& out) {
  put_signed_varint(out, tombstone.timestamp_us);
  put_signed_varint(out, tombstone.at_s);
}

std::optional<Tombstone> decode_tombstone(ByteReader& in) {
  const auto timestamp = in.signed_varint(), at = in.signed_varint();
  if (!timestamp || !at) return std::nullopt;
  return Tombstone{*timestamp, *at};
}

std::optional<CellMap> decode_cell_map(ByteReader& in) {
  CellMap map;
  const auto deletion = decode_tombstone(in);
  const auto count = in.varint();
  if (!deletion || !count) return std::nullopt;
  map.deletion = *deletion;
  for (uint64_t i = 0; i < *count; ++i) {
    const auto path = in.blob();
    const bool ascends = path && (map.cells.empty() || map.cells.rbegin()->first < *path);
    auto cell = ascends ? decode_cell(in) : std::nullopt;
    if (!cell) return std::nullopt;
    map.cells.emplace_hint(map.cells.end(), Bytes(*path), std::move(*cell));
  }
  return map;
}

/// A column's id; nothing unless it is larger than all of `entries`, which it will join.
template <class Entries>
std::optional<uint32_t> decode_column_id(ByteReader& in, const Entries& entries) {
  const auto id = in.varint();
  if (!id || *id > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  if (!entries.empty() && *id <= entries.rbegin()->first) return std::nullopt;
  return static_cast<uint32_t>(*id);
}

/// Absent once its grace period is over on the log's clock.
bool is_over(int64_t since_s, int64_t log_s, int64_t gc_grace_s) { return since_s + gc_grace_s < log_s; }

bool is_purgeable(const Cell& cell, int64_t log_s, int64_t gc_grace_s) {
  const bool ends = !cell.value || cell.expires_s != 0;
  return ends && is_over(ends_s(cell), log_s, gc_grace_s);
}

bool drop_old(Tombstone& tombstone, int64_t log_s, int64_t gc_grace_s) {
  if (!tombstone.is_set() || !is_over(tombstone.at_s, log_s, gc_grace_s)) return false;
  tombstone = {};
  return true;
}

/// The packed whole of a multi-cell column; nothing when no cell of it lives.
std::optional<LiveCell> live_whole(const schema::ColumnDef& column, const CellMap& map, int64_t now_s) {
  std::vector<std::pair<Bytes, Bytes>> live;
  LiveCell whole{.column_id = column.id, .timestamp_us = kNoTimestamp};
  for (const auto& [path, cell] : map.cells) {
    if (!cell.is_live(now_s) || cell.timestamp_us <= column.dropped_us) continue;
    live.emplace_back(path, *cell.value);
    whole.timestamp_us = std::max(whole.timestamp_us, cell.timestamp_us);
  }
  if (live.empty()) return std::nullopt;
  std::vector<Bytes> elements;
  switch (column.type->kind()) {
    case types::Kind::kMap: whole.value = types::normalise(*column.type, types::pack_map(live)); break;
    case types::Kind::kSet:
      for (auto& [path, value] : live) elements.push_back(path);
      whole.value = types::normalise(*column.type, types::pack_list(elements));
      break;
    case types::Kind::kList:
      for (auto& [path, value] : live) elements.push_back(std::move(value));
      whole.value = types::pack_list(elements);
      break;
    default: {
      std::vector<Value> fields(column.type->parameters().size());
      for (auto& [path, value] : live) {
        const size_t field = path.size() == 2 ? get_big<uint16_t>(path.data()) : fields.size();
        if (field < fields.size()) fields[field] = std::move(value);
      }
      whole.value = types::pack_tuple(fields);
    }
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

void CellMap::put(const Bytes& path, Cell cell) {
  if (deletion.covers(cell.timestamp_us)) return;
  const auto [place, is_new] = cells.try_emplace(path, cell);
  if (!is_new && wins(cell, place->second)) place->second = std::move(cell);
}

void CellMap::shadow(const Tombstone& tombstone) {
  deletion.merge(tombstone);
  std::erase_if(cells, [&](const auto& entry) { return deletion.covers(entry.second.timestamp_us); });
}

void StoredRow::put(uint32_t column_id, Cell cell) {
  if (deletion.covers(cell.timestamp_us)) return;
  const auto [place, is_new] = cells.try_emplace(column_id, cell);
  if (!is_new && wins(cell, place->second)) place->second = std::move(cell);
}

void StoredRow::put(const Marker& other) {
  if (deletion.covers(other.timestamp_us)) return;
  const bool newer = other.timestamp_us > marker.timestamp_us;
  const bool later = other.timestamp_us == marker.timestamp_us && other.expires_s > marker.expires_s;
  if (!marker.is_set() || newer || later) marker = other;
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

bool StoredRow::is_empty() const { return !marker.is_set() && !deletion.is_set() && cells.empty() && maps.empty(); }

void StoredRow::encode(Bytes& out) const {
  out.push_back(static_cast<char>(kRowFormat));
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
    put_varint(out, map.cells.size());
    for (const auto& [path, cell] : map.cells) {
      put_blob(out, path);
      encode_cell(cell, out);
    }
  }
}

Result<StoredRow> StoredRow::decode(BytesView bytes) {
  StoredRow row;
  ByteReader in(bytes);
  const auto format = in.big<uint8_t>(), flags = in.big<uint8_t>();
  if (!format || !flags) return corrupt();
  if (*format != kRowFormat) {
    return fail(ErrorCode::kFormat, fmt::format("a row of format {}, this version reads {}", *format, kRowFormat));
  }
  if ((*flags & ~kRowFlags) != 0) return corrupt();
  if ((*flags & kHasMarker) != 0) {
    const auto marker = decode_marker(in, (*flags & kMarkerExpires) != 0);
    if (!marker) return corrupt();
    row.marker = *marker;
  }
  if ((*flags & kHasDeletion) != 0) {
    const auto deletion = decode_tombstone(in);
    if (!deletion || !deletion->is_set()) return corrupt();
    row.deletion = *deletion;
  }
  const auto cell_count = in.varint();
  if (!cell_count) return corrupt();
  for (uint64_t i = 0; i < *cell_count; ++i) {
    const auto id = decode_column_id(in, row.cells);
    auto cell = id ? decode_cell(in) : std::nullopt;
    if (!cell) return corrupt();
    row.cells.emplace_hint(row.cells.end(), *id, std::move(*cell));
  }
  const auto map_count = in.varint();
  if (!map_count) return corrupt();
  for (uint64_t i = 0; i < *map_count; ++i) {
    const auto id = decode_column_id(in, row.maps);
    auto map = id ? decode_cell_map(in) : std::nullopt;
    if (!map) return corrupt();
    row.maps.emplace_hint(row.maps.end(), *id, std::move(*map));
  }
  if (!in.empty()) return corrupt();
  return row;
}

Tombstone PartitionHeader::covering(BytesView encoded_clustering) const {
  Tombstone strongest = deletion;
  for (const RangeTombstone& range : ranges) {
    if (range.interval.contains(encoded_clustering)) strongest.merge(range.tombstone);
  }
  return strongest;
}

Status PartitionHeader::add(RangeTombstone range) {
  const auto inside = [&](const RangeTombstone& old) {
    const bool ends_inside =
        range.interval.to.empty() || (!old.interval.to.empty() && old.interval.to <= range.interval.to);
    return range.tombstone.covers(old.tombstone.timestamp_us) && old.interval.from >= range.interval.from &&
           ends_inside;
  };
  std::erase_if(ranges, inside);
  if (ranges.size() >= kRangeTombstonesMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("the partition has {} range deletions within its grace period, the limit", ranges.size()));
  }
  ranges.push_back(std::move(range));
  return {};
}

bool PartitionHeader::purge(int64_t log_s, int64_t gc_grace_s) {
  const bool purged = drop_old(deletion, log_s, gc_grace_s);
  const auto dropped = std::erase_if(ranges, [&](const RangeTombstone& range) {
    return is_over(range.tombstone.at_s, log_s, gc_grace_s) || deletion.covers(range.tombstone.timestamp_us);
  });
  return purged || dropped > 0;
}

void PartitionHeader::encode(Bytes& out) const {
  out.push_back(static_cast<char>(kHeaderFormat));
  encode_tombstone(deletion, out);
  put_varint(out, ranges.size());
  for (const RangeTombstone& range : ranges) {
    put_blob(out, range.interval.from);
    put_blob(out, range.interval.to);
    encode_tombstone(range.tombstone, out);
  }
}

Result<PartitionHeader> PartitionHeader::decode(BytesView bytes) {
  PartitionHeader header;
  ByteReader in(bytes);
  const auto format = in.big<uint8_t>();
  if (!format || *format != kHeaderFormat) return corrupt();
  const auto deletion = decode_tombstone(in);
  const auto count = in.varint();
  if (!deletion || !count) return corrupt();
  header.deletion = *deletion;
  for (uint64_t i = 0; i < *count; ++i) {
    const auto from = in.blob(), to = in.blob();
    const auto tombstone = from && to ? decode_tombstone(in) : std::nullopt;
    if (!tombstone) return corrupt();
    header.ranges.push_back({{Bytes(*from), Bytes(*to)}, *tombstone});
  }
  if (!in.empty()) return corrupt();
  return header;
}

std::optional<LiveRow> live_row(const schema::TableDef& table, const StoredRow& stored, bool is_static, int64_t now_s) {
  LiveRow row{.is_static = is_static};
  for (const auto& [id, cell] : stored.cells) {
    const schema::ColumnDef* column = table.find_column(id);
    if (column == nullptr || !cell.is_live(now_s) || cell.timestamp_us <= column->dropped_us) continue;
    row.cells.push_back({id, *cell.value, cell.timestamp_us, cell.expires_s});
  }
  for (const auto& [id, map] : stored.maps) {
    const schema::ColumnDef* column = table.find_column(id);
    auto whole = column == nullptr ? std::nullopt : live_whole(*column, map, now_s);
    if (whole) row.cells.push_back(std::move(*whole));
  }
  if (row.cells.empty() && (is_static || !stored.marker.is_live(now_s))) return std::nullopt;
  std::ranges::sort(row.cells, {}, &LiveCell::column_id);
  return row;
}

}  // namespace sagitta::rows
