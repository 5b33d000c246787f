/// What searches cost, in nanoseconds of a usual machine (a Xeon at 2.5 GHz, most of the index beyond its second
/// cache): to choose between walking, scanning and testing. Cache lines decide, each some ten nanoseconds when asked
/// for ahead.
#pragma once

#include <algorithm>
#include <cstddef>

namespace sagitta::ann {

class Costs {
 public:
  /// `sketches`: most of what is met is told to be far by these. `slots`: the more codes, the fewer are in a cache when
  /// a walk comes to them.
  Costs(size_t vector_bytes, size_t code_bytes, size_t degree, bool sketches, size_t slots)
      : vector_ns_(20 + static_cast<double>(vector_bytes) / 8),
        code_ns_(20 + lines(code_bytes) * kLineNs),
        step_ns_(100 + static_cast<double>(degree) * (sketches ? 0.4 : 0.5) *
                           (code_ns_ + part_beyond_cache(slots * code_bytes) * kMissNs)),
        exact_only_(vector_bytes > 0 && vector_bytes <= 2 * code_bytes) {}

  /// Whether so many vectors are better scanned by themselves than by their codes and then rescored.
  bool scans_vectors(size_t count) const { return exact_only_ || count <= kFewVectors; }
  double scan(size_t count) const {
    const auto n = static_cast<double>(count);
    return scans_vectors(count) ? n * vector_ns_ : n * code_ns_ + kRescored * vector_ns_;
  }
  /// So many vectors, one after another.
  double compare(double count) const { return count * vector_ns_; }
  /// Bringing so many that were found into exact order, of a beam that grows by and by.
  double in_order(double count) const { return count * (vector_ns_ + kOrderNs); }
  /// Looking at so many slots without their vectors.
  double list(double count) const { return count * kSlotNs; }
  double walk(double beam) const { return (beam + kApproach) * step_ns_ + kRescored * vector_ns_; }

 private:
  /// Below this the codes' advantage is lost on the rescoring.
  static constexpr size_t kFewVectors = 128;
  /// Vectors compared exactly to finish an answer, about.
  static constexpr double kRescored = 64;
  static constexpr double kSlotNs = 2, kOrderNs = 1000;
  static constexpr double kLineNs = 10;
  /// Steps until a walk has come near.
  static constexpr double kApproach = 12;
  /// Of a code that is in no cache, although it was asked for, beyond what it costs in one.
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
