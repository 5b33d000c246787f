// Writers, searches, settle, check and saves at the same time. A search must only find whole
// vectors that somebody wrote, under the slot it names, and must always find what nobody touches.
// The thread sanitizer checks the rest.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <future>
#include <thread>

#include "sagitta/base/memory_file.h"

#include "world.h"

namespace sagitta::ann {
namespace {

constexpr uint32_t kDim = 24;
constexpr int kWriters = 2, kSearchers = 2, kOperations = kSanitized ? 600 : 2500;
/// More than the fresh list holds, so that there is a graph and writers help to link.
constexpr int kStanding = 1500;
constexpr int kValues = 100;

// All components are equal, so a torn vector shows as a distance that no two integers give.
Floats uniform(int value) { return Floats(kDim, static_cast<float>(value)); }

bool is_whole(float squared, int query) {
  for (int value = 0; value < kValues; ++value) {
    const int step = value - query;
    if (static_cast<float>(step * step * static_cast<int>(kDim)) == squared) return true;
  }
  return false;
}

class Concurrent : public testing::TestWithParam<std::tuple<uint32_t, Level, Profile>> {
 protected:
  void SetUp() override {
    const auto& [threads, level, profile] = GetParam();
    index_ = Index::make({.dim = kDim,
                          .metric = Metric::kL2,
                          .level = level,
                          .profile = profile,
                          .connections = 8,
                          .expansion_add = 32,
                          .link_threads = threads,
                          .budget = &budget_})
                 .value();
  }
  void expect(bool held, std::string_view what) {
    if (held) return;
    ++failures_;
    ADD_FAILURE() << what;
  }
  void expect(const Status& status) { expect(status.has_value(), status ? "" : status.error().message()); }
  void write(uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<Slot> mine;
    for (int i = 0; i < kOperations; ++i) {
      const auto vector = uniform(static_cast<int>(random() % kValues));
      const auto dice = random() % 16;
      if (dice < 6 || mine.size() < 50) {
        mine.push_back(index_->insert(vector).value());
        continue;
      }
      std::swap(mine[random() % mine.size()], mine.back());
      if (dice < 11) {
        expect(index_->erase(mine.back()), "erase");
        mine.pop_back();
      } else if (dice < 15) {
        mine.back() = index_->replace(mine.back(), vector).value();
      } else {
        expect(index_->set_expiry(mine.back(), Expiry::kNever), "set_expiry");
      }
    }
  }
  void search(uint32_t seed) {
    std::mt19937 random(seed);
    while (!stop_) {
      const int at = static_cast<int>(random() % kValues);
      SearchParams params{.k = 20, .beam_width = 20};
      SlotBitmap third;
      for (uint32_t slot = 0; slot < 6000; slot += 3) third.set(Slot{slot});
      if (at % 3 == 1) params.filter.bitmap = &third;
      if (at % 3 == 2)
        params.filter.predicate = [](Slot s) {
          return static_cast<uint32_t>(s) % 9 == 0 ? Verdict::kAccept : Verdict::kReject;
        };
      Cursor cursor = index_->open(uniform(at), params).value();
      std::vector<Candidate> got;
      const size_t first = cursor.next(20, got);
      cursor.next(200, got);
      std::vector<Slot> slots;
      for (size_t i = 0; i < got.size(); ++i) {
        slots.push_back(got[i].slot);
        expect(index_->options().level != Level::kF32 || is_whole(got[i].distance, at), "a whole vector");
        expect(i == 0 || i >= first || got[i].distance >= got[i - 1].distance, "in order");
      }
      Floats distances(slots.size());
      expect(index_->score(uniform(at), slots, distances));
      std::ranges::sort(slots);
      expect(std::ranges::adjacent_find(slots) == slots.end(), "no slot twice");
    }
  }
  void look() {
    const auto files = MemoryFileSystem::make();
    expect(files->make_directories("/c"));
    while (!stop_) {
      index_->settle();
      expect(index_->check());
      expect(index_->save(*files, "/c/index"));
      const auto loaded = Index::load(*files, "/c/index", index_->options());
      expect(loaded ? (*loaded)->check() : Status(std::unexpected(loaded.error())));
    }
  }

