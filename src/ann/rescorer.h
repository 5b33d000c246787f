/// Finds the candidates that are certainly nearest. It compares likely candidates by their vectors,
/// after a look at their fine codes if there are any, until by the errors seen no later estimate
/// can matter.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "sagitta/base/assert.h"

#include "distances.h"
#include "search_key.h"
#include "search_limits.h"
#include "seen_errors.h"

namespace sagitta::ann {

/// What the distances of keys are; estimates are rescored.
enum class KeyKind : uint8_t { kDistances, kEstimates };

/// Works in rounds: begin(), take() for each candidate, end(); give() then gives what is certain.
/// Uses a scratch that it does not own. One thread.
class Rescorer {
 public:
  /// The largest sample that errors are learnt from at once.
  static constexpr size_t kSampleMax = 32;

  Rescorer(Metric metric, const SearchParams& params, const Distances& distances, Scratch& scratch,
           SearchLimits& limits, SearchStats& stats);

  /// Says what the keys to come hold. Initially distances.
  void keys_are(KeyKind kind) { kind_ = kind; }
  bool rescores() const { return rescores_by_vectors() || params_.full_vector; }
  /// Whether keys will be compared by the stored vectors, now or later.
  bool rescores_by_vectors() const { return kind_ == KeyKind::kEstimates && !params_.full_vector; }
  /// Whether take() compares by the stored vector at once.
  bool takes_by_vectors() const { return rescores_by_vectors() && !distances_.has_fine_codes(); }

  /// Starts a round that shall make `count` candidates certain.
  void begin(size_t count);
  void take(SearchKey key);
  /// Takes a candidate that is certain as it comes; a round uses either only this or only take().
  /// Only if nothing is rescored and nothing was found before.
  void take_certain(SearchKey key) {
    SAGITTA_ASSERT(held_count_ == 0 && refined_.empty() && certain_ == ready_.size());
    ready_.push_back({.slot = Slot{slot_of(key)}, .distance = distance_of(key)});
    certain_ = ready_.size();
  }
  /// Ends a round: the nearest candidates become certain, up to the number wanted.
  void end();

  /// Candidates taken and not given yet.
  size_t found() const { return ready_.size() - given_ + refined_.size() + held_count_; }
  /// Candidates with an estimate beyond this can be ignored, by the errors seen so far. Infinite
  /// until enough are found.
  double limit() const;
  /// Refines what take() has held back to refine in one batch, so that limit() counts it.
  void refine_held();

  /// Learns the error of estimates from a sample, at most kSampleMax. Prefer an even sample: most
  /// of the nearest estimates are too low.
  void learn_errors(std::span<const SearchKey> sample);
  /// Whether take() also learns errors. Initially true.
  void learn_from_taken(bool learns) { learns_from_taken_ = learns; }
  bool knows_errors() const { return errors_.tell(); }

  /// The nearest certain candidate that was not given yet; nullopt when there is none.
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
  size_t count_ = 0;  // wanted in this round

  std::array<SearchKey, kHeldMax> held_;  // taken; refined together
  size_t held_count_ = 0;
  std::vector<SearchKey>& refined_;  // of scratch_: estimated by fine codes
  std::vector<Candidate>& ready_;    // of scratch_: rescored; the first certain_ are certain, in order
  size_t given_ = 0, certain_ = 0;   // of ready_
  std::vector<float>& nearest_;      // of scratch_: a heap of the count_ smallest known distances

  SeenErrors errors_;       // of estimates, against better values
  SeenErrors fine_errors_;  // of estimates by fine codes, against distances
  bool learns_from_taken_ = true;
};

}  // namespace sagitta::ann
