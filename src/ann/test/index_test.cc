// The public interface: options, errors, slots and their reuse, memory.
#include "sagitta/ann/index.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "world.h"

namespace sagitta::ann {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace sagitta::ann
