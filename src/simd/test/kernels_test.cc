// Every level against the scalar one, over all small dimensions and misalignments; the scalar one
// against sums in double.
#include "sagitta/simd/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace sagitta::simd {
namespace {

// Every path through a kernel's unrolled loops: the longest takes 1024 elements a round.
constexpr size_t kDimMax = 1100, kOffsetMax = 5;

// Elements at any byte offset from an aligned block; poison behind the last one would show a read
// past it.
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
      b[i] = static_cast<int8_t>(dim % 3 == 0 ? (dim % 2 == 0 ? 127 : -128) : byte(engine));
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

using Dots = void (*Kernels::*)(const uint8_t* const*, size_t, const int8_t*, size_t, int32_t*);

size_t bits_of(Dots dots) { return dots == &Kernels::dots_u8 ? 8 : dots == &Kernels::dots_u4 ? 4 : 2; }

int32_t expected_dot(Dots dots, const uint8_t* code, const std::vector<int8_t>& query) {
  const size_t bits = bits_of(dots), planes = 8 / bits;
  int32_t sum = 0;
  for (size_t j = 0; j < query.size(); ++j) {
    const int byte = code[j / (64 * planes) * 64 + j % 64];
    sum += query[j] * (byte >> j / 64 % planes * bits & ((1 << bits) - 1));
  }
  return sum;
}

// Codes lie at odd distances from each other, and the last one at the end of its storage.
void check_dots(const Kernels& level, Dots dots, size_t blocks, std::mt19937& engine) {
  constexpr size_t kCountMax = 40;
  constexpr int32_t kUntouched = 0x5a5a5a5a;
  const size_t bytes = 64 * blocks, numbers = bytes * 8 / bits_of(dots), apart = bytes + 13;
  const size_t extreme =
      blocks % 3;  // 0: random numbers; 1, 2: the largest codes against the largest queries of one sign
  std::uniform_int_distribution<int> unsigned_byte(0, 255), query_byte(-127, 127);
  std::vector<uint8_t> storage((kCountMax - 1) * apart + bytes);
  for (uint8_t& b : storage) b = static_cast<uint8_t>(extreme != 0 ? 255 : unsigned_byte(engine));
  std::vector<int8_t> query(numbers);
  for (int8_t& q : query) q = static_cast<int8_t>(extreme == 1 ? 127 : extreme == 2 ? -127 : query_byte(engine));
  std::vector<const uint8_t*> codes;
  std::vector<int32_t> expected;
  for (size_t i = 0; i < kCountMax; ++i) {
    codes.push_back(storage.data() + (i * 7 % kCountMax) * apart);
    expected.push_back(expected_dot(dots, codes.back(), query));
  }
  for (size_t count = 0; count <= kCountMax; ++count) {
    std::vector<int32_t> sums(kCountMax, kUntouched);
    (level.*dots)(codes.data(), count, query.data(), blocks, sums.data());
    std::vector<int32_t> wanted(kCountMax, kUntouched);
    std::copy_n(expected.begin(), count, wanted.begin());
    ASSERT_EQ(sums, wanted) << level.name << " blocks " << blocks << " count " << count;
  }
}

TEST_P(EachLevel, BatchesOfCodesAgreeExactly) {
  std::mt19937 engine(3);
  for (size_t blocks = 0; blocks <= 20; ++blocks) {
    check_dots(*GetParam(), &Kernels::dots_u2, blocks, engine);
    check_dots(*GetParam(), &Kernels::dots_u4, blocks, engine);
    check_dots(*GetParam(), &Kernels::dots_u8, blocks, engine);
  }
}

struct Sketches {
  size_t lanes;
  std::vector<uint8_t> block;

