/// Of candidates, those that are certain to be nearest: what estimates make likely is compared by vectors, with a look
/// at fine codes in between where there are any, until the next is too far to matter by the errors seen.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "distances.h"
#include "search_key.h"
#include "search_limits.h"
#include "seen_errors.h"

namespace sagitta::ann {

/// What the distances of keys are: estimates are rescored.
enum class KeyKind : uint8_t { kDistances, kEstimates };

/// Goes in rounds: begin(), take() for each candidate, end(); what is certain then is given before the next. Works in a
/// scratch that it does not own. One thread.
class Rescorer {
 public:
  /// Of keys that errors are learnt from at once.
  static constexpr size_t kSampleMax = 32;

  Rescorer(Metric metric, const SearchParams& params, const Distances& distances, Scratch& scratch,
           SearchLimits& limits, SearchStats& stats);

  /// Of the keys to come. At the start: distances.
  void keys_are(KeyKind kind) { kind_ = kind; }
  bool rescores() const { return rescores_by_vectors() || params_.full_vector; }
  /// By those in memory, sooner or later.
  bool rescores_by_vectors() const { return kind_ == KeyKind::kEstimates && !params_.full_vector; }
  /// At once, in take().
  bool takes_by_vectors() const { return rescores_by_vectors() && !distances_.has_fine_codes(); }

  /// `count` are wanted by the end of this round.
  void begin(size_t count);
  void take(SearchKey key);
  /// One that is certain as it comes, in place of all the rest of a round: when nothing is to be rescored, nor was
  /// found before.
  void take_certain(SearchKey key) {
    ready_.push_back({.slot = Slot{slot_of(key)}, .distance = distance_of(key)});
    certain_ = ready_.size();
  }
  /// The nearest become certain: as many as are wanted, or all.
  void end();

  /// Taken and not given yet.
  size_t found() const { return ready_.size() - given_ + refined_.size() + held_count_; }
  /// What is estimated beyond can be left out, as far as is known. Infinite until enough are found.
  double limit() const;
  /// What was taken counts for the limit, as far as it has waited for others.
  void refine_held();

  /// Errors are learnt from this, kSampleMax at most: what seems nearest mostly seems nearer than it is.
  void learn_errors(std::span<const SearchKey> sample);
  /// And from what is taken, unless this says otherwise.
  void learn_from_taken(bool learns) { learns_from_taken_ = learns; }
  bool knows_errors() const { return errors_.tell(); }

  /// The nearest of what is certain; nothing when that is all given.
  std::optional<Candidate> give() { return has_certain() ? std::optional(ready_[given_++]) : std::nullopt; }
  bool has_certain() const { return given_ < certain_; }

 private:
  /// Candidates whose fine codes are read together.
  static constexpr size_t kHeldMax = 16;
  static_assert(std::max(kHeldMax, kSampleMax) <= Distances::kTogether);

  bool takes_by_fine_codes() const { return rescores_by_vectors() && distances_.has_fine_codes(); }
  float rescore(SearchKey key);
  float by_vector(uint32_t slot);
  void by_fine_codes(std::span<const SearchKey> keys, float* out);
  void keep(float distance);
  void rescore_refined();

  const Metric metric_;
  const SearchParams& params_;
  const Distances& distances_;
  Scratch& scratch_;
  SearchLimits& limits_;
  SearchStats& stats_;
  KeyKind kind_ = KeyKind::kDistances;
  size_t count_ = 0;  // wanted

  std::array<SearchKey, kHeldMax> held_;  // taken, about to be refined
  size_t held_count_ = 0;
  std::vector<SearchKey>& refined_;  // of scratch_: estimated by fine codes
  std::vector<Candidate>& ready_;    // of scratch_: rescored; those that are certain first, in order
  size_t given_ = 0, certain_ = 0;   // of ready_
  std::vector<float>& nearest_;      // of scratch_: a heap of the count_ smallest distances known of all these

  SeenErrors errors_;       // of estimates, against what is known better
  SeenErrors fine_errors_;  // of estimates by fine codes, against distances
  bool learns_from_taken_ = true;
};

}  // namespace sagitta::ann
