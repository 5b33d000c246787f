#include "sagitta/types/decimal.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/multiprecision/cpp_dec_float.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "sagitta/types/value.h"

#include "integers.h"
#include "java_text.h"

namespace sagitta::types {
namespace {

namespace mp = boost::multiprecision;
/// More digits than any result has, so that the last of those is right.
using Wide = mp::number<mp::cpp_dec_float<96>, mp::et_off>;

/// No number grows past this, whatever the scales of the operands are.
constexpr int64_t kDigitsMax = 10'000;
constexpr int64_t kSignificantDigits = 32;
constexpr int64_t kScaleMax = 1000;

std::unexpected<Error> failure(std::string text) { return fail(ErrorCode::kFunction, std::move(text)); }

std::unexpected<Error> too_long() { return failure(fmt::format("the result has more than {} digits", kDigitsMax)); }

int64_t digits_of(const BigInteger& v) { return static_cast<int64_t>(mp::abs(v).str().size()); }

BigInteger power_of_ten(int64_t exponent) { return mp::pow(BigInteger(10), static_cast<unsigned>(exponent)); }

/// The digits of `v` at a scale that is not lower.
Result<BigInteger> at_scale(const Decimal& v, int64_t scale) {
  if (v.unscaled == 0) return BigInteger();
  if (scale - v.scale > kDigitsMax) return too_long();
  return v.unscaled * power_of_ten(scale - v.scale);
}

Decimal without_trailing_zeros(Decimal v) {
  if (v.unscaled == 0) return {};
  const std::string digits = mp::abs(v.unscaled).str();
  const auto zeros = static_cast<int64_t>(digits.size() - 1 - digits.find_last_not_of('0'));
  v.unscaled /= power_of_ten(zeros);
  v.scale -= zeros;
  return v;
}

/// Ties away from zero.
BigInteger divide_half_up(const BigInteger& a, const BigInteger& b) {
  BigInteger quotient, rest;
  mp::divide_qr(a, b, quotient, rest);
  if (mp::abs(rest) * 2 >= mp::abs(b)) quotient += (a < 0) == (b < 0) ? 1 : -1;
  return quotient;
}

Result<Decimal> divide(const Decimal& a, const Decimal& b) {
  // Where the quotient's first digit is, give or take one.
  const int64_t first = (digits_of(a.unscaled) - a.scale) - (digits_of(b.unscaled) - b.scale);
  const int64_t wanted = std::max({kSignificantDigits - first, a.scale, b.scale, kSignificantDigits});
  const int64_t scale = std::min(wanted, kScaleMax);
  // a / b = (a.unscaled × 10^shift / b.unscaled) × 10^-scale
  const int64_t shift = scale + b.scale - a.scale;
  if (std::abs(shift) > kDigitsMax) return too_long();
  const BigInteger numerator = shift > 0 ? a.unscaled * power_of_ten(shift) : a.unscaled;
  const BigInteger denominator = shift < 0 ? b.unscaled * power_of_ten(-shift) : b.unscaled;
  return without_trailing_zeros({divide_half_up(numerator, denominator), scale});
}

Wide wide_of(const Decimal& v) { return Wide(v.unscaled.str() + "e" + std::to_string(-v.scale)); }

/// As many digits as Cassandra gives the result of a function of `argument`.
Result<Decimal> rounded(const Wide& v, const Decimal& argument) {
  constexpr int64_t kWideDigits = 64;
  if (!(mp::isfinite)(v)) return too_long();
  const int64_t digits = std::clamp(digits_of(argument.unscaled), kSignificantDigits, kWideDigits);
  const auto bytes = decimal_from_text(v.str(static_cast<std::streamsize>(digits - 1), std::ios_base::scientific));
  if (!bytes) return too_long();
  return to_decimal(*bytes);
}

template <class T>
Result<Decimal> shortest(T v) {
  if (std::isfinite(v)) return to_decimal(*decimal_from_text(java_real(v)));
  return failure(fmt::format("{} cannot be converted into a decimal", std::isnan(v) ? "A NaN" : "An infinite number"));
}

}  // namespace

BigInteger to_varint(BytesView bytes) {
  BigInteger v;
  mp::import_bits(v, bytes.begin(), bytes.end(), 8);
  if (!bytes.empty() && bytes[0] < 0) v -= BigInteger(1) << (8 * bytes.size());
  return v;
}

Result<Bytes> from_varint(const BigInteger& v) {
  auto bytes = varint_from_text(v.str());
  if (!bytes) return failure(fmt::format("the result has more than {} bytes", kVarintBytesMax));
  return *std::move(bytes);
}

Decimal to_decimal(BytesView bytes) { return {to_varint(bytes.substr(4)), get_big<int32_t>(bytes.data())}; }

Result<Bytes> from_decimal(const Decimal& v) {
  if (v.scale != static_cast<int32_t>(v.scale)) return failure(fmt::format("no decimal has a scale of {}", v.scale));
  SAGITTA_TRY(const Bytes unscaled, from_varint(v.unscaled));
  Bytes bytes;
  put_big(bytes, static_cast<int32_t>(v.scale));
  return bytes + unscaled;
}

Result<Decimal> decimal_of(double v) { return shortest(v); }
Result<Decimal> decimal_of(float v) { return shortest(v); }

double to_double(const Decimal& v) {
  return std::strtod((v.unscaled.str() + "e" + std::to_string(-v.scale)).c_str(), nullptr);
}

double to_double(const BigInteger& v) { return to_double(Decimal{v, 0}); }

Result<BigInteger> truncate(const Decimal& v) {
  if (v.scale <= 0) return at_scale(v, 0);
  if (v.scale > digits_of(v.unscaled)) return BigInteger();
  return v.unscaled / power_of_ten(v.scale);
}

int64_t low_bits(const BigInteger& v) {
  const BigInteger mask = std::numeric_limits<uint64_t>::max();
  const auto magnitude = static_cast<uint64_t>(mp::abs(v) & mask);
  return static_cast<int64_t>(v < 0 ? 0 - magnitude : magnitude);
}

Result<BigInteger> apply(char operation, const BigInteger& a, const BigInteger& b) {
  if ((operation == '/' || operation == '%') && b == 0) return failure("BigInteger divide by zero");
  switch (operation) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return a / b;
    default: return a % b;
  }
}

