#include "slot_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <new>

#include "sagitta/base/assert.h"

namespace sagitta::ann {
namespace {

// Large enough that allocations are few, small enough that an index of ten rows is cheap.
constexpr size_t kChunkBytes = size_t{128} << 10;
constexpr uint32_t kChunkSlotsMin = 8, kChunkSlotsMax = 1024;
constexpr size_t kDirectoryCapacityMin = 64;
constexpr std::align_val_t kCacheLine{64};

uint32_t slots_per_chunk(uint32_t dim) {
  const auto fitting = static_cast<uint32_t>(kChunkBytes / (size_t{dim} * sizeof(float)));
  return std::clamp(std::bit_floor(fitting), kChunkSlotsMin, kChunkSlotsMax);
}

struct FreeAligned {
  void operator()(float* p) const { ::operator delete[](p, kCacheLine); }
};

}  // namespace

struct SlotStore::Chunk {
  struct Meta {
    std::atomic<int64_t> expiry{0};
    uint32_t next = UINT32_MAX;  // of the list the slot is in; writers only
    std::atomic<SlotState> state{SlotState::kFree};
  };
  Chunk(uint32_t slots, uint32_t dim)
      : meta(std::make_unique<Meta[]>(slots)),
        vectors(static_cast<float*>(::operator new[](size_t{slots} * dim * sizeof(float), kCacheLine))) {}

