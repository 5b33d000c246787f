// The public interface: options, errors, cursors, predicates, budgets and what stats count.
#include "sagitta/ann/index.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "world.h"

namespace sagitta::ann {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Index> make_line(size_t count) {
  auto index = Index::make({.dim = 1, .metric = Metric::kL2, .link_threads = 0}).value();
  for (size_t i = 0; i < count; ++i) EXPECT_TRUE(index->insert(Floats{static_cast<float>(i)}));
  index->settle();
  return index;
}

ErrorCode code_of(const auto& result) { return result ? ErrorCode::kServer : result.error().code(); }

TEST(Similarity, IsWhatCqlShows) {
  const Floats v{0.1F, 0.2F}, minus{-0.1F, -0.2F}, w{0.9F, 0.8F};
  const auto of = [](Metric m, const Floats& a, const Floats& b) { return similarity(m, a, b); };
  EXPECT_FLOAT_EQ(of(Metric::kCosine, v, v), 1.0F);
  EXPECT_FLOAT_EQ(of(Metric::kCosine, v, minus), 0.0F);
  EXPECT_NEAR(of(Metric::kCosine, v, w), 0.964238F, 1e-6);
  EXPECT_FLOAT_EQ(of(Metric::kL2, v, v), 1.0F);
  EXPECT_NEAR(of(Metric::kL2, v, minus), 0.833333F, 1e-6);
  EXPECT_FLOAT_EQ(of(Metric::kL2, v, w), 0.5F);
  EXPECT_FLOAT_EQ(of(Metric::kDot, v, v), 0.525F);
  EXPECT_FLOAT_EQ(of(Metric::kDot, v, minus), 0.475F);
  EXPECT_FLOAT_EQ(of(Metric::kDot, v, w), 0.625F);
}

TEST(Distance, StaysFiniteForHugeAndTinyVectors) {
  const Floats huge{3e38F, 3e38F}, other{3e38F, -3e38F}, tiny{1e-44F, 0}, tiny_too{2e-44F, 0};
  EXPECT_FLOAT_EQ(distance(Metric::kCosine, huge, huge), -1.0F);
  EXPECT_FLOAT_EQ(distance(Metric::kCosine, huge, other), 0.0F);
  EXPECT_FLOAT_EQ(distance(Metric::kCosine, tiny, tiny_too), -1.0F);
  EXPECT_FLOAT_EQ(distance(Metric::kDot, huge, other), 0.0F);
  EXPECT_TRUE(std::isfinite(distance(Metric::kDot, huge, huge)));
  EXPECT_TRUE(std::isfinite(distance(Metric::kL2, huge, other)));
}

TEST(Metric, HasNames) {
  EXPECT_EQ(parse_metric("Dot_Product"), Metric::kDot);
  EXPECT_EQ(parse_metric("manhattan"), std::nullopt);
  for (Metric m : {Metric::kCosine, Metric::kL2, Metric::kDot}) EXPECT_EQ(parse_metric(to_string(m)), m);
}

TEST(Index, RefusesWhatItCannotOrder) {
  EXPECT_EQ(code_of(Index::make({.dim = 0})), ErrorCode::kInvalid);
  EXPECT_EQ(code_of(Index::make({.dim = 16001})), ErrorCode::kInvalid);
  EXPECT_EQ(code_of(Index::make({.dim = 2, .connections = 513})), ErrorCode::kInvalid);
  auto index = Index::make({.dim = 2}).value();
  const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  for (const Floats& bad : {Floats{1}, Floats{1, 2, 3}, Floats{0, 0}, Floats{nan, 1}, Floats{1, -infinity}}) {
    EXPECT_EQ(code_of(index->insert(bad)), ErrorCode::kInvalid);
    EXPECT_EQ(code_of(index->replace(kNoSlot, bad)), ErrorCode::kInvalid);
    EXPECT_EQ(code_of(index->search(bad, {})), ErrorCode::kInvalid);
  }
  EXPECT_EQ(code_of(index->search(Floats{1, 1}, {.k = 0})), ErrorCode::kInvalid);
  EXPECT_EQ(index->counts().live, 0u);
}

TEST(Index, FindsTheDirectionOfHugeAndDenormalVectors) {
  auto index = Index::make({.dim = 2}).value();
  const Slot huge = index->insert(Floats{3e38F, 0}).value(), tiny = index->insert(Floats{0, 1e-45F}).value();
  EXPECT_EQ(index->search(Floats{1, 0.1F}, {.k = 1})->candidates[0].slot, huge);
  EXPECT_EQ(index->search(Floats{0.1F, 1}, {.k = 1})->candidates[0].slot, tiny);
  EXPECT_TRUE(index->check());
}

TEST(Index, AnEmptyOneFindsNothing) {
  const auto answer = make_line(0)->search(Floats{1}, {});
  EXPECT_TRUE(answer->candidates.empty());
  EXPECT_EQ(answer->stats.ended, Ended::kNot);
}

TEST(Index, EqualVectorsComeInSlotOrder) {
  auto index = Index::make({.dim = 1, .metric = Metric::kL2}).value();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(index->insert(Floats{1}));
  const auto answer = index->search(Floats{1}, {.k = 150}).value();
  for (uint32_t i = 0; i < 150; ++i) EXPECT_EQ(answer.candidates[i].slot, Slot{i});
}

TEST(Index, AFailedReplaceKeepsTheOldVector) {
  MemoryBudget budget("index", 300 << 10);
  auto index = Index::make({.dim = 16, .metric = Metric::kL2, .link_threads = 0, .budget = &budget}).value();
  const Slot first = index->insert(Floats(16, 1.0F)).value();
  Result<Slot> last = first;
  while (last) last = index->insert(Floats(16, 2.0F));
  EXPECT_EQ(last.error().code(), ErrorCode::kOverloaded);
  std::optional<Pin> pin = index->pin();  // so that replacing gives no room back
  for (Result<Slot> other = Slot{1}; other;) other = index->replace(*other, Floats(16, 2.0F));
  EXPECT_EQ(code_of(index->replace(first, Floats(16, 3.0F))), ErrorCode::kOverloaded);
  EXPECT_EQ(index->search(Floats(16, 1.0F), {.k = 1})->candidates[0].slot, first);
  pin.reset();
  EXPECT_TRUE(index->erase(first));
  EXPECT_TRUE(index->insert(Floats(16, 4.0F))) << "an erased slot makes room";
  EXPECT_TRUE(index->check());
}

TEST(Index, AFullFreshListRefusesWhoDoesNotWait) {
  auto index = Index::make({.dim = 1, .metric = Metric::kL2, .link_threads = 0, .insert_wait = {}}).value();
  Result<Slot> last = kNoSlot;
  size_t inserted = 0;
  for (; (last = index->insert(Floats{static_cast<float>(inserted)})); ++inserted) ASSERT_LT(inserted, 10'000u);
  EXPECT_EQ(last.error().code(), ErrorCode::kOverloaded);
  EXPECT_THAT(last.error().message(), HasSubstr(fmt::format("{} vectors wait to be linked", inserted)));
  EXPECT_EQ(index->counts().live, inserted);
  EXPECT_EQ(code_of(index->replace(Slot{0}, Floats{-1})), ErrorCode::kOverloaded);
  EXPECT_EQ(index->search(Floats{0}, {.k = 1})->candidates[0].slot, Slot{0}) << "the old one stays";
  EXPECT_TRUE(index->check());
  index->settle();
  EXPECT_TRUE(index->insert(Floats{1}));
}

// The example of README.md, in a temporary folder.
TEST(Index, TheExampleOfTheReadme) {
  const std::string path = testing::TempDir() + "animals.ann";
  auto index = Index::make({.dim = 3, .metric = Metric::kCosine}).value();
  Slot cat = index->insert(std::vector{0.9f, 0.1f, 0.0f}).value();
  Slot dog = index->insert(std::vector{0.8f, 0.3f, 0.1f}).value();
  const SearchAnswer both = index->search(std::vector{1.0f, 0.0f, 0.0f}, {.k = 2}).value();
  ASSERT_EQ(both.candidates.size(), 2U);
  EXPECT_EQ(both.candidates[0].slot, cat);
  cat = index->replace(cat, std::vector{0.7f, 0.1f, 0.1f}).value();
  index->erase(dog);
  auto files = sagitta::make_real_file_system();
  ASSERT_TRUE(index->save(*files, path));
  index = Index::load(*files, path, {.dim = 3, .metric = Metric::kCosine}).value();
  const SearchAnswer one = index->search(std::vector{1.0f, 0.0f, 0.0f}, {.k = 2}).value();
  ASSERT_EQ(one.candidates.size(), 1U);
  EXPECT_EQ(one.candidates[0].slot, cat);
  EXPECT_TRUE(files->remove(path));
}

// A single writer that makes room first links nothing while it inserts.
TEST(Index, RoomIsMadeBeforeAnInsert) {
  World world({.dim = 8, .metric = Metric::kL2, .link_threads = 0, .insert_wait = std::chrono::seconds(10)});
  Clusters data(8, 10, 0.5F, 3);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(world.index->make_room());
    const size_t fresh = world.index->counts().fresh;
    world.insert(data.any());
    ASSERT_EQ(world.index->counts().fresh, fresh + 1);
  }
  const auto full = Index::make({.dim = 1, .metric = Metric::kL2, .link_threads = 0, .insert_wait = {}}).value();
  for (int i = 0; i < 128; ++i) ASSERT_TRUE(full->insert(Floats{static_cast<float>(i)}));
  EXPECT_EQ(full->make_room().error().code(), ErrorCode::kOverloaded);
}

// Full vectors may come from far away: the deadline is checked before each.
TEST(Index, ADeadlineEndsRescoringByFullVectors) {
  World world({.dim = 8, .metric = Metric::kL2, .level = Level::kI8, .link_threads = 0});
  Clusters data(8, 10, 0.5F, 3);
  for (int i = 0; i < 1000; ++i) world.insert(data.any());
  ManualClock clock(0);
  size_t asked = 0;
  SearchParams params{.k = 10, .oversampling = 10};
  params.clock = &clock;
  params.deadline = Deadline::in_us(clock, 5000);
  params.full_vector = [&](Slot slot, std::span<float> out) {
    ++asked;
    clock.advance_us(1000);
    std::ranges::copy(world.twin.vector(slot), out.begin());
    return true;
  };
  const SearchAnswer answer = world.index->search(data.any(), params).value();
  EXPECT_EQ(answer.stats.ended, Ended::kDeadline);
  EXPECT_LE(asked, 6U);
  EXPECT_EQ(answer.stats.rescored, asked);
  EXPECT_EQ(answer.candidates.size(), 10U) << "the others by their estimates";
}

TEST(SlotBitmap, KnowsWhatIsSet) {
  SlotBitmap bitmap;
  const std::vector<uint32_t> slots{0, 63, 64, 4095, 4096, 70'000, 1'000'000};
  const auto listed = [&] {
    std::vector<uint32_t> out;
    bitmap.for_each([&](Slot slot) { out.push_back(static_cast<uint32_t>(slot)); });
    return out;
  };
  for (const uint32_t slot : slots) bitmap.set(Slot{slot});
  bitmap.set(Slot{64});
  EXPECT_EQ(bitmap.count(), slots.size());
  EXPECT_EQ(listed(), slots);
  for (const uint32_t slot : {64U, 4096U, 5U, 2'000'000U}) bitmap.clear(Slot{slot});
  EXPECT_THAT(listed(), ElementsAre(0, 63, 4095, 70'000, 1'000'000));
  EXPECT_FALSE(bitmap.test(Slot{4096}));
  bitmap.reset();
  EXPECT_EQ(bitmap.count(), 0u);
  EXPECT_TRUE(listed().empty());
  bitmap.set(Slot{64});
  EXPECT_THAT(listed(), ElementsAre(64));
}

TEST(Index, ReplacingADeadSlotIsAnInsert) {
  auto index = make_line(1);
  EXPECT_TRUE(index->erase(Slot{0}));
  const Slot slot = index->replace(Slot{0}, Floats{5}).value();
  EXPECT_EQ(slot, Slot{0}) << "the test needs the slot to be reused";
  EXPECT_TRUE(index->is_live(slot));
  EXPECT_EQ(index->counts().live, 1u);
}

TEST(Index, ChargesExactlyWhatItReports) {
  MemoryBudget budget("index", 64 << 20);
  {
    auto index = Index::make({.dim = 8, .metric = Metric::kL2, .budget = &budget}).value();
    for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(index->insert(Floats(8, 1.0F)));
    ASSERT_TRUE(index->search(Floats(8, 1.0F), {}));
    const MemoryUse use = index->memory();
    EXPECT_EQ(budget.used_bytes(), use.total_bytes());
    EXPECT_GE(use.vectors_bytes, 20'000u * 8 * 4);
    EXPECT_LE(use.vectors_bytes, 20'100u * 8 * 4);
    EXPECT_GT(use.scratch_bytes, 0u);
  }
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(Index, ErasedSlotsAreReusedOnlyWhenNobodyLooks) {
  auto index = make_line(10);
  {
    const Pin pin = index->pin();
    for (uint32_t i = 0; i < 10; ++i) EXPECT_TRUE(index->erase(Slot{i}));
    EXPECT_GE(static_cast<uint32_t>(index->insert(Floats{1}).value()), 10u);
    EXPECT_EQ(index->counts().retired, 10u);
  }
  EXPECT_LT(static_cast<uint32_t>(index->insert(Floats{1}).value()), 10u);
  EXPECT_EQ(index->counts().retired, 0u);
}

TEST(Index, MemoryOfChurnStaysFlat) {
  auto index = make_line(1000);
  const size_t before = index->counts().capacity;
  for (uint32_t round = 0; round < 50; ++round) {
    index->clear();
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(index->insert(Floats{1}));
  }
  EXPECT_EQ(index->counts().capacity, before);
  EXPECT_TRUE(index->check());
}

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
