/// How far estimates are from what they estimate, by those of which both are known.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

namespace sagitta::ann {

class SeenErrors {
 public:
  /// Seen before the error is believed to be known.
  static constexpr size_t kMin = 8;

  /// Of what is the same nothing is learnt: it may have been given in place of a better one.
  void note(float estimate, float value) {
    if (estimate == value) return;
    const double error = double{estimate} - double{value};
    squares_ += error * error;
    ++count_;
  }
  bool tell() const { return count_ >= kMin; }
  /// How much less a value may turn out than its estimate says; infinite until the errors tell.
  double margin() const {
    if (!tell()) return std::numeric_limits<double>::infinity();
    return kTrusted * std::sqrt(squares_ / static_cast<double>(count_));
  }

 private:
  /// Times their root mean square.
  static constexpr double kTrusted = 2.5;

  double squares_ = 0;
  size_t count_ = 0;
};

}  // namespace sagitta::ann
