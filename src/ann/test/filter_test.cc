// Filters of every pass rate, with matches near the query, far from it and scattered: the answer is
// right, and never more expensive than scanning everything.
#include <gtest/gtest.h>

#include <thread>

#include "world.h"

namespace sagitta::ann {
namespace {

constexpr uint32_t kDim = 32;
constexpr size_t kVectors = 8000;
constexpr size_t kQueries = 10;

/// kAround: a quarter of the nearest.
enum class Where : uint8_t { kScattered, kNear, kFar, kAround };

class Filters : public testing::TestWithParam<Profile> {
 protected:
  static void SetUpTestSuite() {
    Clusters data(kDim, 100, 0.6F, 21);
    for (const Profile profile : {Profile::kCompact, Profile::kFast}) {
      worlds_.push_back(std::make_unique<World>(IndexOptions{
          .dim = kDim, .metric = Metric::kL2, .profile = profile, .expansion_add = 64, .link_threads = 0}));
      for (size_t i = 0; i < kVectors; ++i) worlds_.back()->insert(data.any());
      worlds_.back()->index->settle();
    }
    for (size_t i = 0; i < kQueries; ++i) queries_.push_back(data.any());
  }
  static void TearDownTestSuite() {
    worlds_.clear();
    queries_.clear();
  }
  void SetUp() override { world_ = worlds_[static_cast<size_t>(GetParam())].get(); }

  static SlotBitmap matches(const Floats& query, double rate, Where where, uint64_t seed) {
    std::vector<std::pair<double, Slot>> order;
    std::mt19937_64 random(seed);
    for (size_t i = 0; i < world_->twin.size(); ++i) {
      const Slot slot = world_->twin.nth(i);
      const double distance = world_->twin.distance(slot, query);
      order.emplace_back(
          where == Where::kScattered ? static_cast<double>(random()) : (where == Where::kFar ? -distance : distance),
          slot);
    }
    std::ranges::sort(order);
    const auto count = static_cast<size_t>(std::lround(rate * static_cast<double>(kVectors)));
    if (where == Where::kAround) {
      order.resize(std::min(order.size(), 4 * count));
      std::ranges::shuffle(order, random);
    }
    order.resize(count);
    SlotBitmap bitmap;
    for (const auto& [key, slot] : order) bitmap.set(slot);
    return bitmap;
  }

  /// kBoth: the bitmap passes twice as many; the predicate accepts half of them.
  enum class Kind : uint8_t { kBitmap, kPredicate, kPredicateWithEstimate, kBoth };
  static void expect_right(double rate, Where where, Kind kind) {
    double recall = 0;
    for (size_t i = 0; i < kQueries; ++i) {
      const SlotBitmap bitmap = matches(queries_[i], rate, where, i);
      const SlotBitmap more = matches(queries_[i], std::min(1.0, 2 * rate), where, i);
      std::vector<uint32_t> times(kVectors);
      SearchParams params{.k = 10};
      if (kind == Kind::kBitmap) {
        params.filter.bitmap = &bitmap;
      } else {
        params.filter.predicate = [&](Slot slot) {
          EXPECT_LE(++times[static_cast<size_t>(slot)], 1U) << "asked again";
          return bitmap.test(slot) ? Verdict::kAccept : Verdict::kReject;
        };
        if (kind == Kind::kPredicateWithEstimate) params.filter.selectivity = rate;
        if (kind == Kind::kBoth) params.filter.bitmap = &more;
      }
      const auto passes = [&](Slot slot) { return bitmap.test(slot) && (kind != Kind::kBoth || more.test(slot)); };
      recall += world_->quality(std::span(queries_).subspan(i, 1), params, 1e-5, passes).recall;
      times.assign(kVectors, 0);
      const SearchStats stats = world_->index->search(queries_[i], params).value().stats;
      EXPECT_EQ(stats.ended, Ended::kNot);
      EXPECT_LE(stats.distances, kVectors + walk_distances(i)) << "more than a scan and a walk";
      EXPECT_LE(stats.predicate_tests, kVectors);
    }
    EXPECT_GE(recall / kQueries, 0.95) << "rate " << rate << " where " << static_cast<int>(where) << " kind "
                                       << static_cast<int>(kind);
  }
  // If a walk was given up for a scan, it may have cost as much as the scan promised to cost.
  static uint64_t walk_distances(size_t query) {
    return 10 * world_->index->search(queries_[query], {.k = 10}).value().stats.distances;
  }

