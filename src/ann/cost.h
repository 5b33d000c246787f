/// What searches cost, in nanoseconds of a usual machine: only the ratios matter, to choose between walking and
/// scanning.
#pragma once

#include <cstddef>

namespace sagitta::ann {

class Costs {
 public:
  Costs(size_t vector_bytes, size_t code_bytes, size_t degree)
      : vector_ns_(4 + static_cast<double>(vector_bytes) / 12),
        code_ns_(2 + static_cast<double>(code_bytes) / 24),
        step_ns_(60 + static_cast<double>(degree) * 0.5 * (4 + static_cast<double>(code_bytes) / 16)),
        exact_only_(vector_bytes > 0 && vector_bytes <= 2 * code_bytes) {}

  /// Whether so many vectors are better scanned by themselves than by their codes and then rescored.
  bool scans_vectors(size_t count) const { return exact_only_ || count <= kFewVectors; }
  double scan(size_t count) const {
    const auto n = static_cast<double>(count);
    return scans_vectors(count) ? n * vector_ns_ : n * code_ns_ + kRescored * vector_ns_;
  }
  double walk(double beam) const { return (beam + kApproach) * step_ns_ + kRescored * vector_ns_; }

 private:
  /// Below this the codes' advantage is lost on the rescoring.
  static constexpr size_t kFewVectors = 128;
  /// Vectors compared exactly to finish an answer, about.
  static constexpr double kRescored = 64;
  /// Steps until a walk has come near.
  static constexpr double kApproach = 12;
  const double vector_ns_, code_ns_, step_ns_;
  const bool exact_only_;
};

}  // namespace sagitta::ann
