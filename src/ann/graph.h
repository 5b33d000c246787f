/// The links between slots: one flat proximity graph. Walks enter it at a few slots that are spread
/// over the data.
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

/// Some of the slots where walks begin. Any thread may read; one thread at a time may write (the
/// index's mutex).
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
    SAGITTA_ASSERT(!full());
    slots_[count()].store(slot, std::memory_order_release);
    count_.store(count() + 1, std::memory_order_release);
  }
  void set(uint32_t place, uint32_t slot) {
    SAGITTA_ASSERT(place < count());
    slots_[place].store(slot, std::memory_order_release);
  }
  void drop(uint32_t place) {
    set(place, at(count() - 1));
    count_.store(count() - 1, std::memory_order_release);
  }

 private:
  std::array<std::atomic<uint32_t>, kMax> slots_{};
  std::atomic<uint32_t> count_{0};
};

/// Thread-safe. A reader takes links as it finds them: each link is whole, but a list may be
/// between two states.
///
/// Copies, slots with equal vectors, form a ring. One of them, the leader, has links, and other
/// slots link to it; a walk meets only the leader. The others, the followers, have no links, only
/// the next copy. That is stored where the list of links ends.
class Graph {
 public:
  static constexpr uint32_t kSpreadMax = 64, kLongestMax = 192, kEntriesMax = kSpreadMax + kLongestMax;

  /// The size of a node's record: the links and, from the next cache line on, their sketches.
  static size_t record_bytes(uint32_t degree, bool sketches) {
    return sketches ? sketches_at(degree) + SketchBlock::bytes_for(degree) : degree * sizeof(uint32_t);
  }

  Graph(SlotStore& store, uint32_t degree)
      : store_(store), degree_(degree), has_sketches_(store.shape().links_bytes > degree * sizeof(uint32_t)) {}

  uint32_t degree() const { return degree_; }
  /// Whether each link has a sketch beside it.
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
  /// Copies the sketches. While the node is being written, a sketch may belong to another link than
  /// neighbours() gave.
  void sketches(uint32_t slot, SketchBlock& out) const {
    const std::atomic<uint64_t>* words = sketch_words(slot);
    out.resize(degree_);
    for (uint64_t& word : out.words()) word = (words++)->load(std::memory_order_relaxed);
  }
  void prefetch(uint32_t slot) const {
    const auto* record = reinterpret_cast<const char*>(store_.links(slot));
    for (size_t offset = 0; offset < store_.shape().links_bytes; offset += 64) __builtin_prefetch(record + offset);
  }
  /// Replaces the links and keeps the next copy. The caller holds the node's lock. Writes from the
  /// end to the front: a reader must never take slots behind the end of the old list for links of
  /// the new one, as they may hold other vectors by now.
  void write(uint32_t slot, std::span<const uint32_t> links) {
    SAGITTA_ASSERT(store_.meta(slot).locked);
    SAGITTA_ASSERT(links.size() <= room(slot));
    SAGITTA_ASSERT(std::ranges::all_of(links, [slot](uint32_t link) { return link < kCopyMark && link != slot; }));
    write_all(slot, links, end_of(slot));
  }
  /// Empties the record of a free slot.
  void clear(uint32_t slot) { write_all(slot, {}, kNoLink); }
  /// Sets the next copy, kNoLink for none. The record must have room for it.
  void set_next_copy(uint32_t slot, uint32_t next) {
    std::atomic<uint32_t>* links = store_.links(slot);
    uint32_t count = 0;
    while (count < degree_ && links[count].load(std::memory_order_relaxed) < kCopyMark) ++count;
    SAGITTA_ASSERT(next == kNoLink || (count < degree_ && next < kCopyMark && next != slot));
    if (count < degree_) links[count].store(next == kNoLink ? kNoLink : next | kCopyMark, std::memory_order_release);
  }

  /// The same, with a sketch for each link.
  void write(uint32_t slot, std::span<const uint32_t> links, const SketchBlock& sketches) {
    SAGITTA_ASSERT(has_sketches_ && sketches.lanes() >= links.size());
    std::atomic<uint64_t>* words = sketch_words(slot);
    for (uint64_t word : sketches.words()) (words++)->store(word, std::memory_order_relaxed);
    write(slot, links);
  }

  /// Writes a record as the store would hold it into `record`, which has record_bytes() zeros.
  void lay_out(std::span<const uint32_t> links, uint32_t next_copy, const SketchBlock& sketches,
               std::span<char> record) const {
    SAGITTA_ASSERT(record.size() == store_.shape().links_bytes);
    SAGITTA_ASSERT(links.size() + (next_copy != kNoLink ? 1 : 0) <= degree_);
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

  /// Writes the slots where walks begin to `out`: the spread ones, then the longest. Returns how
  /// many.
  uint32_t entries(uint32_t* out) const {
    const uint32_t count = spread.read(out);
    return count + longest.read(out + count);
  }
  uint32_t entry_count() const { return spread.count() + longest.count(); }

  EntryList<kSpreadMax> spread;    ///< picked as the index grew, so spread over the data
  EntryList<kLongestMax> longest;  ///< under kDot: vectors far longer than most, to which too few links lead

 private:
  /// A value with this bit is not a link: it is kNoLink, or the mark plus the slot of the next
  /// copy.
  static constexpr uint32_t kCopyMark = 1U << 31;
  static_assert(kSlotsMax < kCopyMark && kNoLink > kCopyMark);

  /// What follows the links; kNoLink also when they fill the record.
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

/// Walks round the copies of a slot. A ring may change meanwhile, and a slot that has left it may
/// still lead into it. So the walk ends where it began, or after one whole turn of the ring
/// (Brent's cycle detection).
class CopyRing {
 public:
  explicit CopyRing(uint32_t slot) : begin_(slot), at_(slot) {}
  /// The next copy; kNoLink when there are no more.
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

/// Spin lock, held while a node's links change. Never wait for anything under it.
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
