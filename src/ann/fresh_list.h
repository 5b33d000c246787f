/// The slots that are not linked yet: few enough that every search scans all of them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace sagitta::ann {

inline constexpr uint32_t kNoLink = UINT32_MAX;

/// A slot keeps its place from add() to remove(), so a concurrent scan misses no slot that is in
/// the list throughout. Thread-safety: any thread may call scan(); everything else needs one thread
/// at a time (the index's mutex).
class FreshList {
 public:
  /// Scanning this many codes costs less than a fifth of a walk (128 dimensions, recall 0.95).
  static constexpr uint32_t kCapacity = 128;

  FreshList();
  bool full() const { return size() == kCapacity; }
  uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  /// Requires that the list is not full. Returns the place.
  uint32_t add(uint32_t slot);
  void remove(uint32_t place);
  /// Claims the place of a slot nobody has claimed, roughly the oldest; nullopt when there is none.
  std::optional<uint32_t> claim();
  uint32_t at(uint32_t place) const { return slots_[place].load(std::memory_order_relaxed); }
  bool holds(uint32_t slot) const;

  /// Appends all slots.
  void scan(std::vector<uint32_t>& out) const;

 private:
  std::array<std::atomic<uint32_t>, kCapacity> slots_;
  std::atomic<uint32_t> end_{0};  // places from here on are empty
  std::atomic<uint32_t> size_{0};
  uint32_t claimed_count_ = 0;
  std::array<bool, kCapacity> claimed_{};
  std::vector<uint32_t> holes_;  // empty places below end_
  uint32_t next_claim_ = 0;
};

}  // namespace sagitta::ann
