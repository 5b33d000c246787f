// Every level against the scalar one, over all small dimensions and misalignments; the scalar one against double sums.
#include "sagitta/simd/kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace sagitta::simd {
namespace {

constexpr size_t kDimMax = 130, kOffsetMax = 5;

// Elements at any byte offset from an aligned block, with poison behind the last one: reading it would show.
template <class T>
class Misaligned {
 public:
  Misaligned(const std::vector<T>& values, size_t offset_elements, T poison)
      : storage_(values.size() + offset_elements + 64, poison), at_(offset_elements) {
    std::copy(values.begin(), values.end(), storage_.begin() + static_cast<std::ptrdiff_t>(at_));
  }
  const T* data() const { return storage_.data() + at_; }

 private:
  std::vector<T> storage_;
  size_t at_;
};

std::vector<float> random_floats(std::mt19937& engine, size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& v : values) v = normal(engine);
  return values;
}

template <class T, class Convert>
std::vector<T> convert(const std::vector<float>& from, Convert&& one) {
  std::vector<T> to;
  for (float v : from) to.push_back(one(v));
  return to;
}

struct Sums {
  double dot = 0, l2 = 0, scale = 0;
};

template <class T, class AsFloat>
Sums in_double(const std::vector<T>& a, const std::vector<T>& b, AsFloat&& as_float) {
  Sums sums;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = as_float(a[i]), y = as_float(b[i]);
    sums.dot += x * y;
    sums.l2 += (x - y) * (x - y);
    sums.scale += std::fabs(x * y) + (x - y) * (x - y);
  }
  return sums;
}

template <class T, class AsFloat>
void check_floats(const Kernels& level, float (*Kernels::*dot)(const T*, const T*, size_t),
                  float (*Kernels::*l2)(const T*, const T*, size_t), const std::vector<T>& a, const std::vector<T>& b,
                  T poison, AsFloat&& as_float) {
  const Sums expected = in_double(a, b, as_float);
  const double tolerance = 1e-5 * expected.scale + 1e-30;
  for (size_t offset = 0; offset <= kOffsetMax; ++offset) {
    const Misaligned<T> x(a, offset, poison), y(b, kOffsetMax - offset, poison);
    ASSERT_NEAR((level.*dot)(x.data(), y.data(), a.size()), expected.dot, tolerance) << level.name << " " << a.size();
    ASSERT_NEAR((level.*l2)(x.data(), y.data(), a.size()), expected.l2, tolerance) << level.name << " " << a.size();
  }
}

class EachLevel : public testing::TestWithParam<const Kernels*> {};

INSTANTIATE_TEST_SUITE_P(Levels, EachLevel, testing::ValuesIn(all_kernels()),
                         [](const auto& level) { return std::string(level.param->name); });

TEST_P(EachLevel, FloatsAgreeWithDoubleSums) {
  std::mt19937 engine(1);
  for (size_t dim = 0; dim <= kDimMax; ++dim) {
    const auto a = random_floats(engine, dim), b = random_floats(engine, dim);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    check_floats(*GetParam(), &Kernels::dot_f32, &Kernels::l2_f32, a, b, nan, [](float v) { return v; });
    const auto half = [](float v) { return to_half(v); };
    check_floats(*GetParam(), &Kernels::dot_f16, &Kernels::l2_f16, convert<Half>(a, half), convert<Half>(b, half),
                 to_half(nan), [](Half v) { return to_float(v); });
    const auto bf16 = [](float v) { return to_bf16(v); };
    check_floats(*GetParam(), &Kernels::dot_bf16, &Kernels::l2_bf16, convert<Bf16>(a, bf16), convert<Bf16>(b, bf16),
                 to_bf16(nan), [](Bf16 v) { return to_float(v); });
  }
}

TEST_P(EachLevel, IntegersAgreeExactly) {
  std::mt19937 engine(2);
  std::uniform_int_distribution<int> byte(-128, 127);
  for (size_t dim = 0; dim <= kDimMax; ++dim) {
    std::vector<int8_t> a(dim), b(dim);
    int32_t dot = 0, l2 = 0;
    uint32_t hamming = 0;
    for (size_t i = 0; i < dim; ++i) {
      a[i] = static_cast<int8_t>(dim % 3 == 0 ? -128 : byte(engine));
      b[i] = static_cast<int8_t>(dim % 3 == 0 ? 127 : byte(engine));
      dot += a[i] * b[i];
      l2 += (a[i] - b[i]) * (a[i] - b[i]);
      hamming += static_cast<uint32_t>(std::popcount(static_cast<uint8_t>(a[i] ^ b[i])));
    }
    for (size_t offset = 0; offset <= kOffsetMax; ++offset) {
      const Misaligned<int8_t> x(a, offset, 101), y(b, kOffsetMax - offset, 77);
      ASSERT_EQ(GetParam()->dot_i8(x.data(), y.data(), dim), dot) << dim;
      ASSERT_EQ(GetParam()->l2_i8(x.data(), y.data(), dim), l2) << dim;
      ASSERT_EQ(GetParam()->hamming_b1(reinterpret_cast<const uint8_t*>(x.data()),
                                       reinterpret_cast<const uint8_t*>(y.data()), dim),
                hamming)
          << dim;
    }
  }
}

TEST(Kernels, AreFoundByName) {
  for (const Kernels* level : all_kernels()) EXPECT_EQ(kernels_named(level->name), level);
  EXPECT_EQ(kernels_named("abacus"), nullptr);
  EXPECT_NE(kernels_named(kernels().name), nullptr);
}

TEST(Half, SurvivesARoundTripInAllItsValues) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const Half half{static_cast<uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_half(value))));
    } else {
      ASSERT_EQ(to_half(value), half) << bits;
    }
  }
  EXPECT_EQ(to_float(Half{0x3c00}), 1.0F);
  EXPECT_EQ(to_float(Half{0xc000}), -2.0F);
  EXPECT_EQ(to_float(Half{0x0001}), 0x1p-24F);
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(to_half(1.0F + 0x1p-11F), Half{0x3c00});
  EXPECT_EQ(to_half(1.0F + 0x3p-11F), Half{0x3c02});
  EXPECT_EQ(to_half(65519.0F), Half{0x7bff});
  EXPECT_EQ(to_half(65520.0F), Half{0x7c00});
  EXPECT_EQ(to_half(-1e9F), Half{0xfc00});
}

TEST(BigEndian, FloatsAreReadAtAnyAlignment) {
  const char bytes[] = "x\x3f\x80\x00\x00\xc0\x00\x00\x00";
  float values[2];
  floats_from_big_endian(bytes + 1, values);
  EXPECT_EQ(values[0], 1.0F);
  EXPECT_EQ(values[1], -2.0F);
}

}  // namespace
}  // namespace sagitta::simd
