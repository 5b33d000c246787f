// The memory ceiling holds, and the reported memory is what the process uses.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <thread>

#include "world.h"

namespace sagitta::ann {
namespace {

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

void expect_exact_throughout(Level level, Profile profile, uint32_t dim) {
  MemoryBudget budget("index", size_t{32} << 20);
  World world({.dim = dim,
               .metric = Metric::kL2,
               .level = level,
               .profile = profile,
               .expansion_add = 32,
               .link_threads = 0,
               .budget = &budget});
  Clusters data(dim, 20, 0.5F, 1);
  const auto expect_exact = [&] { ASSERT_EQ(budget.used_bytes(), world.index->memory().total_bytes()); };
  for (int i = 0; i < 3000; ++i) {
    const Slot slot = world.insert(data.any());
    if (i % 5 == 0) world.erase(slot);
    ASSERT_TRUE(i % 50 != 0 || world.index->search(data.any(), {.k = 100}));
    expect_exact();
  }
  world.index->settle();
  expect_exact();
  world.index->clear();
  expect_exact();
}

TEST(Memory, TheBudgetIsChargedWhatIsReportedAtAllTimes) {
  for (const Level level : {Level::kF32, Level::kBf16, Level::kI8}) {
    for (const Profile profile : {Profile::kCompact, Profile::kFast}) expect_exact_throughout(level, profile, 24);
  }
  expect_exact_throughout(Level::kF32, Profile::kFast, 512);
}

/// The size of a slot as README.md states it, without early vectors.
MemoryUse documented(const IndexOptions& o) {
  const auto up = [](size_t bytes, size_t to) { return (bytes + to - 1) / to * to; };
  const bool i8 = o.level == Level::kI8, fast = o.profile == Profile::kFast, few_bits = o.dim >= 512 && !i8;
  const size_t d = o.dim, c = o.connections;
  MemoryUse use;
  use.vectors_bytes = i8 ? 0 : o.level == Level::kF32 ? 4 * d : 2 * d;
  use.codes_bytes = up(i8 ? d : few_bits ? (d + 3) / 4 : (d + 1) / 2, 64) + 8;
  use.fine_bytes = fast && few_bits ? up((d + 1) / 2, 128) + 4 : 0;
  use.graph_bytes = !fast ? 8 * c : o.metric == Metric::kDot ? 12 * c : up(12 * c, 64) + 12 * up(3 * c, 16);
  use.slots_bytes = 16;
  return use;
}

TEST(Memory, ASlotTakesWhatIsDocumented) {
  for (const uint32_t dim : {1U, 33U, 128U, 511U, 512U, 768U, 1000U}) {
    for (const Level level : {Level::kF32, Level::kF16, Level::kBf16, Level::kI8}) {
      for (const Profile profile : {Profile::kCompact, Profile::kFast}) {
        for (const Metric metric : {Metric::kL2, Metric::kDot}) {
          const IndexOptions options{
              .dim = dim, .metric = metric, .level = level, .profile = profile, .connections = 5};
          const auto index = Index::make(options).value();
          ASSERT_TRUE(index->insert(Floats(dim, 1.0F)));
          const size_t slots = index->counts().capacity;
          const MemoryUse use = index->memory(), slot = documented(options);
          const size_t early_bytes = level == Level::kI8 ? slots * 4 * dim : 0;
          EXPECT_EQ(use.vectors_bytes, slots * slot.vectors_bytes + early_bytes);
          EXPECT_EQ(use.codes_bytes, slots * slot.codes_bytes) << dim;
          EXPECT_EQ(use.fine_bytes, slots * slot.fine_bytes) << dim;
          EXPECT_EQ(use.graph_bytes, slots * slot.graph_bytes) << dim;
          EXPECT_EQ(use.slots_bytes, slots * slot.slots_bytes + slots / 8);
        }
      }
    }
  }
}

TEST(Memory, AtTheCeilingInsertsAreRefusedSearchesGoOnAndErasingMakesRoom) {
  MemoryBudget budget("index", size_t{3} << 20);
  World world({.dim = 64, .metric = Metric::kL2, .link_threads = 1, .budget = &budget});
  Clusters data(64, 100, 0.5F, 2);
  const auto fill = [&] {
    while (true) {
      Floats v = data.any();
      const Result<Slot> slot = world.index->insert(v);
      if (!slot) {
        EXPECT_EQ(slot.error().code(), ErrorCode::kOverloaded);
        return;
      }
      world.twin.insert(*slot, std::move(v));
    }
  };
  fill();
  const size_t full = world.twin.size();
  EXPECT_GT(full, 3000U);
  EXPECT_LE(budget.used_bytes(), budget.limit_bytes());
  std::vector<Floats> queries;
  for (int i = 0; i < 50; ++i) queries.push_back(data.any());
  EXPECT_GE(world.quality(queries, {}).recall, 0.9);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 200; ++i) world.erase(world.twin.nth(data.below(world.twin.size())));
    fill();
    EXPECT_GE(world.twin.size() + 64, full) << "what was erased gives no room";
  }
  world.index->settle();
  world.check();
  EXPECT_GE(world.quality(queries, {}).recall, 0.95);
}

