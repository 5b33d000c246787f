// Scanning: lists granules, estimates in batches, and gives keys and order to the nearest only.
#include "scan.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace sagitta::ann {
namespace {

/// The smallest first batch brought into order; larger for estimates, which are rescored until the
/// next is too far. Each batch is twice the previous one.
constexpr size_t kBatchOfDistances = 16, kBatchOfEstimates = 64;
/// A batch is at least 1 / kPartOrdered of what is left: finding the nearest of all costs as much
/// as ordering that part.
constexpr size_t kPartOrdered = 64;
/// Distances between two checks of the clock: some ten microseconds' worth.
constexpr uint64_t kDistancesPerLook = 256;
/// max(kKept, kKeptPerK × k) estimates get keys first; each further time max(kKept, kKeptMore ×
/// present keys).
constexpr size_t kKept = 256;
constexpr uint32_t kKeptPerK = 8;
constexpr size_t kKeptMore = 4;
/// max(kSampledMin, 1 / kSampledPart of the estimates) are sampled.
constexpr size_t kSampledPart = 64, kSampledMin = 8;

}  // namespace

Scan::Scan(const SlotStore& store, const SearchParams& params, const Distances& distances, Scratch& scratch,
           SearchLimits& limits, SearchStats& stats)
    : store_(store),
      params_(params),
      distances_(distances),
      scratch_(scratch),
      limits_(limits),
      stats_(stats),
      keys_(scratch.keys),
      batch_(std::max<size_t>(params.k, kBatchOfEstimates)) {
  keys_.clear();
}

std::span<const uint32_t> Scan::list(const SlotBitmap* without, bool drop_expired) {
  const SlotBitmap* bitmap = params_.filter.bitmap;
  const uint32_t end = store_.end();
  std::vector<uint32_t>& slots = scratch_.matching;
  // Whole granules: slots beyond `end` may become live meanwhile.
  const size_t whole = (size_t{end} + SlotStore::kGranule - 1) / SlotStore::kGranule * SlotStore::kGranule;
  const size_t most = bitmap != nullptr ? std::min(bitmap->count(), whole) : whole;
  if (slots.size() < most) slots.resize(most);
  uint32_t* out = slots.data();
  const auto add = [&](size_t granule, uint64_t word) {
    if (granule * SlotStore::kGranule >= end) return;
    out += list_granule(static_cast<uint32_t>(granule), word, without, drop_expired, out);
  };
  if (bitmap != nullptr) {
    bitmap->for_each_word(add);
  } else {
    for (size_t granule = 0; granule * SlotStore::kGranule < end; ++granule) add(granule, ~uint64_t{0});
  }
  SAGITTA_ASSERT(out <= slots.data() + slots.size());
  return {slots.data(), out};
}

uint32_t Scan::list_granule(uint32_t granule, uint64_t word, const SlotBitmap* without, bool drop_expired,
                            uint32_t* out) const {
  static_assert(SlotStore::kGranule == 64, "a word of a bitmap");
  uint64_t left = word & store_.live_in(granule);
  if (without != nullptr) left &= ~without->word(granule);
  const uint32_t first = granule * SlotStore::kGranule;
  if (drop_expired && store_.has_expiries()) left = drop_expired_of(first, left);
  if (left == ~uint64_t{0}) {
    std::iota(out, out + SlotStore::kGranule, first);
    return SlotStore::kGranule;
  }
  uint32_t kept = 0;
  for (; left != 0; left &= left - 1) out[kept++] = first + static_cast<uint32_t>(std::countr_zero(left));
  return kept;
}

uint64_t Scan::drop_expired_of(uint32_t first, uint64_t word) const {
  uint64_t kept = 0;
  for (uint64_t left = word; left != 0; left &= left - 1) {
    const auto at = static_cast<uint32_t>(std::countr_zero(left));
    kept |= uint64_t{store_.is_expired(first + at, params_.now_us) ? 0U : 1U} << at;
  }
  return kept;
}

void Scan::clear() {
  keys_.clear();
  taken_ = ordered_ = 0;
  compared_ = {};
  reach_ = -std::numeric_limits<float>::infinity();
}

void Scan::compare_vectors(std::span<const uint32_t> slots) {
  batch_ = std::max<size_t>(params_.k, kBatchOfDistances);
  keys_.reserve(slots.size());
  for (const uint32_t slot : slots.first(std::min(Distances::kVectorsAhead, slots.size())))
    distances_.ask_for_vector(slot);
  for (size_t i = 0; i < slots.size(); ++i) {
    const uint32_t slot = slots[i];
    if (i + Distances::kVectorsAhead < slots.size()) distances_.ask_for_vector(slots[i + Distances::kVectorsAhead]);
    const bool look = stats_.distances % kDistancesPerLook == 0;
    if ((look || limits_.distances_left() == 0) && !limits_.may_go_on()) return;
    if (!distances_.has_vector(slot)) continue;  // inserted after the codec was learnt
    ++stats_.distances;
    keys_.push_back(make_key(distances_.by_vector(slot), slot));
  }
}

void Scan::compare_codes(std::span<const uint32_t> slots, bool all) {
  compared_ = slots;
  std::vector<float>& estimates = scratch_.scanned_estimates;
  estimates.clear();
  estimates.reserve(slots.size());
  estimate(slots, [&](std::span<const uint32_t> batch, const float* batch_estimates) {
    estimates.insert(estimates.end(), batch_estimates, batch_estimates + batch.size());
  });
  add_nearest(all ? slots.size() : std::max<size_t>(kKept, size_t{kKeptPerK} * params_.k));
}

void Scan::add(std::span<const uint32_t> slots) {
  estimate(slots, [this](std::span<const uint32_t> batch, const float* estimates) {
    for (size_t i = 0; i < batch.size(); ++i) keys_.push_back(make_key(estimates[i], batch[i]));
  });
}

