/// How far estimates are off, learnt from values known both ways.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

namespace sagitta::ann {

class SeenErrors {
 public:
  /// Errors to see before their size is trusted.
  static constexpr size_t kMin = 8;

  /// Learns nothing from equal values: the value may be an estimate used for lack of a better one.
  void note(float estimate, float value) {
    if (estimate == value) return;
    const double error = double{estimate} - double{value};
    squares_ += error * error;
    ++count_;
  }
  bool tell() const { return count_ >= kMin; }
  /// How much lower a value may be than its estimate; infinite until tell().
  double margin() const {
    if (!tell()) return std::numeric_limits<double>::infinity();
    return kTrusted * std::sqrt(squares_ / static_cast<double>(count_));
  }

 private:
  /// Multiple of the root mean square error.
  static constexpr double kTrusted = 2.5;

  double squares_ = 0;
  size_t count_ = 0;
};

}  // namespace sagitta::ann
