/// Numbers of any size, and what Cassandra computes with them: varint is Java's BigInteger, decimal
/// its BigDecimal. Results have the scale and the digits that Cassandra's have.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"

namespace sagitta::types {

using BigInteger =
    boost::multiprecision::number<boost::multiprecision::cpp_int_backend<>, boost::multiprecision::et_off>;

/// `unscaled` × 10^-`scale`.
struct Decimal {
  BigInteger unscaled;
  int64_t scale = 0;
};

/// Of valid bytes.
BigInteger to_varint(BytesView bytes);
Decimal to_decimal(BytesView bytes);
/// kFunction when there is no room for the number in a value.
Result<Bytes> from_varint(const BigInteger& v);
Result<Bytes> from_decimal(const Decimal& v);

/// By the shortest digits of `v`; kFunction when it is not finite.
Result<Decimal> decimal_of(double v);
Result<Decimal> decimal_of(float v);
double to_double(const Decimal& v);
double to_double(const BigInteger& v);
/// Towards zero. kFunction when it would have too many digits.
Result<BigInteger> truncate(const Decimal& v);
/// The low 64 bits.
int64_t low_bits(const BigInteger& v);

/// Of + - * and /, with / and % towards zero. kFunction for a zero divisor.
Result<BigInteger> apply(char operation, const BigInteger& a, const BigInteger& b);
/// kFunction also when the result would have too many digits. A quotient has 32 significant digits
/// at least, as far as it has them, and no trailing zeros.
Result<Decimal> apply(char operation, const Decimal& a, const Decimal& b);
/// The mean of `count` values, the last of which is `v`, from the mean of those before. Every step
/// rounds to the digits of its operands, ties to the even digit, and so depends on the order.
Result<Decimal> next_mean(const Decimal& mean, const Decimal& v, uint64_t count);

/// To the nearest integer, ties away from zero.
Result<Decimal> round(const Decimal& v);
/// With as many digits as `v`, but 32 at least and 64 at most. kFunction where there is no result.
Result<Decimal> exp(const Decimal& v);
Result<Decimal> log(const Decimal& v);
Result<Decimal> log10(const Decimal& v);

}  // namespace sagitta::types
