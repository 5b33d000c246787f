/// Numbers of any size: their arithmetic against 128-bit integers, and the digits that Cassandra
/// gives.
#include "sagitta/types/decimal.h"

#include <gtest/gtest.h>

#include <limits>

#include "sagitta/types/value.h"

#include "random_value.h"

namespace sagitta::types {
namespace {

Decimal decimal(std::string_view text) { return to_decimal(*decimal_from_text(text)); }
BigInteger varint(std::string_view text) { return to_varint(*varint_from_text(text)); }

std::string text(const Result<Decimal>& v) {
  if (!v) return v.error().message();
  const auto bytes = from_decimal(*v);
  return bytes ? to_literal(*DataType::native(Kind::kDecimal), BytesView(*bytes)) : bytes.error().message();
}

std::string computed(std::string_view a, char operation, std::string_view b) {
  return text(apply(operation, decimal(a), decimal(b)));
}

TEST(Decimals, BytesAreKept) {
  for (const std::string_view digits : {"0", "-1", "127", "128", "-128", "-129", "255", "-256", "65536",
                                        "123456789012345678901234567890", "-123456789012345678901234567890"}) {
    const Bytes bytes = *varint_from_text(digits);
    EXPECT_EQ(to_varint(bytes).str(), digits);
    EXPECT_EQ(*from_varint(to_varint(bytes)), bytes);
  }
  EXPECT_EQ(to_varint(*from_hex("ffffff01")).str(), "-255");  // not the shortest form
  const Bytes bytes = *decimal_from_text("-12.50");
  EXPECT_EQ(*from_decimal(to_decimal(bytes)), bytes);
  EXPECT_EQ(from_varint(BigInteger(1) << 200'000).error().message(), "the result has more than 16384 bytes");
}

TEST(Decimals, SmallOnesAgreeWithIntegers) {
  RandomValues random(test_seed());
  const auto number = [&] { return static_cast<int64_t>(random.below(2'000'001)) - 1'000'000; };
  for (int round = 0; round < 2000; ++round) {
    const int64_t a = number(), b = number();
    EXPECT_EQ(*apply('+', BigInteger(a), BigInteger(b)), a + b);
    EXPECT_EQ(*apply('-', BigInteger(a), BigInteger(b)), a - b);
    EXPECT_EQ(*apply('*', BigInteger(a), BigInteger(b)), a * b);
    const Decimal sum = *apply('+', Decimal{a, 2}, Decimal{b, 3});
    EXPECT_EQ(sum.unscaled, a * 10 + b);
    EXPECT_EQ(sum.scale, 3);
    if (b == 0) continue;
    EXPECT_EQ(*apply('/', BigInteger(a), BigInteger(b)), a / b);
    EXPECT_EQ(*apply('%', BigInteger(a), BigInteger(b)), a % b);
  }
}

TEST(Decimals, ScalesAreThoseOfCassandra) {
  EXPECT_EQ(computed("1.10", '+', "2.200"), "3.300");
  EXPECT_EQ(computed("7.50", '-', "7.50"), "0.00");
  EXPECT_EQ(computed("1.10", '*', "2.200"), "2.42000");
  EXPECT_EQ(computed("-7", '%', "3"), "-1");
  EXPECT_EQ(computed("7.5", '%', "-2"), "1.5");
  EXPECT_EQ(computed("1", '/', "3"), "0.33333333333333333333333333333333");
  EXPECT_EQ(computed("2", '/', "3"), "0.66666666666666666666666666666667");
  EXPECT_EQ(computed("100", '/', "5"), "2E+1");
  EXPECT_EQ(computed("1e-40", '/', "3"), "3.3333333333333333333333333333333E-41");
  EXPECT_EQ(computed("0.000", '/', "3"), "0");
}

TEST(Decimals, WhatHasNoResultSaysSo) {
  EXPECT_EQ(computed("1", '/', "0.00"), "BigInteger divide by zero");
  EXPECT_EQ(computed("1", '%', "0"), "BigInteger divide by zero");
  EXPECT_EQ(apply('/', varint("1"), varint("0")).error().message(), "BigInteger divide by zero");
  EXPECT_EQ(computed("1e1000000", '+', "1"), "the result has more than 10000 digits");
  EXPECT_EQ(computed("1e1000000", '/', "3"), "the result has more than 10000 digits");
  EXPECT_EQ(computed("1e-2147483647", '*', "0.1"), "no decimal has a scale of 2147483648");
  EXPECT_EQ(truncate(decimal("1e1000000")).error().message(), "the result has more than 10000 digits");
  EXPECT_EQ(text(log(decimal("0"))), "Natural log of number zero or less");
  EXPECT_EQ(text(log10(decimal("-1"))), "Log10 of number zero or less");
  EXPECT_EQ(text(exp(decimal("1e10"))), "the result has more than 10000 digits");
  EXPECT_EQ(text(decimal_of(std::numeric_limits<double>::quiet_NaN())), "A NaN cannot be converted into a decimal");
}

TEST(Decimals, FunctionsHave32Digits) {
  EXPECT_EQ(text(exp(decimal("2.5"))), "12.182493960703473438070175951168");
  EXPECT_EQ(text(exp(decimal("-12.345"))), "0.0000043514562446553278160747260872126");
  EXPECT_EQ(text(exp(decimal("0"))), "1");
  EXPECT_EQ(text(log(decimal("12.345"))), "2.5132511227971428258519031715410");
  EXPECT_EQ(text(log(decimal("1"))), "0");
  EXPECT_EQ(text(log10(decimal("12.345"))), "1.0914910942679510818489967651302");
}

TEST(Decimals, RoundingAndTruncation) {
  EXPECT_EQ(text(round(decimal("2.5"))), "3");
  EXPECT_EQ(text(round(decimal("-2.5"))), "-3");
  EXPECT_EQ(text(round(decimal("0.0001"))), "0");
  EXPECT_EQ(text(round(decimal("1e3"))), "1000");
  EXPECT_EQ(truncate(decimal("-12.99"))->str(), "-12");
  EXPECT_EQ(truncate(decimal("0.0001"))->str(), "0");
  EXPECT_EQ(low_bits(varint("123456789012345678901234567890")), -4362896299872285998);
  EXPECT_EQ(low_bits(varint("-1")), -1);
  EXPECT_EQ(to_double(decimal("-12.345")), -12.345);
  EXPECT_EQ(text(decimal_of(0.1F)), "0.1");
  EXPECT_EQ(text(decimal_of(1e10)), "1.0E+10");
}

TEST(Decimals, AMeanTakesOneValueAfterTheOther) {
  Decimal mean;
  uint64_t count = 0;
  for (const std::string_view v : {"1.5", "2.25", "-1.125"}) mean = *next_mean(mean, decimal(v), ++count);
  EXPECT_EQ(text(mean), "0.878");
}

}  // namespace
}  // namespace sagitta::types
