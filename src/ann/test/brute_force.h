/// The twin of an index: a map and double sums. What it answers is right by inspection.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

#include "sagitta/ann/index.h"

namespace sagitta::ann {

class BruteForce {
 public:
  explicit BruteForce(Metric metric) : metric_(metric) {}

  void insert(Slot slot, std::vector<float> vector, Expiry expiry) { rows_[slot] = {std::move(vector), expiry}; }
  void clear() { rows_.clear(); }
  bool erase(Slot slot) { return rows_.erase(slot) > 0; }
  bool set_expiry(Slot slot, Expiry expiry) {
    if (!rows_.contains(slot)) return false;
    rows_[slot].expiry = expiry;
    return true;
  }
  bool contains(Slot slot) const { return rows_.contains(slot); }
  size_t size() const { return rows_.size(); }
  Slot nth(size_t n) const { return std::next(rows_.begin(), static_cast<std::ptrdiff_t>(n))->first; }

  double distance(Slot slot, const std::vector<float>& query) const { return distance(rows_.at(slot).vector, query); }

  /// The distances of all that pass, ascending.
  template <class Passes>
  std::vector<double> search(const std::vector<float>& query, int64_t now_us, Passes&& passes) const {
    std::vector<double> distances;
    for (const auto& [slot, row] : rows_) {
      if (static_cast<int64_t>(row.expiry) > now_us && passes(slot)) distances.push_back(distance(row.vector, query));
    }
    std::ranges::sort(distances);
    return distances;
  }

 private:
  struct Row {
    std::vector<float> vector;
    Expiry expiry = Expiry::kNever;
  };

  double distance(const std::vector<float>& a, const std::vector<float>& b) const {
    double dot = 0, squares = 0, a2 = 0, b2 = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      const double x = a[i], y = b[i];
      dot += x * y;
      squares += (x - y) * (x - y);
      a2 += x * x;
      b2 += y * y;
    }
    if (metric_ == Metric::kL2) return squares;
    return metric_ == Metric::kDot ? -dot : -dot / std::sqrt(a2) / std::sqrt(b2);
  }

  const Metric metric_;
  std::map<Slot, Row> rows_;
};

}  // namespace sagitta::ann
