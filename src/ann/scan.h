/// Looking at slots in their order, instead of walking: what matches is listed, then compared by codes or by vectors,
/// and candidates come out nearest first. Also of slots that a walk does not meet.
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "distances.h"
#include "search_key.h"
#include "search_limits.h"

namespace sagitta::ann {

/// Keeps an estimate of each slot that it compared by its code, and keys of the nearest only: the rest get theirs when
/// their turn comes. Works in a scratch that it does not own. One thread.
class Scan {
 public:
  Scan(const SlotStore& store, const SearchParams& params, const Distances& distances, Scratch& scratch,
       SearchLimits& limits, SearchStats& stats);

  /// The live slots that the bitmap passes, but for those of `without` (may be null), in order. Whether they have
  /// expired is asked now, or when their turn comes.
  std::span<const uint32_t> list(const SlotBitmap* without, bool drop_expired);
  /// Of the slots of a granule, those of `word`; room for all is in `out`. Returns how many.
  uint32_t list_granule(uint32_t granule, uint64_t word, const SlotBitmap* without, bool drop_expired,
                        uint32_t* out) const;

  /// Forgets all candidates.
  void clear();
  /// All of these become candidates, by their distances.
  void compare_vectors(std::span<const uint32_t> slots);
  /// Or by estimates; `slots` stay as they are until the next clear(). `all` get keys at once.
  void compare_codes(std::span<const uint32_t> slots, bool all);
  /// A few more, by estimates.
  void add(std::span<const uint32_t> slots);

  /// The next candidate, until skip(); null when there are none. With `ordered_only` none that needs bringing into
  /// order first: what has been is nearer than what has not.
  const SearchKey* peek(bool ordered_only);
  void skip() { ++taken_; }
  /// Brings what is nearer than `limit` into order.
  void order_up_to(SearchKey limit);
  /// In order, those that are next.
  std::span<const SearchKey> upcoming() const { return std::span(keys_).subspan(taken_, ordered_ - taken_); }
  /// Takes the nearest `most` of those up to `limit`, in no order; of infinity, those that have keys, or get them when
  /// no other has. Nothing: there are none.
  std::span<const SearchKey> take_up_to(double limit, size_t most);
  /// Those that were skipped or taken.
  std::span<const SearchKey> taken() const { return std::span(keys_).first(taken_); }
  /// How many are best taken at once.
  size_t batch() const { return batch_; }
  /// Fills `out`, or a part of it, evenly from all estimates. Returns how many.
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
  size_t taken_ = 0;              // keys before this
  size_t ordered_ = 0;            // keys before this are nearer than the rest, and in order but for what is taken
  size_t batch_;

  std::span<const uint32_t> compared_;                     // by codes: each has an estimate in scratch_
  float reach_ = -std::numeric_limits<float>::infinity();  // of their estimates, those up to this have keys
};

}  // namespace sagitta::ann
