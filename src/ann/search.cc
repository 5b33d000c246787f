// Searching. Candidates come by their estimated distance, from a walk or a scan; those that may be among the nearest
// are rescored; what the filter passes is given. When that is too few, the beam widens, and in the end everything is
// looked at.
#include "search.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "sagitta/base/assert.h"

namespace sagitta::ann {
namespace {

/// Candidates of a scan brought into order first, at least: of estimates more, for they are rescored until the next is
/// too far. Each further batch is twice as large as the one before.
constexpr size_t kBatchOfDistances = 16, kBatchOfEstimates = 64;
/// And a part of what is there: finding the nearest of all costs as much as bringing that part into order.
constexpr size_t kPartOrdered = 64;
/// Distances between two looks at the clock: some ten microseconds' worth.
constexpr uint64_t kDistancesPerLook = 256;
/// Of a scan, one of so many is rescored to learn it, so many at most.
constexpr size_t kErrorsPart = 64, kErrorsSampled = 32;
/// Where more than one of so many would be rescored, all vectors are compared at once.
constexpr double kRescoredPart = 8;
/// A predicate is sampled where so many times as many tests are to come: in a few places, by slots that lie together,
/// if so many do within so many granules.
constexpr double kSampleWorth = 2;
constexpr uint32_t kSamplePlaces = 2, kSampleMin = 8, kGranulesLookedAt = 1024;
/// The part of the wanted beam that passes a filter at least: how many do varies from query to query.
constexpr double kPassingPart = 0.8;
/// So many of the nearest are tested before the beam is made wider, unless fewer tell enough.
constexpr size_t kLooksMore = 64;
/// Under a filter a walk is first at most so many times as wide as without it, and that is tried even where a scan is
/// expected to be best, if it costs so many times as much: matches may lie near the query.
constexpr double kFirstLook = 2, kLooks = 6;
constexpr double kBeamMax = 1 << 20;
/// Vectors asked for before they are rescored, and of each so much: the processor's own prefetcher follows from there.
constexpr size_t kVectorsAhead = 4, kPrefetchBytesMax = 512;
/// Codes of a scan whose estimates are made together; as many more are asked for before.
constexpr size_t kCodesAhead = 64;
/// Of what a scan has estimates of, so many of the nearest get keys at first, and so many for each that is wanted;
/// then so many times as many.
constexpr size_t kKept = 256;
constexpr uint32_t kKeptPerK = 8;
constexpr size_t kKeptMore = 4;
/// Rescored at once, of what has been rescored.
constexpr size_t kBatchesGrow = 3;

bool nearer(const Candidate& a, const Candidate& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.slot < b.slot;
}

}  // namespace

Search::Search(const Index::Impl& index, std::span<const float> query, const SearchParams& params)
    : index_(index),
      params_(params),
      pin_(index.gate.enter()),
      codec_(index.codec()),
      early_(index.options.level == Level::kI8 && codec_ == nullptr),
      scratch_(index.scratch.take()),
      costs_(index.store.shape().vector_bytes, index.store.shape().code_bytes, index.graph.degree(),
             index.graph.has_sketches(), index.store.end()),
      batch_(std::max<size_t>(params.k, kBatchOfEstimates)),
      refined_(scratch_->refined),
      ready_(scratch_->ready),
      tester_(params, stats) {
  ready_.clear();
  refined_.clear();
  scratch_->query.resize(query.size());
  store_form(index.options.metric, query, scratch_->query);
  if (index.options.level != Level::kI8 || early_) {
    const Level level = early_ ? Level::kF32 : index.options.level;
    scorer_.emplace(index.options.metric, level, scratch_->query, scratch_->query_at_level);
  }
  start();
}

// The way that costs least.
void Search::start() {
  scratch_->taken.reset();
  scratch_->keys.clear();
  const double estimate = params_.filter.selectivity;
  const double part = std::min(part_matching(), estimate >= 0 && estimate <= 1 ? estimate : 1.0);
  tester_.assume(part / std::max(part_matching(), 1e-9));
  const bool can_walk = codec_ != nullptr && index_.graph.entry_count() > 0;
  const double scan_cost = costs_.scan(matches());
  const double walk_cost = can_walk ? costs_.walk(beam_for(part)) : std::numeric_limits<double>::infinity();
  const double finding = std::min(walk_cost, scan_cost);
  sample_if_worth(finding);
  if (stats.ended != Ended::kNot) return;
  const bool sifts = sifting_pays(finding);
  const double otherwise = sifts ? sift_cost(tester_.cost()) : scan_cost;
  if (can_walk && ((walk_cost < scan_cost && !sifts) || kLooks * look_cost(part) < otherwise)) return start_walk(part);
  if (sifts) return sift();
  start_scan(nullptr);
}

// What passes near the query is looked at before the beam is made as wide as a filter is sparse.
double Search::first_beam(double part) const { return std::min(beam_for(part), kFirstLook * beam_wanted()); }

double Search::look_cost(double part) const {
  const double tests_cost = tester_.has_sampled() ? Tester::kLookMax * tester_.cost() : 0;
  return costs_.walk(first_beam(part)) + tests_cost;
}

uint32_t Search::beam_wanted() const {
  const uint32_t width = params_.beam_width > 0 ? params_.beam_width : index_.options.expansion_search;
  return std::min(std::max(params_.k, width), static_cast<uint32_t>(kBeamMax));
}

// As wide as that so many are met as the caller asked for, of which `part` pass.
double Search::beam_for(double part) const { return std::min(kBeamMax, beam_wanted() / std::max(part, 1e-9)); }

bool Search::may_go_on(uint64_t walked) {
  if (stats.ended != Ended::kNot) return false;
  if (stats.distances + (walked - noted_.distances) >= params_.distances_max) stats.ended = Ended::kWork;
  if (is_late(params_)) stats.ended = Ended::kDeadline;
  return stats.ended == Ended::kNot;
}

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
  codec_->prepare(scratch_->query, scratch_->code_query);
  const auto beam = static_cast<uint32_t>(first_beam(part));
  walk_.emplace(index_.store, index_.graph, *codec_, *scratch_, beam, true);
  // Before the walk: what is linked meanwhile is met by one or the other.
  std::vector<uint32_t>& fresh = scratch_->fresh;
  fresh.clear();
  index_.fresh.scan(fresh);
  walk_->skip(fresh);
  walk_->enter();
  walk();
  add_fresh(fresh);
  widen_for_filter();
  if (walk_ && tester_.has_predicate()) widen_for_predicate();
  if (walk_) order_within_beam();
}

