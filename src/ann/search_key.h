/// A candidate in 64 bits that sort like (distance, slot): 32 bits of distance, 30 of slot, 2
/// marks.
#pragma once

#include <bit>
#include <cstdint>

#include "sagitta/ann/index.h"

namespace sagitta::ann {

using SearchKey = uint64_t;
inline constexpr SearchKey kExpanded = 1;  ///< its links were followed
inline constexpr SearchKey kTaken = 2;     ///< it was handed on

inline SearchKey make_key(float distance, uint32_t slot) {
  const auto bits = std::bit_cast<uint32_t>(distance + 0.0F);  // −0 becomes +0: they are equal
  const uint32_t ordered = (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
  return uint64_t{ordered} << 32 | uint64_t{slot} << 2;
}
inline uint32_t slot_of(SearchKey key) { return static_cast<uint32_t>(key) >> 2; }
inline float distance_of(SearchKey key) {
  const auto ordered = static_cast<uint32_t>(key >> 32);
  return std::bit_cast<float>((ordered & 0x80000000) != 0 ? ordered & 0x7fffffff : ~ordered);
}

/// The order of answers.
inline bool nearer(const Candidate& a, const Candidate& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.slot < b.slot;
}

}  // namespace sagitta::ann
