// Rounds of rescoring: by fine codes in batches, then by vectors.
#include "rescorer.h"

#include <algorithm>
#include <limits>

namespace sagitta::ann {
Rescorer::Rescorer(Metric metric, const SearchParams& params, const Distances& distances, Scratch& scratch,
                   SearchLimits& limits, SearchStats& stats)
    : metric_(metric),
      params_(params),
      distances_(distances),
      scratch_(scratch),
      limits_(limits),
      stats_(stats),
      refined_(scratch.refined),
      ready_(scratch.ready),
      nearest_(scratch.nearest) {
  refined_.clear();
  ready_.clear();
}

void Rescorer::begin(size_t count) {
  SAGITTA_ASSERT(held_count_ == 0 && given_ <= ready_.size());
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(given_));
  given_ = certain_ = 0;
  count_ = count;
  nearest_.clear();
  for (const Candidate& c : ready_) keep(c.distance);
  for (const SearchKey key : refined_) keep(distance_of(key));
}

void Rescorer::keep(float distance) {
  if (nearest_.size() == count_) {
    if (distance >= nearest_.front()) return;
    std::ranges::pop_heap(nearest_);
    nearest_.pop_back();
  }
  nearest_.push_back(distance);
  std::ranges::push_heap(nearest_);
}

double Rescorer::limit() const {
  if (nearest_.size() < count_) return std::numeric_limits<double>::infinity();
  // A candidate that is near by its fine code may still be farther.
  const double margin = rescores() ? errors_.margin() : refined_.empty() ? 0 : fine_errors_.margin();
  return double{nearest_.front()} + margin;
}

void Rescorer::take(SearchKey key) {
  if (takes_by_fine_codes()) {
    distances_.ask_for_fine_code(slot_of(key));
    held_[held_count_++] = key;
    if (held_count_ == kHeldMax) refine_held();
    return;
  }
  const float distance = rescore(key);
  ready_.push_back({.slot = Slot{slot_of(key)}, .distance = distance});
  keep(distance);
  if (learns_from_taken_) errors_.note(distance_of(key), distance);
}

// Uses the full vector if there is one. After the deadline the estimate must do: a full vector may
// come from far away.
float Rescorer::rescore(SearchKey key) {
  const uint32_t slot = slot_of(key);
  if (params_.full_vector && !limits_.is_too_late()) {
    scratch_.floats.resize(scratch_.query.size());
    if (params_.full_vector(Slot{slot}, scratch_.floats)) {
      ++stats_.rescored;
      return distance(metric_, scratch_.query, scratch_.floats);
    }
  }
  return kind_ == KeyKind::kDistances ? distance_of(key) : by_vector(slot);
}

float Rescorer::by_vector(uint32_t slot) {
  ++stats_.rescored;
  return distances_.by_vector(slot);
}

void Rescorer::by_fine_codes(std::span<const SearchKey> keys, float* out) {
  stats_.refined += keys.size();
  distances_.by_fine_codes(keys, out);
}

void Rescorer::learn_errors(std::span<const SearchKey> sample) {
  SAGITTA_ASSERT(sample.size() <= kSampleMax);
  float better[kSampleMax];
  const bool fine = takes_by_fine_codes();
  if (fine) {
    for (const SearchKey key : sample) distances_.ask_for_fine_code(slot_of(key));
    by_fine_codes(sample, better);
  } else {
    for (const SearchKey key : sample) distances_.ask_for_vector(slot_of(key));
    std::ranges::transform(sample, better, [this](SearchKey key) { return by_vector(slot_of(key)); });
  }
  for (size_t i = 0; i < sample.size(); ++i) errors_.note(distance_of(sample[i]), better[i]);
}

void Rescorer::refine_held() {
  if (held_count_ == 0) return;
  float better[kHeldMax];
  const auto held = std::span(held_).first(held_count_);
  held_count_ = 0;
  by_fine_codes(held, better);
  for (size_t i = 0; i < held.size(); ++i) {
    refined_.push_back(make_key(better[i], slot_of(held[i])));
    keep(better[i]);
    if (learns_from_taken_) errors_.note(distance_of(held[i]), better[i]);
  }
}

// Rescores refined candidates in ascending order until the next is too far to matter. Orders 2 ×
// count_ of them first, then doubles that.
void Rescorer::rescore_refined() {
  nearest_.clear();
  for (const Candidate& c : ready_) keep(c.distance);
  const auto at = [this](size_t i) { return refined_.begin() + static_cast<std::ptrdiff_t>(i); };
  size_t taken = 0, ordered = 0, asked = 0;
  for (; taken < refined_.size(); ++taken) {
    if (taken == ordered) {
      ordered = std::min(refined_.size(), 2 * std::max(count_, ordered));
      std::partial_sort(at(taken), at(ordered), refined_.end());
    }
    const float estimate = distance_of(refined_[taken]);
    if (nearest_.size() == count_ && double{estimate} > double{nearest_.front()} + fine_errors_.margin()) break;
    for (; asked < std::min(ordered, taken + Distances::kVectorsAhead); ++asked)
      distances_.ask_for_vector(slot_of(refined_[asked]));
    const uint32_t slot = slot_of(refined_[taken]);
    const float distance = by_vector(slot);
    ready_.push_back({.slot = Slot{slot}, .distance = distance});
    keep(distance);
    fine_errors_.note(estimate, distance);
  }
  refined_.erase(refined_.begin(), at(taken));
}

void Rescorer::end() {
  refine_held();
  if (!refined_.empty()) rescore_refined();
  certain_ = std::min(count_, ready_.size());
  std::ranges::partial_sort(ready_, ready_.begin() + static_cast<std::ptrdiff_t>(certain_), nearer);
}

}  // namespace sagitta::ann
