/// Everything that belongs to a slot, in one column each: vector, code, factors, links and state.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

#include "sagitta/ann/index.h"
#include "sagitta/base/assert.h"

#include "codec.h"
#include "column.h"
#include "epoch_gate.h"

namespace sagitta::ann {

/// free → live → retired → buried → retired, unlinked → free; a slot that was never linked skips
/// burial. README.md has the table. Other slots may still link to a retired slot, and walks pass
/// through it. A buried slot is being unlinked. Once that is done it is retired again and not
/// `linked`, and may become free before a reader's pin ends. So whoever reaches a slot by its
/// number, not by a link, must check that it is live and linked.
///
/// Vector and code are written while the slot is free. Only two kinds of reader may read them:
/// those that see another state, and those whose pin is older than the slot's release. So reads and
/// writes of one vector never meet.
enum class SlotState : uint8_t { kFree, kLive, kRetired, kBuried };

struct SlotMeta {
  std::atomic<int64_t> expiry{0};
  uint32_t next = UINT32_MAX;  ///< next slot of the same list, or the place in the fresh list; writers only
  std::atomic<SlotState> state{SlotState::kFree};
  std::atomic<bool> linked{false};   ///< handed to the graph: other slots may link to it
  std::atomic<bool> linking{false};  ///< a thread is making its first links, or joining it to its ring
  std::atomic<bool> locked{false};   ///< its links are being changed
};

/// The live slots of a granule, one bit each; follows their states.
using LiveBits = std::atomic<uint64_t>;

/// Bytes of each part of a slot.
struct SlotShape {
  size_t vector_bytes = 0;
  size_t code_bytes = 0;
  size_t fine_bytes = 0;  ///< of a fine code; 0 in most indexes
  size_t links_bytes = 0;
  size_t early_bytes = 0;  ///< of a whole vector besides; see SlotStore::early()
  size_t total_bytes() const {
    return vector_bytes + code_bytes + fine_bytes + sizeof(Codec::Factors) + links_bytes + sizeof(SlotMeta);
  }
};

enum class SlotColumn : uint8_t { kVectors, kCodes, kFactors, kLinks, kFine };

/// A linked list of slots, through SlotMeta::next.
struct SlotList {
  uint32_t head = UINT32_MAX, tail = UINT32_MAX, count = 0;
};

/// Charges memory, a granule at a time, before it is touched. Thread-safety: functions marked
/// *writer* need one writer at a time (the index's mutex); the others need a pin.
class SlotStore {
 public:
  /// Slots that get memory together.
  static constexpr uint32_t kGranule = 64;

  SlotStore(const SlotShape& shape, MemoryBudget* budget);
  ~SlotStore();
  SlotStore(const SlotStore&) = delete;
  SlotStore& operator=(const SlotStore&) = delete;

  /// *writer* Reclaims and grows until `count` slots are available; kOverloaded at the ceiling.
  Status make_available(size_t count, EpochGate& gate);
  /// *writer* Takes an available slot: free, with memory. It stays free until publish().
  uint32_t take_free();
  /// *writer* The number of slots that take_free() can give without growing.
  size_t available() const { return free_.count + (capacity_ - end_); }
  /// How many available slots reservations keep. Any thread may lower it, a *writer* may raise it.
  std::atomic<size_t>& reserved() { return reserved_; }
  /// *writer* Returns what take_free() gave.
  void give_back(uint32_t slot) {
    SAGITTA_ASSERT(state(slot) == SlotState::kFree);
    push(free_, slot);
  }
  /// *writer* Makes a free slot live.
  void publish(uint32_t slot, Expiry expiry);
  /// *writer* Makes a live slot retired; false when it is not live. A linked slot goes to the
  /// graves until its links are repaired; another becomes free once every reader has left.
  bool retire(uint32_t slot, const EpochGate& gate);
  /// *writer* Takes all graves and makes them buried. The caller passes them to release() once
  /// nothing links to them.
  SlotList take_graves();
  /// *writer* Makes buried slots retired again, without links; they become free once every reader
  /// has left.
  void release(SlotList& buried, const EpochGate& gate);
  /// *writer* Frees what was retired or released two epochs ago.
  void reclaim(EpochGate& gate);
  /// *writer* Gives an empty store memory for the slots below `end`. The caller then calls
  /// restore_slot() for each of them, from the last down.
  Status restore(uint32_t end);
  /// *writer* `live` is the slot's expiry, or nullopt for a free slot.
  void restore_slot(uint32_t slot, std::optional<Expiry> live, bool linked);
  /// The columns that a snapshot stores unchanged, in the order of SlotColumn.
  Column& column(SlotColumn which);
  const Column& column(SlotColumn which) const { return const_cast<SlotStore*>(this)->column(which); }
  /// *writer* Verifies lists, counts and live bits; `buried` slots are under repair.
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
  /// The live slots of a granule, one bit each. The granule must begin below end().
  uint64_t live_in(uint32_t granule) const {
    SAGITTA_ASSERT(granule < (end() + kGranule - 1) / kGranule);
    return live_bits(granule).load(std::memory_order_acquire);
  }
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

  /// At a level that keeps no vectors (kI8): the whole vector of a slot, used until the codec is
  /// learnt. Exists for slots that had memory before stop_early(), and in the first segment only.
  std::span<float> early(uint32_t slot) const {
    return {reinterpret_cast<float*>(early_.at(slot)), shape_.early_bytes / sizeof(float)};
  }
  bool has_early(uint32_t slot) const { return slot < early_end_.load(std::memory_order_acquire); }
  /// *writer* Slots that get memory from now on have no early vector.
  void stop_early() { grows_early_ = false; }

  const SlotShape& shape() const { return shape_; }
  size_t live() const { return live_.load(std::memory_order_relaxed); }
  size_t retired() const { return retired_.load(std::memory_order_relaxed); }
  size_t graves() const { return graves_count_.load(std::memory_order_relaxed); }
  size_t free_slots() const { return free_.count; }
  IndexCounts counts() const;
  /// Fills in the parts that belong to the store.
  MemoryUse memory() const;

 private:
  /// *writer* Only as the table in README.md says.
  void change_state(uint32_t slot, SlotState from, SlotState to);
  void push(SlotList& list, uint32_t slot);
  uint32_t pop(SlotList& list);
  void splice(SlotList& from, SlotList& to);
  size_t charged_bytes() const;
  Status grow_to(size_t slots);
  /// Bytes of the granule that begins with `slot`.
  size_t granule_bytes(size_t slot) const;
  Status add_granule(uint32_t slot);
  Status add_segments(uint32_t slot);
  Status check_list(const SlotList& list, SlotState state) const;
  LiveBits& live_bits(uint32_t granule) const { return *reinterpret_cast<LiveBits*>(live_bits_.at(granule)); }
  void set_live(uint32_t slot, bool live);

  const SlotShape shape_;
  MemoryBudget* const budget_;
  Column metas_, vectors_, codes_, factors_, links_, fine_;
  Column live_bits_;  // one record a granule
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
