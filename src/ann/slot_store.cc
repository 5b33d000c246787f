// The life of slots: memory, lists by state, and the bits of the live ones.
#include "slot_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/assert.h"

namespace sagitta::ann {

SlotStore::SlotStore(const SlotShape& shape, MemoryBudget* budget)
    : shape_(shape),
      budget_(budget),
      metas_(sizeof(SlotMeta)),
      vectors_(shape.vector_bytes),
      codes_(shape.code_bytes),
      factors_(sizeof(Codec::Factors)),
      links_(shape.links_bytes),
      fine_(shape.fine_bytes),
      live_bits_(sizeof(LiveBits)),
      early_(shape.early_bytes),
      grows_early_(shape.early_bytes > 0) {}

SlotStore::~SlotStore() {
  if (budget_ != nullptr) budget_->release(charged_bytes());
}

size_t SlotStore::charged_bytes() const {
  return capacity_ * shape_.total_bytes() + capacity_ / kGranule * sizeof(LiveBits) + early_end_ * shape_.early_bytes;
}

// One writer, which stores the state before the bit: whoever sees the bit sees the slot.
void SlotStore::set_live(uint32_t slot, bool live) {
  LiveBits& bits = live_bits(slot / kGranule);
  const uint64_t bit = uint64_t{1} << (slot % kGranule), others = bits.load(std::memory_order_relaxed) & ~bit;
  bits.store(live ? others | bit : others, std::memory_order_release);
}

namespace {

bool may_follow(SlotState from, SlotState to) {
  switch (from) {
    case SlotState::kFree: return to == SlotState::kLive;
    case SlotState::kLive: return to == SlotState::kRetired;
    case SlotState::kRetired: return to == SlotState::kBuried || to == SlotState::kFree;
    case SlotState::kBuried: return to == SlotState::kRetired;
  }
  return false;
}

}  // namespace

void SlotStore::change_state(uint32_t slot, SlotState from, SlotState to) {
  SAGITTA_ASSERT(slot < end() && may_follow(from, to));
  const SlotState was = meta(slot).state.exchange(to, std::memory_order_seq_cst);
  SAGITTA_ASSERT(was == from);
}

void SlotStore::push(SlotList& list, uint32_t slot) {
  meta(slot).next = list.head;
  if (list.count++ == 0) list.tail = slot;
  list.head = slot;
}

uint32_t SlotStore::pop(SlotList& list) {
  SAGITTA_ASSERT(list.count > 0);
  const uint32_t slot = list.head;
  list.head = meta(slot).next;
  if (--list.count == 0) list = {};
  return slot;
}

void SlotStore::splice(SlotList& from, SlotList& to) {
  if (from.count == 0) return;
  meta(from.tail).next = to.head;
  if (to.count == 0) to.tail = from.tail;
  to.head = from.head;
  to.count += from.count;
  from = {};
}

// Two epochs free even what was retired just now, if no reader is in the way.
void SlotStore::reclaim(EpochGate& gate) {
  for (int step = 0; step < 2 && gate.try_advance(); ++step) {
    SlotList& old = limbo_[(gate.epoch() + 1) % 3];  // retired two epochs ago
    for (uint32_t slot = old.head, left = old.count; left > 0; --left) {
      SAGITTA_ASSERT(!meta(slot).linked);
      change_state(slot, SlotState::kRetired, SlotState::kFree);
      slot = meta(slot).next;
    }
    SAGITTA_ASSERT(retired_ >= old.count);
    retired_ -= old.count;
    splice(old, free_);
  }
}

Status SlotStore::make_available(size_t count, EpochGate& gate) {
  if ((free_.count == 0 || available() < count) && retired_ != graves_.count) reclaim(gate);
  return available() < count ? grow_to(capacity_ + (count - available())) : Status();
}

uint32_t SlotStore::take_free() {
  SAGITTA_ASSERT(available() > 0);
  if (free_.count > 0) return pop(free_);
  const uint32_t slot = end_.load(std::memory_order_relaxed);
  end_.store(slot + 1, std::memory_order_release);
  return slot;
}

// Charges everything at once: what does not fit leaves the budget to others.
Status SlotStore::grow_to(size_t slots) {
  const size_t wanted = (slots + kGranule - 1) / kGranule * kGranule;
  if (wanted > kSlotsMax)
    return fail(ErrorCode::kOverloaded, fmt::format("a vector index holds no more than {} slots", kSlotsMax));
  size_t bytes = 0;
  for (size_t slot = capacity_; slot < wanted; slot += kGranule) bytes += granule_bytes(slot);
  if (budget_ != nullptr) SAGITTA_CHECK(budget_->charge(bytes));
  for (size_t slot = capacity_; slot < wanted; slot += kGranule) {
    const size_t added_bytes = granule_bytes(slot);
    if (Status added = add_granule(static_cast<uint32_t>(slot)); !added) {
      if (budget_ != nullptr) budget_->release(bytes);
      return added;
    }
    bytes -= added_bytes;
  }
  return {};
}

size_t SlotStore::granule_bytes(size_t slot) const {
  const bool early = grows_early_ && slot < kFirstSlots;
  return kGranule * (shape_.total_bytes() + (early ? shape_.early_bytes : 0)) + sizeof(LiveBits);
}

Status SlotStore::add_granule(uint32_t slot) {
  SAGITTA_CHECK(add_segments(slot));
  for (uint32_t i = 0; i < kGranule; ++i) new (metas_.at(slot + i)) SlotMeta;
  new (live_bits_.at(slot / kGranule)) LiveBits;
  if (grows_early_ && slot < kFirstSlots) early_end_.store(slot + kGranule, std::memory_order_release);
  capacity_ += kGranule;
  return {};
}

// Adds the segments that begin with the granule of `slot`.
Status SlotStore::add_segments(uint32_t slot) {
  const uint32_t granule = slot / kGranule;
  if (slot == segment_begin(segment_of(slot))) {
    for (Column* column : {&metas_, &vectors_, &codes_, &factors_, &links_, &fine_})
      SAGITTA_CHECK(column->add_segment(segment_of(slot)));
    if (slot == 0) SAGITTA_CHECK(early_.add_segment(0));
  }
  if (granule == segment_begin(segment_of(granule))) return live_bits_.add_segment(segment_of(granule));
  return {};
}

void SlotStore::publish(uint32_t slot, Expiry expiry) {
  set_expiry(slot, expiry);
  change_state(slot, SlotState::kFree, SlotState::kLive);
  set_live(slot, true);
  ++live_;
}

void SlotStore::set_expiry(uint32_t slot, Expiry expiry) {
  if (expiry != Expiry::kNever) has_expiries_.store(true, std::memory_order_relaxed);
  meta(slot).expiry.store(static_cast<int64_t>(expiry), std::memory_order_relaxed);
}

void SlotStore::list_expired(int64_t now_us, size_t most, std::vector<Slot>& out) const {
  const uint32_t until = has_expiries() ? end() : 0;
  for (uint32_t slot = 0; slot < until && most > 0; ++slot) {
    if (!is_live(slot) || !is_expired(slot, now_us)) continue;
    out.push_back(Slot{slot});
    --most;
  }
}

bool SlotStore::retire(uint32_t slot, const EpochGate& gate) {
  if (!is_live(slot)) return false;
  change_state(slot, SlotState::kLive, SlotState::kRetired);
  set_live(slot, false);
  SAGITTA_ASSERT(live_ > 0);
  --live_;
  ++retired_;
  const bool linked = meta(slot).linked.load(std::memory_order_relaxed);
  push(linked ? graves_ : limbo_[gate.epoch() % 3], slot);
  if (linked) ++graves_count_;
  return true;
}

SlotList SlotStore::take_graves() {
  SlotList taken = graves_;
  graves_ = {};
  graves_count_ = 0;
  for (uint32_t slot = taken.head, left = taken.count; left > 0; --left) {
    SAGITTA_ASSERT(meta(slot).linked);
    change_state(slot, SlotState::kRetired, SlotState::kBuried);
    slot = meta(slot).next;
  }
  return taken;
}

void SlotStore::release(SlotList& buried, const EpochGate& gate) {
  for (uint32_t slot = buried.head, left = buried.count; left > 0; --left) {
    SlotMeta& m = meta(slot);
    m.linked.store(false, std::memory_order_relaxed);
    change_state(slot, SlotState::kBuried, SlotState::kRetired);
    slot = m.next;
  }
  splice(buried, limbo_[gate.epoch() % 3]);
}

Status SlotStore::restore(uint32_t end) {
  SAGITTA_ASSERT(this->end() == 0 && free_.count == 0);
  if (capacity_ < end) SAGITTA_CHECK(grow_to(end));
  end_.store(end, std::memory_order_release);
  return {};
}

void SlotStore::restore_slot(uint32_t slot, std::optional<Expiry> live, bool linked) {
  SAGITTA_ASSERT(slot < end() && state(slot) == SlotState::kFree && (live || !linked));
  if (!live) return push(free_, slot);
  meta(slot).linked.store(linked, std::memory_order_relaxed);
  publish(slot, *live);
}

Column& SlotStore::column(SlotColumn which) {
  switch (which) {
    case SlotColumn::kVectors: return vectors_;
    case SlotColumn::kCodes: return codes_;
    case SlotColumn::kFactors: return factors_;
    case SlotColumn::kLinks: return links_;
    case SlotColumn::kFine: break;
  }
  return fine_;
}

IndexCounts SlotStore::counts() const {
  return {.live = live_, .fresh = 0, .capacity = capacity_, .retired = retired_, .reserved = reserved_};
}

MemoryUse SlotStore::memory() const {
  const size_t slots = capacity_;
  return {.vectors_bytes = slots * shape_.vector_bytes + early_end_ * shape_.early_bytes,
          .codes_bytes = slots * (shape_.code_bytes + sizeof(Codec::Factors)),
          .fine_bytes = slots * shape_.fine_bytes,
          .graph_bytes = slots * shape_.links_bytes,
          .slots_bytes = slots * sizeof(SlotMeta) + slots / kGranule * sizeof(LiveBits)};
}

Status SlotStore::check_list(const SlotList& list, SlotState expected) const {
  uint32_t slot = list.head;
  for (uint32_t i = 0; i < list.count; ++i) {
    if (slot >= end())
      return fail(ErrorCode::kCorruption, fmt::format("a slot list leads to slot {} of {}", slot, end()));
    if (state(slot) != expected) {
      return fail(ErrorCode::kCorruption, fmt::format("slot {} is in a list of another state than its own", slot));
    }
    if (i + 1 == list.count && slot != list.tail)
      return fail(ErrorCode::kCorruption, "a slot list does not end at its tail");
    slot = meta(slot).next;
  }
  return {};
}

Status SlotStore::check(size_t buried) const {
  size_t states[4] = {};
  for (uint32_t slot = 0; slot < end(); ++slot) {
    ++states[static_cast<size_t>(state(slot))];
    const bool has_bit = (live_in(slot / kGranule) >> (slot % kGranule) & 1) != 0;
    if (has_bit != is_live(slot))
      return fail(ErrorCode::kCorruption, fmt::format("slot {} is live by its state or its bit, not by both", slot));
  }
  SAGITTA_CHECK(check_list(free_, SlotState::kFree));
  SAGITTA_CHECK(check_list(graves_, SlotState::kRetired));
  size_t waiting = graves_.count;
  for (const SlotList& list : limbo_) {
    SAGITTA_CHECK(check_list(list, SlotState::kRetired));
    waiting += list.count;
  }
  if (states[1] != live_ || states[2] != waiting || states[3] != buried || waiting + buried != retired_) {
    return fail(ErrorCode::kCorruption, fmt::format("{} live, {} retired, {} buried slots; counted {}, {}, {}",
                                                    states[1], states[2], states[3], live_.load(), waiting, buried));
  }
  if (end() > capacity_) return fail(ErrorCode::kCorruption, fmt::format("{} slots of {}", end(), capacity_.load()));
  return {};
}

}  // namespace sagitta::ann
