#include "numbers.h"

#include <cmath>

#include "sagitta/types/value.h"

namespace sagitta::plan {

using types::BigInteger;
using types::DataType;
using types::Decimal;
using types::Kind;

bool is_integer(Kind kind) {
  return kind == Kind::kTinyint || kind == Kind::kSmallint || kind == Kind::kInt || kind == Kind::kBigint ||
         kind == Kind::kCounter;
}

bool is_real(Kind kind) { return kind == Kind::kFloat || kind == Kind::kDouble; }

bool is_numeric(Kind kind) {
  return is_integer(kind) || is_real(kind) || kind == Kind::kVarint || kind == Kind::kDecimal;
}

bool is_text(Kind kind) { return kind == Kind::kText || kind == Kind::kAscii; }

int64_t integer_of(const DataType& type, BytesView bytes) {
  switch (type.kind()) {
    case Kind::kTinyint: return types::to_int8(bytes);
    case Kind::kSmallint: return types::to_int16(bytes);
    case Kind::kInt: return types::to_int32(bytes);
    default: return types::to_int64(bytes);
  }
}

double real_of(const DataType& type, BytesView bytes) {
  switch (type.kind()) {
    case Kind::kFloat: return static_cast<double>(types::to_float(bytes));
    case Kind::kDouble: return types::to_double(bytes);
    case Kind::kVarint: return types::to_double(types::to_varint(bytes));
    case Kind::kDecimal: return types::to_double(types::to_decimal(bytes));
    default: return static_cast<double>(integer_of(type, bytes));
  }
}

BigInteger varint_of(const DataType& type, BytesView bytes) {
  return type.kind() == Kind::kVarint ? types::to_varint(bytes) : BigInteger(integer_of(type, bytes));
}

Result<Decimal> decimal_of(const DataType& type, BytesView bytes) {
  switch (type.kind()) {
    case Kind::kDecimal: return types::to_decimal(bytes);
    case Kind::kVarint: return Decimal{types::to_varint(bytes), 0};
    default: return types::decimal_of(real_of(type, bytes));
  }
}

Bytes integer_bytes(Kind kind, int64_t v) {
  switch (kind) {
    case Kind::kTinyint: return types::from_int8(static_cast<int8_t>(v));
    case Kind::kSmallint: return types::from_int16(static_cast<int16_t>(v));
    case Kind::kInt: return types::from_int32(static_cast<int32_t>(v));
    default: return types::from_int64(v);
  }
}

Bytes real_bytes(Kind kind, double v) {
  return kind == Kind::kFloat ? types::from_float(static_cast<float>(v)) : types::from_double(v);
}

int64_t saturate(double v, Kind to) {
  const bool wide = to == Kind::kBigint || to == Kind::kCounter;
  const int64_t least = wide ? INT64_MIN : INT32_MIN, most = wide ? INT64_MAX : INT32_MAX;
  if (std::isnan(v)) return 0;
  if (v >= static_cast<double>(most)) return most;
  if (v <= static_cast<double>(least)) return least;
  return static_cast<int64_t>(v);
}

Status NumberSum::add(BytesView value) {
  ++count_;
  if (is_real(type_.kind())) {
    add_real(real_of(type_, value));
  } else if (type_.kind() == Kind::kDecimal) {
    const Decimal v = types::to_decimal(value);
    SAGITTA_TRY(decimals_, types::apply('+', decimals_, v));
    SAGITTA_TRY(decimal_mean_, types::next_mean(decimal_mean_, v, count_));
  } else {
    integers_ += varint_of(type_, value);
  }
  return {};
}

// Kahan's: what a sum loses to rounding is taken off the next number.
void NumberSum::add_real(double v) {
  const double corrected = v - lost_;
  const double sum = reals_ + corrected;
  lost_ = (sum - reals_) - corrected;
  reals_ = sum;
  plain_reals_ += v;
}

// Infinities make the corrected sum no number.
double NumberSum::real_sum() const {
  const double sum = reals_ - lost_;
  return std::isnan(sum) && std::isinf(plain_reals_) ? plain_reals_ : sum;
}

Result<Bytes> NumberSum::sum() const {
  if (is_real(type_.kind())) return real_bytes(type_.kind(), real_sum());
  if (type_.kind() == Kind::kDecimal) return types::from_decimal(decimals_);
  if (type_.kind() == Kind::kVarint) return types::from_varint(integers_);
  return integer_bytes(type_.kind(), types::low_bits(integers_));
}

Result<Bytes> NumberSum::mean() const {
  const uint64_t divisor = count_ == 0 ? 1 : count_;
  if (is_real(type_.kind())) return real_bytes(type_.kind(), real_sum() / static_cast<double>(divisor));
  if (type_.kind() == Kind::kDecimal) return types::from_decimal(decimal_mean_);
  const BigInteger mean = integers_ / BigInteger(divisor);
  if (type_.kind() == Kind::kVarint) return types::from_varint(mean);
  return integer_bytes(type_.kind(), types::low_bits(mean));
}

}  // namespace sagitta::plan
