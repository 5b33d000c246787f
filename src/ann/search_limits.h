/// The limits that end a search early.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sagitta/ann/index.h"

namespace sagitta::ann {

inline bool is_late(const SearchParams& params) {
  return params.clock != nullptr && params.deadline.passed(*params.clock);
}

/// The budgets of one search. stats.ended says which one has ended it.
class SearchLimits {
 public:
  SearchLimits(const SearchParams& params, SearchStats& stats) : params_(params), stats_(stats) {}

  /// `more`: distances computed that stats do not include yet.
  bool may_go_on(uint64_t more = 0) {
    if (stats_.ended != Ended::kNot) return false;
    const uint64_t distances = stats_.distances + more;
    if (distances >= params_.distances_max) stats_.ended = Ended::kWork;
    // The clock costs about as much as a distance.
    if (distances >= look_at_) {
      look_at_ = distances + kDistancesPerLook;
      if (is_late(params_)) stats_.ended = Ended::kDeadline;
    }
    return stats_.ended == Ended::kNot;
  }
  /// Whether the deadline has passed, even if something else has ended the search.
  bool is_too_late() {
    const bool late = is_late(params_);
    if (late && stats_.ended == Ended::kNot) stats_.ended = Ended::kDeadline;
    return late;
  }
  uint64_t distances_left() const { return params_.distances_max - std::min(params_.distances_max, stats_.distances); }

 private:
  /// A few microseconds.
  static constexpr uint64_t kDistancesPerLook = 128;

  const SearchParams& params_;
  SearchStats& stats_;
  uint64_t look_at_ = 0;  ///< distances at which the clock is looked at next
};

}  // namespace sagitta::ann
