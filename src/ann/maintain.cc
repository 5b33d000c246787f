// The writing half of an index: slots, the fresh list, and the work behind them, linking and repairing.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "index_impl.h"
#include "vectors.h"

namespace sagitta::ann {
namespace {

/// From here on 2 bits walk as well as 4.
constexpr uint32_t kFewBitsDim = 512;

}  // namespace

// The error of an estimate falls with the square root of the dimensions: many of them need fewer bits each.
CodeBits code_bits(const IndexOptions& options) {
  if (options.level == Level::kI8) return CodeBits::k8;
  return options.dim >= kFewBitsDim ? CodeBits::k2 : CodeBits::k4;
}

namespace {

/// Erased vectors are unlinked when they are this part of the live ones …
constexpr size_t kGravesPart = 50;
/// … and so many.
constexpr size_t kGravesMin = 64;
/// Each new link may cost another its last: all are looked through when so large a part of them is new. That costs
/// about a hundredth of linking that part.
constexpr size_t kReconnectPart = 16;
/// Slots between two looks at who waits for the repairer's pin.
constexpr uint32_t kSlotsPerPin = 1024;
/// How far from 1 rounding may leave the length of a stored unit vector.
constexpr double kUnitTolerance = 0.01;

/// Twice the connections, as HNSW's lowest layer has; a half more, and a walk takes fewer steps.
uint32_t degree_of(const IndexOptions& options) {
  return options.connections * (options.profile == Profile::kFast ? 3 : 2);
}

SlotShape shape_of(const IndexOptions& options) {
  return {.vector_bytes = vector_bytes(options.level, options.dim),
          .code_bytes = Codec::code_bytes(options.dim, code_bits(options)),
          .links_bytes = size_t{degree_of(options)} * sizeof(uint32_t)};
}

/// One entry for so many vectors.
uint32_t entries_wanted(size_t live) {
  return static_cast<uint32_t>(std::clamp<size_t>(live / 256, 1, Graph::kEntriesMax));
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
  work.notify_all();
  workers_.clear();
}

Result<Slot> Index::Impl::insert(std::span<const float> vector, Expiry expiry, const Slot* replaced) {
  const ScratchPtr buffers = scratch.take();
  buffers->query.resize(options.dim);
  store_form(options.metric, vector, buffers->query);

  std::unique_lock lock(writer);
  // A slot that is free now may be the one that is taken.
  const bool was_live = replaced != nullptr && store.is_live(static_cast<uint32_t>(*replaced));
  SAGITTA_TRY(const uint32_t slot, take_slot(lock));
  if (options.level == Level::kI8 && codec() == nullptr) learn_codec(buffers->query);
  lock.unlock();
  const bool encoded = write(slot, *buffers);
  lock.lock();
  wait_for_room(lock);
  // Looked at last: the codec may have been learnt while the lock was given up.
  if (!encoded && codec() != nullptr)
    *store.factors(slot) = codec()->encode(buffers->query, store.code(slot), buffers->floats);
  store.publish(slot, expiry);
  store.meta(slot).next = fresh.add(slot);
  if (codec() == nullptr && fresh.size() >= kGraphMin) learn_from_fresh();
  if (was_live) retire(static_cast<uint32_t>(*replaced));
  lock.unlock();
  work.notify_one();
  return Slot{slot};
}

// At the ceiling, what was erased makes room, once nobody works on it any more.
Result<uint32_t> Index::Impl::take_slot(std::unique_lock<std::mutex>& lock) {
  while (true) {
    Result<uint32_t> slot = store.take_free(gate);
    if (slot || store.counts().retired == 0) return slot;
    if (store.graves() > 0 && repair(lock)) continue;
    if (linking_ == 0 && !repairing_) return slot;
    changed.wait(lock);
  }
}

bool Index::Impl::write(uint32_t slot, Scratch& buffers) {
  write_vector(options.level, buffers.query, store.vector(slot));
  graph.write(slot, {});
  if (codec() == nullptr) return false;
  *store.factors(slot) = codec()->encode(buffers.query, store.code(slot), buffers.floats);
  return true;
}

void Index::Impl::learn_codec(std::span<const float> sample) {
  codec_owner_ = std::make_unique<const Codec>(options.metric, options.dim, code_bits(options), sample);
  codec_.store(codec_owner_.get(), std::memory_order_release);
}

void Index::Impl::learn_from_fresh() {
  std::vector<uint32_t> slots;
  fresh.scan(slots);
  std::vector<float> sample(slots.size() * options.dim), buffer;
  const auto row = [&](size_t i) { return std::span(sample).subspan(i * options.dim, options.dim); };
  for (size_t i = 0; i < slots.size(); ++i) read_vector(options.level, store.vector(slots[i]), row(i));
  auto made = std::make_unique<const Codec>(options.metric, options.dim, code_bits(options), sample);
  for (size_t i = 0; i < slots.size(); ++i)
    *store.factors(slots[i]) = made->encode(row(i), store.code(slots[i]), buffer);
  codec_owner_ = std::move(made);
  codec_.store(codec_owner_.get(), std::memory_order_release);
}

bool Index::Impl::retire(uint32_t slot) {
  if (!store.is_live(slot)) return false;
  if (!store.meta(slot).linked) fresh.remove(store.meta(slot).next);
  return store.retire(slot, gate);
}

bool Index::Impl::erase(Slot slot) {
  std::unique_lock lock(writer);
  if (!retire(static_cast<uint32_t>(slot))) return false;
  if (!repair_is_due()) return true;
  if (workers_.empty()) {
    repair(lock);
  } else {
    work.notify_one();
  }
  return true;
}

bool Index::Impl::set_expiry(Slot slot, Expiry expiry) {
  std::lock_guard lock(writer);
  const auto at = static_cast<uint32_t>(slot);
  if (!store.is_live(at)) return false;
  store.meta(at).expiry.store(static_cast<int64_t>(expiry), std::memory_order_relaxed);
  return true;
}

void Index::Impl::clear() {
  std::unique_lock lock(writer);
  for (uint32_t slot = 0; slot < store.end(); ++slot) retire(slot);
  repair(lock);
}

// A writer that meets a full fresh list does its share of the linking.
void Index::Impl::wait_for_room(std::unique_lock<std::mutex>& lock) {
  while (fresh.full()) {
    if (!link_one(lock)) {
      changed.wait(lock);
    } else if (workers_.empty() && reconnect_is_due()) {
      reconnect(lock);
    }
  }
}

// Whoever begins to change links lets checks go first: those would else wait for a moment without links that never
// comes.
void Index::Impl::let_checks_pass(std::unique_lock<std::mutex>& lock) {
  changed.wait(lock, [this] { return checks_waiting_ == 0; });
}

bool Index::Impl::link_one(std::unique_lock<std::mutex>& lock) {
  let_checks_pass(lock);
  if (codec() == nullptr) return false;
  const auto place = fresh.claim();
  if (!place) return false;
  const uint32_t slot = fresh.at(*place);
  store.meta(slot).linked.store(true, std::memory_order_relaxed);
  ++linking_;
  bool met_others;
  // Entered and left under the lock: whoever buries the slot waits for this link, until it has left the fresh list and
  // will not become an entry any more.
  const Pin link_pin = link_gate.enter();
  {
    const Pin pin = gate.enter();
    lock.unlock();
    const ScratchPtr buffers = scratch.take();
    met_others = linker.link(slot, *codec(), *buffers);
  }
  lock.lock();
  if (store.is_live(slot) && graph.entry_count() < Graph::kEntriesMax &&
      (!met_others || graph.entry_count() < entries_wanted(store.live()))) {
    graph.add_entry(slot);
  }
  fresh.remove(*place);
  --linking_;
  ++links_made_;
  changed.notify_all();
  return true;
}

bool Index::Impl::repair_is_due() const {
  return store.graves() >= kGravesMin && store.graves() * kGravesPart >= store.live();
}

// Buries the graves, unlinks them, and lets their slots go. False when another thread is at it.
bool Index::Impl::repair(std::unique_lock<std::mutex>& lock) {
  let_checks_pass(lock);
  if (repairing_) return false;
  if (store.graves() == 0) return true;
  repairing_ = true;
  buried_ = store.take_graves();
  links_made_ += buried_.count;
  // Who began to link before may still link to them.
  for (const uint64_t until = link_gate.epoch() + 2; link_gate.epoch() < until;) {
    if (link_gate.try_advance()) continue;
    lock.unlock();
    std::this_thread::yield();
    lock.lock();
  }
  lock.unlock();
  unlink_buried();
  lock.lock();
  repair_entries();
  store.release(buried_, gate);
  store.reclaim(gate);
  repairing_ = false;
  changed.notify_all();
  work.notify_one();  // a worker may have found the next repair due, and this one under way
  return true;
}

void Index::Impl::unlink_buried() {
  const ScratchPtr buffers = scratch.take();
  for (uint32_t begin = 0; begin < store.end(); begin += kSlotsPerPin) {
    const Pin pin = gate.enter();
    for (uint32_t slot = begin; slot < std::min(store.end(), begin + kSlotsPerPin); ++slot) {
      const SlotState state = store.state(slot);
      const bool in_graph = state == SlotState::kLive || state == SlotState::kRetired;
      if (in_graph && store.meta(slot).linked) linker.repair(slot, *codec(), *buffers);
    }
  }
}

// A buried entry hands its place to a live neighbour, or gives it up.
void Index::Impl::repair_entries() {
  std::vector<uint32_t> entries(Graph::kEntriesMax), links(graph.degree());
  entries.resize(graph.entries(entries.data()));
  for (size_t i = entries.size(); i-- > 0;) {
    if (store.state(entries[i]) != SlotState::kBuried) continue;
    const uint32_t count = graph.neighbours(entries[i], links.data());
    const auto heir = std::find_if(links.begin(), links.begin() + count, [&](uint32_t slot) {
      return store.is_live(slot) && std::ranges::find(entries, slot) == entries.end();
    });
    if (heir == links.begin() + count) {
      graph.drop_entry(static_cast<uint32_t>(i));
      entries[i] = kNoLink;
    } else {
      graph.set_entry(static_cast<uint32_t>(i), *heir);
      entries[i] = *heir;
    }
  }
  if (graph.entry_count() > 0) return;
  for (uint32_t slot = 0; slot < store.end(); ++slot) {
    if (store.is_live(slot) && store.meta(slot).linked) return graph.add_entry(slot);
  }
}

bool Index::Impl::reconnect_is_due() const {
  return !repairing_ && links_made_ > std::max<size_t>(kGraphMin, store.live() / kReconnectPart);
}

bool Index::Impl::reconnect(std::unique_lock<std::mutex>& lock) {
  let_checks_pass(lock);
  if (repairing_) return false;
  repairing_ = true;
  links_made_ = 0;
  lock.unlock();
  {
    const Pin link_pin = link_gate.enter();
    const Pin pin = gate.enter();
    const ScratchPtr buffers = scratch.take();
    linker.reconnect(*codec(), *buffers);
  }
  lock.lock();
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
    } else if (links_made_ > 0) {
      reconnect(lock);
    } else {
      return store.reclaim(gate);
    }
  }
}

