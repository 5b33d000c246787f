/// From bound relations on key columns and their values to partition keys and clustering ranges.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "sagitta/base/limits.h"
#include "sagitta/types/ordered_bytes.h"
#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

#include "restrictions.h"

namespace sagitta::plan {
namespace {

/// Keys or ranges one statement may name by IN; a product of several INs grows fast.
constexpr size_t kCombinationsMax = 65536;

using Components = std::vector<Bytes>;

/// So many values are about to be evaluated or put together.
Status charge(const EvalContext& context, size_t values) {
  if (context.meter == nullptr) return {};
  context.meter->add(work::kKeyValue * values);
  if (!context.meter->spent()) return {};
  return fail(ErrorCode::kWouldBlock, fmt::format("{} key values are too many for a turn", values));
}

Result<Tuple> unpack_operand(const Relation& relation, const types::DataType& type, const Value& whole) {
  if (!whole) return Tuple(relation.columns.size());
  SAGITTA_TRY(Tuple values, types::unpack_tuple(type, *whole));
  values.resize(relation.columns.size());
  return values;
}

Result<Tuple> evaluate_operand(const Relation& relation, const Operand& operand, const EvalContext& context) {
  if (operand.packed) {
    SAGITTA_TRY(Value whole, evaluate(operand.parts[0], context));
    return unpack_operand(relation, *operand.parts[0].type, whole);
  }
  Tuple values;
  for (const Expression& part : operand.parts) {
    SAGITTA_TRY(Value value, evaluate(part, context));
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::vector<Tuple>> evaluate_in_list(const Relation& relation, const EvalContext& context) {
  SAGITTA_TRY(Value whole, evaluate(*relation.in_list, context));
  if (!whole) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid null value for column {}", relation.in_list->receiver));
  }
  SAGITTA_TRY(std::vector<Bytes> elements, types::unpack_elements(*relation.in_list->type, *whole));
  SAGITTA_CHECK(charge(context, elements.size()));
  std::vector<Tuple> tuples;
  for (Bytes& element : elements) {
    if (relation.columns.size() == 1) {
      tuples.push_back({Value(std::move(element))});
      continue;
    }
    SAGITTA_TRY(Tuple tuple, unpack_operand(relation, *relation.in_list->type->element(), Value(std::move(element))));
    tuples.push_back(std::move(tuple));
  }
  return tuples;
}

/// The bytes by which rows are ordered and told apart in storage.
Bytes ordered(std::span<const ColumnPtr> columns, const Components& values) {
  Bytes out;
  for (size_t i = 0; i < values.size(); ++i) {
    types::append_ordered(*columns[i]->type, values[i], columns[i]->descending, out);
  }
  return out;
}

/// In their order, the first of those that are equal.
void sort_and_unite(std::span<const ColumnPtr> columns, std::vector<Components>& values) {
  std::map<Bytes, Components> sorted;
  for (Components& value : values) sorted.try_emplace(ordered(columns, value), std::move(value));
  values.clear();
  for (auto& [key, value] : sorted) values.push_back(std::move(value));
}

Status append_product(std::vector<Components>& prefixes, const std::vector<Components>& next,
                      const EvalContext& context) {
  if (!next.empty() && prefixes.size() > kCombinationsMax / next.size()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("The IN restrictions select more than {} combinations of key values", kCombinationsMax));
  }
  SAGITTA_CHECK(charge(context, prefixes.size() * next.size()));
  std::vector<Components> product;
  product.reserve(prefixes.size() * next.size());
  for (const Components& prefix : prefixes) {
    for (const Components& tail : next) {
      product.push_back(prefix);
      product.back().insert(product.back().end(), tail.begin(), tail.end());
    }
  }
  prefixes = std::move(product);
  return {};
}

/// All value combinations of equalities, in the order of the columns' values.
Result<std::vector<Components>> evaluate_equalities(std::span<const Relation> relations, const EvalContext& context) {
  std::vector<Components> prefixes(1);
  for (const Relation& relation : relations) {
    SAGITTA_TRY(std::vector<Components> values, evaluate_key_operands(relation, context));
    sort_and_unite(relation.columns, values);
    SAGITTA_CHECK(append_product(prefixes, values, context));
  }
  return prefixes;
}

bool may_be_empty(types::Kind kind) {
  return kind == types::Kind::kText || kind == types::Kind::kAscii || kind == types::Kind::kBlob;
}

Status check_component(const Relation& relation, const schema::ColumnDef& column, const Value& value) {
  if (!value) {
    const bool is_tuple = relation.columns.size() > 1 && !relation.is_slice();
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid null value {}for column {}", is_tuple ? "" : "in condition ", column.name));
  }
  if (value->empty() && !may_be_empty(column.type->kind())) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid empty value in condition for column {}", column.name));
  }
  if (value->size() > limits::kKeyComponentBytesMax) {
    return fail(ErrorCode::kInvalid, fmt::format("Key length of {} is longer than maximum of {}", value->size(),
                                                 limits::kKeyComponentBytesMax));
  }
  return {};
}

struct Bound {
  /// None for null, which stands before all values in storage order.
  Components values;
  bool inclusive = true;
  bool start = true;
};

/// Of one column: a tuple has no null in it.
Result<bool> is_null(const Relation& slice, const EvalContext& context) {
  if (slice.columns.size() > 1 || slice.operands[0].packed) return false;
  SAGITTA_TRY(const std::vector<Tuple> values, evaluate_operands(slice, context));
  return !values[0][0];
}

/// A slice whose columns all run the same way; descending ones turn a lower bound into the end.
Result<std::vector<Bound>> evaluate_slices(std::span<const Relation> slices, const EvalContext& context) {
  std::vector<Bound> bounds;
  for (const Relation& slice : slices) {
    const bool lower = slice.op == Operator::kGt || slice.op == Operator::kGe;
    Bound& bound = bounds.emplace_back();
    bound.inclusive = slice.op == Operator::kGe || slice.op == Operator::kLe;
    bound.start = lower != slice.columns[0]->descending;
    SAGITTA_TRY(const bool null, is_null(slice, context));
    if (null) continue;
    SAGITTA_TRY(std::vector<Components> values, evaluate_key_operands(slice, context));
    bound.values = std::move(values[0]);
  }
  return bounds;
}

ClusteringRange make_range(const Components& prefix, std::span<const Bound> bounds) {
  ClusteringRange range{.start = prefix, .end = prefix};
  for (const Bound& bound : bounds) {
    if (bound.values.empty()) continue;
    Components& side = bound.start ? range.start : range.end;
    side.insert(side.end(), bound.values.begin(), bound.values.end());
    (bound.start ? range.start_inclusive : range.end_inclusive) = bound.inclusive;
  }
  return range;
}

bool is_empty(std::span<const ColumnPtr> columns, const ClusteringRange& range) {
  const Bytes start = ordered(columns, range.start), end = ordered(columns, range.end);
  return types::interval_between({start, range.start_inclusive}, {end, range.end_inclusive}).is_empty();
}

}  // namespace

