#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/base/assert.h"
#include "sagitta/types/value.h"

#include "functions.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::Kind;

bool is_sorted_by_us(const DataType& type) { return type.kind() == Kind::kSet || type.kind() == Kind::kMap; }

Result<Value> evaluate_marker(const Expression& expression, const EvalContext& context) {
  if (expression.index >= context.values.size()) {
    return fail(ErrorCode::kInvalid, fmt::format("There were {} markers(?) in CQL but {} bound variables",
                                                 expression.index + 1, context.values.size()));
  }
  const BindValue& bound = context.values[expression.index];
  if (bound.unset) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid unset value for column {}", expression.receiver));
  }
  // Clients send the elements of sets and maps in any order.
  if (bound.value && is_sorted_by_us(*expression.type)) return types::normalise(*expression.type, *bound.value);
  return bound.value;
}

Result<std::vector<Value>> evaluate_all(const Expression& expression, const EvalContext& context,
                                        const RowSource* row) {
  std::vector<Value> values;
  values.reserve(expression.arguments.size());
  for (const Expression& argument : expression.arguments) {
    SAGITTA_TRY(Value value, evaluate(argument, context, row));
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::vector<Bytes>> without_nulls(std::vector<Value> values, std::string_view where) {
  std::vector<Bytes> elements;
  elements.reserve(values.size());
  for (Value& value : values) {
    if (!value) return fail(ErrorCode::kInvalid, fmt::format("null is not supported inside {}", where));
    elements.push_back(*std::move(value));
  }
  return elements;
}

Result<Value> evaluate_collection(const Expression& expression, const EvalContext& context, const RowSource* row) {
  const DataType& type = *expression.type;
  SAGITTA_TRY(std::vector<Value> values, evaluate_all(expression, context, row));
  if (type.kind() == Kind::kTuple || type.kind() == Kind::kUdt) return types::pack_tuple(values);
  SAGITTA_TRY(std::vector<Bytes> elements,
              without_nulls(std::move(values), type.kind() == Kind::kVector ? "vectors" : "collections"));
  switch (type.kind()) {
    case Kind::kVector: return types::pack_vector(type, elements);
    case Kind::kMap: {
      std::vector<std::pair<Bytes, Bytes>> entries;
      for (size_t i = 0; i + 1 < elements.size(); i += 2) {
        entries.emplace_back(std::move(elements[i]), std::move(elements[i + 1]));
      }
      return types::normalise(type, types::pack_map(entries));
    }
    case Kind::kSet: return types::normalise(type, types::pack_list(elements));
    default: return types::pack_list(elements);
  }
}

Result<Value> evaluate_call(const Expression& expression, const EvalContext& context, const RowSource* row) {
  SAGITTA_TRY(std::vector<Value> values, evaluate_all(expression, context, row));
  if (expression.function->null_on_null &&
      std::ranges::any_of(values, [](const Value& value) { return !value.has_value(); })) {
    return Value();
  }
  return expression.function->call(expression, values, context);
}

/// The key of an element or of an end of a slice; nothing when it is unset.
Result<std::optional<Bytes>> evaluate_key(const Expression& selection, size_t i, const EvalContext& context) {
  SAGITTA_TRY(BindValue key, evaluate_settable(selection.arguments[i], context));
  if (key.unset || key.value) return std::move(key.value);
  return fail(ErrorCode::kInvalid,
              fmt::format("Invalid null value for {} selection on {}",
                          selection.kind == Expression::Kind::kSlice ? "slice" : "element", selection.receiver));
}

Result<Value> evaluate_element(const Expression& expression, const EvalContext& context, const RowSource* row) {
  SAGITTA_TRY(Value container, evaluate(expression.arguments[0], context, row));
  SAGITTA_TRY(const std::optional<Bytes> key, evaluate_key(expression, 1, context));
  if (!key) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid unset value for element selection on {}", expression.receiver));
  }
  if (!container) return Value();
  const DataType& type = *expression.arguments[0].type;
  SAGITTA_TRY(std::vector<Bytes> elements, types::unpack_elements(type, *container));
  const size_t stride = type.kind() == Kind::kMap ? 2 : 1;
  for (size_t i = 0; i + stride <= elements.size(); i += stride) {
    if (types::compare(*type.key(), elements[i], *key) == 0) return std::move(elements[i + stride - 1]);
  }
  return Value();
}

/// Both ends are part of a slice.
Result<Value> evaluate_slice(const Expression& expression, const EvalContext& context, const RowSource* row) {
  SAGITTA_TRY(Value container, evaluate(expression.arguments[0], context, row));
  std::optional<Bytes> ends[2];
  for (size_t i = 0; i < 2; ++i) {
    if (expression.arguments[i + 1].type == nullptr) continue;
    SAGITTA_TRY(ends[i], evaluate_key(expression, i + 1, context));
  }
  if (!container) return Value();
  const DataType& type = *expression.type;
  SAGITTA_TRY(std::vector<Bytes> elements, types::unpack_elements(type, *container));
  const size_t stride = type.kind() == Kind::kMap ? 2 : 1;
  std::vector<Bytes> inside;
  for (size_t i = 0; i + stride <= elements.size(); i += stride) {
    if (ends[0] && types::compare(*type.key(), elements[i], *ends[0]) < 0) continue;
    if (ends[1] && types::compare(*type.key(), elements[i], *ends[1]) > 0) continue;
    for (size_t part = i; part < i + stride; ++part) inside.push_back(std::move(elements[part]));
  }
  // Of cells of their own nothing is left when none is.
  if (inside.empty() && type.is_multi_cell()) return Value();
  return types::pack_elements(type, inside);
}

Result<Value> evaluate_field(const Expression& expression, const EvalContext& context, const RowSource* row) {
  SAGITTA_TRY(Value whole, evaluate(expression.arguments[0], context, row));
  if (!whole) return Value();
  SAGITTA_TRY(std::vector<Value> fields, types::unpack_tuple(*expression.arguments[0].type, *whole));
  if (expression.index >= fields.size()) return Value();
  return std::move(fields[expression.index]);
}

bool may_take(const Expression& expression, const EvalContext& context) {
  return expression.kind == Expression::Kind::kMarker && expression.index < context.takeable.size() &&
         !is_sorted_by_us(*expression.type);
}

Value written_value(const Expression& expression, const Written& written) {
  if (expression.kind == Expression::Kind::kWritetime) {
    return written.at_us ? Value(types::from_int64(*written.at_us)) : Value();
  }
  return written.ttl_s ? Value(types::from_int32(*written.ttl_s)) : Value();
}

Value evaluate_written(const Expression& expression, const RowSource& row) {
  const std::vector<Written> written = row.written(*expression.column);
  if (written.empty()) return {};
  if (expression.type->kind() != Kind::kList) {
    return written_value(expression, *std::ranges::max_element(written, {}, &Written::at_us));
  }
  std::vector<Value> values;
  for (const Written& one : written) values.push_back(written_value(expression, one));
  return types::pack_nullable_list(values);
}

}  // namespace

