/// Functions of numbers, which give a number of the same type.
#include <array>
#include <cmath>
#include <cstdlib>

#include "sagitta/types/value.h"

#include "binder.h"
#include "functions.h"
#include "numbers.h"

namespace sagitta::plan {
namespace {

using types::BigInteger;
using types::DataType;
using types::Decimal;
using types::Kind;
using Arguments = std::span<const Value>;

/// One function, for each class of numbers. Of integers it is what `integer` says or, where that is
/// absent, what an integer keeps of `real`.
struct Mathematics {
  double (*real)(double v);
  Result<Decimal> (*decimal)(const Decimal& v);
  int64_t (*integer)(int64_t v) = nullptr;
};

Result<Value> apply(const Mathematics& of, std::string_view name, const DataType& type, const Bytes& bytes) {
  const Kind kind = type.kind();
  if (is_real(kind)) return real_bytes(kind, of.real(real_of(type, bytes)));
  if (is_integer(kind)) {
    const int64_t v = integer_of(type, bytes);
    return integer_bytes(kind, of.integer != nullptr ? of.integer(v) : saturate(of.real(static_cast<double>(v)), kind));
  }
  SAGITTA_TRY(const Decimal argument, decimal_of(type, bytes));
  auto result = of.decimal(argument);
  if (!result) return function_failure(name, result.error().message());
  if (kind == Kind::kDecimal) return types::from_decimal(*result);
  SAGITTA_TRY(const BigInteger whole, types::truncate(*result));
  return types::from_varint(whole);
}

int64_t wrapping_abs(int64_t v) { return v < 0 ? static_cast<int64_t>(0 - static_cast<uint64_t>(v)) : v; }
int64_t same(int64_t v) { return v; }
int64_t wrapping_negative(int64_t v) { return static_cast<int64_t>(0 - static_cast<uint64_t>(v)); }
double negative(double v) { return -v; }
Result<Decimal> decimal_abs(const Decimal& v) { return Decimal{boost::multiprecision::abs(v.unscaled), v.scale}; }
Result<Decimal> decimal_negative(const Decimal& v) { return Decimal{-v.unscaled, v.scale}; }

constexpr Mathematics kAbs{std::fabs, decimal_abs, wrapping_abs};
constexpr Mathematics kNegate{negative, decimal_negative, wrapping_negative};
constexpr Mathematics kExp{std::exp, types::exp};
constexpr Mathematics kLog{std::log, types::log};
constexpr Mathematics kLog10{std::log10, types::log10};

template <const Mathematics& mathematics>
Result<Value> call(const Expression& self, Arguments arguments, const EvalContext&) {
  return apply(mathematics, self.function->name, *self.type, *arguments[0]);
}

/// As Java's Math.round, which gives an int of a float and a long of a double, ties towards
/// infinity.
Result<Value> call_round(const Expression& self, Arguments arguments, const EvalContext&) {
  const Kind kind = self.type->kind();
  if (!is_real(kind)) return apply({nullptr, types::round, same}, "round", *self.type, *arguments[0]);
  const double v = real_of(*self.type, *arguments[0]);
  const double below = std::floor(v);
  const double nearest = v - below >= 0.5 ? below + 1 : below;
  return real_bytes(kind, static_cast<double>(saturate(nearest, kind == Kind::kFloat ? Kind::kInt : Kind::kBigint)));
}

}  // namespace

void add_math_functions(Registry& registry) {
  for (Kind kind : {Kind::kTinyint, Kind::kSmallint, Kind::kInt, Kind::kBigint, Kind::kCounter, Kind::kVarint,
                    Kind::kDecimal, Kind::kFloat, Kind::kDouble}) {
    registry.add({"abs"}, {kind}, kind, call<kAbs>);
    registry.add({"exp"}, {kind}, kind, call<kExp>);
    registry.add({"log"}, {kind}, kind, call<kLog>);
    registry.add({"log10"}, {kind}, kind, call<kLog10>);
    registry.add({"round"}, {kind}, kind, call_round);
    registry.add({"_negate"}, {kind}, kind, call<kNegate>);
  }
}

}  // namespace sagitta::plan