Result<std::vector<Tuple>> evaluate_operands(const Relation& relation, const EvalContext& context) {
  if (relation.in_list) return evaluate_in_list(relation, context);
  SAGITTA_CHECK(charge(context, relation.operands.size()));
  std::vector<Tuple> tuples;
  for (const Operand& operand : relation.operands) {
    SAGITTA_TRY(Tuple tuple, evaluate_operand(relation, operand, context));
    tuples.push_back(std::move(tuple));
  }
  return tuples;
}

Result<std::vector<Components>> evaluate_key_operands(const Relation& relation, const EvalContext& context) {
  SAGITTA_TRY(std::vector<Tuple> tuples, evaluate_operands(relation, context));
  std::vector<Components> keys;
  keys.reserve(tuples.size());
  for (Tuple& tuple : tuples) {
    Components& key = keys.emplace_back();
    for (size_t i = 0; i < tuple.size(); ++i) {
      SAGITTA_CHECK(check_component(relation, *relation.columns[i], tuple[i]));
      key.push_back(*std::move(tuple[i]));
    }
  }
  return keys;
}

Result<std::vector<Bytes>> evaluate_partition_keys(std::span<const Relation> relations, const EvalContext& context) {
  SAGITTA_TRY(std::vector<Components> combinations, evaluate_equalities(relations, context));
  std::vector<Bytes> keys;
  for (const Components& components : combinations) {
    if (components.size() == 1 && components[0].empty()) return fail(ErrorCode::kInvalid, "Key may not be empty");
    keys.push_back(types::pack_partition_key(components));
  }
  return keys;
}