// A pin keeps erased slots: the answer is the typed error, at once, without waiting for the pin's
// holder.
TEST(Memory, APinAtTheCeilingIsNotWaitedFor) {
  MemoryBudget budget("index", size_t{2} << 20);
  auto index = Index::make({.dim = 64, .metric = Metric::kL2, .expansion_add = 16, .budget = &budget}).value();
  Clusters data(64, 100, 0.5F, 2);
  std::vector<Slot> slots;
  for (Result<Slot> slot = index->insert(data.any()); slot; slot = index->insert(data.any())) slots.push_back(*slot);
  {
    const Pin pin = index->pin();
    for (const Slot slot : slots) ASSERT_TRUE(index->erase(slot));
    Result<Slot> refused = index->insert(data.any());
    for (int room = 0; refused && room < 100; ++room) refused = index->insert(data.any());  // what linking held
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kOverloaded);
  }
  EXPECT_TRUE(index->insert(data.any()));
}

/// An index filled up to a ceiling of its own.
class Ceiling : public testing::Test {
 protected:
  static constexpr uint32_t kDim = 64;
  void SetUp() override { start({}); }
  void start(IndexOptions options) {
    index_.reset();
    options.dim = kDim;
    options.metric = Metric::kL2;
    options.expansion_add = 16;
    options.link_threads = 0;
    options.budget = &budget_;
    index_ = Index::make(options).value();
    slots_.clear();
  }
  void fill() {
    for (Result<Slot> slot = index_->insert(data_.any()); slot; slot = index_->insert(data_.any()))
      slots_.push_back(*slot);
  }
  void erase(size_t count) {
    for (; count > 0; --count, slots_.pop_back()) ASSERT_TRUE(index_->erase(slots_.back()));
  }
  void expect_right() {
    EXPECT_EQ(budget_.used_bytes(), index_->memory().total_bytes());
    index_->settle();
    const Status status = index_->check();
    EXPECT_TRUE(status) << status.error().to_string();
  }

  MemoryBudget budget_{"index", size_t{2} << 20};
  Clusters data_{kDim, 100, 0.5F, 2};
  std::unique_ptr<Index> index_;
  std::vector<Slot> slots_;
};

TEST_F(Ceiling, WhatIsReservedFitsWhateverOthersInsert) {
  for (const Level level : {Level::kF32, Level::kBf16, Level::kI8}) {
    for (const Profile profile : {Profile::kCompact, Profile::kFast}) {
      start({.level = level, .profile = profile});
      std::optional<Reservation> room = index_->reserve(500).value();
      EXPECT_EQ(room->count(), 500U);
      EXPECT_EQ(index_->counts().reserved, 500U);
      fill();
      for (int i = 0; i < 500; ++i) {
        const Result<Slot> slot = index_->insert(data_.any(), Expiry::kNever, Room::kReserved);
        ASSERT_TRUE(slot) << slot.error().to_string();
      }
      room.reset();
      EXPECT_EQ(index_->counts().reserved, 0U);
      expect_right();
    }
  }
}

