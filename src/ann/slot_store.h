/// Where an index keeps what belongs to a slot: its vector, walking code, links and state, each a column of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

#include "sagitta/ann/index.h"

#include "codec.h"
#include "column.h"
#include "epoch_gate.h"

namespace sagitta::ann {

/// free → live → retired → buried → free. A retired slot may still be linked: walks pass through it. A buried one is
/// being unlinked, and is retired again, and linked no more, when that is done: who comes to a slot by its number, not
/// by a link, leaves that alone, for it may be free before the reader's pin ends. Vector and code are written while the
/// slot is free, and read only when it is not, or by a reader whose pin is as old as that, so that reads and writes of
/// one vector never meet.
enum class SlotState : uint8_t { kFree, kLive, kRetired, kBuried };

struct SlotMeta {
  std::atomic<int64_t> expiry{0};
  uint32_t next = UINT32_MAX;  ///< of the list the slot is in, or its place in the fresh list; writers only
  std::atomic<SlotState> state{SlotState::kFree};
  std::atomic<bool> linked{false};  ///< given to the graph: others may link to it
  std::atomic<bool> locked{false};  ///< its links are being changed
};

/// Which of the slots of a granule are live, a bit each; follows their states.
using LiveBits = std::atomic<uint64_t>;

/// Bytes of each part of a slot.
struct SlotShape {
  size_t vector_bytes = 0;
  size_t code_bytes = 0;
  size_t fine_bytes = 0;  ///< of a fine code; none in most indexes
  size_t links_bytes = 0;
  size_t early_bytes = 0;  ///< of a whole vector, beside the others: see SlotStore::early()
  size_t total_bytes() const {
    return vector_bytes + code_bytes + fine_bytes + sizeof(Codec::Factors) + links_bytes + sizeof(SlotMeta);
  }
};

enum class SlotColumn : uint8_t { kVectors, kCodes, kFactors, kLinks, kFine };

/// A linked list of slots, through SlotMeta::next.
struct SlotList {
  uint32_t head = UINT32_MAX, tail = UINT32_MAX, count = 0;
};

/// Memory is charged, a few slots at a time, before it is touched. Thread-safety: functions marked *writer* need one
/// writer at a time (the index's mutex); the others need a pin.
class SlotStore {
 public:
  /// Slots that get memory together.
  static constexpr uint32_t kGranule = 64;

  SlotStore(const SlotShape& shape, MemoryBudget* budget);
  ~SlotStore();
  SlotStore(const SlotStore&) = delete;
  SlotStore& operator=(const SlotStore&) = delete;

  /// *writer* Reclaims and grows until so many slots can be taken; kOverloaded at the ceiling.
  Status make_available(size_t count, EpochGate& gate);
  /// *writer* A free slot, with memory, of those that are available. It stays free until publish().
  uint32_t take_free();
  /// *writer* Slots that take_free() has.
  size_t available() const { return free_.count + (capacity_ - end_); }
  /// Of those, how many are promised to reservations. Any thread lowers it, a *writer* raises it.
  std::atomic<size_t>& reserved() { return reserved_; }
  /// *writer* Gives back what take_free gave.
  void give_back(uint32_t slot) { push(free_, slot); }
  /// *writer* Makes the slot live.
  void publish(uint32_t slot, Expiry expiry);
  /// *writer* Makes a live slot retired; false when it is not live. One that was linked waits among the graves for
  /// its links to be repaired; another is free as soon as nobody looks.
  bool retire(uint32_t slot, const EpochGate& gate);
  /// *writer* All graves, now buried. The caller hands them to release() when nothing links to them.
  SlotList take_graves();
  /// *writer*
  void release(SlotList& buried, const EpochGate& gate);
  /// *writer* Frees what was released or retired two epochs ago.
  void reclaim(EpochGate& gate);
  /// *writer* Of an empty store: memory for slots below `end`. restore_slot() for each of them, from the last down, is
  /// to follow.
  Status restore(uint32_t end);
  /// *writer* Nothing: the slot is free.
  void restore_slot(uint32_t slot, std::optional<Expiry> live, bool linked);
  /// The columns that a snapshot holds as they are, in the order of SlotColumn.
  Column& column(SlotColumn which);
  const Column& column(SlotColumn which) const { return const_cast<SlotStore*>(this)->column(which); }
  /// *writer* Verifies lists, counts and charges; `buried` are under repair.
  Status check(size_t buried) const;

