/// Fixed-size records, indexed by slot, in segments that double in size and never move: readers
/// need no lock, and growth copies nothing. A segment is mapped whole and becomes resident as it is
/// touched.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "sagitta/base/assert.h"
#include "sagitta/base/file.h"
#include "sagitta/base/result.h"

namespace sagitta::ann {

/// Segment s holds 2^s × kFirstSlots slots.
inline constexpr uint32_t kFirstBits = 10;
inline constexpr uint32_t kFirstSlots = 1U << kFirstBits;
inline constexpr uint32_t kSegments = 20;
/// Slot numbers stay below this, because a SearchKey uses two bits of them as marks.
inline constexpr uint32_t kSlotsMax = ((1U << kSegments) - 1) << kFirstBits;

inline uint32_t segment_of(uint32_t slot) {
  return static_cast<uint32_t>(std::bit_width((slot >> kFirstBits) + 1)) - 1;
}
inline uint32_t segment_begin(uint32_t segment) { return ((1U << segment) - 1) << kFirstBits; }
inline uint32_t segment_slots(uint32_t segment) { return kFirstSlots << segment; }

/// Thread-safety: any thread may call at() for a slot whose segment was added before the slot was
/// learnt; add_segment() needs one writer at a time.
class Column {
 public:
  explicit Column(size_t record_bytes) : record_bytes_(record_bytes) {}
  ~Column();
  Column(const Column&) = delete;
  Column& operator=(const Column&) = delete;

  /// Adds zeroed memory for the next segment. kOverloaded when the system has no address space
  /// left.
  Status add_segment(uint32_t segment);
  /// Maps `bytes` of a file, from `offset` (a multiple of kPageBytes), to the start of an added
  /// segment.
  Status map(uint32_t segment, const RandomFile& file, uint64_t offset, size_t bytes) {
    SAGITTA_ASSERT(segment < segments_ && bytes <= segment_bytes(segment) && offset % kPageBytes == 0);
    return file.map(offset, bytes, reinterpret_cast<char*>(this->segment(segment)));
  }
  std::byte* at(uint32_t slot) const {
    const uintptr_t base = biased_[segment_of(slot)].load(std::memory_order_relaxed);
    return reinterpret_cast<std::byte*>(base + size_t{slot} * record_bytes_);
  }
  size_t record_bytes() const { return record_bytes_; }
  /// The memory of a whole segment.
  std::byte* segment(uint32_t segment) const { return at(segment_begin(segment)); }
  size_t segment_bytes(uint32_t segment) const { return size_t{segment_slots(segment)} * record_bytes_; }

 private:
  const size_t record_bytes_;
  /// The address slot 0 would have if the segment reached down to it, so that one addition finds a
  /// record.
  std::array<std::atomic<uintptr_t>, kSegments> biased_{};
  uint32_t segments_ = 0;
};

}  // namespace sagitta::ann