TEST_F(Ceiling, AReservationThatIsNotUsedLeavesItsRoomToOthers) {
  fill();
  const size_t full = slots_.size();
  start({});
  {
    const Reservation room = index_->reserve(full / 2).value();
  }
  fill();
  EXPECT_EQ(slots_.size(), full);
  erase(200);
  std::optional<Reservation> first = index_->reserve(150).value();
  EXPECT_FALSE(index_->reserve(100)) << "promised twice";
  Reservation second = std::move(*first);
  first.reset();
  EXPECT_FALSE(index_->reserve(100));
  second = Reservation();
  EXPECT_TRUE(index_->reserve(100));
}

TEST_F(Ceiling, ARefusalSaysWhatIsFullAndTakesNothing) {
  fill();
  const size_t used = budget_.used_bytes();
  const Result<Reservation> refused = index_->reserve(1000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverloaded);
  const std::string text = refused.error().message();
  EXPECT_NE(text.find(fmt::format("no room for 1000 more in an index of {} vectors", slots_.size())), text.npos)
      << text;
  EXPECT_NE(text.find("memory budget 'index' is full"), text.npos) << text;
  EXPECT_EQ(budget_.used_bytes(), used);
  EXPECT_EQ(index_->counts().reserved, 0U);
  const Result<Reservation> absurd = index_->reserve(SIZE_MAX);
  ASSERT_FALSE(absurd);
  EXPECT_EQ(absurd.error().code(), ErrorCode::kOverloaded);
}

TEST_F(Ceiling, ReplacingGoesOnInAFullIndex) {
  fill();
  for (size_t i = 0; i < 500; ++i) {
    const auto room = index_->reserve(1, Incoming::kReplacing);
    ASSERT_TRUE(room) << room.error().to_string();
    Slot& slot = slots_[data_.below(slots_.size())];
    slot = index_->replace(slot, data_.any(), Expiry::kNever, Room::kReserved).value();
  }
  for (size_t i = 0; i < 500; ++i) {
    Slot& slot = slots_[data_.below(slots_.size())];
    const Result<Slot> replaced = index_->replace(slot, data_.any());
    ASSERT_TRUE(replaced) << replaced.error().to_string();
    slot = *replaced;
  }
  const size_t full = slots_.size();
  fill();
  EXPECT_LE(slots_.size(), full + 64) << "what searches had kept for themselves";
  EXPECT_EQ(index_->counts().live, slots_.size());
  expect_right();
}

TEST_F(Ceiling, ExpiredVectorsMakeRoomOnceErased) {
  for (int64_t i = 0;; ++i) {
    const Result<Slot> slot = index_->insert(data_.any(), i % 3 == 0 ? Expiry{1000 + i} : Expiry::kNever);
    if (!slot) break;
    slots_.push_back(*slot);
  }
  std::vector<Slot> expired;
  index_->expired(999, SIZE_MAX, expired);
  EXPECT_TRUE(expired.empty());
  index_->expired(2000, 10, expired);
  EXPECT_EQ(expired.size(), 10U);
  expired.clear();
  index_->expired(2000, SIZE_MAX, expired);
  EXPECT_EQ(expired.size(), std::min<size_t>(1000 / 3 + 1, (slots_.size() + 2) / 3));
  for (const Slot slot : expired) ASSERT_TRUE(index_->erase(slot));
  EXPECT_TRUE(index_->reserve(expired.size()));
  for (size_t i = 0; i < expired.size(); ++i) ASSERT_TRUE(index_->insert(data_.any()));
  expect_right();
}

TEST_F(Ceiling, WhenMemoryComesBackInsertsAreTakenAgain) {
  size_t others_bytes = size_t{1} << 20;
  ASSERT_TRUE(budget_.charge(others_bytes));
  fill();
  const size_t before = slots_.size();
  EXPECT_FALSE(index_->reserve(1));
  budget_.release(others_bytes);
  EXPECT_TRUE(index_->reserve(1));
  fill();
  EXPECT_GE(slots_.size(), before * 3 / 2);
  expect_right();
}