  static inline std::vector<std::unique_ptr<World>> worlds_;  // by profile
  static inline World* world_ = nullptr;
  static inline std::vector<Floats> queries_;
};

constexpr Where kPlaces[] = {Where::kScattered, Where::kNear, Where::kFar, Where::kAround};
constexpr double kRates[] = {0.5, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001, 0.0001, 0};

INSTANTIATE_TEST_SUITE_P(Profiles, Filters, testing::Values(Profile::kCompact, Profile::kFast),
                         [](const auto& profile) { return std::string(to_string(profile.param)); });

TEST_P(Filters, BitmapsOfEveryRate) {
  for (const double rate : kRates) {
    for (const Where where : kPlaces) expect_right(rate, where, Kind::kBitmap);
  }
}

TEST_P(Filters, PredicatesOfEveryRate) {
  for (const double rate : kRates) {
    for (const Where where : kPlaces) {
      expect_right(rate, where, Kind::kPredicate);
      expect_right(rate, where, Kind::kPredicateWithEstimate);
      expect_right(rate, where, Kind::kBoth);
    }
  }
}

// Where a test is expensive, matches near the query are found there and not by testing all,
// whatever their part is said to be.
TEST_P(Filters, ADearPredicateIsAskedNearTheQueryFirst) {
  for (const double selectivity : {0.01, 1.0}) {
    for (size_t i = 0; i < kQueries; ++i) {
      const SlotBitmap bitmap = matches(queries_[i], 0.01, Where::kNear, i);
      SearchParams params{.k = 10};
      params.filter.selectivity = selectivity;
      params.filter.predicate = [&](Slot slot) {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
        return bitmap.test(slot) ? Verdict::kAccept : Verdict::kReject;
      };
      const SearchAnswer answer = world_->index->search(queries_[i], params).value();
      EXPECT_EQ(answer.candidates.size(), 10U);
      EXPECT_LE(answer.stats.predicate_tests, 100U);
    }
  }
}

// Expired vectors pass no filter; a neighbourhood full of them must not use up the beam.
TEST_P(Filters, ExpiredOnesAroundTheQuery) {
  for (size_t i = 0; i < kQueries; ++i) {
    const SlotBitmap dead = matches(queries_[i], 0.01, Where::kNear, i);
    for (size_t at = 0; at < world_->twin.size(); ++at) {
      const Slot slot = world_->twin.nth(at);
      const Expiry expiry = dead.test(slot) ? Expiry{5} : Expiry::kNever;
      ASSERT_TRUE(world_->index->set_expiry(slot, expiry) && world_->twin.set_expiry(slot, expiry));
    }
    EXPECT_GE(world_->quality(std::span(queries_).subspan(i, 1), {.k = 10, .now_us = 10}, 1e-5).recall, 0.9);
  }
  for (size_t at = 0; at < world_->twin.size(); ++at) {
    const Slot slot = world_->twin.nth(at);
    ASSERT_TRUE(world_->index->set_expiry(slot, Expiry::kNever) && world_->twin.set_expiry(slot, Expiry::kNever));
  }
}

// A scan makes keys for the nearest only, until the turn of the others comes.
TEST_P(Filters, ACursorOverAScanGivesEachMatchOnceAndInOrder) {
  for (const size_t first : {1U, 10U, 700U}) {
    const SlotBitmap bitmap = matches(queries_[0], 0.25, Where::kFar, 1);
    SearchParams params{.k = static_cast<uint32_t>(first)};
    params.filter.bitmap = &bitmap;
    Cursor cursor = world_->index->open(queries_[0], params).value();
    std::vector<Candidate> got;
    for (size_t count = first; cursor.next(count, got) == count; count = count * 3 / 2 + 1) {
    }
    ASSERT_EQ(cursor.stats().path, Path::kExact);
    ASSERT_EQ(got.size(), bitmap.count());
    SlotBitmap seen;
    size_t farther = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_TRUE(bitmap.test(got[i].slot) && !seen.test(got[i].slot));
      seen.set(got[i].slot);
      ASSERT_NEAR(got[i].distance, world_->twin.distance(got[i].slot, queries_[0]), 1e-3);
      farther += i == 0 || got[i].distance >= got[i - 1].distance ? 1U : 0U;
    }
    EXPECT_GE(farther, got.size() * 98 / 100);
  }
}

// A predicate is never asked about an expired vector, not even when it is asked about all.
TEST_P(Filters, APredicateIsNotAskedAboutExpiredOnes) {
  World world({.dim = 8, .metric = Metric::kL2, .profile = GetParam(), .link_threads = 0});
  Clusters data(8, 20, 0.5F, 3);
  for (uint32_t i = 0; i < 3000; ++i) world.insert(data.any(), i % 2 == 0 ? Expiry{5} : Expiry::kNever);
  world.index->settle();
  SearchParams params{.k = 10, .now_us = 10};
  size_t expired = 0;
  params.filter.predicate = [&expired](Slot slot) {
    expired += static_cast<uint32_t>(slot) % 2 == 0 ? 1U : 0U;
    return static_cast<uint32_t>(slot) % 1000 == 1 ? Verdict::kAccept : Verdict::kReject;
  };
  const SearchAnswer answer = world.index->search(data.any(), params).value();
  EXPECT_EQ(answer.candidates.size(), 3U);
  EXPECT_EQ(answer.stats.predicate_tests, 1500U);
  EXPECT_EQ(expired, 0U);
}

// Under dot product the error of an estimate grows with the length, and the nearest vectors are the
// long ones.
TEST_P(Filters, AScanUnderDotOfAllLengths) {
  World world({.dim = kDim, .metric = Metric::kDot, .profile = GetParam(), .link_threads = 0});
  Clusters data(kDim, 50, 0.6F, 4);
  std::mt19937_64 random(5);
  std::lognormal_distribution<float> length(0, 0.7F);
  SlotBitmap bitmap;
  for (uint32_t i = 0; i < 6000; ++i) {
    Floats v = data.any();
    const float times = length(random);
    for (float& x : v) x *= times;
    const Slot slot = world.insert(std::move(v));
    if (i % 5 == 0) bitmap.set(slot);
  }
  world.index->settle();
  SearchParams params{.k = 20, .beam_width = 1000};
  params.filter.bitmap = &bitmap;
  std::vector<Floats> queries(100);
  for (Floats& query : queries) query = data.any();
  const Quality quality = world.quality(queries, params, 1e-5, [&](Slot slot) { return bitmap.test(slot); });
  EXPECT_EQ(quality.graph, 0U) << "scanned";
  EXPECT_GE(quality.recall, 0.97);
}

TEST_P(Filters, ACursorOverAScanOfEqualsGivesEachOnce) {
  World equals({.dim = 8, .metric = Metric::kL2, .profile = GetParam(), .link_threads = 0});
  SlotBitmap bitmap;
  for (size_t i = 0; i < 3000; ++i) {
    const Slot slot = equals.insert(Floats(8, 0.5F));
    if (i % 2 == 0) bitmap.set(slot);
  }
  SearchParams params{.k = 3};
  params.filter.bitmap = &bitmap;
  Cursor cursor = equals.index->open(Floats(8, 1.0F), params).value();
  std::vector<Candidate> got;
  while (cursor.next(100, got) == 100) {
  }
  SlotBitmap seen;
  for (const Candidate& c : got) seen.set(c.slot);
  EXPECT_EQ(got.size(), bitmap.count());
  EXPECT_EQ(seen.count(), bitmap.count());
}

TEST_P(Filters, ACursorGoesOnPastItsBeamAndNeverRepeats) {
  for (const Floats& query : queries_) {
    Cursor cursor = world_->index->open(query, {.k = 10, .beam_width = 16}).value();
    std::vector<Candidate> got;
    for (size_t count = 10; got.size() < kVectors; count *= 2) ASSERT_GT(cursor.next(count, got), 0U);
    std::vector<bool> seen(kVectors);
    for (const Candidate& c : got) {
      ASSERT_FALSE(seen[static_cast<size_t>(c.slot)]) << "given twice";
      seen[static_cast<size_t>(c.slot)] = true;
    }
    EXPECT_EQ(cursor.next(SIZE_MAX, got), 0U);
  }
}

}  // namespace
}  // namespace sagitta::ann
