// Data without the structure that a graph relies on. Every answer must be as good as elsewhere.
#include <gtest/gtest.h>

#include "sagitta/base/memory_file.h"

#include "vectors.h"
#include "world.h"

namespace sagitta::ann {
namespace {

constexpr size_t kMany = 3000;

struct Case {
  std::string name;
  Metric metric = Metric::kL2;
  uint32_t dim = 16;
  std::function<Floats(Clusters&)> vector;
  size_t count = kMany;
  double recall_min = 0.95;
};

Floats scaled(Floats v, float by) {
  for (float& x : v) x *= by;
  return v;
}

std::vector<Case> cases() {
  const auto gaussian = [](Clusters& c) { return c.any(); };
  const auto by = [](float factor) { return [factor](Clusters& c) { return scaled(c.any(), factor); }; };
  // Coarse enough that each vector occurs about ten times.
  const auto duplicates = [](Clusters& c) {
    Floats v(16);
    v[0] = static_cast<float>(c.below(17)) - 8;
    v[1] = static_cast<float>(c.below(17)) - 8.5F;
    return v;
  };
  const auto outliers = [](float factor) {
    return [factor](Clusters& c) { return scaled(c.any(), c.below(100) == 0 ? factor : 1); };
  };
  const auto line = [](Clusters& c) { return Floats{static_cast<float>(c.below(1'000'000)) * 1e-3F}; };
  const auto far_off = [](Clusters& c) {
    Floats v = c.any();
    for (float& x : v) x += 1000;
    return v;
  };
  return {
      {.name = "equal", .vector = [](Clusters&) { return Floats(16, 0.5F); }, .count = 1400},
      {.name = "equal_cosine",
       .metric = Metric::kCosine,
       .vector = [](Clusters&) { return Floats(16, 0.5F); },
       .count = 1400},
      {.name = "zero", .vector = [](Clusters&) { return Floats(16); }, .count = 1400},
      {.name = "duplicates", .vector = duplicates},
      {.name = "one_cluster", .vector = [](Clusters& c) { return c.of(0); }},
      {.name = "one_dimension", .dim = 1, .vector = line},
      {.name = "one_dimension_dot", .metric = Metric::kDot, .dim = 1, .vector = line},
      {.name = "far_from_zero", .vector = far_off},
      {.name = "huge_l2", .vector = by(1e15F)},
      {.name = "huge_dot", .metric = Metric::kDot, .vector = by(1e15F)},
      {.name = "huge_cosine", .metric = Metric::kCosine, .vector = by(5e36F)},
      {.name = "tiny_l2", .vector = by(1e-15F)},
      {.name = "denormal_cosine", .metric = Metric::kCosine, .vector = by(1e-40F)},
      {.name = "outliers", .vector = outliers(1e6F), .recall_min = 0.9},
      {.name = "outliers_beyond_sketches", .vector = outliers(1e12F), .recall_min = 0.9},
      {.name = "limit_dimension", .dim = 16'000, .vector = gaussian, .count = 300},
  };
}

class Degenerate : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(All, Degenerate, testing::ValuesIn(cases()), [](const auto& c) { return c.param.name; });

void expect_right(const Case& c, Profile profile) {
  World world({.dim = c.dim, .metric = c.metric, .profile = profile, .expansion_add = 64, .link_threads = 0});
  Clusters data(c.dim, 20, 0.5F, 7);
  for (size_t i = 0; i < c.count; ++i) world.insert(c.vector(data));
  std::vector<Floats> queries(c.dim > 1000 ? 3 : 40);
  for (Floats& query : queries) query = c.vector(data);
  EXPECT_GE(world.quality(queries, {}).recall, c.recall_min) << "before it settled";
  world.index->settle();
  world.check();
  EXPECT_GE(world.quality(queries, {}).recall, c.recall_min);
  for (size_t i = 0; i < c.count / 2; ++i) world.erase(world.twin.nth(data.below(world.twin.size())));
  for (size_t i = 0; i < c.count / 4; ++i) world.insert(c.vector(data));
  world.index->settle();
  world.check();
  EXPECT_GE(world.quality(queries, {}).recall, c.recall_min) << "after erasing half";
  const SearchAnswer all = world.index->search(queries[0], {.k = static_cast<uint32_t>(c.count)}).value();
  EXPECT_EQ(all.candidates.size(), world.twin.size());
}

TEST_P(Degenerate, AnswersStayRight) { expect_right(GetParam(), Profile::kCompact); }
TEST_P(Degenerate, AnswersStayRightInFast) { expect_right(GetParam(), Profile::kFast); }

// At i8 only codes are kept, so their centre must not depend on one vector.
TEST(Degenerate, TheFirstVectorIsFarLongerThanAllOthersAtI8) {
  for (const Metric metric : {Metric::kL2, Metric::kDot}) {
    World world({.dim = 16, .metric = metric, .level = Level::kI8, .expansion_add = 64, .link_threads = 0});
    Clusters data(16, 20, 0.5F, 7);
    world.insert(scaled(data.any(), 1000));
    std::vector<Floats> queries(40);
    for (Floats& query : queries) query = data.any();
    for (const size_t count : {100U, 3000U}) {
      while (world.twin.size() < count) world.insert(data.any());
      EXPECT_GE(world.quality(queries, {}, 0.01).recall, 0.9) << count;
    }
    world.index->settle();
    world.check();
    EXPECT_GE(world.quality(queries, {}, 0.01).recall, 0.9);
  }
}

TEST(Degenerate, HalfFloatsHoldWhatIsLarger) {
  for (const Level level : {Level::kF16, Level::kBf16}) {
    World world({.dim = 4, .metric = Metric::kDot, .level = level, .link_threads = 0});
    const float largest = std::numeric_limits<float>::max();
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(world.index->insert(Floats(4, i % 2 == 0 ? largest : -largest)));
    world.index->settle();
    const Status status = world.index->check();
    EXPECT_TRUE(status) << status.error().to_string();
    const SearchAnswer answer = world.index->search(Floats(4, largest), {.k = 500}).value();
    ASSERT_EQ(answer.candidates.size(), 500U);
    for (const Candidate& c : answer.candidates) {
      EXPECT_TRUE(std::isfinite(c.distance));
      EXPECT_EQ(static_cast<uint32_t>(c.slot) % 2, 0U);
    }
  }
}

// The code is of the stored vector, not of the given one.
TEST(Degenerate, HalfFloatsAreWalkedToWhereTheyAreStored) {
  static constexpr float kHalfMax = 65504;
  World world({.dim = 16, .metric = Metric::kL2, .level = Level::kF16, .link_threads = 0});
  Clusters data(16, 20, 0.5F, 7);
  const auto stored = [](Floats v) {
    for (float& x : v) x = std::clamp(x, -kHalfMax, kHalfMax);
    return v;
  };
  // One component of each exceeds a half float.
  const auto any = [&data] {
    Floats v = scaled(data.any(), 1000);
    v[0] = 1e5F * static_cast<float>(1 + data.below(1000));
    return v;
  };
  for (size_t i = 0; i < kMany; ++i) {
    const Floats v = any();
    world.twin.insert(world.index->insert(v).value(), stored(v));
  }
  world.index->settle();
  std::vector<Floats> queries(100);
  for (Floats& query : queries) query = stored(any());
  const Quality quality = world.quality(queries, {.beam_width = 100}, 0.01);
  EXPECT_EQ(quality.graph, queries.size());
  EXPECT_GE(quality.recall, 0.9);
}

// A file may hold bad vectors under right checksums.
TEST(Degenerate, NoDistanceIsNotANumber) {
  const Floats query(4, 0.5F);
  const std::vector<std::byte> vector(4 * sizeof(float), std::byte{0xff});  // a NaN at every level
  std::vector<std::byte> at_level;
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kDot}) {
    for (const Level level : {Level::kF32, Level::kF16, Level::kBf16}) {
      const Scorer scorer(metric, level, query, at_level);
      EXPECT_EQ(scorer(vector.data()), std::numeric_limits<float>::max()) << to_string(metric) << to_string(level);
    }
  }
}

// Long vectors are the answers to nearly all queries, though neighbours of none.
class LongVectors : public testing::Test {
 protected:
  Floats long_one() {
    Floats v = data_.any();
    for (uint32_t i = 0; i < kDim; ++i) v[i] = static_cast<float>(data_.below(2001)) * 1e-3F - 1;
    float squares = 0;
    for (float x : v) squares += x * x;
    const auto times = static_cast<float>(10 + data_.below(21));
    return scaled(v, times * kUsualLength / std::sqrt(squares));
  }
  void insert(size_t count, size_t one_long_in) {
    for (size_t i = 0; i < count; ++i) {
      if (i % one_long_in == 0) {
        long_.push_back(world_.insert(long_one()));
      } else {
        world_.insert(data_.any());
      }
    }
    world_.index->settle();
    world_.check();
  }
  void erase_long(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      std::swap(long_[data_.below(long_.size())], long_.back());
      world_.erase(long_.back());
      long_.pop_back();
    }
    world_.index->settle();
    world_.check();
  }
  double recall() {
    std::vector<Floats> queries(200);
    for (Floats& query : queries) query = data_.any();
    return world_.quality(queries, {}).recall;
  }