// Each writer reserves before it inserts, as a database does before it appends to its log, at and
// around the ceiling.
TEST_F(Ceiling, WhatManyWritersReserveFitsTogether) {
  std::atomic<size_t> admitted{0}, refused{0}, erased{0};
  const auto write = [&](uint64_t seed) {
    Clusters data(kDim, 100, 0.5F, seed);
    std::vector<Slot> own;
    for (int i = 0; i < 400; ++i) {
      const size_t count = 1 + data.below(10);
      const auto room = index_->reserve(count);
      if (!room) {
        EXPECT_EQ(room.error().code(), ErrorCode::kOverloaded);
        ++refused;
        for (size_t j = 0; j < 20 && !own.empty(); ++j, own.pop_back(), ++erased)
          EXPECT_TRUE(index_->erase(own.back()));
        continue;
      }
      for (size_t j = 0; j < count; ++j, ++admitted) {
        const Result<Slot> slot = index_->insert(data.any(), Expiry::kNever, Room::kReserved);
        ASSERT_TRUE(slot) << slot.error().to_string();
        own.push_back(*slot);
      }
    }
  };
  std::vector<std::jthread> writers;
  for (uint64_t i = 0; i < 4; ++i) writers.emplace_back(write, i);
  writers.clear();
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(index_->counts().live, admitted - erased);
  EXPECT_EQ(index_->counts().reserved, 0U);
  expect_right();
}

/// From 256 MiB on, the report is within 5 % of the growth of the process.
class Growth : public testing::Test {
 protected:
  static constexpr size_t kBytes = size_t{256} << 20;
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer keeps memory of its own";
    begin();
  }
  void TearDown() override { std::filesystem::remove(path_); }

  void begin() {
    index_.reset();
    malloc_trim(0);
    before_ = resident_bytes();
  }
  void expect_as_reported() {
    const auto reported = static_cast<double>(index_->memory().total_bytes());
    const double ratio = static_cast<double>(resident_bytes() - before_) / reported;
    std::cout << fmt::format("{:.1f} MB reported, grown by {:.3f} of it\n", reported / 1e6, ratio);
    EXPECT_GE(reported, 0.99 * kBytes);  // its file may be smaller by what searches kept
    EXPECT_NEAR(ratio, 1, 0.05);
  }
  void build(const IndexOptions& options) {
    index_ = Index::make(options).value();
    while (index_->memory().total_bytes() < kBytes) ASSERT_TRUE(index_->insert(any_vector()));
    index_->settle();
  }
  Floats any_vector() {
    Floats v(index_->options().dim);
    for (float& x : v) x = static_cast<float>(random_() % 1024);
    return v;
  }
  void touch_all() {
    for (int i = 0; i < 2000; ++i) ASSERT_TRUE(index_->search(any_vector(), {}));
    std::vector<Slot> slots(index_->counts().capacity);
    for (uint32_t i = 0; i < slots.size(); ++i) slots[i] = Slot{i};
    Floats distances(slots.size());
    ASSERT_TRUE(index_->score(any_vector(), slots, distances));
    index_->settle();
  }

  std::minstd_rand random_{1};

  const std::unique_ptr<FileSystem> files_ = make_real_file_system();
  const std::string path_ = (std::filesystem::temp_directory_path() / fmt::format("sagitta_{}.ann", getpid())).string();
  std::unique_ptr<Index> index_;
  size_t before_ = 0;
};

TEST_F(Growth, OfFewLongVectors) {
  build({.dim = 8000, .metric = Metric::kL2, .connections = 4, .expansion_add = 4});
  expect_as_reported();
}

// Mapped pages count from the first moment, though they become resident only when touched.
TEST_F(Growth, OfAnIndexAndOfItsSnapshotMapped) {
  const IndexOptions options{.dim = 384, .metric = Metric::kL2, .expansion_add = 4};
  build(options);
  expect_as_reported();
  ASSERT_TRUE(index_->save(*files_, path_));
  expect_as_reported();
  begin();
  index_ = Index::load(*files_, path_, options).value();
  touch_all();
  expect_as_reported();
}

}  // namespace
}  // namespace sagitta::ann