Result<Decimal> apply(char operation, const Decimal& a, const Decimal& b) {
  if (operation == '*') return Decimal{a.unscaled * b.unscaled, a.scale + b.scale};
  if ((operation == '/' || operation == '%') && b.unscaled == 0) return failure("BigInteger divide by zero");
  if (operation == '/') return divide(a, b);
  const int64_t scale = std::max(a.scale, b.scale);
  SAGITTA_TRY(const BigInteger left, at_scale(a, scale));
  SAGITTA_TRY(const BigInteger right, at_scale(b, scale));
  SAGITTA_TRY(BigInteger unscaled, apply(operation, left, right));
  return Decimal{std::move(unscaled), scale};
}

Result<Decimal> next_mean(const Decimal& mean, const Decimal& v, uint64_t count) {
  SAGITTA_TRY(const Decimal distance, apply('-', v, mean));
  const BigInteger divisor = count;
  BigInteger quotient, rest;
  mp::divide_qr(distance.unscaled, divisor, quotient, rest);
  const BigInteger doubled = mp::abs(rest) * 2;
  if (doubled > divisor || (doubled == divisor && quotient % 2 != 0)) quotient += distance.unscaled < 0 ? -1 : 1;
  return apply('+', mean, Decimal{std::move(quotient), distance.scale});
}

Result<Decimal> round(const Decimal& v) {
  if (v.scale <= 0) {
    SAGITTA_TRY(BigInteger whole, at_scale(v, 0));
    return Decimal{std::move(whole), 0};
  }
  if (v.scale > digits_of(v.unscaled)) return Decimal{};
  return Decimal{divide_half_up(v.unscaled, power_of_ten(v.scale)), 0};
}

Result<Decimal> exp(const Decimal& v) {
  if (v.unscaled == 0) return Decimal{1, 0};
  // The exponent of a result must fit a scale.
  if (std::fabs(to_double(v)) > 1e9) return too_long();
  return rounded(mp::exp(wide_of(v)), v);
}

Result<Decimal> log(const Decimal& v) {
  if (v.unscaled <= 0) return failure("Natural log of number zero or less");
  const Wide wide = wide_of(v);
  return wide == 1 ? Result<Decimal>(Decimal{}) : rounded(mp::log(wide), v);
}

Result<Decimal> log10(const Decimal& v) {
  if (v.unscaled <= 0) return failure("Log10 of number zero or less");
  const Wide wide = wide_of(v);
  return wide == 1 ? Result<Decimal>(Decimal{}) : rounded(mp::log10(wide), v);
}

}  // namespace sagitta::types
