/// CAST(x AS type): which conversions there are, and what they give.
#include <fmt/format.h>

#include "sagitta/types/value.h"

#include "functions.h"
#include "instants.h"
#include "numbers.h"

namespace sagitta::plan {
namespace {

using types::BigInteger;
using types::DataType;
using types::Decimal;
using types::Kind;
using Arguments = std::span<const Value>;

Result<Value> to_decimal_type(const DataType& from, const Bytes& bytes) {
  if (is_integer(from.kind())) return types::from_decimal({BigInteger(integer_of(from, bytes)), 0});
  // A float has the digits that it is written with, not those of the double it is.
  SAGITTA_TRY(const Decimal v,
              from.kind() == Kind::kFloat ? types::decimal_of(types::to_float(bytes)) : decimal_of(from, bytes));
  return types::from_decimal(v);
}

/// Real numbers go by way of a bigint.
Result<BigInteger> whole_of(const DataType& from, const Bytes& bytes) {
  if (is_real(from.kind())) return BigInteger(saturate(real_of(from, bytes), Kind::kBigint));
  if (from.kind() == Kind::kDecimal) return types::truncate(types::to_decimal(bytes));
  return varint_of(from, bytes);
}

Result<Value> cast_number(const DataType& from, const DataType& to, const Bytes& bytes) {
  if (to.kind() == Kind::kDecimal) return to_decimal_type(from, bytes);
  if (is_real(to.kind())) return real_bytes(to.kind(), real_of(from, bytes));
  if (is_real(from.kind()) && is_integer(to.kind())) {
    return integer_bytes(to.kind(), saturate(real_of(from, bytes), to.kind()));
  }
  SAGITTA_TRY(const BigInteger whole, whole_of(from, bytes));
  if (to.kind() == Kind::kVarint) return types::from_varint(whole);
  return integer_bytes(to.kind(), types::low_bits(whole));
}

Result<Value> call_cast(const Expression& self, Arguments arguments, const EvalContext&) {
  const DataType& from = *self.arguments[0].type;
  const DataType& to = *self.type;
  const Bytes& bytes = *arguments[0];
  if (bytes.empty() && !is_text(from.kind())) return Value();
  if (is_text(to.kind())) return types::to_text(from, bytes);
  if (to.kind() == Kind::kTimestamp) return types::from_int64(instant_ms(from, bytes));
  if (to.kind() == Kind::kDate) return date_of_ms(instant_ms(from, bytes));
  if (from.kind() != Kind::kTimestamp) return cast_number(from, to, bytes);
  return to.kind() == Kind::kVarint ? types::from_varint(BigInteger(types::to_int64(bytes))) : bytes;
}

bool has_text(Kind kind) {
  switch (kind) {
    case Kind::kBoolean:
    case Kind::kUuid:
    case Kind::kTimeuuid:
    case Kind::kInet:
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kTimestamp: return true;
    default: return is_numeric(kind);
  }
}

}  // namespace

const Function& cast_function() {
  static const Function function = special("cast", Kind::kBlob, call_cast);
  return function;
}

bool can_cast(const DataType& from, const DataType& to) {
  const Kind f = from.kind(), t = to.kind();
  if (from == to) return true;
  if (is_text(t)) return has_text(f) || f == Kind::kAscii;
  if (t == Kind::kTimestamp) return f == Kind::kTimeuuid || f == Kind::kDate;
  if (t == Kind::kDate) return f == Kind::kTimeuuid || f == Kind::kTimestamp;
  if (f == Kind::kTimestamp) return t == Kind::kBigint || t == Kind::kVarint;
  return is_numeric(f) && is_numeric(t) && t != Kind::kCounter;
}

std::vector<std::string> casts_to(const DataType& to) {
  std::vector<std::string> signatures;
  for (auto kind = static_cast<uint16_t>(Kind::kAscii); kind <= static_cast<uint16_t>(Kind::kDuration); ++kind) {
    constexpr uint16_t kNoKind = 0x000A;
    if (kind == kNoKind) continue;
    const DataType& from = *DataType::native(static_cast<Kind>(kind));
    if (from == to || !can_cast(from, to)) continue;
    signatures.push_back(fmt::format("system.cast_as_{0} : ({1}) -> {0}", to.to_cql(), from.to_cql()));
  }
  return signatures;
}

}  // namespace sagitta::plan