  static constexpr uint32_t kDim = 32;
  static constexpr float kUsualLength = 6.3F;
  Clusters data_{kDim, 100, 0.5F, 5};
  World world_{{.dim = kDim, .metric = Metric::kDot, .link_threads = 0}};
  std::vector<Slot> long_;
};

TEST_F(LongVectors, AreFoundUnderDot) {
  insert(5000, 100);
  EXPECT_GE(recall(), 0.95);
  erase_long(25);
  EXPECT_GE(recall(), 0.95);
  insert(2500, 100);
  EXPECT_GE(recall(), 0.95);
}

// Only some of the longest are entries; others follow when those are erased.
TEST_F(LongVectors, FollowOneAnother) {
  insert(5000, 10);
  EXPECT_GE(recall(), 0.85);
  erase_long(400);
  EXPECT_GE(recall(), 0.95);
}

TEST_F(LongVectors, AreFoundInWhatWasLoaded) {
  insert(5000, 100);
  const auto files = MemoryFileSystem::make();
  ASSERT_TRUE(files->make_directories("/s"));
  ASSERT_TRUE(world_.index->save(*files, "/s/long"));
  world_.index = Index::load(*files, "/s/long", {.dim = kDim, .metric = Metric::kDot, .link_threads = 0}).value();
  EXPECT_GE(recall(), 0.95);
  erase_long(25);
  EXPECT_GE(recall(), 0.95);
}

