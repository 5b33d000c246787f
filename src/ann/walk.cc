#include "walk.h"

#include <algorithm>

namespace sagitta::ann {
namespace {

/// Of a code; the processor's own prefetcher follows from there.
constexpr size_t kPrefetchBytesMax = 512;
/// Candidates whose links are asked for ahead of time.
constexpr int kLinksAhead = 2;
/// Codes asked for before the first is read.
constexpr uint32_t kBatch = 64;

/// The place of `key` in a sorted array, without a branch that depends on the keys.
size_t place_of(const SearchKey* keys, size_t count, SearchKey key) {
  const SearchKey* base = keys;
  while (count > 1) {
    const size_t half = count / 2;
    base += base[half - 1] < key ? half : 0;
    count -= half;
  }
  return static_cast<size_t>(base - keys) + (count == 1 && *base < key ? 1 : 0);
}

}  // namespace

Walk::Walk(const SlotStore& store, const Graph& graph, const Codec& codec, Scratch& scratch, uint32_t beam,
           bool keep_rejected)
    : store_(store), graph_(graph), codec_(codec), scratch_(scratch), beam_(beam), keep_rejected_(keep_rejected) {
  scratch.pool.clear();
  scratch.pool.reserve(beam + 1);
  scratch.visited.reset(store.end());
  scratch.slots.resize(std::max(kBatch, graph.degree()));
  scratch.codes.resize(kBatch);
  scratch.factors.resize(kBatch);
  scratch.estimates.resize(kBatch);
  scratch.keys_of_batch.resize(kBatch);
}

void Walk::enter() {
  std::array<uint32_t, Graph::kEntriesMax> entries;
  add(entries.data(), graph_.entries(entries.data()));
}

void Walk::skip(std::span<const uint32_t> slots) {
  std::vector<uint32_t> seen(slots.size());
  scratch_.visited.filter(slots.data(), static_cast<uint32_t>(slots.size()), seen.data());
}

void Walk::add(const uint32_t* slots, uint32_t count) {
  for (uint32_t begin = 0; begin < count; begin += kBatch) {
    const uint32_t n = scratch_.visited.filter(slots + begin, std::min(kBatch, count - begin), scratch_.slots.data());
    add_batch(scratch_.slots.data(), n);
  }
}

// All codes are asked for before the first is read: the walk waits for memory, not for arithmetic.
void Walk::add_batch(const uint32_t* slots, uint32_t count) {
  const size_t bytes = std::min(kPrefetchBytesMax, store_.shape().code_bytes);
  for (uint32_t i = 0; i < count; ++i) {
    const uint8_t* code = store_.code(slots[i]);
    for (size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(code + offset);
    scratch_.codes[i] = code;
    scratch_.factors[i] = store_.factors(slots[i]);
    __builtin_prefetch(scratch_.factors[i]);
  }
  prefetch_ahead();
  float* estimates = scratch_.estimates.data();
  codec_.estimate(scratch_.code_query, scratch_.codes.data(), scratch_.factors.data(), count, estimates);
  work_.distances += count;
  SearchKey* keys = scratch_.keys_of_batch.data();
  for (uint32_t i = 0; i < count; ++i) keys[i] = make_key(estimates[i], slots[i]);
  const uint32_t nearer = drop_far(keys, count);
  for (uint32_t i = 0; i < nearer; ++i) insert(keys[i]);
}

// Most of what a walk meets is farther than its whole beam: sorted out without a branch for each.
uint32_t Walk::drop_far(SearchKey* keys, uint32_t count) {
  if (scratch_.pool.size() < beam_) return count;
  const SearchKey worst = scratch_.pool.back();
  if (scratch_.rejected.size() < rejected_ + 2 * size_t{count}) scratch_.rejected.resize(2 * (rejected_ + 2 * count));
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
  std::vector<SearchKey>& pool = scratch_.pool;
  if (pool.size() == beam_) {
    const SearchKey worst = pool.back();
    if (keep_rejected_) {
      if (scratch_.rejected.size() == rejected_) scratch_.rejected.resize(2 * rejected_ + kBatch);
      scratch_.rejected[rejected_++] = std::max(key, worst);
    }
    if (key >= worst) return;
    pool.pop_back();
  }
  const size_t place = place_of(pool.data(), pool.size(), key);
  next_ = std::min(next_, place);
  pool.insert(pool.begin() + static_cast<std::ptrdiff_t>(place), key);
}

void Walk::prefetch_ahead() {
  int left = kLinksAhead;
  for (size_t i = next_; i < scratch_.pool.size() && left > 0; ++i) {
    if ((scratch_.pool[i] & kExpanded) != 0) continue;
    graph_.prefetch(slot_of(scratch_.pool[i]));
    --left;
  }
}

bool Walk::run(WalkLimits* limits) {
  std::vector<SearchKey>& pool = scratch_.pool;
  std::vector<uint32_t> links(graph_.degree());
  while (true) {
    while (next_ < pool.size() && (pool[next_] & kExpanded) != 0) ++next_;
    if (next_ == pool.size()) return true;
    if (limits != nullptr && !limits->may_go_on(work_.distances)) return false;
    pool[next_] |= kExpanded;
    ++work_.expanded;
    add(links.data(), graph_.neighbours(slot_of(pool[next_]), links.data()));
  }
}

void Walk::widen(uint32_t beam) {
  std::vector<SearchKey>& pool = scratch_.pool;
  std::vector<SearchKey>& rejected = scratch_.rejected;
  beam_ = beam;
  pool.insert(pool.end(), rejected.begin(), rejected.begin() + static_cast<std::ptrdiff_t>(rejected_));
  std::sort(pool.begin(), pool.end());
  rejected_ = pool.size() > beam ? pool.size() - beam : 0;
  rejected.assign(pool.end() - static_cast<std::ptrdiff_t>(rejected_), pool.end());
  pool.resize(pool.size() - rejected_);
  next_ = 0;
}

}  // namespace sagitta::ann
