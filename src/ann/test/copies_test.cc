// Equal vectors, such as missing embeddings that are all zero, or a document loaded five times.
// Recall is counted by distance.
#include <fmt/format.h>

#include <random>
#include <thread>

#include "sagitta/base/memory_file.h"

#include "world.h"

namespace sagitta::ann {
namespace {

constexpr uint32_t kDim = 32;

struct Kind {
  Metric metric = Metric::kL2;
  Profile profile = Profile::kCompact;
  Level level = Level::kF32;
};

std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kDot}) {
    for (const Profile profile : {Profile::kCompact, Profile::kFast}) {
      for (const Level level : {Level::kF32, Level::kF16, Level::kBf16, Level::kI8})
        all.push_back({metric, profile, level});
    }
  }
  return all;
}

class CopiesOf : public testing::TestWithParam<Kind> {
 protected:
  IndexOptions options() const {
    return {.dim = kDim,
            .metric = GetParam().metric,
            .level = GetParam().level,
            .profile = GetParam().profile,
            .expansion_add = 64,
            .link_threads = 0};
  }
  double slack() const { return GetParam().level == Level::kF32 ? 1e-5 : 2e-2; }
  Floats any() {
    Floats v(kDim);
    for (float& x : v) x = normal_(random_);
    return v;
  }
  std::vector<Floats> many(size_t count) {
    std::vector<Floats> all(count);
    for (Floats& v : all) v = any();
    return all;
  }
  /// A missing embedding: zero; under cosine, which has no zero vector, any vector that many rows
  /// share.
  Floats missing() { return GetParam().metric == Metric::kCosine ? any() : Floats(kDim); }
  void settle(World& world) {
    world.index->settle();
    world.check();
  }
  /// Recall over the queries; also requires that each finds something.
  double recall(const World& world, std::span<const Floats> queries) {
    double sum = 0;
    for (const Floats& query : queries) {
      const double found = world.quality(std::span(&query, 1), {.k = 10, .beam_width = 64}, slack()).recall;
      EXPECT_GT(found, 0);
      sum += found;
    }
    return sum / static_cast<double>(queries.size());
  }
  void insert_shuffled(World& world, std::vector<Floats> rows) {
    std::ranges::shuffle(rows, random_);
    for (Floats& row : rows) world.insert(std::move(row));
    settle(world);
  }
  /// Slots of `count` copies of one vector among others.
  std::vector<Slot> insert_copies(World& world, const Floats& copied, size_t count, size_t others) {
    std::vector<Slot> slots;
    for (size_t i = 0; i < count + others; ++i) {
      if (i * count / (count + others) != (i + 1) * count / (count + others)) {
        slots.push_back(world.insert(copied));
      } else {
        world.insert(any());
      }
    }
    settle(world);
    return slots;
  }
  static size_t found_of(const World& world, const Floats& query, SearchParams params, const std::vector<Slot>& slots) {
    const SearchAnswer answer = world.index->search(query, params).value();
    return static_cast<size_t>(std::ranges::count_if(
        answer.candidates, [&](const Candidate& c) { return std::ranges::find(slots, c.slot) != slots.end(); }));
  }

  std::mt19937_64 random_{1};
  std::normal_distribution<float> normal_;
};
INSTANTIATE_TEST_SUITE_P(All, CopiesOf, testing::ValuesIn(kinds()), [](const auto& of) {
  return fmt::format("{}_{}_{}", to_string(of.param.metric), to_string(of.param.profile), to_string(of.param.level));
});

TEST_P(CopiesOf, CostNoRecall) {
  const std::vector<Floats> rows = many(1500), queries = many(100);
  World alone(options());
  insert_shuffled(alone, rows);
  const double bound = recall(alone, queries) - 0.02;
  std::vector<Floats> with_missing = rows, five_copied = rows, twice = rows;
  with_missing.resize(2000, missing());
  for (int i = 0; i < 5; ++i) five_copied.resize(five_copied.size() + 200, any());
  twice.insert(twice.end(), rows.begin(), rows.end());
  for (const auto& all : {with_missing, five_copied, twice}) {
    World world(options());
    insert_shuffled(world, all);
    EXPECT_GE(recall(world, queries), bound);
  }
}

