#include "twin.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace sagitta::db::test {
namespace {

bool wins(const TwinWrite& a, const TwinWrite& b) {
  if (a.ts != b.ts) return a.ts > b.ts;
  const bool a_dead = !a.value || a.expires_s != 0, b_dead = !b.value || b.expires_s != 0;
  if (a_dead != b_dead) return a_dead;
  if (a.value.has_value() != b.value.has_value()) return !a.value.has_value();
  if (a.expires_s != b.expires_s) return a.expires_s > b.expires_s;
  return a.value.value_or("") > b.value.value_or("");
}

Bytes counted(Bytes part) {
  Bytes out;
  put_big(out, static_cast<int32_t>(part.size()));
  return out + part;
}

Bytes packed_udt(const std::vector<std::pair<Bytes, Bytes>>& live) {
  std::array<Bytes, kUdtFields> fields;
  for (Bytes& field : fields) put_big(field, int32_t{-1});
  for (const auto& [key, value] : live) fields[get_big<uint32_t>(key.data())] = counted(value);
  Bytes out;
  for (const Bytes& field : fields) out += field;
  return out;
}

int64_t deletion_of(const TwinPartition& partition, const Ints& clustering) {
  int64_t ts = INT64_MIN;
  for (const TwinDeletion& deletion : partition.deletions) {
    bool covers = deletion.prefix.size() <= clustering.size() &&
                  std::equal(deletion.prefix.begin(), deletion.prefix.end(), clustering.begin());
    if (covers && clustering.size() > deletion.prefix.size()) {
      const int64_t next = clustering[deletion.prefix.size()];
      covers = deletion.low <= next && next <= deletion.high;
    }
    if (covers) ts = std::max(ts, deletion.ts);
  }
  return ts;
}

int64_t static_deletion_of(const TwinPartition& partition) {
  int64_t ts = INT64_MIN;
  for (const TwinDeletion& deletion : partition.deletions) {
    if (deletion.covers_static) ts = std::max(ts, deletion.ts);
  }
  return ts;
}

int64_t newest_of(const TwinRow& row) {
  int64_t ts = INT64_MIN;
  const auto look = [&ts](const std::vector<TwinWrite>& writes) {
    for (const TwinWrite& write : writes) ts = std::max(ts, write.ts);
  };
  look(row.markers);
  for (const auto& [name, cell] : row.cells) {
    look(cell.writes);
    for (const int64_t clear : cell.clears) ts = std::max(ts, clear);
    for (const auto& [key, writes] : cell.elements) look(writes);
  }
  return ts;
}

}  // namespace

Value visible_cell(const TwinColumn& column, const TwinCell& cell, int64_t deleted_ts, int64_t now_s) {
  deleted_ts = std::max(deleted_ts, column.dropped_ts);
  if (!is_multi_cell(column.type)) return visible(cell.writes, deleted_ts, now_s);
  auto live = cell.live(deleted_ts, now_s);
  if (live.empty()) return std::nullopt;
  if (column.type == TwinType::kUdt) return packed_udt(live);
  if (column.type != TwinType::kList) {
    std::ranges::sort(live, {}, [](const auto& element) { return get_big<int32_t>(element.first.data()); });
  }
  Bytes out;
  put_big(out, static_cast<int32_t>(live.size()));
  for (const auto& [key, value] : live) {
    if (column.type != TwinType::kList) out += counted(key);
    if (column.type != TwinType::kSet) out += counted(value);
  }
  return out;
}

const TwinWrite* standing(const std::vector<TwinWrite>& writes, int64_t deleted_ts, int64_t now_s) {
  const TwinWrite* best = nullptr;
  for (const TwinWrite& write : writes) {
    if (write.ts > deleted_ts && (best == nullptr || wins(write, *best))) best = &write;
  }
  const bool is_live = best != nullptr && best->value && (best->expires_s == 0 || best->expires_s > now_s);
  return is_live ? best : nullptr;
}

Value visible(const std::vector<TwinWrite>& writes, int64_t deleted_ts, int64_t now_s) {
  const TwinWrite* write = standing(writes, deleted_ts, now_s);
  return write == nullptr ? Value() : write->value;
}

std::vector<std::pair<Bytes, Bytes>> TwinCell::live(int64_t deleted_ts, int64_t now_s) const {
  for (int64_t clear : clears) deleted_ts = std::max(deleted_ts, clear);
  std::vector<std::pair<Bytes, Bytes>> found;
  for (const auto& [key, element] : elements) {
    if (Value value = visible(element, deleted_ts, now_s)) found.emplace_back(key, *std::move(value));
  }
  return found;
}

Bytes list_key(bool prepend, int64_t statement, uint32_t index) {
  Bytes key;
  put_big(key, static_cast<uint64_t>(prepend ? INT64_MAX - statement : statement) | (prepend ? 0 : uint64_t{1} << 63));
  put_big(key, index);
  return key;
}

int64_t TwinPartition::deleted_ts(const TwinColumn& column, const Ints& clustering) const {
  const int64_t row_ts = column.is_static ? static_deletion_of(*this) : deletion_of(*this, clustering);
  return std::max(row_ts, column.dropped_ts);
}