ValueView RowSource::aggregate(uint32_t) const {
  SAGITTA_ASSERT(false);  // one row has no aggregate
  return std::nullopt;
}

bool has_aggregate(const Expression& expression) {
  return expression.kind == Expression::Kind::kAggregate || std::ranges::any_of(expression.arguments, has_aggregate);
}

std::string_view function_name(const Expression& call) { return call.function->name; }

Result<Value> evaluate(const Expression& expression, const EvalContext& context, const RowSource* row) {
  switch (expression.kind) {
    case Expression::Kind::kConstant: return expression.constant;
    case Expression::Kind::kMarker: return evaluate_marker(expression, context);
    case Expression::Kind::kColumn: SAGITTA_ASSERT(row != nullptr); return to_value(row->column(*expression.column));
    case Expression::Kind::kWritetime:
    case Expression::Kind::kTtl: SAGITTA_ASSERT(row != nullptr); return evaluate_written(expression, *row);
    case Expression::Kind::kCall: return evaluate_call(expression, context, row);
    case Expression::Kind::kCollection: return evaluate_collection(expression, context, row);
    case Expression::Kind::kElement: return evaluate_element(expression, context, row);
    case Expression::Kind::kSlice: return evaluate_slice(expression, context, row);
    case Expression::Kind::kField: return evaluate_field(expression, context, row);
    case Expression::Kind::kAggregate:
      SAGITTA_ASSERT(row != nullptr);
      return to_value(row->aggregate(expression.index));
  }
  return Value();
}

Result<BindValue> evaluate_settable(const Expression& expression, const EvalContext& context) {
  if (expression.kind == Expression::Kind::kMarker && expression.index < context.values.size() &&
      context.values[expression.index].unset) {
    return BindValue::make_unset();
  }
  if (may_take(expression, context)) return std::move(context.takeable[expression.index]);
  SAGITTA_TRY(Value value, evaluate(expression, context));
  return BindValue{.value = std::move(value)};
}

}  // namespace sagitta::plan