void Index::Impl::run_worker() {
  std::unique_lock lock(writer);
  while (!stopping_) {
    if (!repairing_ && repair_is_due()) {
      repair(lock);
    } else if (!link_one(lock)) {
      if (linking_ == 0 && reconnect_is_due()) {
        reconnect(lock);
      } else {
        work.wait(lock);
      }
    }
  }
}

Status Index::Impl::check_vectors() const {
  std::vector<float> stored(options.dim);
  for (uint32_t slot = 0; slot < store.end() && options.level != Level::kI8; ++slot) {
    if (!store.is_live(slot)) continue;
    read_vector(options.level, store.vector(slot), stored);
    double squares = 0;
    for (float v : stored) squares += double{v} * double{v};
    const bool whole = std::isfinite(squares);
    if (!whole || (options.metric == Metric::kCosine && std::fabs(squares - 1) > kUnitTolerance)) {
      return fail(ErrorCode::kCorruption, fmt::format("the vector of slot {} is not one that insert stores", slot));
    }
  }
  return {};
}

Status Index::Impl::check_graph() const {
  std::vector<uint32_t> links(graph.degree());
  for (uint32_t slot = 0; slot < store.end(); ++slot) {
    if (!store.is_live(slot)) continue;
    if (!store.meta(slot).linked) {
      if (!fresh.holds(slot))
        return fail(ErrorCode::kCorruption, fmt::format("slot {} is neither fresh nor linked", slot));
      continue;
    }
    links.resize(graph.neighbours(slot, links.data()));
    for (uint32_t other : links) {
      const bool right = other < store.end() && other != slot && store.state(other) != SlotState::kFree;
      if (!right) return fail(ErrorCode::kCorruption, fmt::format("slot {} links to slot {}", slot, other));
    }
    links.resize(graph.degree());
  }
  if (links_made_ > 0) return {};
  const std::vector<uint32_t> lost = linker.unreachable();
  if (lost.empty()) return {};
  return fail(ErrorCode::kCorruption, fmt::format("slot {} and {} others cannot be reached", lost[0], lost.size() - 1));
}

Status Index::Impl::check() const {
  std::unique_lock lock(writer);
  ++checks_waiting_;
  changed.wait(lock, [this] { return linking_ == 0 && !repairing_; });
  --checks_waiting_;
  changed.notify_all();
  SAGITTA_CHECK(store.check(0));
  SAGITTA_CHECK(check_vectors());
  return check_graph();
}

}  // namespace sagitta::ann
