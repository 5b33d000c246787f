/// One search: chooses between walking the graph and scanning, takes candidates by their estimates, rescores them, and
/// hands them out nearest first. It can go on for more.
#pragma once

#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "cost.h"
#include "index_impl.h"
#include "search_key.h"
#include "seen_errors.h"
#include "tester.h"
#include "vectors.h"
#include "walk.h"

namespace sagitta::ann {

/// Holds a pin and a scratch; allocates nothing that the scratch has room for. One thread.
class Search final : private WalkLimits {
 public:
  /// `params` outlives it.
  Search(const Index::Impl& index, std::span<const float> query, const SearchParams& params);

  size_t next(size_t count, std::vector<Candidate>& out);

  SearchStats stats;

 private:
  enum class Keys : uint8_t { kDistances, kEstimates };

  bool may_go_on(uint64_t walked) override;
  bool passes(uint32_t slot) const;
  size_t matches() const;
  double part_matching() const;
  uint32_t beam_wanted() const;
  double beam_for(double part) const;
  double first_beam(double part) const;
  double look_cost(double part) const;

  double tests_in_order() const;
  double sift_cost(double test_ns) const;
  bool sifting_pays(double finding) const;
  void sample_if_worth(double finding);
  void sample();
  void start();
  void start_walk(double part);
  void walk();
  void widen_for_filter();
  void widen_for_predicate();
  size_t look_at_nearest(size_t looked);
  double part_in_beam();
  bool widen();
  bool scans_vectors(size_t count) const;
  void start_scan(const SlotBitmap* without);
  void scan(std::span<const uint32_t> slots);
  void scan_vectors(std::span<const uint32_t> slots);
  void scan_codes(std::span<const uint32_t> slots);
  void add_nearest(size_t count);
  float drop_farther_keys(size_t first, size_t count);
  void add_up_to(float limit);
  template <class Visit>
  void for_each_beyond_reach(Visit visit) const;
  bool add_farther();
  void add_fresh(std::span<const uint32_t> slots);
  template <class Visit>
  void estimate_codes(std::span<const uint32_t> slots, Visit visit);
  void ask_for_codes(std::span<const uint32_t> slots) const;
  Keys keys_of_codes() const { return scorer_ ? Keys::kEstimates : Keys::kDistances; }
  void order_within_beam();
  void order_batch();
  std::span<const uint32_t> list_matches(const SlotBitmap* without);
  uint32_t list_granule(uint32_t granule, uint64_t word, const SlotBitmap* without, uint32_t* out) const;
  std::optional<SearchKey> peek_scanned(bool beam_left);
  std::optional<SearchKey> peek_walked();
  std::optional<SearchKey> next_key(bool insist);
  void note_taken();
  void look_at_rest();
  void sift();

  void keep_nearest(float distance, size_t count);
  void keep_all_nearest(size_t count, bool with_refined);
  uint64_t drop_expired(uint32_t first, uint64_t word) const;
  const std::byte* vector(uint32_t slot) const;
  void ask_for_vector(uint32_t slot) const;
  void ask_for_fine(uint32_t slot) const;
  void ask_for_vectors();
  bool refines() const;
  void refine(std::span<const SearchKey> keys, float* out);
  void refine_held(size_t count);
  float rescore(SearchKey key);
  float rescore_by_vector(uint32_t slot);
  bool is_too_late();
  void take_in_order(size_t missing, size_t count);
  void rescore_in_order(size_t missing, size_t count);
  bool rescores_in_batches() const;
  bool rescore_batch(size_t count);
  void sample_errors();
  void take(SearchKey key, size_t count);
  void note_error(float estimate, float better);
  size_t found() const { return ready_.size() + refined_.size() + held_count_; }
  void rescore_refined(size_t count);
  void refill(size_t missing, size_t count);
  bool keys_are_exact() const { return keys_are_ == Keys::kDistances && !params_.full_vector; }
  double margin() const;
  Verdict judge(uint32_t slot);
  size_t batch_for(size_t missing) const;
  size_t give(size_t count, std::vector<Candidate>& out);

  const Index::Impl& index_;
  const SearchParams& params_;
  const Pin pin_;
  const Codec* const codec_;  // null throughout where it was at the start: the query is prepared once
  const bool early_;          // there are whole vectors only, at a level that keeps none
  ScratchPtr scratch_;
  const Costs costs_;
  std::optional<Scorer> scorer_;
  std::optional<Walk> walk_;
  Walk::Work noted_;   // of walk_, in stats
  size_t walked_ = 0;  // pool entries before this are taken or do not pass
  size_t asked_ = 0;   // entries of the pool, or of a scan's keys, before this have been asked for

  Keys keys_are_ = Keys::kDistances;
  size_t scanned_ = 0;  // keys before this are taken
  size_t ordered_ = 0;  // keys before this are nearer than the rest, and in order but for batches
  size_t batch_;

  std::span<const uint32_t> scanning_;                     // of a scan by codes: all it looks at
  float reach_ = -std::numeric_limits<float>::infinity();  // of its estimates, those up to this have keys

  /// Taken together: fine codes asked for before they are read.
  static constexpr size_t kHeldMax = 16;
  std::array<SearchKey, kHeldMax> held_;  // taken, about to be refined
  size_t held_count_ = 0;
  std::vector<SearchKey>& refined_;  // of scratch_: estimated by fine codes, not rescored
  std::vector<Candidate>& ready_;    // of scratch_: rescored; those that are certain in order
  size_t given_ = 0;                 // of ready_
  bool stopped_ = false;             // a verdict was kStop: no more is given
  size_t certain_ = 0;               // of ready_: nothing untaken is likely to be nearer
  Tester tester_;
  bool tried_sample_ = false;
  bool sifted_ = false;     // what is untaken has passed the predicate
  SeenErrors errors_;       // of estimates, against what is known better
  SeenErrors fine_errors_;  // of estimates by fine codes, against distances
};

/// A search with parameters of its own.
struct Cursor::Impl {
  Impl(const Index::Impl& index, std::span<const float> query, const SearchParams& p)
      : params(p), search(index, query, params) {}

  const SearchParams params;
  Search search;
};

}  // namespace sagitta::ann
