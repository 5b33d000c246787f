// Taking candidates in the order of their estimates, rescoring those that may be among the nearest,
// and giving those that pass the filter.
#include "search.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sagitta/base/assert.h"

namespace sagitta::ann {
namespace {

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
      plan_(index.store, index.graph, index.options.expansion_search, params, tester_),
      limits_(params, stats),
      distances_(index.store, index.options, index.codec(), query, *scratch_),
      scan_(index.store, params, distances_, *scratch_, limits_, stats),
      copies_(index.graph, *scratch_),
      rescorer_(index.options.metric, params, distances_, *scratch_, limits_, stats),
      tester_(params, stats) {
  start();
}

bool Search::may_go_on(uint64_t walked) { return limits_.may_go_on(walked - noted_.distances); }

bool Search::passes(uint32_t slot) const {
  const SlotBitmap* bitmap = params_.filter.bitmap;
  return (bitmap == nullptr || bitmap->test(Slot{slot})) && index_.store.is_found(slot, params_.now_us);
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
    if (!widen()) scan_rest();
  }
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
  SAGITTA_ASSERT(missing <= count);
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

}  // namespace sagitta::ann