int64_t TwinPartition::newest_ts(const Ints& clustering) const {
  const auto row = rows.find(clustering);
  return std::max(deletion_of(*this, clustering), row == rows.end() ? INT64_MIN : newest_of(row->second));
}

int64_t TwinPartition::newest_static_ts() const { return std::max(static_deletion_of(*this), newest_of(statics)); }

Value TwinPartition::written_at(const TwinColumn& column, const Ints& clustering, int64_t now_s) const {
  const auto row = rows.find(clustering);
  if (row == rows.end()) return std::nullopt;
  const auto cell = row->second.cells.find(column.name);
  if (cell == row->second.cells.end()) return std::nullopt;
  const TwinWrite* write = standing(cell->second.writes, deleted_ts(column, clustering), now_s);
  if (write == nullptr) return std::nullopt;
  Bytes out;
  put_big(out, write->ts);
  return out;
}

const TwinColumn* TwinTable::column(const std::string& name) const {
  auto it = std::ranges::find(columns, name, &TwinColumn::name);
  return it == columns.end() ? nullptr : &*it;
}

void TwinTable::add(TwinColumn column) {
  if (const auto dropped = drops.find(column.name); dropped != drops.end()) column.dropped_ts = dropped->second;
  columns.push_back(std::move(column));
}

void TwinTable::drop(const std::string& name, int64_t ts) {
  const auto [place, is_new] = drops.try_emplace(name, ts);
  place->second = std::max(place->second, ts);
  std::erase_if(columns, [&](const TwinColumn& column) { return column.name == name; });
}

std::vector<TwinResult> TwinTable::read(int64_t now_s) const {
  std::vector<TwinResult> results;
  auto fill = [&](const TwinRow& row, bool statics, int64_t deleted_ts, TwinResult& result) {
    bool any = false;
    for (const TwinColumn& column : columns) {
      auto it = row.cells.find(column.name);
      if (column.is_static != statics || it == row.cells.end()) continue;
      Value value = visible_cell(column, it->second, deleted_ts, now_s);
      any |= value.has_value();
      result.values[column.name] = std::move(value);
    }
    return any;
  };
  for (const auto& [key, partition] : partitions) {
    TwinResult base{key, std::nullopt, {}};
    for (const TwinColumn& column : columns) base.values[column.name] = std::nullopt;
    const bool has_static = fill(partition.statics, true, static_deletion_of(partition), base);
    std::vector<TwinResult> rows;
    for (const auto& [clustering, row] : partition.rows) {
      TwinResult result = base;
      result.clustering = clustering;
      const int64_t deleted = deletion_of(partition, clustering);
      const bool any = fill(row, false, deleted, result);
      if (any || visible(row.markers, deleted, now_s)) rows.push_back(std::move(result));
    }
    if (descending) {
      std::ranges::stable_sort(rows,
                               [](const auto& a, const auto& b) { return (*a.clustering)[0] > (*b.clustering)[0]; });
    }
    if (rows.empty() && has_static) rows.push_back(base);
    for (auto& row : rows) results.push_back(std::move(row));
  }
  return results;
}

bool TwinTable::has_ordered_on(const std::string& name) const {
  return std::ranges::any_of(ordered, [&](const auto& index) {
    return index.second == name || index.second.find("(" + name + ")") != std::string::npos;
  });
}

std::vector<Bytes> unpacked(const Bytes& collection) {
  std::vector<Bytes> elements;
  for (size_t at = sizeof(int32_t); at < collection.size();) {
    const auto size = static_cast<size_t>(get_big<int32_t>(collection.data() + at));
    elements.push_back(collection.substr(at + sizeof(int32_t), size));
    at += sizeof(int32_t) + size;
  }
  return elements;
}

std::vector<Value> unpacked_udt(const Bytes& packed) {
  std::vector<Value> fields;
  for (size_t at = 0; at < packed.size();) {
    const auto size = get_big<int32_t>(packed.data() + at);
    at += sizeof(int32_t);
    fields.push_back(size < 0 ? Value() : Value(packed.substr(at, static_cast<size_t>(size))));
    at += static_cast<size_t>(std::max(size, 0));
  }
  return fields;
}

double twin_similarity(const std::string& function, const Bytes& a, const Bytes& b) {
  double dot = 0, aa = 0, bb = 0, distance = 0;
  for (size_t i = 0; i + 4 <= a.size() && i + 4 <= b.size(); i += 4) {
    const double x = std::bit_cast<float>(get_big<uint32_t>(a.data() + i));
    const double y = std::bit_cast<float>(get_big<uint32_t>(b.data() + i));
    dot += x * y;
    aa += x * x;
    bb += y * y;
    distance += (x - y) * (x - y);
  }
  if (function == "EUCLIDEAN") return 1 / (1 + distance);
  if (function == "DOT_PRODUCT") return (1 + dot) / 2;
  return (1 + dot / std::sqrt(aa * bb)) / 2;
}

}  // namespace sagitta::db::test