// Most fresh vectors are farther than all of the beam, and need no order yet.
void Search::order_within_beam() {
  const auto pool = walk_->pool();
  const SearchKey last = pool.size() < walk_->beam() ? std::numeric_limits<SearchKey>::max() : pool.back();
  std::vector<SearchKey>& keys = scratch_->keys;
  const auto from = keys.begin() + static_cast<std::ptrdiff_t>(ordered_);
  const auto beyond = std::partition(from, keys.end(), [last](SearchKey key) { return key < last; });
  std::sort(from, beyond);
  ordered_ = static_cast<size_t>(beyond - keys.begin());
}

void Search::walk() {
  walk_->run(this);
  stats.expanded += walk_->work().expanded - noted_.expanded;
  stats.distances += walk_->work().distances - noted_.distances;
  noted_ = walk_->work();
}

// A beam holds as many that pass as the caller asked it to be wide. Where matches are so rare, or so far, that a scan
// of them is cheaper, it is taken instead. Without a bitmap only erased and expired ones do not pass: usually few, so
// half the beam is enough.
void Search::widen_for_filter() {
  const double enough = beam_wanted() * (params_.filter.bitmap != nullptr ? kPassingPart : 0.5);
  while (stats.ended == Ended::kNot && !walk_->exhausted()) {
    uint32_t found = 0;
    for (const SearchKey key : walk_->pool()) {
      found += passes(slot_of(key)) ? 1U : 0U;
      if (found >= enough) return;
    }
    // What passes of all counts as if half a match had been found at that rate.
    const double beam = walk_->beam(), rate = (found + 0.5) / (beam + 0.5 / part_matching());
    const double wanted = std::max(beam_for(rate / 1.1), beam * 1.5);
    if (costs_.walk(wanted - beam) > costs_.scan(matches())) return start_scan(nullptr);
    walk_->widen(static_cast<uint32_t>(wanted));
    walk();
  }
}

// The nearest are asked ahead of their turn, until it is known what part passes near the query. While hardly any does,
// the beam only doubles: what passes may lie anywhere.
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
    if (finding < walk_cost) return start_scan(nullptr);
    walk_->widen(static_cast<uint32_t>(known ? wanted : std::min(wanted, 2 * beam)));
    walk();
  }
}

// That the bitmap passes.
double Search::part_in_beam() {
  const auto pool = walk_->pool();
  if (params_.filter.bitmap == nullptr || pool.empty()) return 1;
  const auto passing = std::ranges::count_if(pool, [this](SearchKey key) { return passes(slot_of(key)); });
  return static_cast<double>(passing) / static_cast<double>(pool.size());
}

