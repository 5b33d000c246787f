/// The row map of a table: row key ↔ row number. Indexes that are kept in memory name rows by
/// number, share one copy of each key, and give filters as sets of numbers. It holds the rows of
/// all log partitions: numbers are given in blocks, each to one partition, so that a number tells
/// whose its row is.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/log/record.h"

namespace sagitta::index {

/// Of a row, among those of its table. Given again once the row is gone and nobody pins the map as
/// it was then.
enum class RowNumber : uint32_t {};
inline constexpr RowNumber kNoRow{UINT32_MAX};

/// Rows by number. Not thread-safe while it changes.
class RowSet {
 public:
  void add(RowNumber row);
  void remove(RowNumber row);
  void clear();
  bool contains(RowNumber row) const;
  size_t count() const { return count_; }
  /// Calls `visit(RowNumber)` for each, ascending.
  template <class Visit>
  void for_each(Visit visit) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(static_cast<RowNumber>(i * 64 + static_cast<size_t>(__builtin_ctzll(word))));
      }
    }
  }

 private:
  std::vector<uint64_t> words_;
  size_t count_ = 0;
};

/// Numbers by the keys that they stand for: an open hash table of 4 bytes a cell. Not thread-safe.
class NumberTable {
 public:
  /// `key_of(RowNumber)` gives the key of a number that is in the table.
  using KeyOf = std::function<BytesView(RowNumber)>;
  explicit NumberTable(KeyOf key_of) : key_of_(std::move(key_of)) {}

  std::optional<RowNumber> find(BytesView key) const;
  /// Its key is not there.
  void insert(RowNumber row);
  /// It is there, with its key.
  void erase(RowNumber row);
  void clear();
  size_t size() const { return size_; }
  size_t bytes() const { return cells_.size() * sizeof(RowNumber); }
  /// What bytes() is after one more insert.
  size_t bytes_after_insert() const;

 private:
  size_t home(BytesView key) const;
  size_t place(BytesView key) const;
  void grow();

  const KeyOf key_of_;
  std::vector<RowNumber> cells_;  ///< a power of two of them, or none
  size_t size_ = 0;
};

/// Numbers of one block, which all belong to one log partition.
inline constexpr uint32_t kBlockRows = 1024;

/// Thread-safe; of one log partition one thread at a time changes the rows. What it is given must
/// outlive it.
class RowMap {
 public:
  /// While it lives, numbers and keys are what they are: a number that is removed from now on is
  /// not given again, and its key stays. Movable, any thread; must not outlive the map.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&& other) noexcept : map_(std::exchange(other.map_, nullptr)), epoch_(other.epoch_) {}
    Pin& operator=(Pin&& other) noexcept {
      std::swap(map_, other.map_);
      std::swap(epoch_, other.epoch_);
      return *this;
    }
    ~Pin() {
      if (map_ != nullptr) map_->unpin(epoch_);
    }

   private:
    friend class RowMap;
    Pin(const RowMap& map, uint64_t epoch) : map_(&map), epoch_(epoch) {}
    const RowMap* map_ = nullptr;
    uint64_t epoch_ = 0;
  };

  explicit RowMap(MemoryBudget& memory, log::Partition partitions = 1);
  ~RowMap();
  RowMap(const RowMap&) = delete;
  RowMap& operator=(const RowMap&) = delete;

  Pin pin() const;
  /// The numbers that were removed since the pin was taken.
  std::vector<RowNumber> removed_since(const Pin& pin) const;
  /// Of a row that was there when the caller's pin was taken, or later. Without a lock.
  BytesView key(RowNumber row) const;
  /// Nothing for a key that has no number.
  std::optional<RowNumber> find(BytesView key) const;

  /// Whose the block of the number is. The number was given.
  log::Partition owner(RowNumber row) const;
  /// As many log partitions share it.
  log::Partition partitions() const { return static_cast<log::Partition>(shares_.size()); }
  /// The rows that the partition has.
  std::vector<RowNumber> rows_of(log::Partition partition) const;

  /// Keeps memory for so many new rows until the charge ends; the keys have `key_bytes` together.
  /// kOverloaded names the budget.
  Result<MemoryCharge> reserve(size_t rows, size_t key_bytes) const;
  /// The number of the key, which is new if it had none, and then of a block of the partition.
  /// kOverloaded when memory is full, unless somebody holds a reservation for it, or when all
  /// numbers are given.
  Result<RowNumber> add(log::Partition partition, BytesView key, bool reserved = false);
  /// A number and its key as the partition kept them; its block is the partition's from now on.
  /// kAlreadyExists when that is another's, kCorruption when number or key is there already;
  /// kOverloaded.
  Status restore(log::Partition partition, RowNumber row, BytesView key);
  /// Of the partition's blocks, numbers below the largest that was restored, and that were not, are
  /// free.
  void restored(log::Partition partition);
  void remove(RowNumber row);
  /// Removes the partition's rows. It keeps its blocks.
  void clear(log::Partition partition);

  size_t size() const;
  /// What the budget is charged.
  size_t bytes() const { return charged_; }

 private:
  /// Numbers from 1024 × (2^s − 1) on, 1024 × 2^s of them: no pointer ever moves.
  static constexpr size_t kSegments = 22;
  struct Place {
    size_t segment, at;
  };
  struct Retired {
    uint64_t epoch;
    RowNumber row;
  };
  /// What a log partition has of the numbers.
  struct Share {
    std::vector<uint32_t> blocks;
    std::vector<RowNumber> free;
    uint32_t next = 0, end = 0;  ///< were never given, of its last block
  };
  static Place place(RowNumber row);
  static uint32_t block(RowNumber row) { return static_cast<uint32_t>(row) / kBlockRows; }
  const char* blob(RowNumber row) const;
  Status put(RowNumber row, BytesView key, bool reserved);
  Status make_segment(size_t segment, bool reserved);
  Status charge(size_t bytes, bool reserved);
  Status take_block(log::Partition partition);
  std::vector<RowNumber> live_rows(const Share& share) const;
  void drop_all(const std::vector<RowNumber>& rows);
  void retire(RowNumber row);
  void reclaim();
  void free_key(RowNumber row);
  void unpin(uint64_t epoch) const;

  MemoryBudget& memory_;
  std::array<std::atomic<std::atomic<const char*>*>, kSegments> segments_{};
  std::atomic<size_t> charged_{0};

  mutable std::shared_mutex table_mutex_;
  NumberTable table_;

  /// Guards what follows; taken before the other two.
  mutable std::mutex writers_mutex_;
  std::vector<Share> shares_;           ///< by partition
  std::vector<log::Partition> owners_;  ///< by block; kNobody
  uint32_t first_without_owner_ = 0;    ///< or a block before it

  mutable std::mutex pins_mutex_;
  uint64_t epoch_ = 0;                       ///< numbers that were ever removed
  std::deque<Retired> retired_;              ///< removed, with the epoch that it made; perhaps pinned
  mutable std::map<uint64_t, size_t> pins_;  ///< how many there are of an epoch
};
using RowMapPtr = std::shared_ptr<RowMap>;

}  // namespace sagitta::index
