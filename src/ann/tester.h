/// Asks a filter's predicate, and learns how many pass and what a test costs.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "sagitta/ann/index.h"

namespace sagitta::ann {

inline bool is_late(const SearchParams& params) {
  return params.clock != nullptr && params.deadline.passed(*params.clock);
}

/// The predicate of one search, by one thread. A row may be behind each call, so the deadline is looked at before each.
/// When it has passed, or the predicate has said kStop, that is the verdict from then on, and stats.ended says why.
class Tester {
 public:
  static constexpr size_t kSampleMax = 64;

  Tester(const SearchParams& params, SearchStats& stats) : params_(params), stats_(stats) {}

  bool has_stopped() const { return stopped_; }
  bool has_predicate() const { return static_cast<bool>(params_.filter.predicate); }

  /// Of a slot whose turn it is by distance. Each slot once, but those of the sample, which are not asked again.
  Verdict test(uint32_t slot) {
    const auto known = recall(slot);
    const Verdict verdict = known ? *known : call(slot);
    ++in_order_;
    if (verdict == Verdict::kAccept) ++in_order_accepted_;
    return verdict;
  }
  /// Of slots in any order, none tested before; adds those that pass.
  void test_all(std::span<const uint32_t> slots, std::vector<uint32_t>& passed);

  /// Tests slots that lie together, none tested before: shows what a test costs when its data is near. May be called
  /// again, for up to kSampleMax slots in all.
  void sample(std::span<const uint32_t> slots);
  /// Calls `visit(slot, accepted)` for each of the sample.
  template <class Visit>
  void for_each_sampled(Visit visit) const {
    for (size_t i = 0; i < sampled_; ++i) visit(sample_[i], sample_accepted_[i]);
  }
  /// Nanoseconds of a test, about; infinite before a sample.
  double cost() const { return cost_; }

  /// The part expected to pass until enough are tested.
  void assume(double rate) { assumed_ = rate; }
  /// The part that passes of those tested in order, which may differ from that of all.
  double rate_nearby() const {
    if (!knows_rate_nearby()) return assumed_;
    return std::max(static_cast<double>(in_order_accepted_), 0.5) / static_cast<double>(in_order_);
  }
  bool knows_rate_nearby() const { return in_order_ >= kTestsForRate; }
  /// Of all, by the sample if there is one; `accepted_at_least`: in place of none.
  double rate_overall(double accepted_at_least) const {
    if (sampled_ == 0) return rate_nearby();
    const auto accepted = static_cast<double>(std::count(sample_accepted_.begin(), sample_accepted_.end(), true));
    return std::max(accepted, accepted_at_least) / static_cast<double>(sampled_);
  }

 private:
  /// Tests timed together: the fastest of a few such batches is one that nothing disturbed. Of dear tests one will do.
  static constexpr size_t kTimed = 16;
  static constexpr double kDearNs = 500;
  static constexpr size_t kTestsForRate = 32;

  Verdict call(uint32_t slot) {
    if (!stopped_ && is_late(params_)) {
      stats_.ended = Ended::kDeadline;
      stopped_ = true;
    }
    if (stopped_) return Verdict::kStop;
    ++stats_.predicate_tests;
    const Verdict verdict = params_.filter.predicate(Slot{slot});
    if (verdict == Verdict::kStop) {
      stats_.ended = Ended::kPredicate;
      stopped_ = true;
    }
    return verdict;
  }
  std::optional<Verdict> recall(uint32_t slot) const {
    const auto* const end = sample_.begin() + sampled_;
    const auto* const at = std::find(sample_.begin(), end, slot);
    if (at == end) return std::nullopt;
    return sample_accepted_[static_cast<size_t>(at - sample_.begin())] ? Verdict::kAccept : Verdict::kReject;
  }

  const SearchParams& params_;
  SearchStats& stats_;
  bool stopped_ = false;
  uint64_t in_order_ = 0, in_order_accepted_ = 0;
  double assumed_ = 1;
  double cost_ = std::numeric_limits<double>::infinity();
  std::array<uint32_t, kSampleMax> sample_;
  std::array<bool, kSampleMax> sample_accepted_{};
  size_t sampled_ = 0;
};

}  // namespace sagitta::ann
