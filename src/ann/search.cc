// Searching. Candidates come from a walk or a scan, by estimated distance. Those that may be among
// the nearest are rescored, and those that pass the filter are given. When these are too few, the
// beam widens, and in the end everything is scanned.
#include "search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "sagitta/base/assert.h"

namespace sagitta::ann {
namespace {

/// If more than 1 / kRescoredPart of the vectors would be rescored, all are compared by their
/// vectors at once.
constexpr double kRescoredPart = 8;
/// A predicate is sampled when at least kSampleWorth × Tester::kSampleMax tests are to come: in
/// kSamplePlaces places, at runs of slots, if kSampleMin of them match within kGranulesLookedAt
/// granules.
constexpr double kSampleWorth = 2;
constexpr uint32_t kSamplePlaces = 2, kSampleMin = 8, kGranulesLookedAt = 1024;
/// A beam is wide enough when this part of the wanted beam passes the filter: how many pass varies
/// from query to query.
constexpr double kPassingPart = 0.8;
/// Slots of the beam tested before the beam is widened, unless fewer tell enough.
constexpr size_t kLooksMore = 64;
/// Under a filter the first walk is at most kFirstLook times the wanted beam. It is tried even
/// where a scan seems cheaper, if it costs less than 1 / kLooks of that: matches may lie near the
/// query.
constexpr double kFirstLook = 2, kLooks = 6;
constexpr double kBeamMax = 1 << 20;
/// A batch is at most kBatchesGrow × what is already rescored (and scan_.batch() at least).
constexpr size_t kBatchesGrow = 3;
/// Copies that do not pass, between two checks of the clock.
constexpr size_t kCopiesPerLook = 256;

}  // namespace

Search::Search(const Index::Impl& index, std::span<const float> query, const SearchParams& params)
    : index_(index),
      params_(params),
      pin_(index.gate.enter()),
      scratch_(index.scratch.take()),
      costs_(index.store.shape().vector_bytes, index.store.shape().code_bytes, index.graph.degree(),
             index.graph.has_sketches(), index.store.end()),
      limits_(params, stats),
      distances_(index.store, index.options, index.codec(), query, *scratch_),
      scan_(index.store, params, distances_, *scratch_, limits_, stats),
      copies_(index.graph, *scratch_),
      rescorer_(index.options.metric, params, distances_, *scratch_, limits_, stats),
      tester_(params, stats) {
  start();
}

// Chooses the cheapest way.
void Search::start() {
  scratch_->taken.reset();
  const double estimate = params_.filter.selectivity;
  const double part = std::min(part_matching(), estimate >= 0 && estimate <= 1 ? estimate : 1.0);
  tester_.assume(part / std::max(part_matching(), 1e-9));
  const bool can_walk = distances_.codec() != nullptr && index_.graph.entry_count() > 0;
  const double scan_cost = costs_.scan(matches());
  const double walk_cost = can_walk ? costs_.walk(beam_for(part)) : std::numeric_limits<double>::infinity();
  const double finding = std::min(walk_cost, scan_cost);
  sample_if_worth(finding);
  if (stats.ended != Ended::kNot) return;
  const bool sifts = sifting_pays(finding);
  const double otherwise = sifts ? sift_cost(tester_.cost()) : scan_cost;
  if (can_walk && ((walk_cost < scan_cost && !sifts) || kLooks * look_cost(part) < otherwise)) return start_walk(part);
  if (sifts) return sift();
  scan_matches(nullptr);
}

// The first look near the query, before the beam becomes as wide as the filter is sparse.
double Search::first_beam(double part) const { return std::min(beam_for(part), kFirstLook * beam_wanted()); }

double Search::look_cost(double part) const {
  const double tests_cost = tester_.has_sampled() ? Tester::kLookMax * tester_.cost() : 0;
  return costs_.walk(first_beam(part)) + tests_cost;
}

uint32_t Search::beam_wanted() const {
  const uint32_t width = params_.beam_width > 0 ? params_.beam_width : index_.options.expansion_search;
  return std::min(std::max(params_.k, width), static_cast<uint32_t>(kBeamMax));
}

// The beam in which as many slots pass as the caller's beam is wide, if `part` of all pass.
double Search::beam_for(double part) const { return std::min(kBeamMax, beam_wanted() / std::max(part, 1e-9)); }

bool Search::may_go_on(uint64_t walked) { return limits_.may_go_on(walked - noted_.distances); }

bool Search::passes(uint32_t slot) const {
  const SlotBitmap* bitmap = params_.filter.bitmap;
  return (bitmap == nullptr || bitmap->test(Slot{slot})) && index_.store.is_found(slot, params_.now_us);
}

size_t Search::matches() const {
  const size_t live = index_.store.live();
  return params_.filter.bitmap == nullptr ? live : std::min(params_.filter.bitmap->count(), live);
}

double Search::part_matching() const {
  return static_cast<double>(matches()) / static_cast<double>(std::max<size_t>(index_.store.live(), 1));
}

void Search::start_walk(double part) {
  stats.path = Path::kGraph;
  distances_.prepare_codes();
  const auto beam = static_cast<uint32_t>(first_beam(part));
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
  const double enough = beam_wanted() * (params_.filter.bitmap != nullptr ? kPassingPart : 0.5);
  while (stats.ended == Ended::kNot && !walk_->exhausted()) {
    uint32_t found = 0;
    for (const SearchKey key : walk_->pool()) {
      found += passes(slot_of(key)) ? 1U : 0U;
      if (found >= enough) return;
    }
    // A prior on the pass rate: half a match at the overall rate.
    const double beam = walk_->beam(), rate = (found + 0.5) / (beam + 0.5 / part_matching());
    const double wanted = std::max(beam_for(rate / 1.1), beam * 1.5);
    if (costs_.walk(wanted - beam) > costs_.scan(matches())) return scan_matches(nullptr);
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
    if (stats.ended != Ended::kNot || beam * rate >= kPassingPart * beam_wanted()) return;
    const double wanted = std::max(beam_for(rate), beam * 1.5);
    const double walk_cost = costs_.walk(wanted - beam), finding = std::min(walk_cost, costs_.scan(matches()));
    sample_if_worth(finding);
    if (stats.ended != Ended::kNot) return;
    if (sifting_pays(finding)) return sift();
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

// How many tests are needed if vectors are found, at cost `finding`, and tested in order until k
// pass.
double Search::tests_in_order() const {
  return std::min(static_cast<double>(matches()), params_.k / std::max(tester_.rate_nearby(), 1e-9));
}

// The cost of testing all slots first and comparing only those that pass.
double Search::sift_cost(double test_ns) const {
  const auto count = static_cast<double>(matches());
  return costs_.list(count) + count * test_ns + costs_.compare(count * tester_.rate_overall());
}

bool Search::sifting_pays(double finding) const {
  const double tests = tests_in_order();
  return sift_cost(tester_.cost()) < finding + costs_.in_order(tests) + tests * tester_.cost();
}

void Search::sample_if_worth(double finding) {
  if (!tester_.has_predicate() || tried_sample_) return;
  const double tests = tests_in_order();
  const double list_cost = costs_.list(static_cast<double>(matches()));  // a lower bound of what sifting costs
  if (tests >= kSampleWorth * Tester::kSampleMax && list_cost < finding + costs_.in_order(tests)) sample();
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
  const double beam = walk_->beam(), nearby = beam_for(tester_.rate_nearby() * part_in_beam());
  const double wanted = tester_.knows_rate_nearby() ? std::clamp(nearby, beam * 2, beam * 16) : beam * 2;
  const double scan_cost = costs_.scan(matches());
  if (costs_.walk(wanted - beam) > scan_cost) return false;
  if (tester_.has_predicate()) {
    const double finding = std::min(costs_.walk(nearby), scan_cost);
    note_taken();
    sample_if_worth(finding);
    if (stats.ended != Ended::kNot || sifting_pays(finding)) return false;
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
  if (distances_.codec() == nullptr || costs_.scans_vectors(count)) return true;
  return tester_.has_predicate() && !sifted_ && tests_in_order() * kRescoredPart > static_cast<double>(count);
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

// A scan has dropped erased slots when it listed them; expired ones are dropped here.
const SearchKey* Search::peek_scanned(bool ordered_only) {
  while (const SearchKey* key = scan_.peek(ordered_only)) {
    const uint32_t slot = slot_of(*key);
    if (walk_ ? passes(slot) : !index_.store.is_expired(slot, params_.now_us)) return key;
    scan_.skip();
  }
  return nullptr;
}

const SearchKey* Search::peek_copy() {
  for (size_t looked = 1; const SearchKey* key = copies_.peek(); ++looked) {
    if (passes(slot_of(*key))) return key;
    copies_.skip();
    if (looked % kCopiesPerLook == 0 && !limits_.may_go_on()) copies_.stop();
  }
  return nullptr;
}

// The copies of a candidate that had its turn come before the next candidate, even if it did not
// pass itself.
const SearchKey* Search::peek_walked() {
  if (!walk_) return nullptr;
  const auto pool = walk_->pool();
  while (true) {
    if (const SearchKey* copy = peek_copy()) return copy;
    while (walked_ < pool.size() && (pool[walked_] & kTaken) != 0) ++walked_;
    if (walked_ == pool.size()) return nullptr;
    if (passes(slot_of(pool[walked_]))) return &pool[walked_];
    pool[walked_] |= kTaken;
    copies_.open(pool[walked_]);
  }
}

// Takes what peek_walked() returned.
SearchKey Search::take_walked() {
  if (const SearchKey* copy = copies_.peek()) {
    const SearchKey key = *copy;
    copies_.take();
    return key;
  }
  const SearchKey key = walk_->pool()[walked_];
  walk_->pool()[walked_++] |= kTaken;
  copies_.open(key);
  return key;
}

// The next best candidate by estimate; searches beyond the beam only with `insist`. When walking
// finds no more, everything left is scanned: there may be matches that the walk has not met.
std::optional<SearchKey> Search::next_key(bool insist) {
  while (true) {
    const SearchKey *const walked = peek_walked(), *const scanned = peek_scanned(walked != nullptr);
    if (walked != nullptr && (scanned == nullptr || *walked < *scanned)) return take_walked();
    const bool more_to_find = walk_ && insist && stats.ended == Ended::kNot;
    if (scanned != nullptr && (walked != nullptr || !more_to_find)) {
      scan_.skip();
      return *scanned;
    }
    if (!more_to_find) return std::nullopt;
    if (!widen()) look_at_rest();
  }
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

void Search::look_at_rest() {
  note_taken();
  if (tester_.has_predicate() && stats.ended == Ended::kNot) {
    const double finding = costs_.scan(matches());
    sample_if_worth(finding);
    if (stats.ended == Ended::kNot && sifting_pays(finding)) return sift();
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

// Prefetches what is likely to be rescored next.
void Search::ask_ahead() {
  if (!rescorer_.takes_by_vectors()) return;
  const size_t at = walk_ ? walked_ : scan_.taken().size();
  const std::span<const SearchKey> keys = walk_ ? walk_->pool().subspan(at) : scan_.upcoming();
  const size_t until = at + std::min(keys.size(), Distances::kVectorsAhead);
  for (asked_ = std::max(asked_, at); asked_ < until; ++asked_) distances_.ask_for_vector(slot_of(keys[asked_ - at]));
}

void Search::take_in_order(size_t missing, size_t count) {
  while (rescorer_.found() < count) {
    const auto key = next_key(rescorer_.found() < missing);
    if (!key) return;
    rescorer_.take_certain(*key);
  }
}

// Rescores until the next candidate is too far to matter; with full vectors at least oversampling ×
// count.
void Search::rescore_in_order(size_t missing, size_t count) {
  const double oversampled = std::ceil(static_cast<double>(count) * static_cast<double>(params_.oversampling));
  const double at_least = params_.full_vector ? oversampled : 0;
  for (size_t taken = 1;; ++taken) {
    ask_ahead();
    const auto key = next_key(rescorer_.found() < missing);
    if (!key) return;
    rescorer_.take(*key);
    if (static_cast<double>(taken) >= at_least && double{distance_of(*key)} > rescorer_.limit()) return;
  }
}

// For a scan by codes, ordering many candidates would cost as much as rescoring them.
bool Search::rescores_in_batches() const {
  return !walk_ && rescorer_.rescores_by_vectors() && (!tester_.has_predicate() || sifted_);
}

// Rescores the nearest candidates that may matter, unordered: a few at first, then more each time.
// False when there are none.
bool Search::rescore_batch() {
  if (!rescorer_.knows_errors()) {
    std::array<SearchKey, Rescorer::kSampleMax> sample;
    rescorer_.learn_errors(std::span(sample).first(scan_.sample(sample)));
  }
  const auto batch = scan_.take_up_to(rescorer_.limit(), std::max(scan_.batch(), kBatchesGrow * rescorer_.found()));
  const bool by_vectors = rescorer_.takes_by_vectors();
  const auto ask_for = [&](size_t i) {
    if (by_vectors && i < batch.size()) distances_.ask_for_vector(slot_of(batch[i]));
  };
  for (size_t i = 0; i < Distances::kVectorsAhead; ++i) ask_for(i);
  for (size_t i = 0; i < batch.size(); ++i) {
    ask_for(i + Distances::kVectorsAhead);
    if (!index_.store.is_expired(slot_of(batch[i]), params_.now_us)) rescorer_.take(batch[i]);
  }
  rescorer_.refine_held();
  return !batch.empty();
}

// Makes `count` more candidates certain, or all there are; widens no beam to find more than
// `missing`.
void Search::refill(size_t missing, size_t count) {
  rescorer_.begin(count);
  copies_.begin_round(count);
  if (!rescorer_.rescores() && rescorer_.found() == 0) return take_in_order(missing, count);
  const bool in_batches = rescores_in_batches();
  // Under kDot the error of an estimate grows with the length, and the nearest vectors are the long
  // ones.
  rescorer_.learn_from_taken(!in_batches || index_.options.metric == Metric::kDot);
  if (in_batches) {
    while (rescore_batch()) {
    }
  } else {
    rescore_in_order(missing, count);
  }
  rescorer_.end();
}

Verdict Search::judge(uint32_t slot) {
  if (!tester_.has_predicate()) return index_.store.is_live(slot) ? Verdict::kAccept : Verdict::kReject;
  if (sifted_ && !scratch_->taken.test(Slot{slot})) return Verdict::kAccept;
  return tester_.test(slot);
}

// Gives certain candidates that pass, up to `count`.
size_t Search::give(size_t count, std::vector<Candidate>& out) {
  size_t found = 0;
  while (found < count) {
    const auto candidate = rescorer_.give();
    if (!candidate) break;
    const Verdict verdict = judge(static_cast<uint32_t>(candidate->slot));
    stopped_ = verdict == Verdict::kStop;
    if (stopped_) break;
    if (verdict == Verdict::kReject) continue;
    out.push_back(*candidate);
    ++found;
  }
  return found;
}

// How many candidates to make certain at once. The number grows: otherwise a predicate that rejects
// much would have everything ordered for each few tests, and a batched scan would pass over all
// that is left for each few candidates.
size_t Search::batch_for(size_t missing) const {
  if (rescores_in_batches()) return std::max(missing, scan_.taken().size() / 4);
  return tester_.has_predicate() && !sifted_ ? std::max<size_t>(missing, stats.predicate_tests / 4) : missing;
}

size_t Search::next(size_t count, std::vector<Candidate>& out) {
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  size_t found = 0;
  while (found < count && !stopped_) {
    if (!rescorer_.has_certain()) refill(count - found, batch_for(count - found));
    if (!rescorer_.has_certain()) break;
    found += give(count - found, out);
  }
  // Where some did not pass, a wider walk may have met nearer slots than those given before.
  if (!std::is_sorted(out.begin() + first, out.end(), nearer)) std::sort(out.begin() + first, out.end(), nearer);
  return found;
}

Cursor::Cursor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;
size_t Cursor::next(size_t count, std::vector<Candidate>& out) { return impl_->search.next(count, out); }
const SearchStats& Cursor::stats() const { return impl_->search.stats; }

Result<Cursor> Index::open(std::span<const float> query, const SearchParams& params) const {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, query));
  return Cursor(std::make_unique<Cursor::Impl>(*impl_, query, params));
}

Result<SearchAnswer> Index::search(std::span<const float> query, const SearchParams& params) const {
  SearchAnswer answer;
  SAGITTA_CHECK(search(query, params, answer));
  return answer;
}

Status Index::search(std::span<const float> query, const SearchParams& params, SearchAnswer& answer) const {
  if (params.k == 0) return fail(ErrorCode::kInvalid, "k must be at least 1");
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, query));
  Search search(*impl_, query, params);
  answer.candidates.clear();
  search.next(params.k, answer.candidates);
  answer.stats = search.stats;
  return {};
}

Status Index::score(std::span<const float> query, std::span<const Slot> slots, std::span<float> distances) const {
  SAGITTA_CHECK(check_vector(impl_->options.metric, impl_->options.dim, query));
  SAGITTA_ASSERT(slots.size() == distances.size());
  const Pin pinned = pin();
  const ScratchPtr scratch = impl_->scratch.take();
  Distances of_query(impl_->store, impl_->options, impl_->codec(), query, *scratch);
  const bool by_codes = !of_query.has_vectors();
  if (by_codes) of_query.prepare_codes();
  for (size_t i = 0; i < slots.size(); ++i) {
    const auto slot = static_cast<uint32_t>(slots[i]);
    distances[i] = std::numeric_limits<float>::infinity();
    if (!impl_->store.is_live(slot)) continue;
    if (by_codes) {
      of_query.by_codes(&slot, 1, &distances[i]);
    } else if (of_query.has_vector(slot)) {
      distances[i] = of_query.by_vector(slot);
    }
  }
  return {};
}

}  // namespace sagitta::ann
