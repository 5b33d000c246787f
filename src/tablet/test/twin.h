/// The naive twin of the rows: it keeps every write ever made, and resolves them when it is read.
#pragma once

#include <fmt/format.h>

#include <climits>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace sagitta::tablet {

inline constexpr int kPartitions = 3;

/// One write to one cell, or to the row's marker.
struct Written {
  int64_t timestamp;
  bool tombstone;
  int64_t expires;  // 0 = never
  std::string value;
};

struct Deleted {
  int64_t timestamp;
  int low, high;  // clustering keys, inclusive
};

using Place = std::tuple<int, int, std::string, std::string>;  // partition, row, column, path

struct Twin {
  std::map<Place, std::vector<Written>> cells;
  std::map<int, std::vector<Deleted>> deletions;
  std::map<std::tuple<int, int, std::string>, int64_t> clears;

  int64_t deleted_at(int partition, int row) const {
    int64_t latest = INT64_MIN;
    auto found = deletions.find(partition);
    if (found == deletions.end()) return latest;
    for (const auto& d : found->second) {
      if (d.low <= row && row <= d.high) latest = std::max(latest, d.timestamp);
    }
    return latest;
  }

  /// The write that stands, if it is live at `now`.
  std::optional<Written> live(const Place& place, int64_t now) const {
    const auto& [partition, row, column, path] = place;
    int64_t hidden = deleted_at(partition, row);
    if (auto clear = clears.find({partition, row, column}); clear != clears.end())
      hidden = std::max(hidden, clear->second);
    std::optional<Written> best;
    for (const auto& w : cells.at(place)) {
      auto rank = [](const Written& x) {
        return std::tuple(x.timestamp, x.tombstone ? 2 : x.expires != 0 ? 1 : 0, x.expires, x.value);
      };
      if (!best || rank(w) > rank(*best)) best = w;
    }
    if (!best || best->timestamp <= hidden || best->tombstone) return std::nullopt;
    if (best->expires != 0 && best->expires <= now) return std::nullopt;
    return best;
  }

  /// "partition/row: column[path]=value ..." of each live row.
  std::map<std::string, std::string> show(int64_t now) const {
    std::map<std::string, std::string> rows;
    for (const auto& [place, writes] : cells) {
      const auto& [partition, row, column, path] = place;
      auto cell = live(place, now);
      if (!cell) continue;
      std::string& text = rows[fmt::format("{}/{}", partition, row)];
      if (column != "marker") text += fmt::format("{}[{}]={} ", column, path, cell->value);
    }
    return rows;
  }
};

}  // namespace sagitta::tablet
