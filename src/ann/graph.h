/// The links between slots: one flat proximity graph, entered at a few slots spread over the data.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "fresh_list.h"
#include "slot_store.h"

namespace sagitta::ann {

/// Thread-safe. Readers take links as they find them: each link is whole, a list may be between two states.
class Graph {
 public:
  static constexpr uint32_t kEntriesMax = 64;

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

  /// Where walks begin. Written by one thread at a time (the index's mutex).
  uint32_t entries(uint32_t* out) const {
    const uint32_t count = entry_count_.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < count; ++i) out[i] = entries_[i].load(std::memory_order_acquire);
    return count;
  }
  uint32_t entry_count() const { return entry_count_.load(std::memory_order_relaxed); }
  void add_entry(uint32_t slot) {
    const uint32_t count = entry_count();
    entries_[count].store(slot, std::memory_order_release);
    entry_count_.store(count + 1, std::memory_order_release);
  }
  void set_entry(uint32_t place, uint32_t slot) { entries_[place].store(slot, std::memory_order_release); }
  void drop_entry(uint32_t place) {
    const uint32_t last = entry_count() - 1;
    set_entry(place, entries_[last].load(std::memory_order_relaxed));
    entry_count_.store(last, std::memory_order_release);
  }

 private:
  SlotStore& store_;
  const uint32_t degree_;
  std::array<std::atomic<uint32_t>, kEntriesMax> entries_{};
  std::atomic<uint32_t> entry_count_{0};
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
