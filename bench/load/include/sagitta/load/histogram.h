/// A histogram of latencies that keeps a thousandth of each: buckets are exact to 2^11 ns and from
/// there on 1,024 to each doubling. Adding is one increment; memory does not grow. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sagitta::load {

class Histogram {
 public:
  /// Longer latencies count as this long: an hour.
  static constexpr uint64_t kMaxNs = 3'600'000'000'000;

  Histogram();
  void add(uint64_t ns);
  void merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t max_ns() const { return max_ns_; }
  /// The least value that the part `part` (0 … 1) of all does not exceed, to within a thousandth
  /// above it; 0 for none.
  uint64_t percentile_ns(double part) const;

 private:
  static size_t bucket_of(uint64_t ns);
  static uint64_t highest_in(size_t bucket);

  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t max_ns_ = 0;
};

}  // namespace sagitta::load