size_t ClusteringRestrictions::prefix_length() const {
  size_t length = 0;
  for (const Relation& relation : equalities) length += relation.columns.size();
  return length;
}

Result<std::vector<ClusteringRange>> evaluate_clustering(const ClusteringRestrictions& restrictions,
                                                         const EvalContext& context) {
  SAGITTA_TRY(std::vector<Components> prefixes, evaluate_equalities(restrictions.equalities, context));
  SAGITTA_TRY(std::vector<Bound> bounds, evaluate_slices(restrictions.slices, context));
  std::vector<ColumnPtr> columns;
  for (const Relation& relation : restrictions.equalities) {
    columns.insert(columns.end(), relation.columns.begin(), relation.columns.end());
  }
  if (!restrictions.slices.empty()) {
    auto longest =
        std::ranges::max_element(restrictions.slices, {}, [](const Relation& r) { return r.columns.size(); });
    columns.insert(columns.end(), longest->columns.begin(), longest->columns.end());
  }
  const auto is_before_all = [](const Bound& bound) { return bound.values.empty() && !bound.start; };
  std::vector<ClusteringRange> ranges;
  if (std::ranges::any_of(bounds, is_before_all)) return ranges;
  for (const Components& prefix : prefixes) {
    ClusteringRange range = make_range(prefix, bounds);
    if (!is_empty(columns, range)) ranges.push_back(std::move(range));
  }
  return ranges;
}

// The smallest token, which no key has, stands for the end of the ring too: it bounds nothing.
Result<TokenRange> evaluate_token_range(std::span<const Relation> relations, const EvalContext& context) {
  TokenRange range;
  const auto nothing = TokenRange{.start = 1, .end = 0};
  for (const Relation& relation : relations) {
    SAGITTA_TRY(std::vector<Tuple> tuples, evaluate_operands(relation, context));
    if (!tuples[0][0]) return fail(ErrorCode::kInvalid, "Invalid null token value");
    const int64_t token = types::to_int64(*tuples[0][0]);
    switch (relation.op) {
      case Operator::kEq:
        range.start = std::max(range.start, token);
        if (token != INT64_MIN) range.end = std::min(range.end, token);
        break;
      case Operator::kGe: range.start = std::max(range.start, token); break;
      case Operator::kLe:
        if (token != INT64_MIN) range.end = std::min(range.end, token);
        break;
      case Operator::kGt:
        if (token == INT64_MAX) return nothing;
        range.start = std::max(range.start, token + 1);
        break;
      default:
        if (token != INT64_MIN) range.end = std::min(range.end, token - 1);
        break;
    }
  }
  return range;
}

/// A text of n bytes costs up to n times as much.
constexpr size_t kPatternBytesMax = 1000;

Status check_pattern(const Filter& filter) {
  const Value& pattern = filter.operands[0][0];
  if (!pattern || pattern->size() <= kPatternBytesMax) return {};
  return fail(ErrorCode::kInvalid, fmt::format("The pattern of LIKE on {} has {} bytes, the most is {}",
                                               filter.columns[0]->name, pattern->size(), kPatternBytesMax));
}

Result<Filter> evaluate_filter(const Relation& relation, const EvalContext& context) {
  Filter filter{.columns = relation.columns, .op = relation.op};
  if (relation.map_key) {
    SAGITTA_TRY(filter.map_key, evaluate(*relation.map_key, context));
    if (!filter.map_key) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Unsupported null map key for column {}", relation.columns[0]->name));
    }
  }
  SAGITTA_TRY(filter.operands, evaluate_operands(relation, context));
  if (relation.op == Operator::kLike) SAGITTA_CHECK(check_pattern(filter));
  if (relation.op != Operator::kIn) {
    for (size_t i = 0; i < filter.operands[0].size(); ++i) {
      if (filter.operands[0][i]) continue;
      const ColumnPtr column = relation.columns[std::min(i, relation.columns.size() - 1)];
      return fail(ErrorCode::kInvalid,
                  fmt::format("Unsupported null {}value for column {}", relation.map_key ? "map " : "", column->name));
    }
  }
  return filter;
}

}  // namespace sagitta::plan
