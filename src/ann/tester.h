/// Puts slots to a filter's predicate, none twice, and learns how many pass and what a test costs.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "sagitta/ann/index.h"

namespace sagitta::ann {

/// Of one search, by one thread.
class Tester {
 public:
  static constexpr size_t kSampleMax = 64;

  /// `filter` outlives it; `tests` counts the predicate's calls.
  Tester(const Filter& filter, uint64_t& tests) : filter_(filter), tests_(tests) {}

  bool has_predicate() const { return static_cast<bool>(filter_.predicate); }

  /// Tests up to kSampleMax slots, one after another, and remembers their verdicts: shows what a test costs when its
  /// data is near. Once. False when told to stop.
  bool sample(std::span<const uint32_t> slots) {
    for (size_t begin = 0; begin < slots.size(); begin += kTimed) {
      const auto began = std::chrono::steady_clock::now();
      for (const uint32_t slot : slots.subspan(begin, std::min(kTimed, slots.size() - begin))) {
        const Verdict verdict = call(slot);
        if (verdict == Verdict::kStop) return false;
        sample_[sampled_] = slot;
        sample_accepted_[sampled_++] = verdict == Verdict::kAccept;
      }
      const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - began;
      cost_ = std::min(cost_, spent.count() / static_cast<double>(sampled_ - begin));
    }
    return true;
  }
  bool has_sample() const { return sampled_ > 0; }
  /// Calls `visit(slot, accepted)` for each of the sample.
  template <class Visit>
  void for_each_sampled(Visit visit) const {
    for (size_t i = 0; i < sampled_; ++i) visit(sample_[i], sample_accepted_[i]);
  }
  /// Nanoseconds of a test, about; infinite before a sample.
  double cost() const { return cost_; }

  /// Of a slot whose turn it is by distance.
  Verdict test(uint32_t slot) {
    const auto known = recall(slot);
    const Verdict verdict = known ? *known : call(slot);
    ++in_order_;
    if (verdict == Verdict::kAccept) ++accepted_;
    return verdict;
  }

  /// The part that passes: the caller's estimate until enough were tested by distance.
  double pass_rate() const {
    if (!is_informed()) return filter_.selectivity;
    return std::max(static_cast<double>(accepted_), 0.5) / static_cast<double>(in_order_);
  }
  bool is_informed() const { return in_order_ >= kInformed; }

 private:
  /// Tests timed together: the fastest of a few are those that nothing disturbed.
  static constexpr size_t kTimed = 16;
  /// Tests from which a pass rate is estimated.
  static constexpr size_t kInformed = 32;

  Verdict call(uint32_t slot) {
    ++tests_;
    return filter_.predicate(Slot{slot});
  }
  std::optional<Verdict> recall(uint32_t slot) const {
    const auto* const end = sample_.begin() + sampled_;
    const auto* const at = std::find(sample_.begin(), end, slot);
    if (at == end) return std::nullopt;
    return sample_accepted_[static_cast<size_t>(at - sample_.begin())] ? Verdict::kAccept : Verdict::kReject;
  }

  const Filter& filter_;
  uint64_t& tests_;
  uint64_t in_order_ = 0, accepted_ = 0;  // tests by distance
  double cost_ = std::numeric_limits<double>::infinity();
  std::array<uint32_t, kSampleMax> sample_;
  std::array<bool, kSampleMax> sample_accepted_;
  size_t sampled_ = 0;
};

}  // namespace sagitta::ann
