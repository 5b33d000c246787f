#include "twin.h"

#include <algorithm>
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

Value visible(const std::vector<TwinWrite>& writes, int64_t deleted_ts, int64_t now_s) {
  const TwinWrite* best = nullptr;
  for (const TwinWrite& write : writes) {
    if (write.ts > deleted_ts && (best == nullptr || wins(write, *best))) best = &write;
  }
  if (best == nullptr || (best->expires_s != 0 && best->expires_s <= now_s)) return std::nullopt;
  return best->value;
}

Bytes counted(Bytes part) {
  Bytes out;
  put_big(out, static_cast<int32_t>(part.size()));
  return out + part;
}

Value visible_cell(const TwinColumn& column, const TwinCell& cell, int64_t deleted_ts, int64_t now_s) {
  if (column.type != TwinType::kSet && column.type != TwinType::kMap) return visible(cell.writes, deleted_ts, now_s);
  for (int64_t clear : cell.clears) deleted_ts = std::max(deleted_ts, clear);
  // Keys are ints: order them as numbers.
  std::map<int32_t, Bytes> live;
  for (const auto& [key, writes] : cell.elements) {
    if (Value value = visible(writes, deleted_ts, now_s)) {
      live[get_big<int32_t>(key.data())] = column.type == TwinType::kSet ? Bytes() : counted(*value);
    }
  }
  if (live.empty()) return std::nullopt;
  Bytes out;
  put_big(out, static_cast<int32_t>(live.size()));
  for (const auto& [key, value] : live) {
    Bytes key_bytes;
    put_big(key_bytes, key);
    out += counted(key_bytes) + value;
  }
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

}  // namespace

const TwinColumn* TwinTable::column(const std::string& name) const {
  auto it = std::ranges::find(columns, name, &TwinColumn::name);
  return it == columns.end() ? nullptr : &*it;
}

void TwinTable::forget(const std::string& name) {
  for (auto& [key, partition] : partitions) {
    partition.statics.cells.erase(name);
    for (auto& [clustering, row] : partition.rows) row.cells.erase(name);
  }
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
    int64_t static_deleted = INT64_MIN;
    for (const auto& deletion : partition.deletions) {
      if (deletion.covers_static) static_deleted = std::max(static_deleted, deletion.ts);
    }
    TwinResult base{key, std::nullopt, {}};
    for (const TwinColumn& column : columns) base.values[column.name] = std::nullopt;
    const bool has_static = fill(partition.statics, true, static_deleted, base);
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