  std::unique_ptr<Meta[]> meta;
  std::unique_ptr<float[], FreeAligned> vectors;
};

SlotStore::SlotStore(uint32_t dim, MemoryBudget* budget)
    : dim_(dim),
      chunk_shift_(static_cast<uint32_t>(std::countr_zero(slots_per_chunk(dim)))),
      chunk_mask_(slots_per_chunk(dim) - 1),
      budget_(budget) {}

SlotStore::~SlotStore() {
  const MemoryUse use = memory();
  if (budget_ != nullptr) budget_->release(use.total_bytes());
}

size_t SlotStore::chunk_slots_bytes() const { return sizeof(Chunk) + chunk_slots() * sizeof(Chunk::Meta); }

Status SlotStore::charge(size_t bytes) { return budget_ == nullptr ? Status() : budget_->charge(bytes); }

void SlotStore::push(SlotList& list, uint32_t slot) {
  chunk(slot).meta[slot & chunk_mask_].next = list.head;
  if (list.count++ == 0) list.tail = slot;
  list.head = slot;
}

uint32_t SlotStore::pop(SlotList& list) {
  const uint32_t slot = list.head;
  list.head = chunk(slot).meta[slot & chunk_mask_].next;
  if (--list.count == 0) list = {};
  return slot;
}

void SlotStore::splice(SlotList& from, SlotList& to) {
  if (from.count == 0) return;
  chunk(from.tail).meta[from.tail & chunk_mask_].next = to.head;
  if (to.count == 0) to.tail = from.tail;
  to.head = from.head;
  to.count += from.count;
  from = {};
}

// Two steps suffice to free what was retired just now, if no reader is in the way.
void SlotStore::reclaim(EpochGate& gate) {
  for (int step = 0; step < 2 && gate.try_advance(); ++step) {
    SlotList& old = limbo_[(gate.epoch() + 1) % 3];  // retired two epochs ago
    for (uint32_t slot = old.head, left = old.count; left > 0; --left) {
      Chunk::Meta& meta = chunk(slot).meta[slot & chunk_mask_];
      meta.state.store(SlotState::kFree);
      slot = meta.next;
    }
    retired_ -= old.count;
    splice(old, free_);
  }
}

Result<Slot> SlotStore::take_free(EpochGate& gate) {
  if (free_.count == 0 && retired_ != 0) reclaim(gate);
  if (free_.count > 0) return Slot{pop(free_)};
  const uint32_t slot = end_.load();
  if ((slot & chunk_mask_) == 0) {
    SAGITTA_CHECK(grow());
  }
  end_.store(slot + 1, std::memory_order_release);
  return Slot{slot};
}

Status SlotStore::grow() {
  if (end_.load() > UINT32_MAX - 2 * chunk_slots())
    return fail(ErrorCode::kOverloaded, "a vector index holds no more than 2^32 slots");
  if (chunks_.size() == directory_capacity_) {
    SAGITTA_CHECK(grow_directory());
  }
  SAGITTA_CHECK(charge(chunk_vectors_bytes() + chunk_slots_bytes()));
  chunks_.push_back(std::make_unique<Chunk>(chunk_slots(), dim_));
  directory_.load()[chunks_.size() - 1] = chunks_.back().get();
  chunk_count_.store(chunks_.size());
  return {};
}

Status SlotStore::grow_directory() {
  const size_t capacity = std::max(kDirectoryCapacityMin, directory_capacity_ * 2);
  const size_t bytes = capacity * sizeof(Chunk*) + (capacity - directory_capacity_) * sizeof(std::unique_ptr<Chunk>);
  SAGITTA_CHECK(charge(bytes));
  chunks_.reserve(capacity);
  directories_.push_back(std::make_unique<Chunk*[]>(capacity));
  for (size_t i = 0; i < chunks_.size(); ++i) directories_.back()[i] = chunks_[i].get();
  directory_.store(directories_.back().get(), std::memory_order_release);
  directory_capacity_ = capacity;
  directory_bytes_ += bytes;
  return {};
}

std::span<float> SlotStore::writable(Slot slot) {
  const auto at = static_cast<uint32_t>(slot);
  return {chunk(at).vectors.get() + size_t{at & chunk_mask_} * dim_, dim_};
}

void SlotStore::publish(Slot slot, Expiry expiry) {
  const auto at = static_cast<uint32_t>(slot);
  Chunk::Meta& meta = chunk(at).meta[at & chunk_mask_];
  SAGITTA_ASSERT(meta.state.load() == SlotState::kFree);
  meta.expiry.store(static_cast<int64_t>(expiry), std::memory_order_relaxed);
  meta.state.store(SlotState::kLive);
  ++live_;
}

bool SlotStore::retire(Slot slot, const EpochGate& gate) {
  if (!is_live(slot)) return false;
  const auto at = static_cast<uint32_t>(slot);
  chunk(at).meta[at & chunk_mask_].state.store(SlotState::kRetired);
  --live_;
  ++retired_;
  push(limbo_[gate.epoch() % 3], at);
  return true;
}

bool SlotStore::set_expiry(Slot slot, Expiry expiry) {
  if (!is_live(slot)) return false;
  const auto at = static_cast<uint32_t>(slot);
  chunk(at).meta[at & chunk_mask_].expiry.store(static_cast<int64_t>(expiry), std::memory_order_relaxed);
  return true;
}

bool SlotStore::is_live(Slot slot) const {
  const auto at = static_cast<uint32_t>(slot);
  return at < end() && chunk(at).meta[at & chunk_mask_].state.load() == SlotState::kLive;
}

bool SlotStore::is_found(Slot slot, int64_t now_us) const {
  if (!is_live(slot)) return false;
  const auto at = static_cast<uint32_t>(slot);
  return chunk(at).meta[at & chunk_mask_].expiry.load(std::memory_order_relaxed) > now_us;
}

const float* SlotStore::vector(Slot slot) const {
  const auto at = static_cast<uint32_t>(slot);
  return chunk(at).vectors.get() + size_t{at & chunk_mask_} * dim_;
}

IndexCounts SlotStore::counts() const {
  const size_t live = live_;
  return {.live = live, .fresh = live, .capacity = chunk_count_ * chunk_slots(), .retired = retired_};
}

MemoryUse SlotStore::memory() const {
  const size_t chunks = chunk_count_;
  return {.vectors_bytes = chunks * chunk_vectors_bytes(),
          .slots_bytes = chunks * chunk_slots_bytes() + directory_bytes_};
}

Status SlotStore::check_list(const SlotList& list, SlotState state) const {
  uint32_t slot = list.head;
  for (uint32_t i = 0; i < list.count; ++i) {
    if (slot >= end())
      return fail(ErrorCode::kCorruption, fmt::format("a slot list leads to slot {} of {}", slot, end()));
    const Chunk::Meta& meta = chunk(slot).meta[slot & chunk_mask_];
    if (meta.state.load() != state) {
      return fail(ErrorCode::kCorruption, fmt::format("slot {} is in a list of another state than its own", slot));
    }
    if (i + 1 == list.count && slot != list.tail)
      return fail(ErrorCode::kCorruption, "a slot list does not end at its tail");
    slot = meta.next;
  }
  return {};
}

Status SlotStore::check() const {
  size_t states[3] = {};
  for (uint32_t slot = 0; slot < end(); ++slot) {
    ++states[static_cast<size_t>(chunk(slot).meta[slot & chunk_mask_].state.load())];
  }
  SAGITTA_CHECK(check_list(free_, SlotState::kFree));
  size_t limbo = 0;
  for (const SlotList& list : limbo_) {
    SAGITTA_CHECK(check_list(list, SlotState::kRetired));
    limbo += list.count;
  }
  if (states[0] != free_.count || states[1] != live_ || states[2] != limbo || limbo != retired_) {
    return fail(ErrorCode::kCorruption, fmt::format("{} free, {} live, {} retired slots; counted {}, {}, {}", states[0],
                                                    states[1], states[2], free_.count, live_.load(), limbo));
  }
  if (size_t{end()} > chunks_.size() * chunk_slots() || chunks_.size() > directory_capacity_) {
    return fail(ErrorCode::kCorruption, fmt::format("{} slots in {} chunks", end(), chunks_.size()));
  }
  return {};
}

}  // namespace sagitta::ann
