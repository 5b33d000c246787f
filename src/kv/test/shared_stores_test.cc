// Many RocksDB stores in one process: what they share, and what one may take from the others.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "sagitta/base/memory_file.h"
#include "sagitta/kv/store.h"

namespace sagitta::kv {
namespace {

/// The thread sanitizer does not see what orders the threads of RocksDB, which is built without it.
#ifdef __clang__
constexpr bool kJudgesThreads = !__has_feature(thread_sanitizer);
#else
constexpr bool kJudgesThreads = true;
#endif

constexpr size_t kKib = size_t{1} << 10;
constexpr size_t kMib = size_t{1} << 20;

class SharedStores : public testing::Test {
 protected:
  static std::string folder_of(size_t number) { return "/store/" + std::to_string(number); }

  void open(const RocksOptions& options) {
    stores_.clear();
    shared_.reset();
    shared_ = share_rocks(*files_, options, budget_).value();
    for (size_t i = 0; i < options.stores; ++i) {
      auto store = open_rocks_store(shared_, folder_of(i));
      ASSERT_TRUE(store) << store.error().to_string();
      stores_.push_back(*std::move(store));
    }
  }
  /// A row, and a small key in each of the other families, as a record of the log leaves them.
  void put(size_t store, int key, size_t bytes) {
    const auto batch = stores_[store]->make_batch();
    const std::string name = std::to_string(key);
    for (size_t f = 0; f < kFamilyCount; ++f) {
      batch->put(static_cast<Family>(f), name, "x");
      batch->put(static_cast<Family>(f), "n", name);
    }
    batch->put(Family::kRows, name, Bytes(bytes, 'r'));
    ASSERT_TRUE(stores_[store]->write(*batch));
  }
  bool has(size_t store, int key) {
    const auto row = stores_[store]->get(Family::kRows, std::to_string(key), ReadMode::kBlocking);
    return row && row->has_value();
  }
  size_t tables_of(size_t store) {
    const auto names = files_->list(folder_of(store)).value();
    return static_cast<size_t>(std::ranges::count_if(names, [](const auto& name) { return name.ends_with(".sst"); }));
  }
  size_t tables() {
    size_t count = 0;
    for (size_t i = 0; i < stores_.size(); ++i) count += tables_of(i);
    return count;
  }

  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  MemoryBudget budget_{"kv", 64 * kMib};
  RocksSharedPtr shared_;
  std::vector<std::unique_ptr<Store>> stores_;
};

TEST_F(SharedStores, EachKeepsItsOwnAndTheBudgetIsChargedOnce) {
  open({.stores = 4, .block_cache_bytes = 4 * kMib, .memtable_bytes = 4 * kMib});
  EXPECT_EQ(budget_.used_bytes(), 8 * kMib);
  for (size_t i = 0; i < 4; ++i) put(i, static_cast<int>(i), 100);
  for (const auto& store : stores_) ASSERT_TRUE(store->flush());
  open({.stores = 4, .block_cache_bytes = 4 * kMib, .memtable_bytes = 4 * kMib});
  for (size_t i = 0; i < 4; ++i) {
    for (int key = 0; key < 4; ++key) EXPECT_EQ(has(i, key), key == static_cast<int>(i));
  }
  shared_.reset();
  stores_.resize(1);
  EXPECT_EQ(budget_.used_bytes(), 8 * kMib) << "while one of them lives";
  stores_.clear();
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

/// With RocksDB's defaults each of these writes leaves files of a few keys.
TEST_F(SharedStores, IdleStoresTakeLittleOfTheRoomForMemtables) {
  open({.stores = 64, .block_cache_bytes = 4 * kMib, .memtable_bytes = 16 * kMib});
  EXPECT_LT(shared_->memory_bytes(), 4 * kMib);
  for (size_t i = 0; i < 64; ++i) put(i, 0, 100);
  EXPECT_LT(shared_->memory_bytes(), 6 * kMib);
  EXPECT_EQ(tables(), 0u);
}

/// Others fill the room as far as they can, and then one of them alone is written to. RocksDB by
/// itself would flush that one, a few keys at a time, because it is the one that writes.
TEST_F(SharedStores, TheLargestMemtablesAreFlushedAndNotThoseOfWhoWrites) {
  open({.stores = 16, .block_cache_bytes = 4 * kMib, .memtable_bytes = 8 * kMib});
  constexpr size_t kAlmostFull = 8 * kMib * 7 / 8 - 40 * kKib;
  for (int key = 0; key < 3000 && shared_->memory_bytes() < kAlmostFull; ++key) {
    put(1 + static_cast<size_t>(key % 15), key, 5 * kKib);
  }
  EXPECT_EQ(tables_of(0), 0u);
  for (int key = 0; key < 300; ++key) put(0, key, 100);
  EXPECT_LE(tables_of(0), kFamilyCount) << "300 small rows are one flush at most";
}

TEST_F(SharedStores, OneThatIsWrittenToAloneUsesWhatTheOthersLeave) {
  open({.stores = 16, .block_cache_bytes = 4 * kMib, .memtable_bytes = 16 * kMib});
  const size_t rows = 5 * kMib / (4 * kKib);
  for (size_t key = 0; key < rows; ++key) put(3, static_cast<int>(key), 4 * kKib);
  EXPECT_EQ(tables(), 0u) << "five times its share";
  EXPECT_LE(shared_->memory_bytes(), 16 * kMib);
}

TEST_F(SharedStores, TheRoomForMemtablesHolds) {
  open({.stores = 8, .block_cache_bytes = kMib, .memtable_bytes = 4 * kMib});
  for (int key = 0; key < 2000; ++key) {
    put(static_cast<size_t>(key % 8), key, 4 * kKib);
    EXPECT_LE(shared_->memory_bytes(), 9 * kMib) << key;
  }
  EXPECT_GT(tables(), 8u);
  for (int key = 0; key < 2000; ++key) ASSERT_TRUE(has(static_cast<size_t>(key % 8), key)) << key;
}

/// Each flushes the others' memtables, and one comes and goes meanwhile.
TEST_F(SharedStores, WritersOfSeveralStoresAtOnce) {
  if (!kJudgesThreads) GTEST_SKIP() << "the thread sanitizer would report RocksDB";
  open({.stores = 5, .block_cache_bytes = kMib, .memtable_bytes = 2 * kMib});
  constexpr int kRows = 400;
  std::vector<std::thread> writers;
  for (size_t i = 0; i < 4; ++i) {
    writers.emplace_back([this, i] {
      for (int key = 0; key < kRows; ++key) put(i, key, 4 * kKib);
    });
  }
  for (int round = 0; round < 20; ++round) {
    put(4, round, 4 * kKib);
    ASSERT_TRUE(stores_[4]->flush());
    stores_[4].reset();
    stores_[4] = open_rocks_store(shared_, folder_of(4)).value();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_GT(tables(), 5u);
  for (size_t i = 0; i < 4; ++i) {
    for (int key = 0; key < kRows; ++key) EXPECT_TRUE(has(i, key)) << i << " " << key;
  }
  for (int round = 0; round < 20; ++round) EXPECT_TRUE(has(4, round)) << round;
}

/// A flush that another store's writer began takes all families, too: after a crash each store
/// shows one batch in all of them.
TEST_F(SharedStores, ACrashLeavesEachStoreWhole) {
  SeededRandom random(5);
  std::vector<int> written(4, 0);
  int kept = 0;
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    open({.stores = 4, .block_cache_bytes = kMib, .memtable_bytes = kMib});
    for (size_t i = 0; i < 4; ++i) {
      const auto number = [&](Family family) {
        return std::stoi(stores_[i]->get(family, "n", ReadMode::kBlocking).value().value_or("0"));
      };
      const int found = number(Family::kMeta);
      for (size_t f = 0; f < kFamilyCount; ++f) ASSERT_EQ(number(static_cast<Family>(f)), found) << i << " " << f;
      ASSERT_LE(found, written[i]);
      for (int key = 1; key <= found; ++key) ASSERT_TRUE(has(i, key)) << i << " " << key;
      kept += found;
      written[i] = found;
    }
    for (int write = 0; write < 600; ++write) {
      const size_t store = random.below(4);
      put(store, ++written[store], random.below(8 * kKib));
    }
    files_->crash(random, {.tear = true});
  }
  EXPECT_GT(kept, 300) << "the room of all was full again and again";
}

TEST_F(SharedStores, TooLittleRoomForThemIsTakenFromTheCache) {
  open({.stores = 16, .block_cache_bytes = 20 * kMib, .memtable_bytes = kMib});
  EXPECT_EQ(budget_.used_bytes(), 21 * kMib);
  for (int key = 0; key < 100; ++key) put(static_cast<size_t>(key % 16), key, 1 * kKib);
  EXPECT_EQ(tables(), 0u);
}

/// In a process of its own: a limit that was lowered stays low.
TEST_F(SharedStores, TooFewOpenFilesAreRefusedWithBothNumbers) {
  const auto refused = [this] {
    const rlimit low{200, 200};
    if (::setrlimit(RLIMIT_NOFILE, &low) != 0) std::_Exit(2);
    const bool fits =
        share_rocks(*files_, {.stores = 3, .block_cache_bytes = kMib, .memtable_bytes = kMib}, budget_).has_value();
    const auto shared = share_rocks(*files_, {.stores = 4, .block_cache_bytes = kMib, .memtable_bytes = kMib}, budget_);
    if (!fits || shared || shared.error().code() != ErrorCode::kOverloaded) std::_Exit(3);
    std::fputs(shared.error().message().c_str(), stderr);
    std::_Exit(0);
  };
  EXPECT_EXIT(refused(), testing::ExitedWithCode(0), "4 stores need 256 open files, but the process may have 200");
}

}  // namespace
}  // namespace sagitta::kv