  /// Slots below this have memory and may be live.
  uint32_t end() const { return end_.load(std::memory_order_acquire); }
  SlotMeta& meta(uint32_t slot) const { return *reinterpret_cast<SlotMeta*>(metas_.at(slot)); }
  SlotState state(uint32_t slot) const { return meta(slot).state.load(std::memory_order_acquire); }
  bool is_live(uint32_t slot) const { return slot < end() && state(slot) == SlotState::kLive; }
  bool is_found(uint32_t slot, int64_t now_us) const {
    return state(slot) == SlotState::kLive && !is_expired(slot, now_us);
  }
  /// *writer*
  void set_expiry(uint32_t slot, Expiry expiry);
  /// Appends up to `most` live slots that have expired.
  void list_expired(int64_t now_us, size_t most, std::vector<Slot>& out) const;
  /// Whether any slot ever had an expiry.
  bool has_expiries() const { return has_expiries_.load(std::memory_order_relaxed); }
  bool is_expired(uint32_t slot, int64_t now_us) const {
    return meta(slot).expiry.load(std::memory_order_relaxed) <= now_us;
  }
  /// Of the slots from granule × kGranule, which is below end(), those that are live.
  uint64_t live_in(uint32_t granule) const { return live_bits(granule).load(std::memory_order_acquire); }
  std::byte* vector(uint32_t slot) const { return vectors_.at(slot); }
  uint8_t* code(uint32_t slot) const { return reinterpret_cast<uint8_t*>(codes_.at(slot)); }
  /// Null in an index without fine codes.
  uint8_t* fine(uint32_t slot) const {
    return shape_.fine_bytes > 0 ? reinterpret_cast<uint8_t*>(fine_.at(slot)) : nullptr;
  }
  Codec::Factors* factors(uint32_t slot) const { return reinterpret_cast<Codec::Factors*>(factors_.at(slot)); }
  /// A node's record, as Graph lays it out.
  std::atomic<uint32_t>* links(uint32_t slot) const {
    return reinterpret_cast<std::atomic<uint32_t>*>(links_.at(slot));
  }

  /// At a level that keeps no vectors, the whole vector of a slot: until there is a codec, that is all there is. Of
  /// slots that had memory before stop_early(), and of the first segment, only.
  std::span<float> early(uint32_t slot) const {
    return {reinterpret_cast<float*>(early_.at(slot)), shape_.early_bytes / sizeof(float)};
  }
  bool has_early(uint32_t slot) const { return slot < early_end_.load(std::memory_order_acquire); }
  /// *writer*
  void stop_early() { grows_early_ = false; }

  const SlotShape& shape() const { return shape_; }
  size_t live() const { return live_.load(std::memory_order_relaxed); }
  size_t retired() const { return retired_.load(std::memory_order_relaxed); }
  size_t graves() const { return graves_count_.load(std::memory_order_relaxed); }
  size_t free_slots() const { return free_.count; }
  IndexCounts counts() const;
  /// Fills in the parts that are the store's.
  MemoryUse memory() const;

 private:
  void push(SlotList& list, uint32_t slot);
  uint32_t pop(SlotList& list);
  void splice(SlotList& from, SlotList& to);
  size_t charged_bytes() const;
  Status grow_to(size_t slots);
  /// Of the granule that begins with a slot.
  size_t granule_bytes(size_t slot) const;
  Status add_granule(uint32_t slot);
  Status add_segments(uint32_t slot);
  Status check_list(const SlotList& list, SlotState state) const;
  LiveBits& live_bits(uint32_t granule) const { return *reinterpret_cast<LiveBits*>(live_bits_.at(granule)); }
  void set_live(uint32_t slot, bool live);

  const SlotShape shape_;
  MemoryBudget* const budget_;
  Column metas_, vectors_, codes_, factors_, links_, fine_;
  Column live_bits_;  // a record a granule
  Column early_;
  bool grows_early_;
  std::atomic<uint32_t> early_end_{0};
  std::atomic<bool> has_expiries_{false};
  std::atomic<uint32_t> end_{0};
  std::atomic<size_t> live_{0}, retired_{0}, graves_count_{0}, capacity_{0}, reserved_{0};
  SlotList free_, graves_;
  SlotList limbo_[3];  // by epoch modulo 3
};

}  // namespace sagitta::ann
