/// What the operators + - * / % compute.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "sagitta/types/duration.h"
#include "sagitta/types/value.h"

#include "functions.h"
#include "instants.h"
#include "numbers.h"

namespace sagitta::plan {
namespace {

using types::Kind;
using Arguments = std::span<const Value>;

std::unexpected<Error> operation_failure(const Expression& self, std::string_view why) {
  const std::string& operation = self.function->name;
  return function_failure(
      operation, fmt::format("the operation '{} {} {}' failed: {}", self.arguments[0].type->to_cql(), operation,
                             self.arguments[1].type->to_cql(), why));
}

int64_t apply_integer(char operation, int64_t a, int64_t b) {
  const auto wide_a = static_cast<uint64_t>(a), wide_b = static_cast<uint64_t>(b);
  switch (operation) {
    case '+': return static_cast<int64_t>(wide_a + wide_b);
    case '-': return static_cast<int64_t>(wide_a - wide_b);
    case '*': return static_cast<int64_t>(wide_a * wide_b);
    case '/': return b == -1 ? static_cast<int64_t>(-wide_a) : a / b;
    default: return b == -1 ? 0 : a % b;
  }
}

double apply_real(char operation, double a, double b) {
  switch (operation) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return a / b;
    default: return std::fmod(a, b);
  }
}

Result<Value> integers(const Expression& self, const Bytes& a, const Bytes& b) {
  const char operation = self.function->name[0];
  const int64_t left = integer_of(*self.arguments[0].type, a), right = integer_of(*self.arguments[1].type, b);
  if ((operation == '/' || operation == '%') && right == 0) return operation_failure(self, "/ by zero");
  return integer_bytes(self.type->kind(), apply_integer(operation, left, right));
}

Result<Value> reals(const Expression& self, const Bytes& a, const Bytes& b) {
  const double left = real_of(*self.arguments[0].type, a), right = real_of(*self.arguments[1].type, b);
  return real_bytes(self.type->kind(), apply_real(self.function->name[0], left, right));
}

Result<Bytes> varints(const Expression& self, const Bytes& a, const Bytes& b) {
  SAGITTA_TRY(const types::BigInteger result,
              types::apply(self.function->name[0], varint_of(*self.arguments[0].type, a),
                           varint_of(*self.arguments[1].type, b)));
  return types::from_varint(result);
}

Result<Bytes> decimals(const Expression& self, const Bytes& a, const Bytes& b) {
  SAGITTA_TRY(const types::Decimal left, decimal_of(*self.arguments[0].type, a));
  SAGITTA_TRY(const types::Decimal right, decimal_of(*self.arguments[1].type, b));
  SAGITTA_TRY(const types::Decimal result, types::apply(self.function->name[0], left, right));
  return types::from_decimal(result);
}

/// A timestamp or date and a duration.
Result<Value> moment(const Expression& self, const Bytes& a, const Bytes& b) {
  constexpr int64_t kNsPerMs = 1'000'000;
  const types::Duration duration = *types::decode_duration(b);
  const bool date = self.type->kind() == Kind::kDate;
  if (date ? duration.ns != 0 : duration.ns % kNsPerMs != 0) {
    return operation_failure(self, fmt::format("The duration must have a {} precision. Was: {}",
                                               date ? "day" : "millisecond", types::duration_to_text(duration)));
  }
  const int64_t sign = self.function->name == "+" ? 1 : -1;
  const auto sum = types::add_to_ms(instant_ms(*self.type, a), duration, sign);
  if (!sum || (date && !is_date(*sum))) return operation_failure(self, "the result is out of range");
  return date ? date_of_ms(*sum) : types::from_int64(*sum);
}

Result<Value> call_arithmetic(const Expression& self, Arguments arguments, const EvalContext&) {
  const Kind kind = self.type->kind();
  const Bytes &a = *arguments[0], &b = *arguments[1];
  if (is_text(kind)) return a + b;
  if (a.empty() || b.empty()) return Value();
  if (is_integer(kind)) return integers(self, a, b);
  if (is_real(kind)) return reals(self, a, b);
  if (!is_numeric(kind)) return moment(self, a, b);
  auto result = kind == Kind::kVarint ? varints(self, a, b) : decimals(self, a, b);
  if (!result) return operation_failure(self, result.error().message());
  return *std::move(result);
}

}  // namespace

const Function& arithmetic_function(char operation) {
  constexpr std::string_view kOperations = "+-*/%";
  static const std::array functions = {
      special("+", Kind::kInt, call_arithmetic), special("-", Kind::kInt, call_arithmetic),
      special("*", Kind::kInt, call_arithmetic), special("/", Kind::kInt, call_arithmetic),
      special("%", Kind::kInt, call_arithmetic)};
  return functions[kOperations.find(operation)];
}

}  // namespace sagitta::plan
