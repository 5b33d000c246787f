// Searches: cursors, predicates, budgets, and what their statistics count.
#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

#include "sagitta/ann/index.h"

#include "world.h"

namespace sagitta::ann {
namespace {

TEST(Cursor, DoesNotGiveWhatWasErasedMeanwhile) {
  auto index = make_line(300);
  Cursor cursor = index->open(Floats{0}, {.k = 1}).value();
  std::vector<Candidate> got;
  EXPECT_EQ(cursor.next(1, got), 1u);
  index->erase(Slot{1});
  index->erase(Slot{200});
  EXPECT_EQ(cursor.next(1000, got), 297u);
  EXPECT_EQ(got[1].slot, Slot{2});
  EXPECT_EQ(cursor.next(1, got), 0u);
}

TEST(Cursor, LeavesWhatWasErasedMeanwhileToThePredicate) {
  auto index = make_line(300);
  SearchParams params{.k = 1};
  params.filter.predicate = [](Slot slot) { return slot == Slot{2} ? Verdict::kReject : Verdict::kAccept; };
  Cursor cursor = index->open(Floats{0}, params).value();
  index->erase(Slot{1});
  index->erase(Slot{2});
  std::vector<Candidate> got;
  EXPECT_EQ(cursor.next(3, got), 3u);
  EXPECT_EQ(got[1].slot, Slot{1});
  EXPECT_EQ(got[2].slot, Slot{3});
}

TEST(Cursor, AsksThePredicateOnlyAsFarAsItMust) {
  auto index = make_line(10'000);
  size_t asked = 0;
  SearchParams params{.k = 10, .beam_width = 16};
  params.filter.predicate = [&](Slot slot) {
    ++asked;
    return static_cast<uint32_t>(slot) % 10 == 0 ? Verdict::kAccept : Verdict::kReject;
  };
  const auto answer = index->search(Floats{0}, params).value();
  EXPECT_EQ(answer.candidates.size(), 10u);
  EXPECT_EQ(answer.stats.path, Path::kGraph);
  EXPECT_EQ(answer.candidates.back().slot, Slot{90});
  EXPECT_EQ(asked, 91u);
  EXPECT_EQ(answer.stats.predicate_tests, 91u);
  EXPECT_LT(answer.stats.distances, 5'000u);
}

/// Accepts some slots, and counts how often it is asked about each.
class Asked {
 public:
  Asked(size_t slots, std::vector<uint32_t> accepted) : accepted_(std::move(accepted)), times_(slots) {}

  SearchParams params(uint32_t k, double selectivity) {
    SearchParams params{.k = k};
    params.filter.selectivity = selectivity;
    params.filter.predicate = [this](Slot slot) { return judge(static_cast<uint32_t>(slot)); };
    return params;
  }
  Verdict judge(uint32_t slot) {
    ++times_[slot];
    if (++total == stop_at) return Verdict::kStop;
    return std::ranges::find(accepted_, slot) != accepted_.end() ? Verdict::kAccept : Verdict::kReject;
  }
  size_t most() const { return *std::ranges::max_element(times_); }

  size_t total = 0, stop_at = SIZE_MAX;

 private:
  std::vector<uint32_t> accepted_;
  std::vector<size_t> times_;
};

TEST(Search, APredicateThatRejectsNearlyAllIsAskedFirstAndOfEachOnce) {
  auto index = make_line(5000);
  for (const double selectivity : {0.001, 1.0}) {
    Asked asked(5000, {4000, 7, 2600, 1220, 300});  // one of them is sampled
    Cursor cursor = index->open(Floats{0}, asked.params(50, selectivity)).value();
    std::vector<Candidate> got;
    EXPECT_EQ(cursor.next(2, got), 2U);
    EXPECT_EQ(cursor.next(10, got), 3U);
    std::vector<uint32_t> slots;
    for (const Candidate& c : got) slots.push_back(static_cast<uint32_t>(c.slot));
    EXPECT_EQ(slots, (std::vector<uint32_t>{7, 300, 1220, 2600, 4000}));
    EXPECT_EQ(asked.total, 5000U);
    EXPECT_EQ(asked.most(), 1U);
    EXPECT_EQ(cursor.stats().path, Path::kExact);
    EXPECT_EQ(cursor.stats().predicate_tests, 5000U);
    EXPECT_LT(cursor.stats().distances, 2500U) << "of those that do not pass";
  }
}

TEST(Search, APredicateIsNotAskedAgainAfterItHasStopped) {
  auto index = make_line(5000);
  SlotBitmap all;
  for (uint32_t slot = 0; slot < 5000; ++slot) all.set(Slot{slot});
  for (const SlotBitmap* bitmap : {static_cast<const SlotBitmap*>(nullptr), static_cast<const SlotBitmap*>(&all)}) {
    for (const size_t stop_at : {1U, 3U, 17U, 64U, 65U, 100U, 4999U}) {  // within the sample, and after it
      Asked asked(5000, {7, 2510, 4000});
      asked.stop_at = stop_at;
      SearchParams params = asked.params(10, 0.001);
      params.filter.bitmap = bitmap;
      Cursor cursor = index->open(Floats{0}, params).value();
      std::vector<Candidate> got;
      EXPECT_EQ(cursor.next(10, got), 0U);
      EXPECT_EQ(cursor.stats().ended, Ended::kPredicate);
      EXPECT_EQ(cursor.next(10, got), 0U);
      EXPECT_EQ(asked.total, stop_at);
    }
  }
}

// A search's buffers served another search before.
TEST(Search, WhatStopsInTheSampleAnswersNothing) {
  auto index = make_line(5000);
  Asked none(5000, {});
  none.stop_at = 1;
  const SearchParams stopped = none.params(10, 0.001);
  EXPECT_TRUE(index->search(Floats{0}, stopped).value().candidates.empty());
  for (uint32_t nearest = 0; nearest < 5000; nearest += 8) {
    SlotBitmap one;
    one.set(Slot{nearest});
    SearchParams params{.k = 1};
    params.filter.bitmap = &one;
    ASSERT_EQ(index->search(Floats{0}, params).value().candidates.size(), 1U);
    Asked asked(5000, {nearest});
    asked.stop_at = 20;
    EXPECT_TRUE(index->search(Floats{0}, asked.params(10, 0.001)).value().candidates.empty()) << nearest;
  }
}

// Before it is known how wide the beam must be.
TEST(Search, WhatStopsNearTheQueryGivesWhatHadPassed) {
  auto index = make_line(5000);
  for (const size_t stop_at : {1U, 5U, 40U, 64U}) {
    Asked asked(5000, {0, 3, 4000});
    asked.stop_at = stop_at;
    Cursor cursor = index->open(Floats{0}, asked.params(10, 1)).value();
    std::vector<Candidate> got;
    cursor.next(10, got);
    for (const Candidate& c : got) EXPECT_TRUE(c.slot == Slot{0} || c.slot == Slot{3});
    EXPECT_EQ(cursor.stats().ended, Ended::kPredicate);
    EXPECT_EQ(cursor.next(10, got), 0U);
    EXPECT_EQ(asked.total, stop_at);
    EXPECT_EQ(asked.most(), 1U);
  }
}

TEST(Search, ABitmapWithAPredicateThatPassesItIsTestedInOrder) {
  auto index = make_line(20'000);
  SlotBitmap some;
  for (uint32_t slot = 0; slot < 20'000; slot += 100) some.set(Slot{slot});
  std::vector<uint32_t> accepted(20'000);
  std::iota(accepted.begin(), accepted.end(), 0U);
  Asked asked(20'000, accepted);
  SearchParams params = asked.params(10, 0.01);  // of all
  params.filter.bitmap = &some;
  const auto answer = index->search(Floats{0}, params).value();
  EXPECT_EQ(answer.candidates.size(), 10U);
  EXPECT_EQ(answer.candidates.back().slot, Slot{900});
  EXPECT_EQ(asked.total, 10U);
}

// Fresh slots are scanned beside a walk; those that pass need not be among the nearest that pass.
TEST(Search, FreshVectorsDoNotStandInForNearerOnesThatPass) {
  auto index = make_line(20'000);
  std::vector<uint32_t> accepted;
  for (uint32_t slot = 5000; slot < 20'000; slot += 1000) accepted.push_back(slot);
  for (int i = 0; i < 50; ++i) {
    accepted.push_back(static_cast<uint32_t>(index->insert(Floats{1e6F + static_cast<float>(i)}).value()));
  }
  for (const double selectivity : {0.005, 1.0}) {
    Asked asked(20'100, accepted);
    const auto answer = index->search(Floats{0}, asked.params(10, selectivity)).value();
    ASSERT_EQ(answer.candidates.size(), 10U);
    EXPECT_EQ(answer.candidates.front().slot, Slot{5000});
    EXPECT_EQ(answer.candidates.back().slot, Slot{14'000});
    EXPECT_EQ(asked.most(), 1U);
  }
}

// A fresh vector farther than the beam waits until the beam widens; none is given twice, none is
// lost.
TEST(Cursor, GivesEachFreshVectorOnceHoweverTheBeamWidens) {
  auto index = make_line(3000);
  for (uint32_t i = 0; i < 120; ++i) ASSERT_TRUE(index->insert(Floats{static_cast<float>(i * 37 % 120 * 25) + 0.5F}));
  ASSERT_EQ(index->counts().fresh, 120U);
  for (const bool rescored : {false, true}) {
    std::vector<uint32_t> all(3120);
    std::iota(all.begin(), all.end(), 0U);
    Asked asked(3120, all);
    SearchParams params = asked.params(1, 1);
    params.beam_width = 1;
    if (rescored) {
      params.oversampling = 4;
      params.full_vector = [](Slot, std::span<float>) { return false; };
    }
    Cursor cursor = index->open(Floats{0}, params).value();
    std::vector<Candidate> got;
    for (size_t count = 1; cursor.next(count, got) > 0; count = count % 17 + 1) continue;
    std::vector<uint32_t> slots;
    for (const Candidate& c : got) slots.push_back(static_cast<uint32_t>(c.slot));
    std::ranges::sort(slots);
    EXPECT_EQ(slots, all);
    EXPECT_EQ(asked.most(), 1U);
  }
}

// Half of all pass, but none nearby: the cost of a test decides how many are made.
TEST(Search, ADearPredicateIsNotAskedOfAll) {
  auto index = make_line(20'000);
  SearchParams params{.k = 10};
  size_t asked = 0;
  params.filter.predicate = [&](Slot slot) {
    ++asked;
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(20);
    while (std::chrono::steady_clock::now() < until) continue;
    return static_cast<uint32_t>(slot) >= 500 && static_cast<uint32_t>(slot) % 2 == 0 ? Verdict::kAccept
                                                                                      : Verdict::kReject;
  };
  const auto answer = index->search(Floats{0}, params).value();
  EXPECT_EQ(answer.candidates.size(), 10U);
  EXPECT_EQ(answer.candidates.front().slot, Slot{500});
  EXPECT_LT(asked, 5000U);
}

TEST(Search, ADeadlineEndsTheTestingOfAll) {
  auto index = make_line(5000);
  ManualClock clock(0);
  Asked asked(5000, {7, 2510, 4000});
  SearchParams params = asked.params(10, 0.001);
  params.clock = &clock;
  params.deadline = Deadline::in_us(clock, 1000);
  params.filter.predicate = [&](Slot slot) {
    clock.advance_us(1);
    return asked.judge(static_cast<uint32_t>(slot));
  };
  const auto answer = index->search(Floats{0}, params).value();
  EXPECT_EQ(answer.stats.ended, Ended::kDeadline);
  EXPECT_EQ(asked.total, 1000U);
}

TEST(Search, APredicateCanStopIt) {
  auto index = make_line(100);
  SearchParams params{.k = 10};
  params.filter.predicate = [](Slot slot) {
    return static_cast<uint32_t>(slot) == 3 ? Verdict::kStop : Verdict::kAccept;
  };
  Cursor cursor = index->open(Floats{0}, params).value();
  std::vector<Candidate> got;
  EXPECT_EQ(cursor.next(10, got), 3u);
  EXPECT_EQ(cursor.stats().ended, Ended::kPredicate);
  EXPECT_EQ(cursor.next(10, got), 0u);
}

TEST(Search, ABitmapSparesTheDistances) {
  auto index = make_line(1000);
  SlotBitmap bitmap;
  for (uint32_t at : {5u, 500u, 999u}) bitmap.set(Slot{at});
  SearchParams params{.k = 10};
  params.filter.bitmap = &bitmap;
  const auto answer = index->search(Floats{600}, params).value();
  ASSERT_EQ(answer.candidates.size(), 3u);
  EXPECT_EQ(answer.candidates[0].slot, Slot{500});
  EXPECT_EQ(answer.stats.distances, 3u);
}

TEST(Search, BudgetsEndItAndSaySo) {
  auto index = make_line(5000);
  const auto work = index->search(Floats{0}, {.k = 3, .distances_max = 100}).value();
  EXPECT_EQ(work.stats.ended, Ended::kWork);
  EXPECT_GE(work.stats.distances, 100u);
  EXPECT_LE(work.stats.distances, 100u + 2 * index->options().connections) << "one step more at most";
  EXPECT_EQ(work.candidates.size(), 3u);
  const ManualClock clock(1000);
  const auto late = index->search(Floats{0}, {.deadline = {.at_us = 999}, .clock = &clock}).value();
  EXPECT_EQ(late.stats.ended, Ended::kDeadline);
  EXPECT_EQ(late.stats.expanded, 0u);
}

// Also where a budget ends the scan before it has read anything, or after too little to know the
// error of estimates.
TEST(Search, AScanThatEndsEarlyGivesTheNearestOfWhatItSaw) {
  World world({.dim = 16, .metric = Metric::kL2, .link_threads = 0});
  Clusters data(16, 10, 0.5F, 3);
  SlotBitmap bitmap;
  for (int i = 0; i < 2000; ++i) {
    const Slot slot = world.insert(data.any());
    if (i % 2 == 0) bitmap.set(slot);
  }
  world.index->settle();
  const Floats query(16, 100.0F);  // far from all: not walked to
  for (const uint64_t distances : {0U, 1U, 5U, 64U, 65U, 300U, 2000U}) {
    SearchParams params{.k = 10, .distances_max = distances};
    params.filter.bitmap = &bitmap;
    const SearchAnswer answer = world.index->search(query, params).value();
    ASSERT_EQ(answer.stats.path, Path::kExact);
    EXPECT_EQ(answer.candidates.size(), std::min<uint64_t>(distances, 10)) << distances;
    EXPECT_EQ(answer.stats.ended, distances < 1000 ? Ended::kWork : Ended::kNot);
    EXPECT_TRUE(std::ranges::is_sorted(answer.candidates, {}, &Candidate::distance));
    for (const Candidate& c : answer.candidates) EXPECT_TRUE(bitmap.test(c.slot));
  }
  const ManualClock clock(1000);
  SearchParams late{.deadline = {.at_us = 999}, .clock = &clock};
  late.filter.bitmap = &bitmap;
  EXPECT_EQ(world.index->search(query, late).value().stats.ended, Ended::kDeadline);
}

TEST(Search, FineCodesSpareVectors) {
  constexpr uint32_t kVectors = 3000;
  World world({.dim = 512, .metric = Metric::kL2, .profile = Profile::kFast, .link_threads = 0});
  Clusters data(512, 60, 0.6F, 31);
  for (uint32_t i = 0; i < kVectors; ++i) world.insert(data.any());
  world.index->settle();
  std::vector<Floats> queries;
  for (int i = 0; i < 50; ++i) queries.push_back(data.any());
  SlotBitmap half;
  for (uint32_t slot = 0; slot < kVectors; slot += 2) half.set(Slot{slot});
  const auto even = [](Slot slot) { return static_cast<uint32_t>(slot) % 2 == 0; };
  const auto all = [](Slot) { return true; };
  // A walk, and two scans by codes: without and with a predicate.
  const SearchParams walk{.k = 10, .beam_width = 100}, scan{.k = 10, .beam_width = 4000, .filter = {.bitmap = &half}};
  SearchParams test = scan;
  test.filter.predicate = [&](Slot slot) { return even(slot) ? Verdict::kAccept : Verdict::kReject; };
  for (const SearchParams* params : std::initializer_list<const SearchParams*>{&walk, &scan, &test}) {
    EXPECT_GE(world.quality(queries, *params, 1e-5, params == &walk ? all : std::function<bool(Slot)>(even)).recall,
              0.98);
    uint64_t refined = 0, rescored = 0;
    for (const Floats& query : queries) {
      const SearchStats stats = world.index->search(query, *params)->stats;
      EXPECT_EQ(stats.path, params == &walk ? Path::kGraph : Path::kExact);
      refined += stats.refined;
      rescored += stats.rescored;
    }
    EXPECT_LT(4 * rescored, 3 * refined);
    EXPECT_GE(rescored, 10 * queries.size());
  }
}

TEST(Search, ExpiredVectorsAreNotFound) {
  auto index = Index::make({.dim = 1, .metric = Metric::kL2}).value();
  const Slot slot = index->insert(Floats{1}, Expiry{100}).value();
  EXPECT_EQ(index->search(Floats{1}, {.now_us = 99})->candidates.size(), 1u);
  EXPECT_EQ(index->search(Floats{1}, {.now_us = 100})->candidates.size(), 0u);
  EXPECT_TRUE(index->set_expiry(slot, Expiry::kNever));
  EXPECT_EQ(index->search(Floats{1}, {.now_us = 100})->candidates.size(), 1u);
}

}  // namespace
}  // namespace sagitta::ann
