// The ways of a search to its candidates: walking the graph, scanning and sifting, and the changes
// from one to another.
#include <algorithm>
#include <array>
#include <limits>

#include "search.h"

namespace sagitta::ann {
namespace {

/// If more than 1 / kRescoredPart of the vectors would be rescored, all are compared by their
/// vectors at once.
constexpr double kRescoredPart = 8;
/// A predicate is sampled in this many places, at runs of slots: at least kSampleMin that match,
/// within kGranulesLookedAt granules.
constexpr uint32_t kSamplePlaces = 2, kSampleMin = 8, kGranulesLookedAt = 1024;
/// A beam is wide enough when this part of the wanted beam passes the filter: how many pass varies
/// from query to query.
constexpr double kPassingPart = 0.8;
/// Slots of the beam tested before the beam is widened, unless fewer tell enough.
constexpr size_t kLooksMore = 64;
/// Under a filter a first walk is tried even where a scan seems cheaper, if it costs less than
/// 1 / kFirstWalks of that: matches may lie near the query.
constexpr double kFirstWalks = 6;

}  // namespace

// Chooses the cheapest way.
void Search::start() {
  scratch_->taken.reset();
  const double estimate = params_.filter.selectivity;
  const double part = std::min(plan_.part_matching(), estimate >= 0 && estimate <= 1 ? estimate : 1.0);
  tester_.assume(part / std::max(plan_.part_matching(), 1e-9));
  const bool can_walk = distances_.codec() != nullptr && index_.graph.entry_count() > 0;
  const double scan_cost = plan_.scan_cost();
  const double walk_cost = can_walk ? plan_.walk_cost(plan_.beam_for(part)) : std::numeric_limits<double>::infinity();
  const double finding = std::min(walk_cost, scan_cost);
  sample_if_worth(finding);
  if (stats.ended != Ended::kNot) return;
  const bool sifts = plan_.sifting_pays(finding);
  const double otherwise = sifts ? plan_.sift_cost() : scan_cost;
  const bool tries_walk = kFirstWalks * plan_.first_walk_cost(part) < otherwise;
  if (can_walk && ((walk_cost < scan_cost && !sifts) || tries_walk)) return start_walk(part);
  if (sifts) return sift();
  scan_matches(nullptr);
}

void Search::start_walk(double part) {
  stats.path = Path::kGraph;
  distances_.prepare_codes();
  const auto beam = static_cast<uint32_t>(plan_.first_beam(part));
  walk_.emplace(index_.store, index_.graph, *distances_.codec(), *scratch_, beam, true);
  // Before the walk: what is linked meanwhile is met by the walk or by this scan.
  std::vector<uint32_t>& fresh = scratch_->fresh;
  fresh.clear();
  index_.fresh.scan(fresh);
  walk_->skip(fresh);
  walk_->enter();
  walk();
  rescorer_.keys_are(kind_of_codes());
  scan_.add(fresh);
  widen_for_filter();
  if (walk_ && tester_.has_predicate()) widen_for_predicate();
  if (walk_) order_within_beam();
}

// Most fresh vectors are farther than the whole beam and need no order yet.
void Search::order_within_beam() {
  const auto pool = walk_->pool();
  scan_.order_up_to(pool.size() < walk_->beam() ? std::numeric_limits<SearchKey>::max() : pool.back());
}

void Search::walk() {
  walk_->run(this);
  stats.expanded += walk_->work().expanded - noted_.expanded;
  stats.distances += walk_->work().distances - noted_.distances;
  noted_ = walk_->work();
}

// A beam is wide enough once the caller's beam width of slots in it pass. Where matches are so
// rare, or so far, that scanning them is cheaper, they are scanned instead. Without a bitmap only
// erased and expired slots do not pass, usually few, so half of the beam is enough.
void Search::widen_for_filter() {
  const double enough = plan_.beam_wanted() * (params_.filter.bitmap != nullptr ? kPassingPart : 0.5);
  while (stats.ended == Ended::kNot && !walk_->exhausted()) {
    uint32_t found = 0;
    for (const SearchKey key : walk_->pool()) {
      found += passes(slot_of(key)) ? 1U : 0U;
      if (found >= enough) return;
    }
    // A prior on the pass rate: half a match at the overall rate.
    const double beam = walk_->beam(), rate = (found + 0.5) / (beam + 0.5 / plan_.part_matching());
    const double wanted = std::max(plan_.beam_for(rate / 1.1), beam * 1.5);
    if (plan_.walk_cost(wanted - beam) > plan_.scan_cost()) return scan_matches(nullptr);
    walk_->widen(static_cast<uint32_t>(wanted));
    walk();
  }
}

// Tests the nearest slots before their turn, until it is known which part passes near the query.
// While hardly any passes, the beam only doubles: matches may lie anywhere.
void Search::widen_for_predicate() {
  size_t looked = 0;
  for (bool known = false; !known && stats.ended == Ended::kNot && !walk_->exhausted();) {
    looked = look_at_nearest(looked);
    known = tester_.knows_rate_nearby() || looked == Tester::kLookMax;
    const double beam = walk_->beam(), rate = tester_.rate_nearby() * part_in_beam();
    if (stats.ended != Ended::kNot || beam * rate >= kPassingPart * plan_.beam_wanted()) return;
    const double wanted = std::max(plan_.beam_for(rate), beam * 1.5);
    const double walk_cost = plan_.walk_cost(wanted - beam), finding = std::min(walk_cost, plan_.scan_cost());
    sample_if_worth(finding);
    if (stats.ended != Ended::kNot) return;
    if (plan_.sifting_pays(finding)) return sift();
    if (finding < walk_cost) return scan_matches(nullptr);
    walk_->widen(static_cast<uint32_t>(known ? wanted : std::min(wanted, 2 * beam)));
    walk();
  }
}

// The part of the beam that the bitmap passes.
double Search::part_in_beam() {
  const auto pool = walk_->pool();
  if (params_.filter.bitmap == nullptr || pool.empty()) return 1;
  const auto passing = std::ranges::count_if(pool, [this](SearchKey key) { return passes(slot_of(key)); });
  return static_cast<double>(passing) / static_cast<double>(pool.size());
}

// Tests slots of the beam, from place `looked` on. Returns the place it came to. Some slots may
// have been erased meanwhile.
size_t Search::look_at_nearest(size_t looked) {
  const size_t until = std::min(looked + kLooksMore, Tester::kLookMax);
  size_t place = 0;
  for (const SearchKey key : walk_->pool()) {
    if (place == until || tester_.knows_rate_nearby() || stats.ended != Ended::kNot) break;
    if (!passes(slot_of(key))) continue;
    if (place++ >= looked) tester_.look(slot_of(key));
  }
  return std::max(place, looked);
}

void Search::sample_if_worth(double finding) {
  if (tester_.has_predicate() && !tried_sample_ && plan_.sampling_pays(finding)) sample();
}

// In several places, as slots that pass may lie together.
void Search::sample() {
  tried_sample_ = true;
  std::array<uint32_t, SlotStore::kGranule> slots;
  const SlotBitmap* bitmap = params_.filter.bitmap;
  const uint32_t granules = (index_.store.end() + SlotStore::kGranule - 1) / SlotStore::kGranule;
  for (uint32_t place = 0; place < kSamplePlaces; ++place) {
    const uint32_t middle = granules * (2 * place + 1) / (2 * kSamplePlaces);
    const uint32_t until = std::min(granules * (place + 1) / kSamplePlaces, middle + kGranulesLookedAt);
    uint32_t count = 0;
    for (uint32_t i = middle; i < until && count < kSampleMin; ++i) {
      count = scan_.list_granule(i, bitmap != nullptr ? bitmap->word(i) : ~uint64_t{0}, &scratch_->taken, true,
                                 slots.data());
    }
    if (count >= kSampleMin)
      tester_.sample(std::span(slots).first(std::min<size_t>(count, Tester::kSampleMax / kSamplePlaces)));
  }
}

// Widens the beam. False when a walk can find nothing more, or would cost more than scanning the
// rest.
bool Search::widen() {
  if (walk_->exhausted()) return false;
  const double beam = walk_->beam(), nearby = plan_.beam_for(tester_.rate_nearby() * part_in_beam());
  const double wanted = tester_.knows_rate_nearby() ? std::clamp(nearby, beam * 2, beam * 16) : beam * 2;
  const double scan_cost = plan_.scan_cost();
  if (plan_.walk_cost(wanted - beam) > scan_cost) return false;
  if (tester_.has_predicate()) {
    const double finding = std::min(plan_.walk_cost(nearby), scan_cost);
    note_taken();
    sample_if_worth(finding);
    if (stats.ended != Ended::kNot || plan_.sifting_pays(finding)) return false;
  }
  walk_->widen(static_cast<uint32_t>(wanted));
  walk();
  walked_ = asked_ = 0;
  order_within_beam();
  return true;
}

// Whether to compare by vectors instead of codes. Codes gain nothing over few matches, nor where a
// predicate rejects so many that a good part of all must be rescored.
bool Search::scans_vectors(size_t count) const {
  if (!distances_.has_vectors()) return false;
  if (distances_.codec() == nullptr || plan_.scans_vectors(count)) return true;
  return tester_.has_predicate() && !sifted_ && plan_.tests_in_order() * kRescoredPart > static_cast<double>(count);
}

void Search::scan_matches(const SlotBitmap* without) { scan(scan_.list(without, tester_.has_predicate())); }

void Search::scan(std::span<const uint32_t> slots) {
  walk_.reset();
  copies_.clear();
  noted_ = {};
  asked_ = 0;
  stats.path = Path::kExact;
  scan_.clear();
  if (scans_vectors(slots.size())) {
    rescorer_.keys_are(KeyKind::kDistances);
    return scan_.compare_vectors(slots);
  }
  rescorer_.keys_are(kind_of_codes());
  distances_.prepare_codes();
  // A predicate that is asked in order may reject any number of them.
  scan_.compare_codes(slots, tester_.has_predicate() && !sifted_);
}

void Search::note_taken() {
  SlotBitmap& taken = scratch_->taken;
  for (const std::span<const SearchKey> keys : {std::span<const SearchKey>(walk_->pool()), walk_->rejected()}) {
    for (SearchKey key : keys) {
      if ((key & kTaken) != 0) taken.set(Slot{slot_of(key)});
    }
  }
  for (const SearchKey key : scan_.taken()) taken.set(Slot{slot_of(key)});
  for (const uint32_t slot : copies_.taken()) taken.set(Slot{slot});
}

void Search::scan_rest() {
  note_taken();
  if (tester_.has_predicate() && stats.ended == Ended::kNot) {
    const double finding = plan_.scan_cost();
    sample_if_worth(finding);
    if (stats.ended == Ended::kNot && plan_.sifting_pays(finding)) return sift();
  }
  scan_matches(&scratch_->taken);
}

// Where most slots would be tested anyway, tests all at once, in slot order, and finds the nearest
// of those that pass. Candidates taken before keep their turn, and sampled slots their verdict.
void Search::sift() {
  SlotBitmap& taken = scratch_->taken;
  std::vector<uint32_t>& passed = scratch_->passed;
  passed.clear();
  tester_.for_each_known([&](uint32_t slot, bool accepted) {
    if (accepted && !taken.test(Slot{slot})) passed.push_back(slot);
    taken.set(Slot{slot});
  });
  tester_.test_all(scan_.list(&taken, true), passed);
  sifted_ = true;
  scan(passed);
}

}  // namespace sagitta::ann