// Of the beam, from the place `looked` on. Returns the place that it came to; some may have been erased meanwhile.
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

// Otherwise vectors are found, at a cost of `finding`, and tested in order until k pass.
double Search::tests_in_order() const {
  return std::min(static_cast<double>(matches()), params_.k / std::max(tester_.rate_nearby(), 1e-9));
}

// Of testing all at once, and comparing only those that pass.
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
  const double list_cost = costs_.list(static_cast<double>(matches()));  // the least that sifting may come to
  if (tests >= kSampleWorth * Tester::kSampleMax && list_cost < finding + costs_.in_order(tests)) sample();
}

// From a few places, for what passes may lie together.
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
      count = list_granule(i, bitmap != nullptr ? bitmap->word(i) : ~uint64_t{0}, &scratch_->taken, slots.data());
    }
    if (count >= kSampleMin)
      tester_.sample(std::span(slots).first(std::min<size_t>(count, Tester::kSampleMax / kSamplePlaces)));
  }
}

// False when there is nothing more to find by walking, or when it would be dearer than to look at the rest.
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

// Those that may be answers, into scratch_->matching. Whether they have expired is asked when their turn comes, but
// where a predicate may be asked of all.
std::span<const uint32_t> Search::list_matches(const SlotBitmap* without) {
  const SlotBitmap* bitmap = params_.filter.bitmap;
  const uint32_t end = index_.store.end();
  std::vector<uint32_t>& slots = scratch_->matching;
  // Granules are looked at whole: beyond `end` slots may become live meanwhile.
  const size_t whole = (size_t{end} + SlotStore::kGranule - 1) / SlotStore::kGranule * SlotStore::kGranule;
  const size_t most = bitmap != nullptr ? std::min(bitmap->count(), whole) : whole;
  if (slots.size() < most) slots.resize(most);
  uint32_t* out = slots.data();
  const auto add = [&](size_t granule, uint64_t word) {
    if (granule * SlotStore::kGranule < end) out += list_granule(static_cast<uint32_t>(granule), word, without, out);
  };
  if (bitmap != nullptr) {
    bitmap->for_each_word(add);
  } else {
    for (size_t granule = 0; granule * SlotStore::kGranule < end; ++granule) add(granule, ~uint64_t{0});
  }
  return {slots.data(), out};
}

// Of the slots of a granule, those of `word`. Returns how many.
uint32_t Search::list_granule(uint32_t granule, uint64_t word, const SlotBitmap* without, uint32_t* out) const {
  static_assert(SlotStore::kGranule == 64, "a word of a bitmap");
  uint64_t left = word & index_.store.live_in(granule);
  if (without != nullptr) left &= ~without->word(granule);
  const uint32_t first = granule * SlotStore::kGranule;
  if (tester_.has_predicate() && index_.store.has_expiries()) left = drop_expired(first, left);
  if (left == ~uint64_t{0}) {
    std::iota(out, out + SlotStore::kGranule, first);
    return SlotStore::kGranule;
  }
  uint32_t kept = 0;
  for (; left != 0; left &= left - 1) out[kept++] = first + static_cast<uint32_t>(std::countr_zero(left));
  return kept;
}

uint64_t Search::drop_expired(uint32_t first, uint64_t word) const {
  uint64_t kept = 0;
  for (uint64_t left = word; left != 0; left &= left - 1) {
    const auto at = static_cast<uint32_t>(std::countr_zero(left));
    kept |= uint64_t{index_.store.is_expired(first + at, params_.now_us) ? 0U : 1U} << at;
  }
  return kept;
}

// Whether vectors are compared at once. Of few matches the codes' advantage would be lost on rescoring, and so it would
// where a predicate rejects so much that a good part of all must be rescored.
bool Search::scans_vectors(size_t count) const {
  if (!scorer_) return false;
  if (codec_ == nullptr || costs_.scans_vectors(count)) return true;
  return tester_.has_predicate() && !sifted_ && tests_in_order() * kRescoredPart > static_cast<double>(count);
}

void Search::start_scan(const SlotBitmap* without) { scan(list_matches(without)); }

void Search::scan(std::span<const uint32_t> slots) {
  walk_.reset();
  noted_ = {};
  stats.path = Path::kExact;
  scratch_->keys.clear();
  scanned_ = ordered_ = asked_ = 0;
  if (scans_vectors(slots.size())) return scan_vectors(slots);
  codec_->prepare(scratch_->query, scratch_->code_query);
  scan_codes(slots);
}

