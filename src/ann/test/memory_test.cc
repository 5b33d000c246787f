// The ceiling holds, and what is reported is what the process uses.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>
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

TEST(Memory, TheBudgetIsChargedWhatIsReportedAtAllTimes) {
  MemoryBudget budget("index", size_t{32} << 20);
  World world({.dim = 24, .metric = Metric::kL2, .expansion_add = 32, .link_threads = 0, .budget = &budget});
  Clusters data(24, 20, 0.5F, 1);
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

// A pin keeps erased slots: the answer is the typed error, at once, and not a wait for who holds it.
TEST(Memory, APinAtTheCeilingIsNotWaitedFor) {
  MemoryBudget budget("index", size_t{2} << 20);
  auto index = Index::make({.dim = 64, .metric = Metric::kL2, .expansion_add = 16, .budget = &budget}).value();
  Clusters data(64, 100, 0.5F, 2);
  std::vector<Slot> slots;
  for (Result<Slot> slot = index->insert(data.any()); slot; slot = index->insert(data.any())) slots.push_back(*slot);
  {
    const Pin pin = index->pin();
    for (const Slot slot : slots) ASSERT_TRUE(index->erase(slot));
    const Result<Slot> refused = index->insert(data.any());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kOverloaded);
  }
  EXPECT_TRUE(index->insert(data.any()));
}

TEST(Memory, GrowthOfTheProcessIsWhatIsReported) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer keeps memory of its own";
  constexpr uint32_t kDim = 8000;
  malloc_trim(0);
  const size_t before = resident_bytes();
  auto index = Index::make({.dim = kDim, .metric = Metric::kL2, .connections = 4, .expansion_add = 4}).value();
  Floats v(kDim);
  for (uint32_t i = 0; index->memory().total_bytes() < size_t{256} << 20; ++i) {
    for (uint32_t at = 0; at < kDim; ++at) v[at] = static_cast<float>((i * 31 + at * 17) % 101);
    ASSERT_TRUE(index->insert(v));
  }
  index->settle();
  malloc_trim(0);
  const auto grown = static_cast<double>(resident_bytes() - before);
  EXPECT_NEAR(grown / static_cast<double>(index->memory().total_bytes()), 1, 0.05);
}

}  // namespace
}  // namespace sagitta::ann
