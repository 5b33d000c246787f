/// Reads slots in slot order instead of walking: lists the matching ones, compares them by code or
/// by vector, and gives candidates nearest first. Also scans slots that a walk does not meet.
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "sagitta/base/assert.h"

#include "distances.h"
#include "search_key.h"
#include "search_limits.h"

namespace sagitta::ann {

/// Keeps an estimate for each slot compared by its code, but keys only for the nearest; the others
/// get keys when their turn comes. Uses a scratch that it does not own. One thread.
class Scan {
 public:
  Scan(const SlotStore& store, const SearchParams& params, const Distances& distances, Scratch& scratch,
       SearchLimits& limits, SearchStats& stats);

  /// The live slots that the bitmap passes, ascending, except those of `without` (may be null).
  /// With `drop_expired`, also without the expired ones; otherwise those are left for later.
  std::span<const uint32_t> list(const SlotBitmap* without, bool drop_expired);
  /// The matching slots of one granule whose bits are set in `word`. `out` has room for all.
  /// Returns how many.
  uint32_t list_granule(uint32_t granule, uint64_t word, const SlotBitmap* without, bool drop_expired,
                        uint32_t* out) const;

  /// Forgets all candidates.
  void clear();
  /// Makes all of `slots` candidates, by distance.
  void compare_vectors(std::span<const uint32_t> slots);
  /// Makes all of `slots` candidates, by estimate. `slots` must not change until the next clear().
  /// With `all`, every slot gets its key at once.
  void compare_codes(std::span<const uint32_t> slots, bool all);
  /// Adds a few slots, by estimate.
  void add(std::span<const uint32_t> slots);

  /// The next candidate, until skip(); null when there is none. With `ordered_only`, null also when
  /// the next would have to be ordered first; every ordered candidate is nearer than every other.
  const SearchKey* peek(bool ordered_only);
  void skip() {
    SAGITTA_ASSERT(taken_ < ordered_);
    ++taken_;
  }
  /// Brings the candidates nearer than `limit` into order.
  void order_up_to(SearchKey limit);
  /// The next candidates, in order.
  std::span<const SearchKey> upcoming() const { return std::span(keys_).subspan(taken_, ordered_ - taken_); }
  /// Takes the nearest `most` candidates up to `limit`, in no order. With an infinite limit it
  /// takes those that have keys; when all of these are taken, it makes more keys first. Empty: none
  /// are left.
  std::span<const SearchKey> take_up_to(double limit, size_t most);
  /// The candidates skipped or taken.
  std::span<const SearchKey> taken() const { return std::span(keys_).first(taken_); }
  /// The number of candidates to take at once.
  size_t batch() const { return batch_; }
  /// Fills `out`, or its front, with an even sample of all estimates. Returns how many.
  size_t sample(std::span<SearchKey> out) const;

 private:
  uint64_t drop_expired_of(uint32_t first, uint64_t word) const;
  template <class Visit>
  void estimate(std::span<const uint32_t> slots, Visit visit);
  void add_nearest(size_t count);
  float drop_farther_keys(size_t first, size_t count);
  void add_up_to(float limit);
  template <class Visit>
  void for_each_beyond_reach(Visit visit) const;
  bool add_farther();
  void order_batch();

  const SlotStore& store_;
  const SearchParams& params_;
  const Distances& distances_;
  Scratch& scratch_;
  SearchLimits& limits_;
  SearchStats& stats_;
  std::vector<SearchKey>& keys_;  // of scratch_: candidates
  size_t taken_ = 0;              // keys before this are skipped or taken
  size_t ordered_ = 0;            // keys before this are nearer than the rest; the untaken of them are in order
  size_t batch_;

  std::span<const uint32_t> compared_;                     // compared by code: each has an estimate in scratch_
  float reach_ = -std::numeric_limits<float>::infinity();  // those with an estimate ≤ this have keys
};

}  // namespace sagitta::ann