// A vector is found even if its whole neighbourhood was erased and is not repaired yet.
TEST(Degenerate, ANewVectorAmongErasedOnes) {
  World world({.dim = 8, .metric = Metric::kL2, .expansion_add = 32, .link_threads = 0});
  Clusters data(8, 100, 0.01F, 3);
  for (size_t i = 0; i < 30'000; ++i) world.insert(data.of(static_cast<uint32_t>(i / 300)));
  world.index->settle();
  for (uint32_t i = 0; i < 300; ++i) world.erase(Slot{15'000 + i});
  std::vector<Floats> added;
  for (int i = 0; i < 20; ++i) world.insert(added.emplace_back(data.of(50)));
  for (int i = 0; i < 1100; ++i) world.insert(data.of(0));  // pushes them out of the fresh list
  EXPECT_EQ(world.quality(added, {.k = 1}).recall, 1);
  world.index->settle();
  world.check();
}

TEST(Degenerate, DriftOfClusters) {
  World world({.dim = 32, .metric = Metric::kL2, .expansion_add = 64, .link_threads = 0});
  Clusters data(32, 50, 0.4F, 11);
  for (size_t i = 0; i < 4000; ++i) world.insert(data.any());
  for (int generation = 0; generation < 10; ++generation) {
    data.drift(0.7F);
    for (size_t i = 0; i < 1000; ++i) {
      world.erase(world.twin.nth(data.below(world.twin.size())));
      world.insert(data.any());
    }
  }
  world.index->settle();
  world.check();
  std::vector<Floats> queries(100);
  for (Floats& query : queries) query = data.any();
  const Quality quality = world.quality(queries, {.beam_width = 64});
  EXPECT_EQ(quality.graph, queries.size());
  EXPECT_GE(quality.recall, 0.95);
}

}  // namespace
}  // namespace sagitta::ann
