/// Tests one row against one restriction.
#include <algorithm>

#include "sagitta/plan/select.h"
#include "sagitta/text/like.h"
#include "sagitta/types/value.h"

namespace sagitta::plan {
namespace {

using types::Kind;

bool accepts(Operator op, std::strong_ordering order) {
  switch (op) {
    case Operator::kEq:
    case Operator::kIn: return order == 0;
    case Operator::kNotEq: return order != 0;
    case Operator::kLt: return order < 0;
    case Operator::kLe: return order <= 0;
    case Operator::kGt: return order > 0;
    case Operator::kGe: return order >= 0;
    default: return false;
  }
}

/// Looks for `wanted` among the elements of a collection; of a map: its keys or its values.
bool contains(const types::DataType& type, BytesView whole, BytesView wanted, bool keys, const text::Folding& folding) {
  auto elements = types::unpack_elements(type, whole);
  if (!elements) return false;
  const bool map = type.kind() == Kind::kMap;
  const types::DataType& element_type = map && !keys ? *type.mapped() : *type.element();
  for (size_t i = map && !keys ? 1 : 0; i < elements->size(); i += map ? 2 : 1) {
    if (!folding.is_identity()) (*elements)[i] = folding.fold((*elements)[i]);
    if (types::compare(element_type, (*elements)[i], wanted) == 0) return true;
  }
  return false;
}

Value map_entry(const types::DataType& type, BytesView whole, BytesView key) {
  auto elements = types::unpack_elements(type, whole);
  if (!elements) return {};
  for (size_t i = 0; i + 1 < elements->size(); i += 2) {
    if (types::compare(*type.key(), (*elements)[i], key) == 0) return std::move((*elements)[i + 1]);
  }
  return {};
}

/// The order of the row's columns and an operand, component by component; nothing when a null is
/// met.
std::optional<std::strong_ordering> order_of(const Filter& filter, const std::vector<Value>& operand,
                                             const RowSource& row) {
  for (size_t i = 0; i < filter.columns.size(); ++i) {
    const types::DataType* type = filter.columns[i]->type.get();
    Value value = to_value(row.column(*filter.columns[i]));
    if (value && filter.map_key) {
      value = map_entry(*type, *value, *filter.map_key);
      type = type->mapped().get();
    }
    if (!value || !operand[i]) return std::nullopt;
    if (!filter.folding.is_identity()) value = filter.folding.fold(*value);
    if (auto order = types::compare(*type, *value, *operand[i]); order != 0) return order;
  }
  return std::strong_ordering::equal;
}

}  // namespace

bool matches(const Filter& filter, const RowSource& row) {
  if (filter.op == Operator::kContains || filter.op == Operator::kContainsKey) {
    const ValueView whole = row.column(*filter.columns[0]);
    const Value& wanted = filter.operands[0][0];
    return whole && wanted &&
           contains(*filter.columns[0]->type, *whole, *wanted, filter.op == Operator::kContainsKey, filter.folding);
  }
  if (filter.op == Operator::kLike) {
    const ValueView text = row.column(*filter.columns[0]);
    return text && filter.operands[0][0] && text::is_like(*text, *filter.operands[0][0]);
  }
  return std::ranges::any_of(filter.operands, [&](const std::vector<Value>& operand) {
    auto order = order_of(filter, operand, row);
    return order && accepts(filter.op, *order);
  });
}

}  // namespace sagitta::plan
