// The arithmetic of choosing a way, from the filter's pass rate and the costs of a typical machine.
#include "search_plan.h"

#include <algorithm>

namespace sagitta::ann {
namespace {

/// Under a filter the first walk is at most this multiple of the wanted beam.
constexpr double kFirstLook = 2;
constexpr double kBeamMax = 1 << 20;
/// A predicate is sampled when at least kSampleWorth × Tester::kSampleMax tests are to come.
constexpr double kSampleWorth = 2;

}  // namespace

SearchPlan::SearchPlan(const SlotStore& store, const Graph& graph, uint32_t beam, const SearchParams& params,
                       const Tester& tester)
    : store_(store),
      beam_(beam),
      params_(params),
      tester_(tester),
      costs_(store.shape().vector_bytes, store.shape().code_bytes, graph.degree(), graph.has_sketches(), store.end()) {}

size_t SearchPlan::matches() const {
  const size_t live = store_.live();
  return params_.filter.bitmap == nullptr ? live : std::min(params_.filter.bitmap->count(), live);
}

double SearchPlan::part_matching() const {
  return static_cast<double>(matches()) / static_cast<double>(std::max<size_t>(store_.live(), 1));
}

uint32_t SearchPlan::beam_wanted() const {
  const uint32_t width = params_.beam_width > 0 ? params_.beam_width : beam_;
  return std::min(std::max(params_.k, width), static_cast<uint32_t>(kBeamMax));
}

double SearchPlan::beam_for(double part) const { return std::min(kBeamMax, beam_wanted() / std::max(part, 1e-9)); }

double SearchPlan::first_beam(double part) const { return std::min(beam_for(part), kFirstLook * beam_wanted()); }

double SearchPlan::tests_in_order() const {
  return std::min(static_cast<double>(matches()), params_.k / std::max(tester_.rate_nearby(), 1e-9));
}

double SearchPlan::first_walk_cost(double part) const {
  const double tests_cost = tester_.has_sampled() ? Tester::kLookMax * tester_.cost() : 0;
  return costs_.walk(first_beam(part)) + tests_cost;
}

double SearchPlan::sift_cost() const {
  const auto count = static_cast<double>(matches());
  return costs_.list(count) + count * tester_.cost() + costs_.compare(count * tester_.rate_overall());
}

bool SearchPlan::sifting_pays(double finding) const {
  const double tests = tests_in_order();
  return sift_cost() < finding + costs_.in_order(tests) + tests * tester_.cost();
}

// Listing the slots is the least that sifting costs.
bool SearchPlan::sampling_pays(double finding) const {
  const double tests = tests_in_order();
  const double list_cost = costs_.list(static_cast<double>(matches()));
  return tests >= kSampleWorth * Tester::kSampleMax && list_cost < finding + costs_.in_order(tests);
}

}  // namespace sagitta::ann
