/// Row maps against their twin: numbers, keys, pins, and what is freed.
#include "sagitta/index/row_map.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <thread>

namespace sagitta::index {
namespace {

Bytes key_of(int i) { return fmt::format("key {:06}, of some length", i); }

/// A pin, and the rows that there were when it was taken.
struct Pinned {
  RowMap::Pin pin;
  std::map<RowNumber, Bytes> rows;
  std::vector<RowNumber> removed;  ///< since then, in their order
};

class RowMapModel : public testing::Test {
 protected:
  RowMapModel() {
    const char* given = std::getenv("SAGITTA_SEED");
    const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    fmt::print("SAGITTA_SEED={}\n", seed);
    random_.seed(seed);
    partitions_ = pick(2) == 0 ? 1 : 4;
    map_ = std::make_unique<RowMap>(memory_, partitions_);
  }
  size_t pick(size_t bound) { return random_() % bound; }
  /// Whose the key is.
  log::Partition partition_of(int i) const { return static_cast<log::Partition>(i % partitions_); }

  void add(int i) {
    const Bytes key = key_of(i);
    const auto row = map_->add(partition_of(i), key);
    ASSERT_TRUE(row);
    const auto known = twin_.find(key);
    if (known != twin_.end()) {
      ASSERT_EQ(*row, known->second);
      return;
    }
    // Not the number of a row that is there, or that a pin still knows.
    for (const auto& [other, number] : twin_) ASSERT_NE(*row, number);
    for (const Pinned& pinned : pins_) ASSERT_FALSE(pinned.rows.contains(*row));
    ASSERT_EQ(map_->owner(*row), partition_of(i));
    twin_[key] = *row;
    owners_[*row] = partition_of(i);
  }
  void remove(int i) {
    const auto known = twin_.find(key_of(i));
    if (known == twin_.end()) return;
    map_->remove(known->second);
    for (Pinned& pinned : pins_) pinned.removed.push_back(known->second);
    twin_.erase(known);
  }
  std::vector<RowNumber> rows_of(log::Partition partition) const {
    std::vector<RowNumber> rows;
    for (const auto& [key, row] : twin_) {
      if (owners_.at(row) == partition) rows.push_back(row);
    }
    std::ranges::sort(rows);
    return rows;
  }
  void clear(log::Partition partition) {
    const std::vector<RowNumber> gone = rows_of(partition);
    map_->clear(partition);
    for (Pinned& pinned : pins_) pinned.removed.insert(pinned.removed.end(), gone.begin(), gone.end());
    std::erase_if(twin_, [&](const auto& one) { return owners_.at(one.second) == partition; });
  }
  void pin() {
    Pinned pinned{.pin = map_->pin()};
    for (const auto& [key, row] : twin_) pinned.rows[row] = key;
    pins_.push_back(std::move(pinned));
  }
  void compare() {
    ASSERT_EQ(map_->size(), twin_.size());
    for (const auto& [key, row] : twin_) {
      ASSERT_EQ(map_->find(key), row);
      ASSERT_EQ(map_->key(row), key);
    }
    for (log::Partition p = 0; p < partitions_; ++p) {
      std::vector<RowNumber> rows = map_->rows_of(p);
      std::ranges::sort(rows);
      ASSERT_EQ(rows, rows_of(p));
    }
    for (const Pinned& pinned : pins_) {
      for (const auto& [row, key] : pinned.rows) ASSERT_EQ(map_->key(row), key);
      ASSERT_EQ(map_->removed_since(pinned.pin), pinned.removed);
    }
    ASSERT_EQ(memory_.used_bytes(), map_->bytes());
  }

