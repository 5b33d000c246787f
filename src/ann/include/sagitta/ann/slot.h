/// Slots, the names of vectors in an index, and sets of them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sagitta::ann {

/// The place of one vector in an index. A slot is reused after erase, once no reader that might
/// have seen the old vector is left.
enum class Slot : uint32_t {};
inline constexpr Slot kNoSlot{UINT32_MAX};

/// The time from which a vector is no longer found, in microseconds since the epoch.
enum class Expiry : int64_t { kNever = INT64_MAX };

/// A set of slots. A walk over it skips empty runs of 4,096 slots at almost no cost.
class SlotBitmap {
 public:
  void set(Slot slot) {
    const auto at = static_cast<size_t>(slot) / 64;
    if (at >= words_.size()) words_.resize(at + 1);
    if (at / 64 >= occupied_.size()) occupied_.resize(at / 64 + 1);
    count_ += static_cast<size_t>(!test(slot));
    words_[at] |= bit(static_cast<size_t>(slot));
    occupied_[at / 64] |= bit(at);
  }
  void clear(Slot slot) {
    if (!test(slot)) return;
    const auto at = static_cast<size_t>(slot) / 64;
    words_[at] &= ~bit(static_cast<size_t>(slot));
    if (words_[at] == 0) occupied_[at / 64] &= ~bit(at);
    --count_;
  }
  /// Clears all slots and keeps the memory.
  void reset() {
    words_.clear();
    occupied_.clear();
    count_ = 0;
  }
  bool test(Slot slot) const {
    const auto at = static_cast<size_t>(slot) / 64;
    return at < words_.size() && (words_[at] & bit(static_cast<size_t>(slot))) != 0;
  }
  /// Slots 64 × `i` … 64 × `i` + 63, one bit each.
  uint64_t word(size_t i) const { return i < words_.size() ? words_[i] : 0; }
  /// Calls `visit(i, word(i))` for each word that is not 0, in ascending order.
  template <class Visit>
  void for_each_word(Visit visit) const {
    for (size_t i = 0; i < occupied_.size(); ++i)
      each_bit(occupied_[i], i * 64, [&](size_t at) { visit(at, words_[at]); });
  }
  /// Calls `visit(Slot)` for each slot, in ascending order.
  template <class Visit>
  void for_each(Visit visit) const {
    for_each_word([&](size_t at, uint64_t word) {
      each_bit(word, at * 64, [&](size_t slot) { visit(static_cast<Slot>(slot)); });
    });
  }
  /// The number of slots set.
  size_t count() const { return count_; }
  size_t bytes() const { return (words_.capacity() + occupied_.capacity()) * sizeof(uint64_t); }

 private:
  static uint64_t bit(size_t at) { return uint64_t{1} << (at % 64); }
  template <class Visit>
  static void each_bit(uint64_t word, size_t first, Visit visit) {
    for (; word != 0; word &= word - 1) visit(first + static_cast<size_t>(std::countr_zero(word)));
  }

  std::vector<uint64_t> words_;
  std::vector<uint64_t> occupied_;  // one bit for each word that is not 0
  size_t count_ = 0;
};

}  // namespace sagitta::ann
