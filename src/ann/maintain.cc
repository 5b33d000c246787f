// Upkeep: linking fresh slots, repairing links around erased ones, and keeping every vector
// reachable.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "sagitta/base/assert.h"

#include "index_impl.h"
#include "vectors.h"

namespace sagitta::ann {
namespace {

/// From this dimension on, 2 bits walk as well as 4.
constexpr uint32_t kFewBitsDim = 512;

}  // namespace

// The error of an estimate falls with the square root of the dimension: many dimensions need fewer
// bits each.
CodeBits code_bits(const IndexOptions& options) {
  if (options.level == Level::kI8) return CodeBits::k8;
  return options.dim >= kFewBitsDim ? CodeBits::k2 : CodeBits::k4;
}

namespace {

/// A repair is due when graves ≥ max(kGravesMin, live / kGravesPart).
constexpr size_t kGravesPart = 50;
constexpr size_t kGravesMin = 64;
/// A reconnect is due when links made > live / kReconnectPart: each new link may cost another slot
/// its last. It costs about 1 % of making those links.
constexpr size_t kReconnectPart = 16;
/// Slots to repair under one pin, so that others do not wait long for it.
constexpr uint32_t kSlotsPerPin = 1024;
/// Under kDot a vector is long if its squared length exceeds this, in the codec's unit. It is then
/// the answer to far more queries than its neighbours are.
constexpr float kLongSquared = 2.0F * 2.0F;

/// kCompact: 2 × connections, as in HNSW's lowest layer. kFast: half as many again, which saves
/// steps of a walk.
uint32_t degree_of(const IndexOptions& options) {
  return options.connections * (options.profile == Profile::kFast ? 3 : 2);
}

/// Under kDot the distance of a node says little about the distances of its neighbours.
bool has_sketches(const IndexOptions& options) {
  return options.profile == Profile::kFast && options.metric != Metric::kDot;
}

/// Worth the memory only where vectors are so long that reading a few fewer pays.
bool has_fine_codes(const IndexOptions& options) {
  return options.profile == Profile::kFast && code_bits(options) == CodeBits::k2;
}

SlotShape shape_of(const IndexOptions& options) {
  return {.vector_bytes = vector_bytes(options.level, options.dim),
          .code_bytes = Codec::code_bytes(options.dim, code_bits(options)),
          .fine_bytes = has_fine_codes(options) ? Codec::fine_bytes(options.dim, code_bits(options)) : 0,
          .links_bytes = Graph::record_bytes(degree_of(options), has_sketches(options)),
          .early_bytes = options.level == Level::kI8 ? options.dim * sizeof(float) : 0};
}

/// One spread entry per 256 live vectors, within 1 … kSpreadMax.
uint32_t entries_wanted(size_t live) {
  return static_cast<uint32_t>(std::clamp<size_t>(live / 256, 1, Graph::kSpreadMax));
}

}  // namespace

Index::Impl::Impl(const IndexOptions& o)
    : options(o),
      store(shape_of(o), o.budget),
      graph(store, degree_of(o)),
      linker(store, graph, o.level, o.expansion_add),
      scratch(o.budget) {
  for (uint32_t i = 0; i < options.link_threads; ++i) workers_.emplace_back([this] { run_worker(); });
}

Index::Impl::~Impl() {
  {
    std::lock_guard lock(writer);
    stopping_ = true;
  }
  work_due.notify_all();
  workers_.clear();
}

// Whoever begins to change links lets checks go first: otherwise they would wait for a moment
// without links that never comes.
void Index::Impl::let_checks_pass(std::unique_lock<std::mutex>& lock) {
  changed.wait(lock, [this] { return checks_waiting_ == 0; });
}

bool Index::Impl::link_one(std::unique_lock<std::mutex>& lock) {
  let_checks_pass(lock);
  if (codec() == nullptr) return false;
  const auto place = fresh.claim();
  if (!place) return false;
  const uint32_t slot = fresh.at(*place);
  SAGITTA_ASSERT(store.is_live(slot) && !store.meta(slot).linked);
  store.meta(slot).linking = true;  // before it is linked: see Linker::is_lost()
  store.meta(slot).linked = true;
  ++linking_;
  LinkOutcome outcome;
  // Entered and left under the lock. Whoever buries the slot waits for this link to end, so the
  // slot leaves the fresh list and cannot become an entry any more.
  const Pin link_pin = link_gate.enter();
  {
    const Pin pin = gate.enter();
    lock.unlock();
    const ScratchPtr buffers = scratch.take();
    outcome = linker.link(slot, *codec(), *buffers);
  }
  lock.lock();
  store.meta(slot).linking = false;
  if (store.is_live(slot) && outcome != LinkOutcome::kAsCopy && !enter_as_long(slot) && !graph.spread.full() &&
      (outcome == LinkOutcome::kAlone || graph.spread.count() < entries_wanted(store.live()))) {
    graph.spread.add(slot);
  }
  SAGITTA_ASSERT(linking_ > 0 && fresh.at(*place) == slot);
  fresh.remove(*place);
  --linking_;
  if (++unsettled_ == 1) work_due.notify_one();  // see was_idle()
  changed.notify_all();
  return true;
}

bool Index::Impl::repair_is_due() const {
  return store.graves() >= kGravesMin && store.graves() * kGravesPart >= store.live();
}

// Buries the graves, unlinks them, and releases their slots. False when another thread is
// repairing.
bool Index::Impl::repair(std::unique_lock<std::mutex>& lock) {
  let_checks_pass(lock);
  if (repairing_) return false;
  if (store.graves() == 0) return true;
  repairing_ = true;
  buried_ = store.take_graves();
  unsettled_ += buried_.count;
  // A link that began earlier may still link to a buried slot: wait until it has ended.
  for (const uint64_t until = link_gate.epoch() + 2; link_gate.epoch() < until;) {
    if (link_gate.try_advance()) continue;
    lock.unlock();
    std::this_thread::yield();
    lock.lock();
  }
  lock.unlock();
  const std::vector<uint32_t> long_slots = unlink_buried();
  lock.lock();
  repair_entries(long_slots);
  store.release(buried_, gate);
  store.reclaim(gate);
  repairing_ = false;
  changed.notify_all();
  work_due.notify_one();  // a worker may have found the next repair due while this one ran
  return true;
}

// Returns the live slots that are long enough to be entries.
std::vector<uint32_t> Index::Impl::unlink_buried() {
  std::vector<uint32_t> long_slots;
  const ScratchPtr buffers = scratch.take();
  if (graph.has_copies()) {
    const Pin pin = gate.enter();
    for (uint32_t slot = buried_.head, left = buried_.count; left > 0; --left, slot = store.meta(slot).next)
      linker.bequeath(slot);
  }
  for (uint32_t begin = 0; begin < store.end(); begin += kSlotsPerPin) {
    const Pin pin = gate.enter();
    for (uint32_t slot = begin; slot < std::min(store.end(), begin + kSlotsPerPin); ++slot) {
      const SlotState state = store.state(slot);
      const bool in_graph = state == SlotState::kLive || state == SlotState::kRetired;
      if (!in_graph || !store.meta(slot).linked) continue;
      linker.repair(slot, *codec(), *buffers);
      if (state == SlotState::kLive && is_long(slot) && !graph.is_follower(slot)) long_slots.push_back(slot);
    }
  }
  return long_slots;
}

bool Index::Impl::is_long(uint32_t slot) const {
  return options.metric == Metric::kDot && store.factors(slot)->squared_length > kLongSquared;
}

// Makes a linked slot one of the longest entries if it is long enough, in place of the shortest
// when the list is full. Returns whether it did.
bool Index::Impl::enter_as_long(uint32_t slot) {
  if (!is_long(slot)) return false;
  auto& longest = graph.longest;
  if (!longest.full()) {
    longest.add(slot);
    return true;
  }
  const auto length = [&](uint32_t place) { return store.factors(longest.at(place))->squared_length; };
  uint32_t shortest = 0;
  for (uint32_t place = 1; place < longest.count(); ++place) {
    if (length(place) < length(shortest)) shortest = place;
  }
  if (length(shortest) >= store.factors(slot)->squared_length) return false;
  longest.set(shortest, slot);
  return true;
}

void Index::Impl::restore_entries(std::span<const uint32_t> entries) {
  for (uint32_t slot : entries) {
    if (!enter_as_long(slot) && !graph.spread.full()) graph.spread.add(slot);
  }
}

// A buried spread entry passes its place to a live neighbour, or drops it; a buried longest entry
// makes room for the next longest slot.
void Index::Impl::repair_entries(std::span<const uint32_t> long_slots) {
  std::vector<uint32_t> entries(Graph::kEntriesMax), links(graph.degree());
  entries.resize(graph.entries(entries.data()));
  const auto is_entry = [&](uint32_t slot) { return std::ranges::find(entries, slot) != entries.end(); };
  for (uint32_t place = graph.spread.count(); place-- > 0;) {
    const uint32_t slot = graph.spread.at(place);
    if (store.state(slot) != SlotState::kBuried) continue;
    const uint32_t copy = linker.live_copy(slot);
    if (copy != kNoLink && !is_entry(copy)) {
      graph.spread.set(place, copy);
      entries.push_back(copy);
      continue;
    }
    const uint32_t count = graph.neighbours(slot, links.data());
    const auto heir = std::find_if(links.begin(), links.begin() + count,
                                   [&](uint32_t other) { return store.is_live(other) && !is_entry(other); });
    if (heir == links.begin() + count) {
      graph.spread.drop(place);
    } else {
      graph.spread.set(place, *heir);
      entries.push_back(*heir);
    }
  }
  for (uint32_t place = graph.longest.count(); place-- > 0;) {
    if (store.state(graph.longest.at(place)) == SlotState::kBuried) graph.longest.drop(place);
  }
  for (uint32_t slot : long_slots) {
    if (store.is_live(slot) && !is_entry(slot)) enter_as_long(slot);
  }
  if (graph.entry_count() > 0) return;
  for (uint32_t slot = 0; slot < store.end(); ++slot) {
    if (store.is_live(slot) && store.meta(slot).linked) return graph.spread.add(slot);
  }
}

bool Index::Impl::reconnect_is_due() const {
  return !repairing_ && unsettled_ > std::max<size_t>(kGraphMin, store.live() / kReconnectPart);
}

bool Index::Impl::reconnect(std::unique_lock<std::mutex>& lock) {
  let_checks_pass(lock);
  if (repairing_) return false;
  repairing_ = true;
  unsettled_ = 0;
  const auto begin = std::chrono::steady_clock::now();
  lock.unlock();
  {
    const Pin link_pin = link_gate.enter();
    const Pin pin = gate.enter();
    const ScratchPtr buffers = scratch.take();
    linker.reconnect(*codec(), *buffers);
  }
  lock.lock();
  idle_ = std::max<std::chrono::steady_clock::duration>(kIdle, kIdleTimes * (std::chrono::steady_clock::now() - begin));
  repairing_ = false;
  changed.notify_all();
  return true;
}

void Index::Impl::settle() {
  std::unique_lock lock(writer);
  while (true) {
    if (link_one(lock)) continue;
    if (linking_ > 0 || repairing_) {
      changed.wait(lock);
    } else if (store.graves() > 0) {
      repair(lock);
    } else if (unsettled_ > 0) {
      reconnect(lock);
    } else {
      return store.reclaim(gate);
    }
  }
}

// Waits for work. True when there was none for a while and some vector may be unreachable since the
// last reconnect.
bool Index::Impl::was_idle(std::unique_lock<std::mutex>& lock) {
  if (unsettled_ == 0) {
    work_due.wait(lock);
    return false;
  }
  const bool in_vain = work_due.wait_for(lock, idle_) == std::cv_status::timeout;
  return in_vain && linking_ == 0 && unsettled_ > 0 && !stopping_;
}

void Index::Impl::run_worker() {
  std::unique_lock lock(writer);
  while (true) {
    // Before the checks that end in waiting: between those and the wait, the lock must not be given
    // up, or a wake-up could be lost.
    let_checks_pass(lock);
    if (stopping_) return;
    if (!repairing_ && repair_is_due()) {
      repair(lock);
    } else if (!link_one(lock)) {
      if ((linking_ == 0 && reconnect_is_due()) || was_idle(lock)) reconnect(lock);
    }
  }
}

}  // namespace sagitta::ann
