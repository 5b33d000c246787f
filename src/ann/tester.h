/// Calls a filter's predicate, and learns how many slots pass and what a test costs.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/base/assert.h"

#include "search_limits.h"

namespace sagitta::ann {

/// The predicate of one search. A call may read a row, so the deadline is checked before each. Once
/// the deadline has passed or the predicate has returned kStop, every further verdict is kStop, and
/// stats.ended says why. One thread.
class Tester {
 public:
  static constexpr size_t kSampleMax = 64, kLookMax = 192;

  Tester(const SearchParams& params, SearchStats& stats) : params_(params), stats_(stats) {}

  bool has_predicate() const { return static_cast<bool>(params_.filter.predicate); }

  /// Tests a slot whose turn it is by distance. Call it once per slot; a known verdict is reused.
  Verdict test(uint32_t slot) {
    if (Known* const known = find(slot)) return count_nearby(*known);
    const Verdict verdict = call(slot);
    count_nearby(verdict == Verdict::kAccept);
    return verdict;
  }
  /// Tests a slot before its turn, and keeps the verdict; kLookMax slots at most.
  void look(uint32_t slot) {
    if (Known* const known = find(slot)) return static_cast<void>(count_nearby(*known));
    const Verdict verdict = call(slot);
    if (verdict != Verdict::kStop) count_nearby(keep(slot, verdict));
  }
  /// Tests unknown slots in any order; appends those that pass.
  void test_all(std::span<const uint32_t> slots, std::vector<uint32_t>& passed);

  /// Tests slots that lie together, and measures what a test costs when its data is near. None of
  /// them may have been given to test(). May be called again, kSampleMax slots in all.
  void sample(std::span<const uint32_t> slots);
  /// Calls `visit(slot, accepted)` for each slot that was sampled or looked at.
  template <class Visit>
  void for_each_known(Visit visit) const {
    for (size_t i = 0; i < known_; ++i) visit(kept_[i].slot, kept_[i].accepted);
  }
  /// Nanoseconds per test, roughly; infinite before a sample.
  double cost() const { return cost_; }

  /// Whether enough of the slots tested in order have passed.
  bool knows_rate_nearby() const { return in_order_accepted_ >= kAcceptedForRate; }
  /// Sets the pass rate to assume until enough slots are tested.
  void assume(double rate) { assumed_ = rate; }
  bool has_sampled() const { return sampled_ > 0; }
  /// The pass rate of the slots tested in order; it may differ from the overall rate. Before enough
  /// have passed, it is smoothed by a prior: half a pass in 0.5 / max(assumed rate, rate_overall())
  /// tests.
  double rate_nearby() const {
    const auto accepted = static_cast<double>(in_order_accepted_), tests = static_cast<double>(in_order_);
    if (knows_rate_nearby()) return accepted / tests;
    return (accepted + 0.5) / (tests + 0.5 / std::max(assumed_, rate_overall()));
  }
  /// The overall pass rate, by the sample if there is one; never 0 then.
  double rate_overall() const {
    if (sampled_ == 0) return assumed_;
    return std::max(static_cast<double>(sampled_accepted_), 0.5) / static_cast<double>(sampled_);
  }

 private:
  /// Tests timed together. The fastest of a few batches is one that nothing disturbed; of expensive
  /// tests one batch is enough.
  static constexpr size_t kTimed = 16;
  static constexpr double kDearNs = 500;
  static constexpr uint64_t kAcceptedForRate = 3;

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
  /// A slot with a kept verdict, and whether it was counted by count_nearby() already.
  struct Known {
    uint32_t slot;
    bool accepted, nearby;
  };
  Known* find(uint32_t slot) {
    Known* const end = kept_.data() + known_;
    Known* const at = std::find_if(kept_.data(), end, [slot](const Known& k) { return k.slot == slot; });
    return at == end ? nullptr : at;
  }
  Known& keep(uint32_t slot, Verdict verdict) {
    SAGITTA_ASSERT(known_ < kept_.size());
    return kept_[known_++] = {.slot = slot, .accepted = verdict == Verdict::kAccept, .nearby = false};
  }
  void count_nearby(bool accepted) {
    ++in_order_;
    if (accepted) ++in_order_accepted_;
  }
  Verdict count_nearby(Known& known) {
    if (!known.nearby) count_nearby(known.accepted);
    known.nearby = true;
    return known.accepted ? Verdict::kAccept : Verdict::kReject;
  }

  const SearchParams& params_;
  SearchStats& stats_;
  bool stopped_ = false;
  uint64_t in_order_ = 0, in_order_accepted_ = 0;
  double assumed_ = 1;
  double cost_ = std::numeric_limits<double>::infinity();
  std::array<Known, kSampleMax + kLookMax> kept_;
  size_t known_ = 0, sampled_ = 0, sampled_accepted_ = 0;
};

}  // namespace sagitta::ann
