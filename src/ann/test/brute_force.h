/// The twin of an index: a list of vectors and sums in double. Its answers are right by inspection.
#pragma once

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <vector>

#include "sagitta/ann/index.h"

namespace sagitta::ann {

class BruteForce {
 public:
  explicit BruteForce(Metric metric) : metric_(metric) {}

  void insert(Slot slot, std::vector<float> vector, Expiry expiry = Expiry::kNever) {
    places_[slot] = rows_.size();
    rows_.push_back({slot, std::move(vector), expiry});
  }
  void clear() {
    rows_.clear();
    places_.clear();
  }
  bool erase(Slot slot) {
    const auto found = places_.find(slot);
    if (found == places_.end()) return false;
    places_[rows_.back().slot] = found->second;
    std::swap(rows_[found->second], rows_.back());
    rows_.pop_back();
    places_.erase(slot);
    return true;
  }
  bool set_expiry(Slot slot, Expiry expiry) {
    if (!contains(slot)) return false;
    rows_[places_.at(slot)].expiry = expiry;
    return true;
  }
  bool contains(Slot slot) const { return places_.contains(slot); }
  size_t size() const { return rows_.size(); }
  Slot nth(size_t n) const { return rows_[n].slot; }
  const std::vector<float>& vector(Slot slot) const { return rows_[places_.at(slot)].vector; }

  double distance(Slot slot, const std::vector<float>& query) const { return distance(vector(slot), query); }

  /// The distances of all slots that pass, ascending.
  template <class Passes>
  std::vector<double> search(const std::vector<float>& query, int64_t now_us, Passes&& passes) const {
    std::vector<double> distances;
    for (const Row& row : rows_) {
      if (static_cast<int64_t>(row.expiry) > now_us && passes(row.slot))
        distances.push_back(distance(row.vector, query));
    }
    std::ranges::sort(distances);
    return distances;
  }

 private:
  struct Row {
    Slot slot;
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

  Metric metric_;
  std::vector<Row> rows_;
  std::unordered_map<Slot, size_t> places_;
};

}  // namespace sagitta::ann