void Search::scan_vectors(std::span<const uint32_t> slots) {
  keys_are_ = Keys::kDistances;
  batch_ = std::max<size_t>(params_.k, kBatchOfDistances);
  scratch_->keys.reserve(slots.size());
  for (size_t i = 0; i < std::min(kVectorsAhead, slots.size()); ++i) ask_for_vector(slots[i]);
  for (size_t i = 0; i < slots.size(); ++i) {
    const uint32_t slot = slots[i];
    if (i + kVectorsAhead < slots.size()) ask_for_vector(slots[i + kVectorsAhead]);
    const bool look = stats.distances % kDistancesPerLook == 0;
    if (stats.distances >= params_.distances_max || look) {
      if (!may_go_on(noted_.distances)) return;
    }
    if (early_ && !index_.store.has_early(slot)) continue;  // inserted since there is a codec
    ++stats.distances;
    scratch_->keys.push_back(make_key((*scorer_)(vector(slot)), slot));
  }
}

// Estimates of all, and keys of the nearest.
void Search::scan_codes(std::span<const uint32_t> slots) {
  scanning_ = slots;
  std::vector<float>& estimates = scratch_->scanned_estimates;
  estimates.clear();
  estimates.reserve(slots.size());
  estimate_codes(slots, [&](std::span<const uint32_t> batch, const float* batch_estimates) {
    estimates.insert(estimates.end(), batch_estimates, batch_estimates + batch.size());
  });
  // In order, a predicate may reject any number.
  const bool all = tester_.has_predicate() && !sifted_;
  add_nearest(all ? slots.size() : std::max<size_t>(kKept, size_t{kKeptPerK} * params_.k));
}

// Keys of the nearest of a scan that have none yet: of about `count`, or some more where many are equally far.
void Search::add_nearest(size_t count) {
  std::vector<SearchKey>& keys = scratch_->keys;
  const size_t before = keys.size();
  size_t room = 2 * count;
  keys.reserve(before + std::min(room, scanning_.size()));
  float limit = std::numeric_limits<float>::infinity();
  for_each_beyond_reach([&](uint32_t slot, float estimate) {
    if (estimate > limit) return;
    keys.push_back(make_key(estimate, slot));
    if (keys.size() - before < room) return;
    limit = drop_farther_keys(before, count);
    room = std::max(room, 2 * (keys.size() - before));
  });
  reach_ = limit;
}

// Of the keys from `first` on, keeps those as near as the first `count` of them; returns how far that is.
float Search::drop_farther_keys(size_t first, size_t count) {
  std::vector<SearchKey>& keys = scratch_->keys;
  const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
  const auto last = begin + static_cast<std::ptrdiff_t>(count - 1);
  std::nth_element(begin, last, keys.end());
  const float limit = distance_of(*last);
  keys.erase(std::remove_if(last, keys.end(), [limit](SearchKey key) { return distance_of(key) > limit; }), keys.end());
  return limit;
}

// Keys of all of a scan up to `limit`.
void Search::add_up_to(float limit) {
  if (reach_ >= limit) return;
  for_each_beyond_reach([&](uint32_t slot, float estimate) {
    if (estimate <= limit) scratch_->keys.push_back(make_key(estimate, slot));
  });
  reach_ = limit;
}

template <class Visit>
void Search::for_each_beyond_reach(Visit visit) const {
  const std::vector<float>& estimates = scratch_->scanned_estimates;  // fewer than slots where a budget ended the scan
  for (size_t i = 0; i < estimates.size(); ++i) {
    if (estimates[i] > reach_) visit(scanning_[i], estimates[i]);
  }
}

// False when all that was scanned has had its turn.
bool Search::add_farther() {
  const size_t before = scratch_->keys.size();
  if (reach_ < std::numeric_limits<float>::infinity() && !scanning_.empty())
    add_nearest(std::max(kKept, kKeptMore * before));
  return scratch_->keys.size() > before;
}

void Search::add_fresh(std::span<const uint32_t> slots) {
  estimate_codes(slots, [this](std::span<const uint32_t> batch, const float* estimates) {
    for (size_t i = 0; i < batch.size(); ++i) scratch_->keys.push_back(make_key(estimates[i], batch[i]));
  });
}

