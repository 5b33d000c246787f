// What sketches estimate against exact distances.
#include "sketch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

namespace sagitta::ann {
namespace {

using Floats = std::vector<float>;

constexpr uint32_t kDim = 128, kLinks = 40;

class SketchTest : public testing::Test {
 protected:
  Floats gaussian(float deviation) {
    std::normal_distribution<float> normal(0, deviation);
    Floats v(kDim);
    for (float& x : v) x = normal(random_);
    return v;
  }
  Floats near(const Floats& from, float deviation) {
    Floats v = gaussian(deviation);
    for (uint32_t i = 0; i < kDim; ++i) v[i] += from[i];
    return v;
  }
  /// A neighbour of `node`, moved by up to the whole way towards `query` or away from it.
  Floats towards(const Floats& query, const Floats& node) {
    const float part = std::uniform_real_distribution<float>(-1, 1)(random_);
    Floats v = gaussian(0.2F);
    for (uint32_t i = 0; i < kDim; ++i) v[i] += node[i] + part * (query[i] - node[i]);
    return v;
  }
  Floats placed(const Floats& v) const {
    Floats out;
    codec_.place(v, out);
    return out;
  }
  static float squared(const Floats& a, const Floats& b) {
    return simd::kernels().l2_f32(a.data(), b.data(), a.size());
  }

  std::mt19937_64 random_{5};
  const Codec codec_{Metric::kL2, kDim, CodeBits::k4, gaussian(1)};
};

TEST_F(SketchTest, TheWayBackIsTheWayTurned) {
  for (int i = 0; i < 100; ++i) {
    const Floats a = placed(gaussian(1)), b = placed(gaussian(1));
    const Sketch sketch = sketch_between(a, b);
    EXPECT_TRUE(is_between(sketch, a, b));
    EXPECT_TRUE(is_between(sketch.reversed(), b, a));
    EXPECT_TRUE(is_between(sketch.reversed().reversed(), a, b));
    EXPECT_FALSE(is_between(sketch, b, a));
  }
}

TEST_F(SketchTest, EachPartOfASketchTellsItsLink) {
  const Floats a = placed(gaussian(1)), b = placed(gaussian(1));
  const Sketch right = sketch_between(a, b);
  Sketch signs = right, offset = right, scale = right;
  signs.signs ^= 4;
  offset.offset = simd::to_bf16(1.1F * to_float(right.offset));
  scale.scale = simd::to_bf16(1.1F * to_float(right.scale));
  for (const Sketch& wrong : {signs, offset, scale}) EXPECT_FALSE(is_between(wrong, a, b));
}

// As in a snapshot from a machine that rounds in another way.
TEST_F(SketchTest, ASignThatRoundingDecidesIsAnyones) {
  const Floats a = placed(gaussian(1));
  for (size_t i = 0; i < 64; ++i) {
    Floats above = placed(gaussian(1)), below = above;
    above[i] = std::nextafter(a[i], INFINITY);
    below[i] = std::nextafter(a[i], -INFINITY);
    EXPECT_TRUE(is_between(sketch_between(a, above), a, below));
    below[i] = a[i] - 0.01F;
    EXPECT_FALSE(is_between(sketch_between(a, above), a, below));
  }
}

TEST_F(SketchTest, NearlyEqualVectorsMayHaveAnySketch) {
  const Floats a = placed(gaussian(1));
  Floats above = a, below = a;
  for (size_t i = 0; i < a.size(); i += 16) above[i] = std::nextafter(a[i], INFINITY);
  for (size_t i = 0; i < a.size(); i += 7) below[i] = std::nextafter(a[i], -INFINITY);
  EXPECT_TRUE(is_between(sketch_between(a, above), a, below));
  EXPECT_TRUE(is_between(sketch_between(a, above), a, a));
  EXPECT_FALSE(is_between(sketch_between(a, above), a, placed(gaussian(1))));
}

TEST_F(SketchTest, ABlockHoldsThemApart) {
  for (uint32_t links : {1U, 15U, 16U, 17U, 48U, 70U}) {
    SketchBlock block;
    block.resize(links);
    EXPECT_EQ(block.words().size_bytes(), SketchBlock::bytes_for(links));
    EXPECT_EQ(block.lanes() % 16, 0U);
    std::vector<Sketch> sketches;
    for (uint32_t i = 0; i < links; ++i) {
      sketches.push_back(sketch_between(placed(gaussian(1)), placed(gaussian(1))));
      block.set(i, sketches.back());
    }
    for (uint32_t i = 0; i < links; ++i) {
      EXPECT_EQ(block.at(i).signs, sketches[i].signs);
      EXPECT_EQ(block.at(i).offset, sketches[i].offset);
      EXPECT_EQ(block.at(i).scale, sketches[i].scale);
    }
  }
}

// Of neighbours on all sides of a node, nearly all that are nearer to the query than the node stay,
// and most others go.
TEST_F(SketchTest, WhatIsNearIsKeptAndMostOfWhatIsFarGoes) {
  size_t near_ones = 0, near_kept = 0, far_ones = 0, far_kept = 0;
  for (int round = 0; round < 200; ++round) {
    const Floats query = gaussian(1), node = near(query, 0.3F);
    SketchBlock block;
    block.resize(kLinks);
    std::vector<float> distances;
    for (uint32_t i = 0; i < kLinks; ++i) {
      const Floats neighbour = towards(query, node);
      block.set(i, sketch_between(placed(node), placed(neighbour)));
      distances.push_back(squared(query, neighbour));
    }
    const float here = squared(query, node), limit = 0.9F * here;
    Codec::Query code_query;
    codec_.prepare(query, code_query);
    SketchProbe probe;
    probe.prepare(code_query);
    std::vector<uint32_t> links(kLinks);
    std::iota(links.begin(), links.end(), 0U);
    const uint32_t kept = probe.keep_near(here, limit, block, links.data(), kLinks);
    ASSERT_TRUE(std::is_sorted(links.begin(), links.begin() + kept));
    for (float d : distances) ++(d < limit ? near_ones : far_ones);
    for (uint32_t i = 0; i < kept; ++i) ++(distances[links[i]] < limit ? near_kept : far_kept);
  }
  EXPECT_GT(near_ones, 1000U);
  EXPECT_GE(near_kept, near_ones * 95 / 100) << "of " << near_ones;
  EXPECT_LE(far_kept, far_ones * 30 / 100) << "of " << far_ones;
}

TEST_F(SketchTest, WhatIsBeyondNumbersIsKept) {
  const Floats node = placed(gaussian(1)), away = placed(gaussian(1e25F));
  EXPECT_TRUE(is_between(sketch_between(node, away).reversed(), away, node));
  for (const Sketch& sketch : {sketch_between(node, away), sketch_between(node, away).reversed()}) {
    SketchBlock block;
    block.resize(1);
    block.set(0, sketch);
    Codec::Query query;
    codec_.prepare(gaussian(1), query);
    SketchProbe probe;
    probe.prepare(query);
    uint32_t link = 7;
    EXPECT_EQ(probe.keep_near(1, 0, block, &link, 1), 1U);
  }
}

}  // namespace
}  // namespace sagitta::ann