TEST_P(CopiesOf, AreAllFound) {
  World world(options());
  const Floats copied = any();
  const std::vector<Slot> slots = insert_copies(world, copied, 300, 900);
  EXPECT_EQ(found_of(world, copied, {.k = 400, .beam_width = 64}, slots), slots.size());
  Cursor cursor = world.index->open(copied, {.k = 7}).value();
  std::vector<Candidate> given;
  while (cursor.next(7, given) == 7) {
  }
  EXPECT_EQ(given.size(), world.twin.size());
  std::ranges::sort(given, {}, &Candidate::slot);
  EXPECT_EQ(std::ranges::adjacent_find(given, {}, &Candidate::slot), given.end()) << "given twice";
}

// Erases the leader first: another copy inherits its links.
TEST_P(CopiesOf, AreFoundWhileOthersOfThemGo) {
  World world(options());
  const Floats copied = missing();
  std::vector<Slot> slots = insert_copies(world, copied, 200, 800);
  const std::vector<Floats> queries = many(50);
  const double bound = recall(world, queries) - 0.02;
  for (const size_t go : {1U, 1U, 60U, 100U, 37U, 1U}) {
    for (size_t i = 0; i < go; ++i) world.erase(slots[i]);
    slots.erase(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(go));
    settle(world);
    const auto near = static_cast<uint32_t>(slots.size() + 20);
    const bool all_near = GetParam().metric != Metric::kDot;  // by product longer ones are as near
    if (all_near) {
      EXPECT_EQ(found_of(world, copied, {.k = near, .beam_width = 64}, slots), slots.size());
    }
    EXPECT_GE(recall(world, queries), bound);
  }
}

TEST_P(CopiesOf, AreFilteredEachByItself) {
  World world(options());
  const Floats copied = any();
  const std::vector<Slot> slots = insert_copies(world, copied, 300, 900);
  SlotBitmap bitmap;
  std::vector<Slot> passing;
  for (size_t i = 1; i < slots.size(); i += 7) {
    bitmap.set(slots[i]);
    passing.push_back(slots[i]);
  }
  SearchParams by_bitmap{.k = 100}, by_predicate{.k = 100};
  by_bitmap.filter.bitmap = &bitmap;
  by_predicate.filter.predicate = [&](Slot s) { return bitmap.test(s) ? Verdict::kAccept : Verdict::kReject; };
  for (const SearchParams& params : {by_bitmap, by_predicate}) {
    EXPECT_EQ(found_of(world, copied, params, passing), passing.size());
    EXPECT_EQ(world.index->search(copied, params)->candidates.size(), passing.size());
  }
}

TEST_P(CopiesOf, AreReplacedAndComeBack) {
  World world(options());
  const std::vector<Floats> copied = many(3), queries = many(50);
  for (int i = 0; i < 1200; ++i) world.insert(i % 2 == 0 ? copied[random_() % 3] : any());
  for (int generation = 0; generation < 6; ++generation) {
    for (int i = 0; i < 200; ++i) {
      const Slot old = world.twin.nth(random_() % world.twin.size());
      Floats v = random_() % 2 == 0 ? copied[random_() % 3] : any();
      const Slot slot = world.index->replace(old, v).value();
      world.twin.erase(old);
      world.twin.insert(slot, std::move(v));
    }
    settle(world);
  }
  EXPECT_GE(recall(world, queries), 0.95);
}

TEST_P(CopiesOf, ComeBackFromASnapshot) {
  World world(options());
  const Floats copied = any();
  std::vector<Slot> slots = insert_copies(world, copied, 200, 800);
  const auto files = MemoryFileSystem::make();
  ASSERT_TRUE(files->make_directories("/s"));
  for (int i = 0; i < 20; ++i, slots.erase(slots.begin())) world.erase(slots.front());  // retired, not unlinked yet
  ASSERT_TRUE(world.index->save(*files, "/s/x"));
  world.index = Index::load(*files, "/s/x", options()).value();
  settle(world);
  EXPECT_EQ(found_of(world, copied, {.k = 300, .beam_width = 64}, slots), slots.size());
  for (int i = 0; i < 100; ++i, slots.erase(slots.begin())) world.erase(slots.front());
  for (int i = 0; i < 50; ++i) slots.push_back(world.insert(copied));
  settle(world);
  EXPECT_EQ(found_of(world, copied, {.k = 300, .beam_width = 64}, slots), slots.size());
}