  MemoryBudget budget_{"index", size_t{64} << 20};
  std::unique_ptr<Index> index_;
  std::atomic<int> failures_{0};
  std::atomic<bool> stop_{false};
};

std::string name_of(const testing::TestParamInfo<Concurrent::ParamType>& info) {
  const auto& [threads, level, profile] = info.param;
  return fmt::format("{}_{}_{}", threads, to_string(level), to_string(profile));
}

INSTANTIATE_TEST_SUITE_P(LinkThreads, Concurrent,
                         testing::Combine(testing::Values(0U, 1U, 2U), testing::Values(Level::kF32, Level::kI8),
                                          testing::Values(Profile::kCompact)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Fast, Concurrent,
                         testing::Values(std::tuple{0U, Level::kF32, Profile::kFast},
                                         std::tuple{2U, Level::kF32, Profile::kFast}),
                         name_of);

TEST_P(Concurrent, SearchesSeeWholeVectorsWhileWritersChurn) {
  for (int i = 0; i < kStanding; ++i) ASSERT_TRUE(index_->insert(uniform(i % kValues)));
  std::vector<std::jthread> readers, writers;
  for (uint32_t i = 0; i < kSearchers; ++i) readers.emplace_back([this, i] { search(i); });
  readers.emplace_back([this] { look(); });
  for (uint32_t i = 0; i < kWriters; ++i) writers.emplace_back([this, i] { write(100 + i); });
  writers.clear();
  stop_ = true;
  readers.clear();
  EXPECT_EQ(failures_, 0);
  index_->settle();
  const Status status = index_->check();
  EXPECT_TRUE(status) << status.error().to_string();
  EXPECT_EQ(budget_.used_bytes(), index_->memory().total_bytes());
}

// Every search finds the vectors that nobody touches, whatever moves from the fresh list to the
// graph meanwhile.
TEST_P(Concurrent, WhatStaysIsFoundThroughout) {
  Clusters data(kDim, 20, 0.5F, 9);
  std::vector<Floats> standing;
  std::vector<Slot> slots;
  for (int i = 0; i < kStanding; ++i) slots.push_back(index_->insert(standing.emplace_back(data.any())).value());
  std::atomic<size_t> asked{0}, found{0};
  {
    std::jthread searcher([&] {
      std::mt19937 random(4);
      while (!stop_) {
        const size_t i = random() % standing.size();
        const SearchAnswer answer = index_->search(standing[i], {.k = 3}).value();
        ++asked;
        if (std::ranges::any_of(answer.candidates, [&](const Candidate& c) { return c.slot == slots[i]; })) ++found;
      }
    });
    std::vector<Slot> mine;
    for (int i = 0; i < 2 * kOperations; ++i) {
      mine.push_back(index_->insert(data.any()).value());
      std::swap(mine[data.below(mine.size())], mine.back());
      if (mine.size() < 1200) continue;
      ASSERT_TRUE(index_->erase(mine.back()));
      mine.pop_back();
    }
    stop_ = true;
  }
  EXPECT_GT(asked, 0U);
  EXPECT_GE(static_cast<double>(found), 0.97 * static_cast<double>(asked)) << found << " of " << asked;
}

TEST_P(Concurrent, AnIndexIsClearedWhileOthersWrite) {
  std::vector<std::jthread> writers;
  for (uint32_t seed = 0; seed < kWriters; ++seed) {
    writers.emplace_back([this, seed] {
      Clusters data(kDim, 20, 0.5F, seed);
      for (int i = 0; i < kOperations; ++i) expect(index_->insert(data.any()).has_value(), "insert");
    });
  }
  for (int i = 0; i < 20; ++i) {
    index_->clear();
    std::this_thread::yield();
  }
  writers.clear();
  index_->clear();
  EXPECT_EQ(index_->counts().live, 0U);
  EXPECT_EQ(index_->search(uniform(0), {}).value().candidates.size(), 0U);
  index_->settle();
  const Status status = index_->check();
  EXPECT_TRUE(status) << status.error().to_string();
  EXPECT_EQ(failures_, 0);
}

// A slot that another thread erases during its replace is not reused, because of the pin.
TEST_P(Concurrent, AReplaceUnderAPinTakesNoStrangersVector) {
  std::atomic<Slot> offered{kNoSlot};
  std::vector<Slot> standing;
  {
    std::jthread replacer([&] {
      while (!stop_) {
        const Pin pin = index_->pin();
        // taken out, not looked at: after the next pin, what this thread has replaced may hold
        // another vector
        const Slot old = offered.exchange(kNoSlot);
        if (old != kNoSlot) expect(index_->replace(old, uniform(1)).has_value(), "replace");
      }
    });
    std::jthread eraser([&] {
      while (!stop_) {
        const Pin pin = index_->pin();
        const Slot slot = index_->insert(uniform(2)).value();
        offered = slot;
        std::this_thread::yield();
        offered = kNoSlot;
        index_->erase(slot);
      }
    });
    for (int i = 0; i < 2 * kOperations; ++i) standing.push_back(index_->insert(uniform(3)).value());
    stop_ = true;
  }
  const auto lost = std::ranges::count_if(standing, [this](Slot slot) { return !index_->is_live(slot); });
  EXPECT_EQ(lost, 0);
}

// Some thread links at every moment; a check must not wait for the first moment without a link.
TEST_P(Concurrent, AChecksTurnComesThoughLinkingNeverEnds) {
  for (int i = 0; i < kStanding; ++i) ASSERT_TRUE(index_->insert(uniform(i % kValues)));
  std::vector<std::jthread> writers;
  for (uint32_t seed = 0; seed < kWriters; ++seed) {
    writers.emplace_back([this, seed] {
      Clusters data(kDim, 20, 0.5F, seed);
      std::vector<Slot> own;
      while (own.size() < 500) own.push_back(index_->insert(data.any()).value());
      for (size_t i = 0; !stop_; i = (i + 1) % own.size()) own[i] = index_->replace(own[i], data.any()).value();
    });
  }
  for (int i = 0; i < 5; ++i) {
    std::future<Status> checked = std::async(std::launch::async, [this] { return index_->check(); });
    const bool in_time = checked.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    EXPECT_TRUE(in_time);
    stop_ = stop_ || !in_time;
    EXPECT_TRUE(checked.get());
  }
  stop_ = true;
}

// After a while with nothing to link, the index's threads make every vector reachable, which
// check() verifies.
TEST(ConcurrentIdle, AnIndexSettlesByItself) {
  World world({.dim = kDim, .metric = Metric::kL2, .expansion_add = 32, .link_threads = 2});
  Clusters data(kDim, 40, 0.02F, 1);
  for (int i = 0; i < kStanding; ++i) world.insert(data.any());
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto settled = [&] { return world.index->counts().unsettled == 0 && world.index->counts().fresh == 0; };
  while (!settled() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(settled());
  world.check();
}

// The index's thread has linked the last vector and waits for the check when it is told to stop.
TEST(ConcurrentStop, AnIndexGoesAwayAfterACheck) {
  Clusters data(64, 20, 0.5F, 1);
  for (int round = 0; round < 60; ++round) {
    const auto index = Index::make({.dim = 64, .metric = Metric::kL2, .expansion_add = 512, .link_threads = 1}).value();
    for (int i = 0; i < 256; ++i) ASSERT_TRUE(index->insert(data.any()));
    index->settle();
    ASSERT_TRUE(index->insert(data.any()));
    std::this_thread::sleep_for(std::chrono::microseconds(3 * round));
    EXPECT_TRUE(index->check());
  }
}

TEST_P(Concurrent, AnIndexGoesAwayWithWorkUnderWay) {
  Clusters data(kDim, 20, 0.5F, 1);
  std::vector<Slot> slots;
  for (int i = 0; i < 1000; ++i) slots.push_back(index_->insert(data.any()).value());
  for (size_t i = 0; i < 500; ++i) index_->erase(slots[i]);
  index_.reset();
  EXPECT_EQ(budget_.used_bytes(), 0U);
}

}  // namespace
}  // namespace sagitta::ann
