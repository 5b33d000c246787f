/// Estimated costs of a search, in nanoseconds of a typical machine (Xeon at 2.5 GHz, most of the
/// index outside the L2 cache). They decide between walking, scanning and testing. Cache lines
/// dominate: each takes about 10 ns when prefetched.
#pragma once

#include <algorithm>
#include <cstddef>

namespace sagitta::ann {

class Costs {
 public:
  /// `sketches`: most neighbours are skipped by their sketch. `slots`: the more codes there are,
  /// the fewer are in a cache when a walk reads them.
  Costs(size_t vector_bytes, size_t code_bytes, size_t degree, bool sketches, size_t slots)
      : vector_ns_(20 + static_cast<double>(vector_bytes) / 8),
        code_ns_(20 + lines(code_bytes) * kLineNs),
        step_ns_(100 + static_cast<double>(degree) * (sketches ? 0.4 : 0.5) *
                           (code_ns_ + part_beyond_cache(slots * code_bytes) * kMissNs)),
        exact_only_(vector_bytes > 0 && vector_bytes <= 2 * code_bytes) {}

  /// Whether `count` vectors are better compared directly than by codes and then rescored.
  bool scans_vectors(size_t count) const { return exact_only_ || count <= kFewVectors; }
  double scan(size_t count) const {
    const auto n = static_cast<double>(count);
    return scans_vectors(count) ? n * vector_ns_ : n * code_ns_ + kRescored * vector_ns_;
  }
  /// Comparing `count` vectors, one after another.
  double compare(double count) const { return count * vector_ns_; }
  /// Bringing `count` found candidates into exact order while the beam grows step by step.
  double in_order(double count) const { return count * (vector_ns_ + kOrderNs); }
  /// Visiting `count` slots without reading their vectors.
  double list(double count) const { return count * kSlotNs; }
  double walk(double beam) const { return (beam + kApproach) * step_ns_ + kRescored * vector_ns_; }

 private:
  /// Below this, rescoring costs more than the codes save.
  static constexpr size_t kFewVectors = 128;
  /// Vectors compared exactly to finish an answer, roughly.
  static constexpr double kRescored = 64;
  static constexpr double kSlotNs = 2, kOrderNs = 1000;
  static constexpr double kLineNs = 10;
  /// Steps until a walk is near the query.
  static constexpr double kApproach = 12;
  /// The extra cost of a prefetched code that is in no cache.
  static constexpr double kMissNs = 30;
  static constexpr double kCacheBytes = 16 << 20;
  static double part_beyond_cache(size_t bytes) {
    return std::max(0.0, 1 - kCacheBytes / std::max(static_cast<double>(bytes), 1.0));
  }
  static double lines(size_t bytes) { return static_cast<double>((bytes + 63) / 64); }
  const double vector_ns_, code_ns_, step_ns_;
  const bool exact_only_;
};

}  // namespace sagitta::ann