  Sketches(size_t count, std::mt19937& engine) : lanes(count), block(12 * count) {
    for (size_t i = 0; i < 8 * lanes; ++i) block[i] = static_cast<uint8_t>(engine());
    const auto numbers = random_floats(engine, 2 * lanes);
    for (size_t i = 0; i < 2 * lanes; ++i) {
      const Bf16 number = to_bf16(numbers[i]);
      std::memcpy(block.data() + 8 * lanes + 2 * i, &number, sizeof number);
    }
  }
  double number(size_t i) const {
    Bf16 number;
    std::memcpy(&number, block.data() + 8 * lanes + 2 * i, sizeof number);
    return to_float(number);
  }
  double says(const SketchQuery& query, size_t i) const {
    double sum = query.bias;
    for (size_t bit = 0; bit < 64; bit += 4) {
      const int byte = block[bit / 8 * lanes + i];
      sum += query.tables[bit / 4 * 16 + static_cast<size_t>(byte >> bit % 8 & 15)];
    }
    return query.offset_factor * number(i) - query.scale_factor * number(lanes + i) * sum;
  }
};

TEST_P(EachLevel, SketchesTellWhatIsNear) {
  std::mt19937 engine(15);
  for (size_t lanes = 16; lanes <= 160; lanes += 16) {
    const Sketches sketches(lanes, engine);
    SketchQuery query;
    for (uint8_t& entry : query.tables) entry = static_cast<uint8_t>(engine());
    query.offset_factor = 300;
    query.scale_factor = 0.5F;
    query.bias = -2000;
    for (size_t count = 0; count <= lanes; ++count) {
      std::vector<double> says;
      for (size_t i = 0; i < count; ++i) says.push_back(sketches.says(query, i));
      std::ranges::sort(says);
      // Halfway between two values, so that rounding decides nothing.
      query.limit = count < 2 ? 0 : static_cast<float>((says[count / 3] + says[count / 3 + 1]) / 2);
      std::vector<uint32_t> items(count), expected;
      for (size_t i = 0; i < count; ++i) {
        items[i] = static_cast<uint32_t>(7 * i + 1);
        if (sketches.says(query, i) < query.limit) expected.push_back(items[i]);
      }
      items.resize(GetParam()->keep_near(query, sketches.block.data(), lanes, items.data(), count));
      ASSERT_EQ(items, expected) << lanes << " " << count;
    }
  }
}

TEST_P(EachLevel, WhatASketchSaysThatIsNoNumberIsKept) {
  std::mt19937 engine(16);
  const Sketches sketches(16, engine);
  SketchQuery query;
  query.bias = std::numeric_limits<float>::quiet_NaN();
  std::vector<uint32_t> items{5, 6, 7};
  EXPECT_EQ(GetParam()->keep_near(query, sketches.block.data(), 16, items.data(), 3), 3);
  EXPECT_EQ(items, (std::vector<uint32_t>{5, 6, 7}));
}

TEST_P(EachLevel, SquaresTellWhatIsNotFiniteAndWhatIsZero) {
  std::mt19937 engine(11);
  for (size_t count = 0; count <= 130; ++count) {
    std::vector<float> values = random_floats(engine, count);
    double expected = 0;
    for (float v : values) expected += double{v} * double{v};
    EXPECT_NEAR(GetParam()->squares_f64(values.data(), count), expected, 1e-12 * (1 + expected));
    for (size_t i = 0; i < count; i += 7) {
      std::vector<float> other(count);
      EXPECT_EQ(GetParam()->squares_f64(other.data(), count), 0);
      other[i] = std::numeric_limits<float>::denorm_min();
      EXPECT_GT(GetParam()->squares_f64(other.data(), count), 0);
      other.assign(count, std::numeric_limits<float>::max());
      EXPECT_TRUE(std::isfinite(GetParam()->squares_f64(other.data(), count)));
      for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        other[i] = bad;
        EXPECT_FALSE(std::isfinite(GetParam()->squares_f64(other.data(), count))) << count << " " << i;
      }
    }
  }
}

TEST_P(EachLevel, TheLargestMagnitude) {
  std::mt19937 engine(12);
  for (size_t count = 0; count <= 130; ++count) {
    std::vector<float> values = random_floats(engine, count);
    float expected = 0;
    for (float v : values) expected = std::max(expected, std::fabs(v));
    EXPECT_EQ(GetParam()->largest_f32(values.data(), count), expected);
    for (size_t i = 0; i < count; i += 7) {
      std::vector<float> other = values;
      other[i] = -100;
      EXPECT_EQ(GetParam()->largest_f32(other.data(), count), 100);
      other[i] = -std::numeric_limits<float>::quiet_NaN();
      EXPECT_TRUE(std::isnan(GetParam()->largest_f32(other.data(), count)));
    }
  }
}

TEST_P(EachLevel, QuantisesToTheNearest) {
  std::mt19937 engine(13);
  for (size_t count = 0; count <= 130; ++count) {
    const std::vector<float> values = random_floats(engine, count);
    const float scale = 127 / kernels_named("scalar")->largest_f32(values.data(), count);
    std::vector<int8_t> out(count);
    const int32_t sum = GetParam()->quantise_i8(values.data(), count, count == 0 ? 1 : scale, out.data());
    int32_t expected_sum = 0;
    for (size_t i = 0; i < count; ++i) {
      EXPECT_NEAR(static_cast<float>(out[i]), values[i] * scale, 0.5001F);
      expected_sum += out[i];
    }
    EXPECT_EQ(sum, expected_sum);
  }
}