// A thousand equally far copies must not make a search compare more than was asked for, nor walk
// farther.
TEST(Copies, CostAQueryNothing) {
  World alone({.dim = kDim, .metric = Metric::kL2, .link_threads = 0}), with_zeros(alone.index->options());
  Clusters data(kDim, 50, 0.5F, 3);
  for (int i = 0; i < 3000; ++i) {
    const Floats v = data.any();
    alone.insert(v);
    with_zeros.insert(v);
    if (i % 3 == 0) with_zeros.insert(Floats(kDim));
  }
  alone.index->settle();
  with_zeros.index->settle();
  SearchStats sum_alone, sum_with;
  for (int i = 0; i < 100; ++i) {
    const Floats query = data.any();
    const auto add = [&](SearchStats& sum, const World& world) {
      const SearchStats stats = world.index->search(query, {.k = 10, .beam_width = 64})->stats;
      sum.distances += stats.distances;
      sum.expanded += stats.expanded;
      sum.rescored += stats.rescored;
    };
    add(sum_alone, alone);
    add(sum_with, with_zeros);
  }
  EXPECT_LE(sum_with.distances, sum_alone.distances * 11 / 10);
  EXPECT_LE(sum_with.expanded, sum_alone.expanded * 11 / 10);
  const SearchStats at_zero = with_zeros.index->search(Floats(kDim), {.k = 10, .beam_width = 64})->stats;
  EXPECT_LE(at_zero.rescored, 40U);
}

// Minus zero equals zero.
TEST(Copies, AreKnownByWhatTheyAreWorth) {
  World world({.dim = kDim, .metric = Metric::kL2, .link_threads = 0});
  Clusters data(kDim, 50, 0.5F, 3);
  for (int i = 0; i < 1000; ++i) world.insert(i % 2 == 0 ? Floats(kDim, i % 4 == 0 ? 0.0F : -0.0F) : data.any());
  world.index->settle();
  world.check();
  std::vector<Floats> queries(100);
  for (Floats& query : queries) query = data.any();
  EXPECT_GE(world.quality(queries, {.k = 10, .beam_width = 64}).recall, 0.98);
}

TEST(Copies, ManyThreadsInsertAndEraseTheSame) {
  for (const Profile profile : {Profile::kCompact, Profile::kFast}) {
    World world({.dim = kDim, .metric = Metric::kL2, .profile = profile, .expansion_add = 32, .link_threads = 2});
    Clusters shared(kDim, 4, 0, 3);  // four vectors
    const std::vector<Floats> copied{shared.of(0), shared.of(1), shared.of(2), shared.of(3)};
    std::vector<std::vector<std::pair<Slot, Floats>>> left(4);
    std::vector<std::jthread> writers;
    for (size_t t = 0; t < left.size(); ++t) {
      writers.emplace_back([&, t] {
        Clusters own(kDim, 20, 0.5F, t);
        for (int i = 0; i < 1500; ++i) {
          Floats v = i % 3 == 0 ? own.any() : copied[own.below(4)];
          left[t].emplace_back(world.index->insert(v).value(), v);
          if (i % 100 == 99) {
            for (int e = 0; e < 60; ++e) {
              std::swap(left[t][own.below(left[t].size())], left[t].back());
              EXPECT_TRUE(world.index->erase(left[t].back().first));
              left[t].pop_back();
            }
          }
          ASSERT_TRUE(i % 50 != 0 || world.index->search(copied[0], {.k = 50}));
        }
      });
    }
    writers.clear();
    for (auto& rows : left) {
      for (auto& [slot, v] : rows) world.twin.insert(slot, std::move(v));
    }
    world.index->settle();
    world.check();
    for (const Floats& query : copied) {
      size_t count = 0;
      for (size_t i = 0; i < world.twin.size(); ++i) count += world.twin.vector(world.twin.nth(i)) == query ? 1U : 0U;
      const SearchAnswer answer = world.index->search(query, {.k = static_cast<uint32_t>(count)}).value();
      ASSERT_EQ(answer.candidates.size(), count);
      EXPECT_EQ(answer.candidates.back().distance, 0) << "a copy is missing";
    }
  }
}

}  // namespace
}  // namespace sagitta::ann
