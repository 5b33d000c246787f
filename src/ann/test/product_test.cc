// Recall under dot_product, where lengths decide: the answers are long vectors, which by distance
// are near to no other.
#include <fmt/format.h>

#include <random>

#include "sagitta/base/memory_file.h"

#include "world.h"

namespace sagitta::ann {
namespace {

constexpr uint32_t kDim = 32;

/// Normal vectors: lengths differ by about a tenth, and none is far longer than most.
class Normal {
 public:
  explicit Normal(uint64_t seed) : random_(seed) {}
  Floats any(float length = 1) {
    Floats v(kDim);
    for (float& x : v) x = length * normal_(random_);
    return v;
  }
  /// With lengths over two orders of magnitude.
  Floats of_any_length() { return any(std::exp(normal_(random_))); }
  std::vector<Floats> queries(size_t count) {
    std::vector<Floats> out(count);
    for (Floats& query : out) query = any();
    return out;
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<float> normal_;
};

IndexOptions options_of(Profile profile, Level level = Level::kF32) {
  return {.dim = kDim, .metric = Metric::kDot, .level = level, .profile = profile, .link_threads = 0};
}

/// Measured: 0.974 compact, 0.988 fast. hnswlib 0.8.0 at M 16, ef_construction 200, ef 64 has
/// 0.952.
TEST(Product, OfNormalVectorsIsFoundAsByHnswlib) {
  Normal data(1);
  World compact(options_of(Profile::kCompact));
  for (size_t i = 0; i < 16'000; ++i) compact.insert(data.any());
  compact.index->settle();
  compact.check();
  const Quality quality = compact.quality(data.queries(500), {.k = 10, .beam_width = 64}, 1e-5);
  EXPECT_EQ(quality.graph, 500U);
  EXPECT_GE(quality.recall, 0.96);
}

class ProductOf : public testing::TestWithParam<std::tuple<Profile, Level>> {
 protected:
  static double slack() { return std::get<Level>(GetParam()) == Level::kF32 ? 1e-5 : 1e-2; }
  static IndexOptions options() { return options_of(std::get<Profile>(GetParam()), std::get<Level>(GetParam())); }
};
INSTANTIATE_TEST_SUITE_P(All, ProductOf,
                         testing::Combine(testing::Values(Profile::kCompact, Profile::kFast),
                                          testing::Values(Level::kF32, Level::kF16, Level::kBf16, Level::kI8)),
                         [](const auto& of) {
                           return fmt::format("{}_{}", to_string(std::get<Profile>(of.param)),
                                              to_string(std::get<Level>(of.param)));
                         });

TEST_P(ProductOf, NormalVectors) {
  Normal data(2);
  World world(options());
  for (size_t i = 0; i < 4000; ++i) world.insert(data.any());
  world.index->settle();
  world.check();
  EXPECT_GE(world.quality(data.queries(200), {.k = 10, .beam_width = 64}, slack()).recall, 0.97);
}

TEST_P(ProductOf, VectorsOfAnyLengthAlsoTheShortOnes) {
  Normal data(3);
  World world(options());
  SlotBitmap short_ones;
  for (size_t i = 0; i < 3000; ++i) {
    Floats v = data.of_any_length();
    float squares = 0;
    for (const float x : v) squares += x * x;
    const Slot slot = world.insert(std::move(v));
    if (squares < kDim) short_ones.set(slot);
  }
  world.index->settle();
  world.check();
  const std::vector<Floats> queries = data.queries(200);
  EXPECT_GE(world.quality(queries, {.k = 10, .beam_width = 64}, slack()).recall, 0.98);
  SearchParams params{.k = 10, .beam_width = 64};
  params.filter.bitmap = &short_ones;
  const auto passes = [&](Slot slot) { return short_ones.test(slot); };
  EXPECT_GE(world.quality(queries, params, slack(), passes).recall, 0.95);
}

TEST_P(ProductOf, NormalVectorsThatComeAndGo) {
  Normal data(4);
  World world(options());
  std::mt19937_64 random(5);
  for (size_t i = 0; i < 3000; ++i) world.insert(data.any());
  for (int generation = 0; generation < 6; ++generation) {
    for (int i = 0; i < 150; ++i) world.erase(world.twin.nth(random() % world.twin.size()));
    for (int i = 0; i < 150; ++i) world.insert(data.any());
    world.index->settle();
  }
  world.check();
  EXPECT_GE(world.quality(data.queries(200), {.k = 10, .beam_width = 64}, slack()).recall, 0.97);
}

// A snapshot keeps the kind of neighbours: later inserts are linked in the same way.
TEST_P(ProductOf, AnIndexThatWasLoadedGrowsAsWell) {
  Normal data(6);
  World world(options());
  for (size_t i = 0; i < 1000; ++i) world.insert(data.any());
  world.index->settle();
  const auto files = MemoryFileSystem::make();
  ASSERT_TRUE(files->make_directories("/s"));
  ASSERT_TRUE(world.index->save(*files, "/s/x"));
  world.index = Index::load(*files, "/s/x", options()).value();
  for (size_t i = 0; i < 3000; ++i) world.insert(data.any());
  world.index->settle();
  world.check();
  EXPECT_GE(world.quality(data.queries(200), {.k = 10, .beam_width = 64}, slack()).recall, 0.97);
}

}  // namespace
}  // namespace sagitta::ann