// Calls `visit(slots, estimates)` for each batch. Prefetches the codes of a batch before reading
// those of the previous one.
template <class Visit>
void Scan::estimate(std::span<const uint32_t> slots, Visit visit) {
  constexpr size_t kTogether = Distances::kTogether;
  float estimates[kTogether];
  distances_.ask_for_codes(slots.first(std::min(kTogether, slots.size())));
  while (!slots.empty()) {
    if (!limits_.may_go_on()) return;
    const size_t count = std::min<uint64_t>({kTogether, slots.size(), limits_.distances_left()});
    const auto batch = slots.first(count);
    slots = slots.subspan(count);
    distances_.ask_for_codes(slots.first(std::min(kTogether, slots.size())));
    distances_.by_codes(batch.data(), count, estimates);
    visit(batch, estimates);
    stats_.distances += count;
  }
}

// Makes keys for the nearest `count` estimates without one; more where many are equally far.
void Scan::add_nearest(size_t count) {
  const size_t before = keys_.size();
  size_t room = 2 * count;
  keys_.reserve(before + std::min(room, compared_.size()));
  float limit = std::numeric_limits<float>::infinity();
  for_each_beyond_reach([&](uint32_t slot, float estimate) {
    if (estimate > limit) return;
    keys_.push_back(make_key(estimate, slot));
    if (keys_.size() - before < room) return;
    limit = drop_farther_keys(before, count);
    room = std::max(room, 2 * (keys_.size() - before));
  });
  reach_ = limit;
}

// Keeps, of the keys from `first` on, those not farther than the `count`-th nearest; returns its
// distance.
float Scan::drop_farther_keys(size_t first, size_t count) {
  SAGITTA_ASSERT(count > 0 && first + count <= keys_.size());
  const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto last = begin + static_cast<std::ptrdiff_t>(count - 1);
  std::nth_element(begin, last, keys_.end());
  const float limit = distance_of(*last);
  keys_.erase(std::remove_if(last, keys_.end(), [limit](SearchKey key) { return distance_of(key) > limit; }),
              keys_.end());
  return limit;
}

void Scan::add_up_to(float limit) {
  if (reach_ >= limit) return;
  for_each_beyond_reach([&](uint32_t slot, float estimate) {
    if (estimate <= limit) keys_.push_back(make_key(estimate, slot));
  });
  reach_ = limit;
}

template <class Visit>
void Scan::for_each_beyond_reach(Visit visit) const {
  const std::vector<float>& estimates = scratch_.scanned_estimates;
  const size_t count = std::min(estimates.size(), compared_.size());  // a budget may have ended the scan early
  for (size_t i = 0; i < count; ++i) {
    if (estimates[i] > reach_) visit(compared_[i], estimates[i]);
  }
}

// False when everything compared has a key.
bool Scan::add_farther() {
  const size_t before = keys_.size();
  if (reach_ < std::numeric_limits<float>::infinity() && !compared_.empty())
    add_nearest(std::max(kKept, kKeptMore * before));
  return keys_.size() > before;
}

const SearchKey* Scan::peek(bool ordered_only) {
  if (ordered_only && taken_ == ordered_) return nullptr;
  if (taken_ == keys_.size() && !add_farther()) return nullptr;
  if (taken_ == ordered_) order_batch();
  return &keys_[taken_];
}

void Scan::order_batch() {
  const size_t batch = std::max(batch_, (keys_.size() - ordered_) / kPartOrdered);
  const size_t until = std::min(keys_.size(), ordered_ + batch);
  const auto at = [this](size_t i) { return keys_.begin() + static_cast<std::ptrdiff_t>(i); };
  if (until < keys_.size()) std::nth_element(at(ordered_), at(until), keys_.end());
  std::sort(at(ordered_), at(until));
  ordered_ = until;
  batch_ *= 2;
}

void Scan::order_up_to(SearchKey limit) {
  const auto from = keys_.begin() + static_cast<std::ptrdiff_t>(ordered_);
  const auto beyond = std::partition(from, keys_.end(), [limit](SearchKey key) { return key < limit; });
  std::sort(from, beyond);
  ordered_ = static_cast<size_t>(beyond - keys_.begin());
}

std::span<const SearchKey> Scan::take_up_to(double limit, size_t most) {
  const auto at = [this](size_t i) { return keys_.begin() + static_cast<std::ptrdiff_t>(i); };
  if (limit == std::numeric_limits<double>::infinity()) {
    if (taken_ == keys_.size()) add_farther();
    ordered_ = keys_.size();
  } else {
    const auto farthest = static_cast<float>(std::min(limit, double{std::numeric_limits<float>::max()}));
    add_up_to(farthest);
    const auto beyond =
        std::partition(at(taken_), keys_.end(), [farthest](SearchKey key) { return distance_of(key) <= farthest; });
    ordered_ = static_cast<size_t>(beyond - keys_.begin());
  }
  if (ordered_ > taken_ + most) {
    std::nth_element(at(taken_), at(taken_ + most), at(ordered_));
    ordered_ = taken_ + most;
  }
  const size_t before = taken_;
  taken_ = ordered_;
  return std::span(keys_).subspan(before, taken_ - before);
}

size_t Scan::sample(std::span<SearchKey> out) const {
  const std::vector<float>& estimates = scratch_.scanned_estimates;
  if (compared_.empty() || estimates.empty()) return 0;
  const size_t count = std::clamp(estimates.size() / kSampledPart, kSampledMin, out.size());
  for (size_t i = 0; i < count; ++i) {
    const size_t at = i * estimates.size() / count;
    out[i] = make_key(estimates[at], compared_[at]);
  }
  return count;
}

}  // namespace sagitta::ann
