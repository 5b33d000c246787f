/// The links between slots: one flat proximity graph, entered at a few slots spread over the data.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "sagitta/base/assert.h"

#include "fresh_list.h"
#include "sketch.h"
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
///
/// Slots whose vectors are equal, copies, lie in a ring. One of them has links and is linked to; a walk knows only that
/// one. The others have only the way to the next copy, which is written in place of the end of a list.
class Graph {
 public:
  static constexpr uint32_t kSpreadMax = 64, kLongestMax = 192, kEntriesMax = kSpreadMax + kLongestMax;

  /// Of what the store keeps for a node with so many links: the links and, on cache lines of their own, their sketches.
  static size_t record_bytes(uint32_t degree, bool sketches) {
    return sketches ? sketches_at(degree) + SketchBlock::bytes_for(degree) : degree * sizeof(uint32_t);
  }

  Graph(SlotStore& store, uint32_t degree)
      : store_(store), degree_(degree), has_sketches_(store.shape().links_bytes > degree * sizeof(uint32_t)) {}

  uint32_t degree() const { return degree_; }
  /// Whether each link has its sketch beside it.
  bool has_sketches() const { return has_sketches_; }
  /// Writes up to degree() links to `out`; returns how many.
  uint32_t neighbours(uint32_t slot, uint32_t* out) const {
    const std::atomic<uint32_t>* links = store_.links(slot);
    uint32_t count = 0;
    for (; count < degree_; ++count) {
      out[count] = links[count].load(std::memory_order_acquire);
      if (out[count] >= kCopyMark) break;
    }
    return count;
  }
  /// The next copy of the slot; kNoLink when it has none.
  uint32_t next_copy(uint32_t slot) const {
    const uint32_t end = end_of(slot);
    return end == kNoLink ? kNoLink : end & ~kCopyMark;
  }
  /// Whether the slot has no links, only a next copy.
  bool is_follower(uint32_t slot) const {
    const uint32_t first = store_.links(slot)->load(std::memory_order_acquire);
    return first >= kCopyMark && first != kNoLink;
  }
  /// Whether there may be copies at all.
  bool has_copies() const { return has_copies_.load(std::memory_order_relaxed); }
  void expect_copies() { has_copies_.store(true, std::memory_order_relaxed); }
  /// How many links fit.
  uint32_t room(uint32_t slot) const { return end_of(slot) == kNoLink ? degree_ : degree_ - 1; }
  /// Copies the sketches, of which each may be another link's than neighbours() gave while its node is written.
  void sketches(uint32_t slot, SketchBlock& out) const {
    const std::atomic<uint64_t>* words = sketch_words(slot);
    out.resize(degree_);
    for (uint64_t& word : out.words()) word = (words++)->load(std::memory_order_relaxed);
  }
  void prefetch(uint32_t slot) const {
    const auto* record = reinterpret_cast<const char*>(store_.links(slot));
    for (size_t offset = 0; offset < store_.shape().links_bytes; offset += 64) __builtin_prefetch(record + offset);
  }
  /// Writers of a node's links hold its lock. From the end to the front: what lies behind the end of the old list must
  /// not be read as part of the new one, for those slots may be another's by now. The next copy stays.
  void write(uint32_t slot, std::span<const uint32_t> links) {
    SAGITTA_ASSERT(links.size() <= room(slot));
    write_all(slot, links, end_of(slot));
  }
  /// Of a slot that is free.
  void clear(uint32_t slot) { write_all(slot, {}, kNoLink); }
  /// kNoLink: none. There is room for it.
  void set_next_copy(uint32_t slot, uint32_t next) {
    std::atomic<uint32_t>* links = store_.links(slot);
    uint32_t count = 0;
    while (count < degree_ && links[count].load(std::memory_order_relaxed) < kCopyMark) ++count;
    SAGITTA_ASSERT(count < degree_ || next == kNoLink);
    if (count < degree_) links[count].store(next == kNoLink ? kNoLink : next | kCopyMark, std::memory_order_release);
  }

  /// The same with a sketch for each link.
  void write(uint32_t slot, std::span<const uint32_t> links, const SketchBlock& sketches) {
    std::atomic<uint64_t>* words = sketch_words(slot);
    for (uint64_t word : sketches.words()) (words++)->store(word, std::memory_order_relaxed);
    write(slot, links);
  }

  /// What a record of the store looks like with these; `record` is as long, and zeros.
  void lay_out(std::span<const uint32_t> links, uint32_t next_copy, const SketchBlock& sketches,
               std::span<char> record) const {
    std::vector<uint32_t> padded(links.begin(), links.end());
    if (next_copy != kNoLink) padded.push_back(next_copy | kCopyMark);
    padded.resize(degree_, kNoLink);
    std::ranges::copy(std::as_bytes(std::span(padded)), std::as_writable_bytes(record).begin());
    if (has_sketches_ && !links.empty()) {
      const auto words = std::as_bytes(sketches.words());
      std::ranges::copy(words,
                        std::as_writable_bytes(record).begin() + static_cast<std::ptrdiff_t>(sketches_at(degree_)));
    }
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
  /// From here on a link is none; beside kNoLink it is a slot with this mark.
  static constexpr uint32_t kCopyMark = 1U << 31;
  static_assert(kSlotsMax < kCopyMark && kNoLink > kCopyMark);

  /// What is behind the links; kNoLink also where they fill all.
  uint32_t end_of(uint32_t slot) const {
    const std::atomic<uint32_t>* links = store_.links(slot);
    for (uint32_t i = 0; i < degree_; ++i) {
      const uint32_t link = links[i].load(std::memory_order_acquire);
      if (link >= kCopyMark) return link;
    }
    return kNoLink;
  }
  void write_all(uint32_t slot, std::span<const uint32_t> links, uint32_t end) {
    std::atomic<uint32_t>* out = store_.links(slot);
    if (links.size() < degree_) out[links.size()].store(end, std::memory_order_release);
    for (size_t i = links.size(); i-- > 0;) out[i].store(links[i], std::memory_order_release);
  }
  static size_t sketches_at(uint32_t degree) { return (degree * sizeof(uint32_t) + 63) / 64 * 64; }
  std::atomic<uint64_t>* sketch_words(uint32_t slot) const {
    auto* record = reinterpret_cast<std::byte*>(store_.links(slot));
    return reinterpret_cast<std::atomic<uint64_t>*>(record + sketches_at(degree_));
  }

  SlotStore& store_;
  const uint32_t degree_;
  const bool has_sketches_;
  std::atomic<bool> has_copies_{false};
};

/// Goes round the copies of a slot. Rings change meanwhile, and what was in one may lead into it from outside: it ends
/// where it began, or when it has been all round since (Brent's way to find a cycle).
class CopyRing {
 public:
  explicit CopyRing(uint32_t slot) : begin_(slot), at_(slot) {}
  /// kNoLink when there are no more.
  uint32_t next(const Graph& graph) {
    const uint32_t next = graph.next_copy(at_);
    if (next == kNoLink || next == begin_ || next == seen_) return kNoLink;
    at_ = next;
    if (++steps_ == steps_max_) {
      seen_ = at_;
      steps_ = 0;
      steps_max_ *= 2;
    }
    return next;
  }

 private:
  uint32_t begin_, at_, seen_ = kNoLink;
  uint64_t steps_ = 0, steps_max_ = 64;
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
