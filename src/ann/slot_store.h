/// Where vectors live: chunks of slots that are allocated once and never move, so that a reader needs no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "sagitta/ann/index.h"

#include "epoch_gate.h"

namespace sagitta::ann {

/// A slot goes free → live → retired → free. A vector is written while its slot is free, and read only when it is live
/// or by a reader whose pin is as old as that, so that reads and writes of one vector never meet.
enum class SlotState : uint8_t { kFree, kLive, kRetired };

/// Memory is charged before it is allocated, and freed when the store dies.
/// Thread-safety: functions marked *writer* need one writer at a time (the index's mutex); the others need a pin.
class SlotStore {
 public:
  struct Chunk;

  SlotStore(uint32_t dim, MemoryBudget* budget);
  ~SlotStore();
  SlotStore(const SlotStore&) = delete;
  SlotStore& operator=(const SlotStore&) = delete;

  /// *writer* A free slot, with memory; kOverloaded at the ceiling. It stays free until publish().
  Result<Slot> take_free(EpochGate& gate);
  /// *writer* The vector of a slot from take_free.
  std::span<float> writable(Slot slot);
  /// *writer* Makes the slot live.
  void publish(Slot slot, Expiry expiry);
  /// *writer* Makes a live slot retired; false when it is not live.
  bool retire(Slot slot, const EpochGate& gate);
  /// *writer* False when the slot is not live.
  bool set_expiry(Slot slot, Expiry expiry);
  /// *writer* Verifies lists, counts and charges.
  Status check() const;

  /// Slots below this have memory and may be live.
  uint32_t end() const { return end_.load(std::memory_order_acquire); }
  bool is_live(Slot slot) const;
  bool is_found(Slot slot, int64_t now_us) const;
  /// Of a slot that was live under the caller's pin.
  const float* vector(Slot slot) const;

  uint32_t dim() const { return dim_; }
  uint32_t chunk_slots() const { return chunk_mask_ + 1; }
  IndexCounts counts() const;
  /// Fills in the parts that are the store's.
  MemoryUse memory() const;

 private:
  struct SlotList {
    uint32_t head = UINT32_MAX, tail = UINT32_MAX, count = 0;
  };

  Chunk& chunk(uint32_t slot) const { return *directory_.load(std::memory_order_acquire)[slot >> chunk_shift_]; }
  void push(SlotList& list, uint32_t slot);
  uint32_t pop(SlotList& list);
  void splice(SlotList& from, SlotList& to);
  void reclaim(EpochGate& gate);
  Status grow();
  Status grow_directory();
  Status charge(size_t bytes);
  size_t chunk_vectors_bytes() const { return size_t{chunk_slots()} * dim_ * sizeof(float); }
  size_t chunk_slots_bytes() const;
  Status check_list(const SlotList& list, SlotState state) const;

  const uint32_t dim_;
  const uint32_t chunk_shift_;
  const uint32_t chunk_mask_;
  MemoryBudget* const budget_;

  std::atomic<Chunk**> directory_{nullptr};
  std::atomic<uint32_t> end_{0};
  std::atomic<size_t> live_{0}, retired_{0}, chunk_count_{0}, directory_bytes_{0};

  // Writers only.
  std::vector<std::unique_ptr<Chunk*[]>> directories_;  // outgrown ones stay: a reader may be in them
  std::vector<std::unique_ptr<Chunk>> chunks_;
  size_t directory_capacity_ = 0;
  SlotList free_;
  SlotList limbo_[3];  // retired slots by epoch modulo 3
};

}  // namespace sagitta::ann
