#include "sagitta/plan/expression.h"
#include "sagitta/types/value.h"

#include "numbers.h"

namespace sagitta::plan {

struct Accumulator::State {
  const Expression* expression;
  uint64_t count = 0;
  Value extreme;
  NumberSum numbers;
  const types::DataType& argument_type() const { return *expression->arguments[0].type; }

  void keep_extreme(Bytes value) {
    const auto order = extreme ? types::compare(argument_type(), value, *extreme) : std::strong_ordering::equal;
    const bool better = expression->aggregate == Aggregate::kMin ? order < 0 : order > 0;
    if (!extreme || better) extreme = std::move(value);
  }
};

Accumulator::Accumulator(const Expression& expression)
    : state_(std::make_unique<State>(State{.expression = &expression, .numbers = NumberSum(*expression.type)})) {}
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
      if (!value->empty()) return state_->numbers.add(*value);
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
    case Aggregate::kSum: return state_->numbers.sum();
    case Aggregate::kAvg: return state_->numbers.mean();
  }
  return Value();
}

}  // namespace sagitta::plan