  /// And no number is given twice.
  void expect_holes_filled_first(RowMap& back, log::Partition partition) {
    std::set<RowNumber> given;
    for (const RowNumber row : rows_of(partition)) given.insert(row);
    const auto largest = static_cast<uint32_t>(*given.rbegin());
    std::set<uint32_t> blocks;
    for (const RowNumber row : given) blocks.insert(static_cast<uint32_t>(row) / kBlockRows);
    size_t holes = (blocks.size() - 1) * kBlockRows + largest % kBlockRows + 1 - given.size();
    ASSERT_GT(holes, 0U);
    for (int i = 0; i < 2000; ++i) {
      const auto row = back.add(partition, key_of(100'000 + i * partitions_ + partition));
      ASSERT_TRUE(row);
      ASSERT_TRUE(given.insert(*row).second);
      ASSERT_EQ(static_cast<uint32_t>(*row) < largest, holes > 0);
      if (holes > 0) --holes;
    }
  }

  std::mt19937_64 random_;
  MemoryBudget memory_{"rows", size_t{64} << 20};
  log::Partition partitions_ = 1;
  std::unique_ptr<RowMap> map_;
  std::map<Bytes, RowNumber> twin_;
  std::map<RowNumber, log::Partition> owners_;  ///< of all numbers that were ever given
  std::vector<Pinned> pins_;
};

TEST_F(RowMapModel, AgreesWithItsTwin) {
  for (int turn = 0; turn < 4000; ++turn) {
    const int i = static_cast<int>(pick(300));
    const size_t what = pick(100);
    if (what < 50) {
      add(i);
    } else if (what < 90) {
      remove(i);
    } else if (what < 94) {
      pin();
    } else if (what == 99 && pick(5) == 0) {
      clear(static_cast<log::Partition>(pick(partitions_)));
    } else if (!pins_.empty()) {
      pins_.erase(pins_.begin() + static_cast<std::ptrdiff_t>(pick(pins_.size())));
    }
    if (pins_.size() > 6) pins_.erase(pins_.begin());
    if (turn % 10 == 0) compare();
    if (HasFatalFailure()) return;
  }
}

TEST_F(RowMapModel, ComesBackAsItWasKept) {
  for (int i = 0; i < 1500 * partitions_; ++i) add(i);
  for (int i = 0; i < 1500 * partitions_; ++i) {
    if (pick(3) == 0) remove(i);
  }
  RowMap back(memory_, partitions_);
  for (const auto& [key, row] : twin_) ASSERT_TRUE(back.restore(owners_.at(row), row, key));
  for (log::Partition p = 0; p < partitions_; ++p) back.restored(p);
  for (const auto& [key, row] : twin_) {
    ASSERT_EQ(back.find(key), row);
    ASSERT_EQ(back.owner(row), owners_.at(row));
  }
  for (log::Partition p = 0; p < partitions_; ++p) expect_holes_filled_first(back, p);
  EXPECT_EQ(back.restore(0, RowNumber{1'000'000}, key_of(100'000)).error().code(), ErrorCode::kCorruption);
  const RowNumber known = twin_.begin()->second;
  EXPECT_EQ(back.restore(owners_.at(known), known, key_of(99'999)).error().code(), ErrorCode::kCorruption);
}

TEST(RowMap, ABlockIsOfOnePartition) {
  MemoryBudget memory("rows", size_t{64} << 20);
  RowMap map(memory, 2);
  ASSERT_TRUE(map.restore(1, RowNumber{5 * kBlockRows}, key_of(0)));
  const Status taken = map.restore(0, RowNumber{5 * kBlockRows + 1}, key_of(1));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_NE(taken.error().message().find("log partition 1"), std::string::npos);
  map.restored(0);
  map.restored(1);
  // The blocks before it are anybody's; and it stays whose it is when its rows are gone.
  map.clear(1);
  EXPECT_EQ(map.add(0, key_of(2)), RowNumber{0});
  EXPECT_EQ(map.add(1, key_of(3)), RowNumber{5 * kBlockRows});
  for (int i = 0; i < 5000; ++i) ASSERT_NE(static_cast<uint32_t>(*map.add(0, key_of(10 + i))) / kBlockRows, 5U);
}

TEST(RowMap, SeveralPartitionsWriteAtOnce) {
  MemoryBudget memory("rows", size_t{64} << 20);
  RowMap map(memory, 4);
  std::vector<std::thread> writers;
  for (log::Partition p = 0; p < 4; ++p) {
    writers.emplace_back([&, p] {
      for (int turn = 0; turn < 20'000; ++turn) {
        const int i = turn % 3000 * 4 + p;
        const auto row = map.add(p, key_of(i));
        ASSERT_TRUE(row);
        ASSERT_EQ(map.owner(*row), p);
        if (turn % 3 == 0) map.remove(*row);
        if (turn % 7000 == 6999) map.clear(p);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  size_t rows = 0;
  for (log::Partition p = 0; p < 4; ++p) {
    for (const RowNumber row : map.rows_of(p)) {
      ASSERT_EQ(map.owner(row), p);
      ASSERT_EQ(map.find(map.key(row)), row);
      ++rows;
    }
  }
  EXPECT_EQ(rows, map.size());
}

TEST(RowMap, SaysThatMemoryIsFullAndGoesOnWhenThereIsRoom) {
  MemoryBudget small("small", 100'000);
  RowMap map(small);
  int added = 0;
  Result<RowNumber> last = map.add(0, key_of(0));
  for (; last; last = map.add(0, key_of(++added))) {
  }
  EXPECT_EQ(last.error().code(), ErrorCode::kOverloaded);
  EXPECT_LE(small.used_bytes(), 100'000U);
  EXPECT_GT(added, 100);
  EXPECT_EQ(map.size(), static_cast<size_t>(added));
  map.remove(*map.find(key_of(1)));
  EXPECT_TRUE(map.add(0, key_of(1)));
}

TEST(RowMap, WhatIsReservedFits) {
  MemoryBudget small("small", 100'000);
  RowMap map(small);
  int added = 0;
  for (;; ++added) {
    const Bytes key = key_of(added);
    const auto room = map.reserve(1, key.size());
    if (!room) {
      EXPECT_EQ(room.error().code(), ErrorCode::kOverloaded);
      break;
    }
    ASSERT_TRUE(map.add(0, key, true)) << added;
  }
  EXPECT_GT(added, 100);
  EXPECT_EQ(map.size(), static_cast<size_t>(added));
  // A table that grew took what its rows will reserve for.
  EXPECT_LT(small.used_bytes(), 130'000U);
}

TEST(RowMap, GivesAllItsMemoryBack) {
  MemoryBudget memory("rows", size_t{64} << 20);
  {
    RowMap map(memory);
    for (int i = 0; i < 5000; ++i) ASSERT_TRUE(map.add(0, key_of(i)));
    const RowMap::Pin pin = map.pin();
    map.clear(0);
    EXPECT_GT(memory.used_bytes(), 0U);
  }
  EXPECT_EQ(memory.used_bytes(), 0U);
}

TEST(RowMap, KeysAreReadBesideTheWriter) {
  MemoryBudget memory("rows", size_t{64} << 20);
  RowMap map(memory);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(map.add(0, key_of(i)));
  std::atomic<bool> over{false};
  std::thread reader([&] {
    while (!over) {
      const RowMap::Pin pin = map.pin();
      for (int i = 0; i < 100; ++i) {
        const auto row = map.find(key_of(i));
        if (!row) continue;
        ASSERT_EQ(map.key(*row), key_of(i));
      }
    }
  });
  for (int turn = 0; turn < 20'000; ++turn) {
    const int i = turn % 100;
    if (const auto row = map.find(key_of(i))) map.remove(*row);
    ASSERT_TRUE(map.add(0, key_of(turn % 7 == 0 ? i : 1000 + turn)));
    ASSERT_TRUE(map.add(0, key_of(i)));
  }
  over = true;
  reader.join();
}

TEST(RowSet, IsASet) {
  RowSet set;
  std::set<uint32_t> twin;
  std::mt19937 random(7);
  for (int turn = 0; turn < 10'000; ++turn) {
    const auto row = static_cast<uint32_t>(random() % 2000);
    if (random() % 2 == 0) {
      set.add(RowNumber{row});
      twin.insert(row);
    } else {
      set.remove(RowNumber{row});
      twin.erase(row);
    }
    ASSERT_EQ(set.contains(RowNumber{row}), twin.contains(row));
    ASSERT_EQ(set.count(), twin.size());
  }
  std::vector<uint32_t> visited;
  set.for_each([&](RowNumber row) { visited.push_back(static_cast<uint32_t>(row)); });
  EXPECT_EQ(visited, std::vector<uint32_t>(twin.begin(), twin.end()));
}

}  // namespace
}  // namespace sagitta::index
