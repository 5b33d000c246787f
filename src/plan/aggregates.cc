#include "sagitta/types/value.h"

#include "functions.h"

namespace sagitta::plan {

using types::Kind;

struct Accumulator::State {
  const Expression* expression;
  uint64_t count = 0;
  Value extreme;
  /// Modulo 2^64, as Java adds.
  uint64_t integer_sum = 0;
  double floating_sum = 0;

  const types::DataType& argument_type() const { return *expression->arguments[0].type; }

  void keep_extreme(Bytes value) {
    const auto order = extreme ? types::compare(argument_type(), value, *extreme) : std::strong_ordering::equal;
    const bool better = expression->aggregate == Aggregate::kMin ? order < 0 : order > 0;
    if (!extreme || better) extreme = std::move(value);
  }

  void add_number(const Bytes& value) {
    switch (argument_type().kind()) {
      case Kind::kTinyint: integer_sum += static_cast<uint64_t>(types::to_int8(value)); break;
      case Kind::kSmallint: integer_sum += static_cast<uint64_t>(types::to_int16(value)); break;
      case Kind::kInt: integer_sum += static_cast<uint64_t>(types::to_int32(value)); break;
      case Kind::kFloat: floating_sum += static_cast<double>(types::to_float(value)); break;
      case Kind::kDouble: floating_sum += types::to_double(value); break;
      default: integer_sum += static_cast<uint64_t>(types::to_int64(value)); break;
    }
  }

  /// The sum, or the average when `divisor` is the count.
  Bytes number(uint64_t divisor) const {
    const double floating = divisor == 0 ? 0 : floating_sum / static_cast<double>(divisor);
    const int64_t integer = divisor == 0 ? 0 : static_cast<int64_t>(integer_sum) / static_cast<int64_t>(divisor);
    switch (expression->type->kind()) {
      case Kind::kTinyint: return types::from_int8(static_cast<int8_t>(integer));
      case Kind::kSmallint: return types::from_int16(static_cast<int16_t>(integer));
      case Kind::kInt: return types::from_int32(static_cast<int32_t>(integer));
      case Kind::kFloat: return types::from_float(static_cast<float>(floating));
      case Kind::kDouble: return types::from_double(floating);
      default: return types::from_int64(integer);
    }
  }
};

Accumulator::Accumulator(const Expression& expression)
    : state_(std::make_unique<State>(State{.expression = &expression})) {}
Accumulator::Accumulator(Accumulator&&) noexcept = default;
Accumulator& Accumulator::operator=(Accumulator&&) noexcept = default;
Accumulator::~Accumulator() = default;

Status Accumulator::add(const EvalContext& context, const RowSource& row) {
  if (state_->expression->aggregate == Aggregate::kCountRows) {
    ++state_->count;
    return {};
  }
  SAGITTA_TRY(Value value, evaluate(state_->expression->arguments[0], context, &row));
  if (!value) return {};
  ++state_->count;
  switch (state_->expression->aggregate) {
    case Aggregate::kMin:
    case Aggregate::kMax: state_->keep_extreme(*std::move(value)); break;
    case Aggregate::kSum:
    case Aggregate::kAvg:
      if (!value->empty()) state_->add_number(*value);
      break;
    default: break;
  }
  return {};
}

Result<Value> Accumulator::result() const {
  switch (state_->expression->aggregate) {
    case Aggregate::kCountRows:
    case Aggregate::kCount: return types::from_int64(static_cast<int64_t>(state_->count));
    case Aggregate::kMin:
    case Aggregate::kMax: return state_->extreme;
    case Aggregate::kSum: return state_->number(1);
    case Aggregate::kAvg: return state_->number(state_->count);
  }
  return Value();
}

}  // namespace sagitta::plan
