/// Buffers that searches use again instead of allocating.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "sagitta/base/budget.h"

namespace sagitta::ann {

struct Scratch {
  std::vector<uint64_t> keys;
  std::vector<float> query;
  size_t bytes() const { return keys.capacity() * sizeof(uint64_t) + query.capacity() * sizeof(float); }
};

/// Keeps a few buffers between searches, charged to the budget; at the ceiling they are freed instead. Thread-safe, no
/// locks.
class ScratchPool {
 public:
  explicit ScratchPool(MemoryBudget* budget) : budget_(budget) {}
  ~ScratchPool();
  ScratchPool(const ScratchPool&) = delete;
  ScratchPool& operator=(const ScratchPool&) = delete;

  std::unique_ptr<Scratch> take();
  void give_back(std::unique_ptr<Scratch> scratch);
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  /// As many as searches usually run at once; each may hold 8 bytes a slot.
  static constexpr size_t kKept = 4;
  bool charge(size_t bytes);
  void release(size_t bytes);

  MemoryBudget* const budget_;
  std::atomic<size_t> bytes_{0};
  std::array<std::atomic<Scratch*>, kKept> kept_{};
};

}  // namespace sagitta::ann
