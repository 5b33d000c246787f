// Estimates by codes and by fine codes against exact distances.
#include "codec.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "vectors.h"

namespace sagitta::ann {
namespace {

using Floats = std::vector<float>;

/// Dimensions around the change to codes of 2 bits, and some whose rotation needs padding.
class CodecTest : public testing::TestWithParam<std::tuple<Metric, uint32_t>> {
 protected:
  struct Coded {
    Floats stored;
    std::vector<uint8_t> code, fine;
    Codec::Factors factors;
  };

  Floats gaussian() {
    std::normal_distribution<float> normal(0.1F, 1);
    Floats v(dim_);
    for (float& x : v) x = normal(random_);
    return stored(v);
  }
  Floats stored(const Floats& v) const {
    Floats out(dim_);
    store_form(metric_, v, out);
    return out;
  }
  Floats sample() {
    Floats all;
    for (int i = 0; i < 128; ++i) {
      const Floats v = gaussian();
      all.insert(all.end(), v.begin(), v.end());
    }
    return all;
  }
  Coded encode(Floats v) const {
    Coded coded{.stored = std::move(v),
                .code = std::vector<uint8_t>(Codec::code_bytes(dim_, CodeBits::k2)),
                .fine = std::vector<uint8_t>(Codec::fine_bytes(dim_, CodeBits::k2))};
    Floats scratch;
    coded.factors = codec_.encode(coded.stored, coded.code.data(), coded.fine.data(), scratch);
    return coded;
  }
  float estimate(const Codec::Query& query, const Coded& coded) const {
    const uint8_t* code = coded.code.data();
    const Codec::Factors* factors = &coded.factors;
    float out = 0;
    codec_.estimate(query, &code, &factors, 1, &out);
    return out;
  }
  float refine(const Codec::Query& query, float first, const std::vector<uint8_t>& fine) const {
    const uint8_t* code = fine.data();
    codec_.refine(query, &code, 1, &first);
    return first;
  }
  Codec::Query prepare(const Floats& v) const {
    Codec::Query query;
    codec_.prepare(v, query);
    return query;
  }

  const Metric metric_ = std::get<Metric>(GetParam());
  const uint32_t dim_ = std::get<uint32_t>(GetParam());
  std::mt19937_64 random_{3};
  const Codec codec_{metric_, dim_, CodeBits::k2, sample()};
};

INSTANTIATE_TEST_SUITE_P(All, CodecTest,
                         testing::Combine(testing::Values(Metric::kCosine, Metric::kL2, Metric::kDot),
                                          testing::Values(100U, 255U, 512U, 513U, 700U, 1100U)),
                         [](const auto& param) {
                           return fmt::format("{}_{}", to_string(std::get<Metric>(param.param)),
                                              std::get<uint32_t>(param.param));
                         });

TEST_P(CodecTest, AFineCodeTakesMostOfTheErrorAway) {
  double coarse = 0, fine = 0;
  for (int i = 0; i < 200; ++i) {
    const Floats query = gaussian();
    const Coded coded = encode(gaussian());
    const Codec::Query prepared = prepare(query);
    const double truth = distance(metric_, query, coded.stored);
    const float first = estimate(prepared, coded), better = refine(prepared, first, coded.fine);
    coarse += std::pow(double{first} - truth, 2);
    fine += std::pow(double{better} - truth, 2);
  }
  EXPECT_LT(std::sqrt(fine), 0.16 * std::sqrt(coarse));
}

TEST_P(CodecTest, OfAVectorThatIsTheCentreTheFineCodeSaysNothing) {
  Floats centre(codec_.centre().begin(), codec_.centre().end());
  for (float& x : centre) x /= codec_.unit();
  const Coded coded = encode(centre);
  const Codec::Query query = prepare(gaussian());
  const float first = estimate(query, coded);
  EXPECT_EQ(refine(query, first, coded.fine), first);
}

TEST_P(CodecTest, WhateverAFineCodeHoldsTheEstimateIsANumber) {
  const Coded coded = encode(gaussian());
  const Codec::Query query = prepare(gaussian());
  const float first = estimate(query, coded);
  const uint32_t scales[] = {0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 0x00000001};
  for (const uint32_t scale : scales) {
    std::vector<uint8_t> wrong = coded.fine;
    std::copy_n(reinterpret_cast<const uint8_t*>(&scale), sizeof scale, wrong.end() - sizeof scale);
    EXPECT_TRUE(std::isfinite(refine(query, first, wrong))) << std::hex << scale;
  }
}

}  // namespace
}  // namespace sagitta::ann
