/// The slots a walk has seen: a bit each, so that a test needs no branch, and a list, so that the
/// next walk clears only the bits that are set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sagitta::ann {

class Visited {
 public:
  /// Empties the set and makes it hold slots below `slots`.
  void reset(size_t slots) {
    for (size_t i = 0; i < count_; ++i) bits_[seen_[i] / 64] = 0;
    count_ = 0;
    if (bits_.size() * 64 < slots) bits_.resize(slots / 64 + slots / 512 + 1);
  }
  /// Writes the unseen ones of `slots` to `out`, which has room for all, and marks them; returns
  /// how many. Skips slots beyond the set: they are younger than the walk.
  uint32_t keep_unseen(const uint32_t* slots, uint32_t count, uint32_t* out) {
    if (seen_.size() < count_ + count) seen_.resize((count_ + count) * 2);
    uint32_t* added = seen_.data() + count_;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t slot = slots[i];
      if (slot / 64 >= bits_.size()) continue;
      uint64_t& word = bits_[slot / 64];
      const uint64_t bit = uint64_t{1} << (slot % 64);
      added[kept] = slot;
      out[kept] = slot;
      kept += (word & bit) == 0 ? 1 : 0;
      word |= bit;
    }
    count_ += kept;
    return kept;
  }
  size_t bytes() const { return bits_.capacity() * sizeof(uint64_t) + seen_.capacity() * sizeof(uint32_t); }

 private:
  std::vector<uint64_t> bits_;
  std::vector<uint32_t> seen_;
  size_t count_ = 0;
};

}  // namespace sagitta::ann