// Calls `visit(slots, estimates)` for each batch. The codes of a batch are asked for before those of the one
// before it are read.
template <class Visit>
void Search::estimate_codes(std::span<const uint32_t> slots, Visit visit) {
  keys_are_ = keys_of_codes();
  const uint8_t* codes[kCodesAhead];
  const Codec::Factors* factors[kCodesAhead];
  float estimates[kCodesAhead];
  ask_for_codes(slots.first(std::min(kCodesAhead, slots.size())));
  while (!slots.empty()) {
    if (!may_go_on(noted_.distances)) return;
    const size_t count = std::min<uint64_t>({kCodesAhead, slots.size(), params_.distances_max - stats.distances});
    const auto batch = slots.first(count);
    slots = slots.subspan(count);
    ask_for_codes(slots.first(std::min(kCodesAhead, slots.size())));
    for (size_t i = 0; i < count; ++i) {
      codes[i] = index_.store.code(batch[i]);
      factors[i] = index_.store.factors(batch[i]);
    }
    codec_->estimate(scratch_->code_query, codes, factors, count, estimates);
    visit(batch, estimates);
    stats.distances += count;
  }
}

void Search::ask_for_codes(std::span<const uint32_t> slots) const {
  const size_t bytes = std::min(kPrefetchBytesMax, index_.store.shape().code_bytes);
  for (const uint32_t slot : slots) {
    const uint8_t* code = index_.store.code(slot);
    for (size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(code + offset);
    __builtin_prefetch(index_.store.factors(slot));
  }
}

// What is not in order yet is farther than all of the beam.
std::optional<SearchKey> Search::peek_scanned(bool beam_left) {
  std::vector<SearchKey>& keys = scratch_->keys;
  while (true) {
    if (beam_left && scanned_ == ordered_) return std::nullopt;
    if (scanned_ == keys.size() && !add_farther()) return std::nullopt;
    if (scanned_ == ordered_) order_batch();
    // A scan has looked for what was erased when it began.
    const uint32_t slot = slot_of(keys[scanned_]);
    if (walk_ ? passes(slot) : !index_.store.is_expired(slot, params_.now_us)) return keys[scanned_];
    ++scanned_;
  }
}

void Search::order_batch() {
  std::vector<SearchKey>& keys = scratch_->keys;
  const size_t batch = std::max(batch_, (keys.size() - ordered_) / kPartOrdered);
  const size_t until = std::min(keys.size(), ordered_ + batch);
  const auto at = [&keys](size_t i) { return keys.begin() + static_cast<std::ptrdiff_t>(i); };
  if (until < keys.size()) std::nth_element(at(ordered_), at(until), keys.end());
  std::sort(at(ordered_), at(until));
  ordered_ = until;
  batch_ *= 2;
}

std::optional<SearchKey> Search::peek_walked() {
  if (!walk_) return std::nullopt;
  for (const auto pool = walk_->pool(); walked_ < pool.size(); ++walked_) {
    if ((pool[walked_] & kTaken) == 0 && passes(slot_of(pool[walked_]))) return pool[walked_];
  }
  return std::nullopt;
}

// The next best by estimate; beyond the beam only with `insist`. When walking finds no more, whatever is left is
// scanned: there may be matches that it has not met.
std::optional<SearchKey> Search::next_key(bool insist) {
  while (true) {
    const auto walked = peek_walked(), scanned = peek_scanned(walked.has_value());
    if (walked && (!scanned || *walked < *scanned)) {
      walk_->pool()[walked_++] |= kTaken;
      return walked;
    }
    const bool more_to_find = walk_ && insist && stats.ended == Ended::kNot;
    if (scanned && (walked || !more_to_find)) {
      ++scanned_;
      return scanned;
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
  for (size_t i = 0; i < scanned_; ++i) taken.set(Slot{slot_of(scratch_->keys[i])});
}

void Search::look_at_rest() {
  note_taken();
  if (tester_.has_predicate() && stats.ended == Ended::kNot) {
    const double finding = costs_.scan(matches());
    sample_if_worth(finding);
    if (stats.ended == Ended::kNot && sifting_pays(finding)) return sift();
  }
  start_scan(&scratch_->taken);
}

// Where most would be tested anyway, all are at once, in the order of slots; of those that pass, the nearest are found.
// What was taken before keeps its turn, and what was sampled its verdict.
void Search::sift() {
  SlotBitmap& taken = scratch_->taken;
  std::vector<uint32_t>& passed = scratch_->passed;
  passed.clear();
  tester_.for_each_known([&](uint32_t slot, bool accepted) {
    if (accepted && !taken.test(Slot{slot})) passed.push_back(slot);
    taken.set(Slot{slot});
  });
  tester_.test_all(list_matches(&taken), passed);
  sifted_ = true;
  scan(passed);
}

const std::byte* Search::vector(uint32_t slot) const {
  return early_ ? std::as_bytes(index_.store.early(slot)).data() : index_.store.vector(slot);
}

void Search::ask_for_vector(uint32_t slot) const {
  const size_t bytes = std::min(kPrefetchBytesMax, index_.store.shape().vector_bytes);
  const std::byte* begin = vector(slot);
  for (size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(begin + offset);
}

void Search::ask_for_fine(uint32_t slot) const {
  const uint8_t* begin = index_.store.fine(slot);
  const size_t bytes = std::min(kPrefetchBytesMax, index_.store.shape().fine_bytes);
  for (size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(begin + offset);
}

// Those that are likely to be rescored next.
void Search::ask_for_vectors() {
  if (keys_are_ == Keys::kDistances || params_.full_vector || refines()) return;
  const std::span<const SearchKey> keys =
      walk_ ? std::span<const SearchKey>(walk_->pool()) : std::span(scratch_->keys).first(ordered_);
  const size_t at = walk_ ? walked_ : scanned_, until = std::min(keys.size(), at + kVectorsAhead);
  for (asked_ = std::max(asked_, at); asked_ < until; ++asked_) ask_for_vector(slot_of(keys[asked_]));
}

float Search::rescore(SearchKey key) {
  const uint32_t slot = slot_of(key);
  if (params_.full_vector && !is_too_late()) {
    scratch_->floats.resize(index_.options.dim);
    if (params_.full_vector(Slot{slot}, scratch_->floats)) {
      ++stats.rescored;
      return distance(index_.options.metric, scratch_->query, scratch_->floats);
    }
  }
  if (keys_are_ == Keys::kDistances) return distance_of(key);
  return rescore_by_vector(slot);
}

float Search::rescore_by_vector(uint32_t slot) {
  ++stats.rescored;
  return (*scorer_)(vector(slot));
}

// Whether fine codes come between estimates and vectors.
bool Search::refines() const {
  return keys_are_ == Keys::kEstimates && !params_.full_vector && index_.store.shape().fine_bytes > 0;
}

// By fine codes, `out` has room for as many; of what seems near by codes.
void Search::refine(std::span<const SearchKey> keys, float* out) {
  const uint8_t* fine[kHeldMax];
  for (; !keys.empty(); keys = keys.subspan(std::min(kHeldMax, keys.size())), out += kHeldMax) {
    const size_t count = std::min(kHeldMax, keys.size());
    for (size_t i = 0; i < count; ++i) {
      fine[i] = index_.store.fine(slot_of(keys[i]));
      out[i] = distance_of(keys[i]);
    }
    codec_->refine(scratch_->code_query, fine, count, out);
    stats.refined += count;
  }
}

// Into refined_, what take() held back.
void Search::refine_held(size_t count) {
  float better[kHeldMax];
  refine(std::span(held_).first(held_count_), better);
  for (size_t i = 0; i < held_count_; ++i) {
    refined_.push_back(make_key(better[i], slot_of(held_[i])));
    keep_nearest(better[i], count);
    note_error(distance_of(held_[i]), better[i]);
  }
  held_count_ = 0;
}

// What was found is given by its estimate then: full vectors may come from far away.
bool Search::is_too_late() {
  const bool late = is_late(params_);
  if (late && stats.ended == Ended::kNot) stats.ended = Ended::kDeadline;
  return late;
}

void Search::keep_nearest(float distance, size_t count) {
  std::vector<float>& nearest = scratch_->nearest;
  if (nearest.size() == count) {
    if (distance >= nearest.front()) return;
    std::ranges::pop_heap(nearest);
    nearest.pop_back();
  }
  nearest.push_back(distance);
  std::ranges::push_heap(nearest);
}

// Of all that is found, or of what is rescored.
void Search::keep_all_nearest(size_t count, bool with_refined) {
  scratch_->nearest.clear();
  for (const Candidate& c : ready_) keep_nearest(c.distance, count);
  if (!with_refined) return;
  for (const SearchKey key : refined_) keep_nearest(distance_of(key), count);
}

void Search::take_in_order(size_t missing, size_t count) {
  while (ready_.size() < count) {
    const auto key = next_key(ready_.size() < missing);
    if (!key) break;
    ready_.push_back({.slot = Slot{slot_of(*key)}, .distance = distance_of(*key)});
  }
  certain_ = ready_.size();
}

// Until the next is too far to matter, by the error seen so far; of full vectors as many as asked for.
void Search::rescore_in_order(size_t missing, size_t count) {
  const double oversampled = std::ceil(static_cast<double>(count) * static_cast<double>(params_.oversampling));
  const double at_least = params_.full_vector ? oversampled : 0;
  const std::vector<float>& nearest = scratch_->nearest;
  for (size_t taken = 0;; ++taken) {
    ask_for_vectors();
    const auto key = next_key(found() < missing);
    if (!key) break;
    take(*key, count);
    if (nearest.size() < count || static_cast<double>(taken + 1) < at_least) continue;
    if (double{distance_of(*key)} > double{nearest.front()} + margin()) break;
  }
}

// Of a scan by codes, bringing many into order would cost as much as rescoring them.
bool Search::rescores_in_batches() const {
  return !walk_ && keys_are_ == Keys::kEstimates && !params_.full_vector && (!tester_.has_predicate() || sifted_);
}

// The nearest of those that may matter, by the error seen so far: a few at first, then more each time, in no order.
// False when there are none.
bool Search::rescore_batch(size_t count) {
  std::vector<SearchKey>& keys = scratch_->keys;
  const std::vector<float>& nearest = scratch_->nearest;
  const auto at = [&keys](size_t i) { return keys.begin() + static_cast<std::ptrdiff_t>(i); };
  if (!errors_.tell()) sample_errors();
  if (nearest.size() < count) {
    if (scanned_ == keys.size()) add_farther();
    ordered_ = keys.size();
  } else {
    constexpr double kLargest = std::numeric_limits<float>::max();
    const auto limit = static_cast<float>(std::min(double{nearest.front()} + margin(), kLargest));
    add_up_to(limit);
    const auto beyond =
        std::partition(at(scanned_), keys.end(), [limit](SearchKey key) { return distance_of(key) <= limit; });
    ordered_ = static_cast<size_t>(beyond - keys.begin());
  }
  const size_t batch = std::max(batch_, kBatchesGrow * found());
  if (ordered_ > scanned_ + batch) {
    std::nth_element(at(scanned_), at(scanned_ + batch), at(ordered_));
    ordered_ = scanned_ + batch;
  }
  if (scanned_ == ordered_) return false;
  for (; scanned_ < ordered_; ++scanned_) {
    ask_for_vectors();
    const SearchKey key = keys[scanned_];
    if (index_.store.is_expired(slot_of(key), params_.now_us)) continue;
    take(key, count);
  }
  refine_held(count);
  return true;
}

// Of what seems nearest most seems nearer than it is: how far estimates err is learnt from any. But under kDot they err
// as vectors are long, and the nearest are the long ones.
void Search::sample_errors() {
  const std::vector<float>& estimates = scratch_->scanned_estimates;
  if (estimates.empty()) return;
  const size_t count = std::clamp(estimates.size() / kErrorsPart, SeenErrors::kMin, kErrorsSampled);
  const bool fine = refines();
  SearchKey sampled[kErrorsSampled];
  float better[kErrorsSampled];
  for (size_t i = 0; i < count; ++i) {
    const size_t at = i * estimates.size() / count;
    sampled[i] = make_key(estimates[at], scanning_[at]);
    fine ? ask_for_fine(scanning_[at]) : ask_for_vector(scanning_[at]);
  }
  if (fine) refine(std::span(sampled).first(count), better);
  for (size_t i = 0; i < count; ++i) {
    if (!fine) better[i] = rescore_by_vector(slot_of(sampled[i]));
    errors_.note(distance_of(sampled[i]), better[i]);
  }
}

// Into ready_, rescored; where there are fine codes, by and by into refined_. `count` are wanted.
void Search::take(SearchKey key, size_t count) {
  const uint32_t slot = slot_of(key);
  if (refines()) {
    ask_for_fine(slot);
    held_[held_count_++] = key;
    if (held_count_ == kHeldMax) refine_held(count);
    return;
  }
  const float distance = rescore(key);
  ready_.push_back({.slot = Slot{slot}, .distance = distance});
  keep_nearest(distance, count);
  note_error(distance_of(key), distance);
}

void Search::note_error(float estimate, float better) {
  const bool tells = !rescores_in_batches() || index_.options.metric == Metric::kDot;
  if (tells && estimate != better) errors_.note(estimate, better);
}

// Of what is refined, the nearest, until the next is too far to matter; twice as many as are wanted are brought into
// order at first, then twice as many again.
void Search::rescore_refined(size_t count) {
  keep_all_nearest(count, false);
  const std::vector<float>& nearest = scratch_->nearest;
  const auto at = [this](size_t i) { return refined_.begin() + static_cast<std::ptrdiff_t>(i); };
  size_t taken = 0, ordered = 0, asked = 0;
  for (; taken < refined_.size(); ++taken) {
    if (taken == ordered) {
      ordered = std::min(refined_.size(), 2 * std::max(count, ordered));
      std::partial_sort(at(taken), at(ordered), refined_.end());
    }
    const float estimate = distance_of(refined_[taken]);
    if (nearest.size() == count && double{estimate} > double{nearest.front()} + fine_errors_.margin()) break;
    for (; asked < std::min(ordered, taken + kVectorsAhead); ++asked) ask_for_vector(slot_of(refined_[asked]));
    const uint32_t slot = slot_of(refined_[taken]);
    const float distance = rescore_by_vector(slot);
    ready_.push_back({.slot = Slot{slot}, .distance = distance});
    keep_nearest(distance, count);
    fine_errors_.note(estimate, distance);
  }
  refined_.erase(refined_.begin(), at(taken));
}

// Makes `count` more candidates certain, or as many as there are; no beam is widened to find more than are `missing`.
// Estimates are rescored until the next one is too far to matter, by the error seen so far.
void Search::refill(size_t missing, size_t count) {
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(given_));
  given_ = 0;
  if (keys_are_exact() && found() == 0) return take_in_order(missing, count);
  keep_all_nearest(count, true);
  if (rescores_in_batches()) {
    while (rescore_batch(count)) {
    }
  } else {
    rescore_in_order(missing, count);
    refine_held(count);
  }
  if (!refined_.empty()) rescore_refined(count);
  certain_ = std::min(count, ready_.size());
  std::ranges::partial_sort(ready_, ready_.begin() + static_cast<std::ptrdiff_t>(certain_), nearer);
}

// How much nearer a candidate may turn out than its key says. Looked at for each: walking may have given way to a scan.
double Search::margin() const {
  if (keys_are_exact()) return 0;
  return errors_.margin();
}

Verdict Search::judge(uint32_t slot) {
  if (!tester_.has_predicate()) return index_.store.is_live(slot) ? Verdict::kAccept : Verdict::kReject;
  if (sifted_ && !scratch_->taken.test(Slot{slot})) return Verdict::kAccept;
  return tester_.test(slot);
}

// Hands out what is certain, as far as it passes, up to `count`.
size_t Search::give(size_t count, std::vector<Candidate>& out) {
  size_t found = 0;
  while (found < count && given_ < certain_) {
    const Candidate candidate = ready_[given_++];
    const Verdict verdict = judge(static_cast<uint32_t>(candidate.slot));
    stopped_ = verdict == Verdict::kStop;
    if (stopped_) break;
    if (verdict == Verdict::kReject) continue;
    out.push_back(candidate);
    ++found;
  }
  return found;
}

// How many are to be made certain at once. More and more: a predicate that rejects much would have all ordered for each
// few it tests, and batches of a scan look through all that is left.
size_t Search::batch_for(size_t missing) const {
  if (rescores_in_batches()) return std::max(missing, scanned_ / 4);
  return tester_.has_predicate() && !sifted_ ? std::max<size_t>(missing, stats.predicate_tests / 4) : missing;
}

size_t Search::next(size_t count, std::vector<Candidate>& out) {
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  size_t found = 0;
  while (found < count && !stopped_) {
    if (given_ == certain_) refill(count - found, batch_for(count - found));
    if (certain_ == 0) break;
    found += give(count - found, out);
    if (given_ < certain_) break;
  }
  // Where some did not pass, a wider walk may have met nearer ones than were given before.
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
  std::vector<float> stored(query.size());
  store_form(impl_->options.metric, query, stored);
  const SlotStore& store = impl_->store;
  const Codec* codec = impl_->codec();
  const bool has_vectors = impl_->options.level != Level::kI8;
  Codec::Query code_query;
  std::vector<std::byte> at_level;
  const Scorer scorer(impl_->options.metric, has_vectors ? impl_->options.level : Level::kF32, stored, at_level);
  if (!has_vectors && codec != nullptr) codec->prepare(stored, code_query);
  for (size_t i = 0; i < slots.size(); ++i) {
    const auto slot = static_cast<uint32_t>(slots[i]);
    distances[i] = std::numeric_limits<float>::infinity();
    if (!store.is_live(slot)) continue;
    if (has_vectors) {
      distances[i] = scorer(store.vector(slot));
    } else if (codec != nullptr) {
      const uint8_t* code = store.code(slot);
      const Codec::Factors* factors = store.factors(slot);
      codec->estimate(code_query, &code, &factors, 1, &distances[i]);
    } else if (store.has_early(slot)) {
      distances[i] = scorer(std::as_bytes(store.early(slot)).data());
    }
  }
  return {};
}

}  // namespace sagitta::ann
