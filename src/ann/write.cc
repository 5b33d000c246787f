// Writing: taking, filling, replacing and erasing slots.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "index_impl.h"
#include "vectors.h"

namespace sagitta::ann {
namespace {

/// When there is no memory for more, max(kReplacesMin, live / kReplacesPart) slots are kept for
/// replaces. Erased vectors are unlinked once per that many replaces.
constexpr size_t kReplacesMin = 16, kReplacesPart = 1024;

}  // namespace

Result<Slot> Index::Impl::insert(std::span<const float> vector, Expiry expiry, Room room, const Slot* replaced) {
  const ScratchPtr buffers = scratch.take();
  buffers->query.resize(options.dim);
  store_form(options.metric, vector, buffers->query);

  std::unique_lock lock(writer);
  // Looked up before a slot is taken: a slot that is free now may be the one that is taken.
  const bool was_live = replaced != nullptr && store.is_live(static_cast<uint32_t>(*replaced));
  SAGITTA_CHECK(make_slots(lock, 1, room, was_live ? Incoming::kReplacing : Incoming::kNew));
  const uint32_t slot = store.take_free();
  // Rare: that many slots wait for searches which saw the erased vectors.
  if (options.level == Level::kI8 && codec() == nullptr && !store.has_early(slot)) learn_codec(buffers->query);
  lock.unlock();
  const bool encoded = store_vector(slot, *buffers);
  lock.lock();
  if (!wait_for_room(lock, room)) {
    store.give_back(slot);
    return fail(refuse_room());
  }
  // Checked last: the codec may have been learnt while the lock was released.
  if (!encoded && codec() != nullptr) encode(*codec(), buffers->query, slot, buffers->floats);
  store.publish(slot, expiry);
  store.meta(slot).next = fresh.add(slot);
  if (codec() == nullptr && fresh.size() >= kGraphMin) learn_codec({});
  if (was_live) retire(static_cast<uint32_t>(*replaced));
  lock.unlock();
  work_due.notify_one();
  return Slot{slot};
}

Status Index::Impl::reserve(size_t count, Incoming incoming) {
  if (count == 0) return {};
  count = std::min<size_t>(count, kSlotsMax);  // too large a count is refused, and this keeps sums from overflowing
  std::unique_lock lock(writer);
  SAGITTA_CHECK(make_slots(lock, count, Room::kUnreserved, incoming));
  store.reserved() += count;
  return {};
}

// A replaced vector keeps its slot until searches have left it. A slot that waits for that is room
// to come.
size_t Index::Impl::kept_for_replacing() const {
  const size_t kept = std::max<size_t>(kReplacesMin, store.live() / kReplacesPart);
  return kept - std::min(kept, store.retired());
}

// At the ceiling, erased vectors make room once nothing works on them any more.
Status Index::Impl::make_slots(std::unique_lock<std::mutex>& lock, size_t count, Room room, Incoming incoming) {
  while (true) {
    const size_t reserved = room == Room::kUnreserved ? store.reserved().load() : 0;
    const size_t kept = room == Room::kUnreserved && incoming == Incoming::kNew ? kept_for_replacing() : 0;
    const Status made = store.make_available(count + reserved + kept, gate);
    if (made) return {};
    if (store.graves() > 0 && repair(lock)) continue;
    if (store.retired() == 0 || (linking_ == 0 && !repairing_)) return refuse_slots(count, made.error());
    changed.wait(lock);
  }
}

Status Index::Impl::refuse_slots(size_t count, const Error& why) {
  return fail(
      ErrorCode::kOverloaded,
      fmt::format("no room for {} more in an index of {} vectors ({} slots free, {} reserved, {} erased and "
                  "not free yet): {}",
                  count, store.live(), store.available(), store.reserved().load(), store.retired(), why.message()));
}

bool Index::Impl::store_vector(uint32_t slot, Scratch& buffers) {
  write_vector(options.level, buffers.query, store.vector(slot));
  // The code is of what is stored, which may be less precise than what was given.
  if (options.level == Level::kF16 || options.level == Level::kBf16)
    read_vector(options.level, store.vector(slot), buffers.query);
  // Written even when there is a codec: a search that began earlier knows of none.
  if (store.has_early(slot)) std::ranges::copy(buffers.query, store.early(slot).begin());
  graph.clear(slot);
  if (codec() == nullptr) return false;
  encode(*codec(), buffers.query, slot, buffers.floats);
  return true;
}

void Index::Impl::encode(const Codec& codec, std::span<const float> stored, uint32_t slot, std::vector<float>& buffer) {
  *store.factors(slot) = codec.encode(stored, store.code(slot), store.fine(slot), buffer);
}

// Learns from the fresh vectors, which are all there are; from `otherwise` if there are none.
void Index::Impl::learn_codec(std::span<const float> otherwise) {
  std::vector<uint32_t> slots;
  fresh.scan(slots);
  std::vector<float> sample(slots.size() * options.dim), buffer;
  const auto row = [&](size_t i) { return std::span(sample).subspan(i * options.dim, options.dim); };
  for (size_t i = 0; i < slots.size(); ++i) {
    if (options.level == Level::kI8) {
      std::ranges::copy(store.early(slots[i]), row(i).begin());
    } else {
      read_vector(options.level, store.vector(slots[i]), row(i));
    }
  }
  auto made = std::make_unique<const Codec>(options.metric, options.dim, code_bits(options),
                                            slots.empty() ? otherwise : std::span<const float>(sample));
  for (size_t i = 0; i < slots.size(); ++i) encode(*made, row(i), slots[i], buffer);
  codec_owner_ = std::move(made);
  codec_.store(codec_owner_.get(), std::memory_order_release);
  store.stop_early();
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
    work_due.notify_one();
  }
  return true;
}

bool Index::Impl::set_expiry(Slot slot, Expiry expiry) {
  std::lock_guard lock(writer);
  const auto at = static_cast<uint32_t>(slot);
  if (!store.is_live(at)) return false;
  store.set_expiry(at, expiry);
  return true;
}

void Index::Impl::clear() {
  std::unique_lock lock(writer);
  for (uint32_t slot = 0; slot < store.end(); ++slot) retire(slot);
  repair(lock);
}

Status Index::Impl::make_room(Room room) {
  std::unique_lock lock(writer);
  if (wait_for_room(lock, room)) return {};
  return refuse_room();
}

Status Index::Impl::refuse_room() const {
  return fail(ErrorCode::kOverloaded, fmt::format("{} vectors wait to be linked, and no room was found for one more in "
                                                  "{} µs",
                                                  FreshList::kCapacity, options.insert_wait.count()));
}

// A writer that meets a full fresh list does its share of the linking. False when others have taken
// all the room it made, for too long; never false with reserved room.
bool Index::Impl::wait_for_room(std::unique_lock<std::mutex>& lock, Room room) {
  const auto begin = std::chrono::steady_clock::now();
  while (true) {
    // Before the check that may end in waiting: waiting for checks in between would make it
    // outdated.
    let_checks_pass(lock);
    if (!fresh.full()) return true;
    const auto left = options.insert_wait - (std::chrono::steady_clock::now() - begin);
    if (left <= left.zero() && room == Room::kUnreserved) return false;
    if (!link_one(lock)) {
      if (room == Room::kReserved) {
        changed.wait(lock);
      } else {
        changed.wait_for(lock, left);
      }
    } else if (workers_.empty() && reconnect_is_due()) {
      reconnect(lock);
    }
  }
}

}  // namespace sagitta::ann