TEST_P(EachLevel, EstimatesAreWhatTheTermsSay) {
  std::mt19937 engine(15);
  constexpr float kLargest = std::numeric_limits<float>::max(), kNaN = std::numeric_limits<float>::quiet_NaN();
  for (size_t count = 0; count <= 70; ++count) {
    const std::vector<float> values = random_floats(engine, 2 * count + 4);
    const EstimateTerms terms{.norm_factor = values[0], .dot_factor = values[1], .offset = 3, .constant = values[3]};
    std::vector<int32_t> sums(count);
    std::vector<CodeFactors> factors(count);
    for (size_t i = 0; i < count; ++i) {
      sums[i] = static_cast<int32_t>(engine() % 20001) - 10000;
      factors[i] = {.scale = values[2 * i + 3], .squared_length = values[2 * i + 4]};
    }
    std::vector<float> out(count + 1, 7.0F);
    GetParam()->estimates(terms, sums.data(), factors.data(), count, out.data());
    for (size_t i = 0; i < count; ++i) {
      const double along = double{terms.dot_factor} * double{factors[i].scale} * (double{1} * sums[i] - 3);
      const double expected =
          double{terms.norm_factor} * double{factors[i].squared_length} - along + double{terms.constant};
      ASSERT_NEAR(out[i], expected, 1e-6 * (std::fabs(along) + 10)) << GetParam()->name << " " << i;
    }
    EXPECT_EQ(out.back(), 7.0F);
    for (size_t i = 0; i < count; ++i)
      factors[i].squared_length = i % 3 == 0 ? kNaN : i % 3 == 1 ? kLargest : -kLargest;
    GetParam()->estimates({.norm_factor = 4}, sums.data(), factors.data(), count, out.data());
    for (size_t i = 0; i < count; ++i)
      ASSERT_EQ(out[i], i % 3 == 2 ? -kLargest : kLargest) << GetParam()->name << " " << i;
  }
}

TEST_P(EachLevel, KeysAreInsertedInOrder) {
  std::mt19937_64 engine(14);
  for (size_t count = 0; count <= 70; ++count) {
    for (int round = 0; round < 20; ++round) {
      std::vector<uint64_t> keys(count);
      for (uint64_t& key : keys) key = engine() >> (round % 3 == 0 ? 58 : 0);  // with equals and the top bit
      std::ranges::sort(keys);
      const uint64_t key = count > 0 && round % 5 == 0 ? keys[engine() % count] : engine() >> (round % 3 == 0 ? 58 : 0);
      std::vector<uint64_t> expected = keys;
      const auto place = std::ranges::lower_bound(expected, key) - expected.begin();
      expected.insert(expected.begin() + place, key);
      constexpr uint64_t kBeyond = 0x1234567;
      expected.push_back(kBeyond);
      keys.resize(count + 2, kBeyond);
      EXPECT_EQ(GetParam()->insert_u64(keys.data(), count, key), static_cast<size_t>(place));
      ASSERT_EQ(keys, expected) << GetParam()->name << " " << count;
    }
  }
}

double length(std::span<const float> values) {
  double sum = 0;
  for (float v : values) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

TEST_P(EachLevel, HadamardIsTheMatrixOfBitParities) {
  std::mt19937 engine(4);
  for (uint32_t log2 = 0; log2 <= 9; ++log2) {
    const size_t count = size_t{1} << log2;
    const auto before = random_floats(engine, count);
    auto after = before;
    GetParam()->hadamard(after.data(), log2);
    for (size_t row = 0; row < count; ++row) {
      double sum = 0;
      for (size_t column = 0; column < count; ++column) {
        sum += std::popcount(row & column) % 2 == 0 ? before[column] : -before[column];
      }
      ASSERT_NEAR(after[row], sum / std::sqrt(count), 1e-5) << GetParam()->name << " " << log2 << " row " << row;
    }
  }
}

TEST_P(EachLevel, HadamardKeepsLengthsAndIsItsOwnInverse) {
  std::mt19937 engine(5);
  for (uint32_t log2 = 0; log2 <= 14; ++log2) {
    const size_t count = size_t{1} << log2;
    auto values = random_floats(engine, count + 3);  // misaligned values, between guards
    const auto before = values;
    const auto inner = std::span(values).subspan(1, count);
    auto scalar = std::vector<float>(inner.begin(), inner.end());
    kernels_named("scalar")->hadamard(scalar.data(), log2);
    GetParam()->hadamard(inner.data(), log2);
    for (size_t i = 0; i < count; ++i) ASSERT_NEAR(inner[i], scalar[i], 1e-5) << GetParam()->name << " " << log2;
    EXPECT_NEAR(length(inner), length(std::span(before).subspan(1, count)), 1e-4) << log2;
    GetParam()->hadamard(inner.data(), log2);
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(values[i], before[i], 1e-5) << GetParam()->name << " " << log2;
    EXPECT_EQ(values.front(), before.front());
    EXPECT_EQ(values[count + 1], before[count + 1]);
    EXPECT_EQ(values.back(), before.back());
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
