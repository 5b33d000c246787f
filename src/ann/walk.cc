// Walking: expands the nearest node, drops far neighbours without branches, and prefetches the
// next.
#include "walk.h"

#include <algorithm>

#include "sagitta/base/assert.h"

namespace sagitta::ann {
namespace {

/// Of a code; the hardware prefetcher continues from there.
constexpr size_t kPrefetchBytesMax = 512;
/// Candidates whose links are prefetched.
constexpr int kLinksAhead = 2;
/// A beam widened by this factor or more uses sketches again.
constexpr uint32_t kSkimsAgain = 4;

}  // namespace

Walk::Walk(const SlotStore& store, const Graph& graph, const Codec& codec, Scratch& scratch, uint32_t beam,
           bool keep_rejected)
    : store_(store),
      graph_(graph),
      codec_(codec),
      scratch_(scratch),
      beam_(beam),
      keep_rejected_(keep_rejected),
      skims_(graph.has_sketches()) {
  SAGITTA_ASSERT(beam > 0);
  if (skims_) scratch.probe.prepare(scratch.code_query);
  if (scratch.pool.size() < size_t{beam} + 1) scratch.pool.resize(size_t{beam} + 1);
  scratch.visited.reset(store.end());
  const uint32_t room = std::max(Graph::kEntriesMax, graph.degree());
  scratch.slots.resize(room);
  scratch.codes.resize(room);
  scratch.factors.resize(room);
  scratch.links.resize(room);
  scratch.estimates.resize(room);
  scratch.keys_of_batch.resize(room);
}

void Walk::enter() {
  std::array<uint32_t, Graph::kEntriesMax> entries;
  add(entries.data(), graph_.entries(entries.data()));
}

void Walk::skip(std::span<const uint32_t> slots) {
  scratch_.slots.resize(std::max(scratch_.slots.size(), slots.size()));
  scratch_.visited.keep_unseen(slots.data(), static_cast<uint32_t>(slots.size()), scratch_.slots.data());
}

void Walk::add(const uint32_t* slots, uint32_t count) {
  const uint32_t seen_first = scratch_.visited.keep_unseen(slots, count, scratch_.slots.data());
  ask_for(seen_first);
  prefetch_ahead();
  float* estimates = scratch_.estimates.data();
  codec_.estimate(scratch_.code_query, scratch_.codes.data(), scratch_.factors.data(), seen_first, estimates);
  work_.distances += seen_first;
  SearchKey* keys = scratch_.keys_of_batch.data();
  for (uint32_t i = 0; i < seen_first; ++i) keys[i] = make_key(estimates[i], scratch_.slots[i]);
  const uint32_t near = drop_far(keys, seen_first);
  // The nearest is likely to be expanded next.
  if (near > 0) graph_.prefetch(slot_of(*std::min_element(keys, keys + near)));
  for (uint32_t i = 0; i < near; ++i) insert(keys[i]);
}

// Prefetches all codes before reading the first: a walk waits for memory, not for arithmetic.
void Walk::ask_for(uint32_t count) {
  const size_t bytes = std::min(kPrefetchBytesMax, store_.shape().code_bytes);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t slot = scratch_.slots[i];
    const uint8_t* code = store_.code(slot);
    for (size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(code + offset);
    scratch_.codes[i] = code;
    scratch_.factors[i] = store_.factors(slot);
    __builtin_prefetch(scratch_.factors[i]);
  }
}

// Most of what a walk meets is farther than its whole beam; this sorts it out without branches.
uint32_t Walk::drop_far(SearchKey* keys, uint32_t count) {
  if (length_ < beam_) return count;
  const SearchKey worst = scratch_.pool[length_ - 1];
  make_room_for_rejected(count);
  SearchKey* rejected = scratch_.rejected.data() + rejected_;
  uint32_t near = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const SearchKey key = keys[i];
    keys[near] = key;
    rejected[i - near] = key;
    near += key < worst ? 1 : 0;
  }
  if (keep_rejected_) rejected_ += count - near;
  return near;
}

void Walk::insert(SearchKey key) {
  SearchKey* pool = scratch_.pool.data();
  if (length_ == beam_) {
    const SearchKey worst = pool[length_ - 1];
    if (keep_rejected_) {
      make_room_for_rejected(1);
      scratch_.rejected[rejected_++] = std::max(key, worst);
    }
    if (key >= worst) return;
    --length_;
  }
  next_ = std::min(next_, kernels_.insert_u64(pool, length_, key));
  ++length_;
}

void Walk::make_room_for_rejected(size_t count) {
  const size_t needed = rejected_ + count;
  if (scratch_.rejected.size() < needed) scratch_.rejected.resize(2 * needed);
}

void Walk::prefetch_ahead() {
  int left = kLinksAhead;
  for (size_t i = next_; i < length_ && left > 0; ++i) {
    if ((scratch_.pool[i] & kExpanded) != 0) continue;
    graph_.prefetch(slot_of(scratch_.pool[i]));
    --left;
  }
}

// Most links lead farther than the whole beam, and their sketches show it.
uint32_t Walk::keep_near(SearchKey node, uint32_t* links, uint32_t count) {
  if (!skims_ || length_ < beam_) return count;
  graph_.sketches(slot_of(node), scratch_.sketches);
  const float worst = distance_of(scratch_.pool[length_ - 1]);
  const uint32_t near = scratch_.probe.keep_near(distance_of(node), worst, scratch_.sketches, links, count);
  skimmed_ |= near < count;
  return near;
}

bool Walk::run(WalkLimits* limits) {
  SearchKey* pool = scratch_.pool.data();
  uint32_t* links = scratch_.links.data();
  while (true) {
    while (next_ < length_ && (pool[next_] & kExpanded) != 0) ++next_;
    if (next_ == length_) return true;
    if (limits != nullptr && !limits->may_go_on(work_.distances)) return false;
    pool[next_] |= kExpanded;
    ++work_.expanded;
    const uint32_t count = graph_.neighbours(slot_of(pool[next_]), links);
    add(links, keep_near(pool[next_], links, count));
  }
}

// A beam that grows little is as cheap without sketches: expanding it again costs what they save.
void Walk::widen(uint32_t beam) {
  std::vector<SearchKey>& pool = scratch_.pool;
  std::vector<SearchKey>& rejected = scratch_.rejected;
  SAGITTA_ASSERT(keep_rejected_ && beam >= beam_);
  const size_t seen = length_ + rejected_;
  pool.resize(std::max(seen, size_t{beam} + 1));
  const auto at = [&pool](size_t i) { return pool.begin() + static_cast<std::ptrdiff_t>(i); };
  std::copy_n(rejected.begin(), rejected_, at(length_));
  if (skimmed_) std::for_each(at(0), at(seen), [](SearchKey& key) { key &= ~kExpanded; });
  skimmed_ = false;
  skims_ = skims_ && beam >= kSkimsAgain * beam_;
  beam_ = beam;
  length_ = std::min(seen, size_t{beam});
  rejected_ = seen - length_;
  std::nth_element(at(0), at(length_), at(seen));
  std::sort(at(0), at(length_));
  make_room_for_rejected(0);
  std::copy_n(at(length_), rejected_, rejected.begin());
  next_ = 0;
}

}  // namespace sagitta::ann
