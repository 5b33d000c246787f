/// Fixed-size records by slot, in segments that double and never move, so that a reader needs no lock and growing
/// copies nothing. Segments are mapped whole and become resident as they are touched.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "sagitta/base/file.h"
#include "sagitta/base/result.h"

namespace sagitta::ann {

/// Segment s holds 2^s × kFirstSlots slots.
inline constexpr uint32_t kFirstBits = 10;
inline constexpr uint32_t kFirstSlots = 1U << kFirstBits;
inline constexpr uint32_t kSegments = 20;
/// Slot numbers stay below this: two bits of a search's keys are its own.
inline constexpr uint32_t kSlotsMax = ((1U << kSegments) - 1) << kFirstBits;

inline uint32_t segment_of(uint32_t slot) {
  return static_cast<uint32_t>(std::bit_width((slot >> kFirstBits) + 1)) - 1;
}
inline uint32_t segment_begin(uint32_t segment) { return ((1U << segment) - 1) << kFirstBits; }
inline uint32_t segment_slots(uint32_t segment) { return kFirstSlots << segment; }

/// Thread-safety: at() for any slot of a segment that was added before the slot was learnt; add_segment by one writer
/// at a time.
class Column {
 public:
  explicit Column(size_t record_bytes) : record_bytes_(record_bytes) {}
  ~Column();
  Column(const Column&) = delete;
  Column& operator=(const Column&) = delete;

  /// Zeroed memory for the next segment. kOverloaded when the system has no address space left.
  Status add_segment(uint32_t segment);
  /// Puts bytes of a file, at a multiple of kPageBytes, at the beginning of a segment that was added.
  Status map(uint32_t segment, const RandomFile& file, uint64_t offset, size_t bytes) {
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
  /// Where slot 0 would be if the segment reached down to it: one addition finds a record.
  std::array<std::atomic<uintptr_t>, kSegments> biased_{};
  uint32_t segments_ = 0;
};

}  // namespace sagitta::ann
