/// One search: chooses between walking the graph and scanning, takes candidates by estimate, has
/// them rescored, and gives those that pass the filter, nearest first. It can continue for more.
#pragma once

#include <optional>
#include <vector>

#include "copies.h"
#include "distances.h"
#include "index_impl.h"
#include "rescorer.h"
#include "scan.h"
#include "search_key.h"
#include "search_limits.h"
#include "search_plan.h"
#include "tester.h"
#include "walk.h"

namespace sagitta::ann {

/// Holds a pin and a scratch. Allocates nothing for which the scratch has room. One thread.
class Search final : private WalkLimits {
 public:
  /// `params` must outlive it.
  Search(const Index::Impl& index, std::span<const float> query, const SearchParams& params);

  size_t next(size_t count, std::vector<Candidate>& out);

  SearchStats stats;

 private:
  bool may_go_on(uint64_t walked) override;
  bool passes(uint32_t slot) const;

  // search_ways.cc
  void start();
  void start_walk(double part);
  void walk();
  void widen_for_filter();
  void widen_for_predicate();
  size_t look_at_nearest(size_t looked);
  double part_in_beam();
  bool widen();
  void order_within_beam();
  bool scans_vectors(size_t count) const;
  void scan_matches(const SlotBitmap* without);
  void scan(std::span<const uint32_t> slots);
  KeyKind kind_of_codes() const { return distances_.has_vectors() ? KeyKind::kEstimates : KeyKind::kDistances; }
  void sample_if_worth(double finding);
  void sample();
  void sift();
  void note_taken();
  void scan_rest();

  // search.cc
  const SearchKey* peek_walked();
  const SearchKey* peek_copy();
  SearchKey take_walked();
  const SearchKey* peek_scanned(bool ordered_only);
  std::optional<SearchKey> next_key(bool insist);
  void ask_ahead();
  bool rescores_in_batches() const;
  bool rescore_batch();
  void rescore_in_order(size_t missing, size_t count);
  void take_in_order(size_t missing, size_t count);
  void refill(size_t missing, size_t count);
  size_t batch_for(size_t missing) const;
  Verdict judge(uint32_t slot);
  size_t give(size_t count, std::vector<Candidate>& out);

  const Index::Impl& index_;
  const SearchParams& params_;
  const Pin pin_;
  ScratchPtr scratch_;
  const SearchPlan plan_;
  SearchLimits limits_;
  Distances distances_;
  Scan scan_;  // of slots a walk does not meet; of all, when there is no walk
  std::optional<Walk> walk_;
  Copies copies_;      // of candidates walk_ has found
  Walk::Work noted_;   // the part of walk_'s work that stats include
  size_t walked_ = 0;  // pool entries before this are taken or do not pass
  size_t asked_ = 0;   // entries of the pool, or of the scan, before this have been prefetched
  Rescorer rescorer_;
  Tester tester_;
  bool tried_sample_ = false;
  bool sifted_ = false;   // everything untaken has passed the predicate
  bool stopped_ = false;  // a verdict was kStop: nothing more is given
};

/// A search with its own parameters.
struct Cursor::Impl {
  Impl(const Index::Impl& index, std::span<const float> query, const SearchParams& p)
      : params(p), search(index, query, params) {}

  const SearchParams params;
  Search search;
};

}  // namespace sagitta::ann
