/// What each way to the candidates of a search would cost: walking the graph, scanning the matching
/// slots, or sifting (testing all of them with the predicate first).
#pragma once

#include "cost.h"
#include "graph.h"
#include "slot_store.h"
#include "tester.h"

namespace sagitta::ann {

/// Costs are in the nanoseconds of cost.h. They follow what `tester` learns. One thread; the
/// arguments of the constructor must outlive it.
class SearchPlan {
 public:
  /// `beam` is the width of a search that asks for none.
  SearchPlan(const SlotStore& store, const Graph& graph, uint32_t beam, const SearchParams& params,
             const Tester& tester);

  /// The largest number of live slots that can pass: those of the bitmap, or all.
  size_t matches() const;
  /// The part of all live slots that matches() are, at most 1.
  double part_matching() const;

  /// The beam width the caller asked for.
  uint32_t beam_wanted() const;
  /// The beam of which beam_wanted() slots pass if `part` of all pass.
  double beam_for(double part) const;
  /// The beam of the first walk under a filter: narrower than beam_for() if few pass.
  double first_beam(double part) const;
  /// The number of tests until k pass, if the nearest are tested first.
  double tests_in_order() const;

  double walk_cost(double beam) const { return costs_.walk(beam); }
  /// A first walk, and the tests it makes.
  double first_walk_cost(double part) const;
  double scan_cost() const { return costs_.scan(matches()); }
  /// Testing all matches and comparing those that pass.
  double sift_cost() const;

  /// Whether `count` vectors are better compared directly than by codes.
  bool scans_vectors(size_t count) const { return costs_.scans_vectors(count); }
  /// Whether sifting is cheaper than finding the nearest at a cost of `finding` and testing them in
  /// order.
  bool sifting_pays(double finding) const;
  /// Whether sifting might be cheaper, whatever a test costs, and many tests are to come.
  bool sampling_pays(double finding) const;

 private:
  const SlotStore& store_;
  const uint32_t beam_;
  const SearchParams& params_;
  const Tester& tester_;
  const Costs costs_;
};

}  // namespace sagitta::ann
