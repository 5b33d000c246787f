/// The links between slots: one flat proximity graph, entered at a few slots spread over the data.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "fresh_list.h"
#include "slot_store.h"

namespace sagitta::ann {

/// Some of the slots where walks begin. Thread-safe for readers; written by one thread at a time (the index's mutex).
template <uint32_t kMax>
class EntryList {
 public:
  /// Writes up to kMax slots to `out`; returns how many.
  uint32_t read(uint32_t* out) const {
    const uint32_t count = count_.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < count; ++i) out[i] = at(i);
    return count;
  }
  uint32_t count() const { return count_.load(std::memory_order_relaxed); }
  bool full() const { return count() == kMax; }
  uint32_t at(uint32_t place) const { return slots_[place].load(std::memory_order_acquire); }
  void add(uint32_t slot) {
    set(count(), slot);
    count_.store(count() + 1, std::memory_order_release);
  }
  void set(uint32_t place, uint32_t slot) { slots_[place].store(slot, std::memory_order_release); }
  void drop(uint32_t place) {
    set(place, at(count() - 1));
    count_.store(count() - 1, std::memory_order_release);
  }

 private:
  std::array<std::atomic<uint32_t>, kMax> slots_{};
  std::atomic<uint32_t> count_{0};
};

/// Thread-safe. Readers take links as they find them: each link is whole, a list may be between two states.
class Graph {
 public:
  static constexpr uint32_t kSpreadMax = 64, kLongestMax = 192, kEntriesMax = kSpreadMax + kLongestMax;

  Graph(SlotStore& store, uint32_t degree) : store_(store), degree_(degree) {}

  uint32_t degree() const { return degree_; }
  /// Writes up to degree() links to `out`; returns how many.
  uint32_t neighbours(uint32_t slot, uint32_t* out) const {
    const std::atomic<uint32_t>* links = store_.links(slot);
    uint32_t count = 0;
    for (; count < degree_; ++count) {
      out[count] = links[count].load(std::memory_order_acquire);
      if (out[count] == kNoLink) break;
    }
    return count;
  }
  void prefetch(uint32_t slot) const {
    const auto* links = reinterpret_cast<const char*>(store_.links(slot));
    for (uint32_t offset = 0; offset < degree_ * sizeof(uint32_t); offset += 64) __builtin_prefetch(links + offset);
  }
  /// Writers of a node's links hold its lock. From the end to the front: what lies behind the end of the old list must
  /// not be read as part of the new one, for those slots may be another's by now.
  void write(uint32_t slot, std::span<const uint32_t> links) {
    std::atomic<uint32_t>* out = store_.links(slot);
    if (links.size() < degree_) out[links.size()].store(kNoLink, std::memory_order_release);
    for (size_t i = links.size(); i-- > 0;) out[i].store(links[i], std::memory_order_release);
  }

  /// Where walks begin: the spread ones, then the long ones.
  uint32_t entries(uint32_t* out) const {
    const uint32_t count = spread.read(out);
    return count + longest.read(out + count);
  }
  uint32_t entry_count() const { return spread.count() + longest.count(); }

  EntryList<kSpreadMax> spread;    ///< picked as the index grew, so that they are spread over the data
  EntryList<kLongestMax> longest;  ///< under kDot, of the vectors far longer than most, that links lead to too rarely

 private:
  SlotStore& store_;
  const uint32_t degree_;
};

/// Held while a node's links are changed. Short: nothing is waited for under it.
class NodeLock {
 public:
  explicit NodeLock(SlotMeta& meta) : meta_(meta) {
    while (meta_.locked.exchange(true, std::memory_order_acquire)) {
      while (meta_.locked.load(std::memory_order_relaxed)) __builtin_ia32_pause();
    }
  }
  ~NodeLock() { meta_.locked.store(false, std::memory_order_release); }
  NodeLock(const NodeLock&) = delete;
  NodeLock& operator=(const NodeLock&) = delete;

 private:
  SlotMeta& meta_;
};

}  // namespace sagitta::ann
