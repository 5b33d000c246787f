/// Conditions: how they are written down, and whether they hold.
#include "sagitta/rows/conditional_write.h"

#include <algorithm>

#include "sagitta/types/archive.h"
#include "sagitta/types/value.h"

namespace sagitta::rows {
namespace {

/// The record as it is written; the mutations have a form of their own.
struct Written {
  uint32_t table_id = 0;
  Bytes partition_key;
  std::vector<RowCondition> conditions;
  Bytes mutations;
};

}  // namespace
}  // namespace sagitta::rows

namespace sagitta::types {

template <>
constexpr auto kMembers<rows::ColumnCondition> =
    std::tuple(&rows::ColumnCondition::column_id, &rows::ColumnCondition::op, &rows::ColumnCondition::of,
               &rows::ColumnCondition::key, &rows::ColumnCondition::operands);
template <>
constexpr auto kMembers<rows::RowCondition> =
    std::tuple(&rows::RowCondition::is_static, &rows::RowCondition::clustering, &rows::RowCondition::existence,
               &rows::RowCondition::columns);
template <>
constexpr auto kMembers<rows::Written> = std::tuple(&rows::Written::table_id, &rows::Written::partition_key,
                                                    &rows::Written::conditions, &rows::Written::mutations);

}  // namespace sagitta::types

namespace sagitta::rows {
namespace {

using types::DataType;
using types::Kind;
using Operator = ColumnCondition::Operator;
using Of = ColumnCondition::Of;

constexpr uint8_t kConditionalVersion = 1;

/// A value with its type.
struct Typed {
  const DataType* type = nullptr;
  Value value;
};

Value map_entry(const DataType& map, const std::vector<Bytes>& elements, BytesView key) {
  for (size_t i = 0; i + 1 < elements.size(); i += 2) {
    if (types::compare(*map.key(), elements[i], key) == 0) return elements[i + 1];
  }
  return std::nullopt;
}

std::optional<Typed> element_of(const DataType& type, const Value& whole, BytesView key) {
  const bool is_list = type.kind() == Kind::kList;
  if (is_list ? key.size() != sizeof(int32_t) : type.kind() != Kind::kMap) return std::nullopt;
  const bool is_map = type.kind() == Kind::kMap;
  Typed element{.type = is_map ? type.mapped().get() : type.element().get(), .value = {}};
  auto elements = whole ? types::unpack_elements(type, *whole) : std::vector<Bytes>();
  if (!elements) return element;
  if (is_map) {
    element.value = map_entry(type, *elements, key);
    return element;
  }
  const int32_t number = types::to_int32(key);
  const bool is_there = number >= 0 && static_cast<size_t>(number) < elements->size();
  if (is_there) element.value = std::move((*elements)[static_cast<size_t>(number)]);
  return element;
}

std::optional<Typed> field_of(const DataType& type, const Value& whole, BytesView key) {
  const size_t number = get_big<uint16_t>(key.data());
  if (type.kind() != Kind::kUdt || number >= type.parameters().size()) return std::nullopt;
  Typed field{.type = type.parameters()[number].get(), .value = {}};
  auto fields = whole ? types::unpack_tuple(type, *whole) : std::vector<Value>();
  if (fields && number < fields->size()) field.value = std::move((*fields)[number]);
  return field;
}

/// What of the column the condition is about; nothing when it has no such part.
std::optional<Typed> subject(const schema::ColumnDef& column, const ColumnCondition& condition, const LiveRow* row) {
  const LiveCell* cell = row == nullptr ? nullptr : row->find(column.id);
  const Value whole = cell == nullptr ? Value() : Value(cell->value);
  switch (condition.of) {
    case Of::kElement: return element_of(*column.type, whole, condition.key);
    case Of::kField: return field_of(*column.type, whole, condition.key);
    case Of::kWhole: break;
  }
  return Typed{column.type.get(), whole};
}

bool contains(const Typed& collection, const Value& wanted, bool keys) {
  if (!collection.value || !wanted) return false;
  const DataType& type = *collection.type;
  const auto elements = types::unpack_elements(type, *collection.value);
  if (!elements) return false;
  const bool is_map = type.kind() == Kind::kMap;
  const DataType& element = is_map && !keys ? *type.mapped() : *type.element();
  for (size_t i = is_map && !keys ? 1 : 0; i < elements->size(); i += is_map ? 2 : 1) {
    if (types::compare(element, (*elements)[i], *wanted) == 0) return true;
  }
  return false;
}

bool compares(const Typed& left, Operator op, const Value& right) {
  if (!left.value || !right) {
    const bool both = !left.value && !right;
    return op == Operator::kEq || op == Operator::kIn ? both : op == Operator::kNotEq && !both;
  }
  const auto order = types::compare(*left.type, *left.value, *right);
  const bool is_less = order < 0, is_equal = order == 0;
  switch (op) {
    case Operator::kLt: return is_less;
    case Operator::kLe: return is_less || is_equal;
    case Operator::kGt: return !is_less && !is_equal;
    case Operator::kGe: return !is_less;
    case Operator::kNotEq: return !is_equal;
    default: return is_equal;
  }
}

bool holds(const schema::ColumnDef& column, const ColumnCondition& condition, const LiveRow* row) {
  const auto left = subject(column, condition, row);
  return left && std::ranges::any_of(condition.operands, [&](const Value& right) {
           const bool keys = condition.op == Operator::kContainsKey;
           if (keys || condition.op == Operator::kContains) return contains(*left, right, keys);
           return compares(*left, condition.op, right);
         });
}

/// A condition whose numbers and keys fit no column was not made by a binder.
bool is_sound(const ColumnCondition& condition) {
  const auto op = static_cast<uint8_t>(condition.op), of = static_cast<uint8_t>(condition.of);
  return op >= 1 && op <= static_cast<uint8_t>(Operator::kContainsKey) && of >= 1 &&
         of <= static_cast<uint8_t>(Of::kField) && (condition.of != Of::kField || condition.key.size() == 2);
}

bool is_sound(const RowCondition& condition) {
  const auto existence = static_cast<uint8_t>(condition.existence);
  return existence >= 1 && existence <= static_cast<uint8_t>(RowCondition::Existence::kNotExists) &&
         std::ranges::all_of(condition.columns, [](const ColumnCondition& column) { return is_sound(column); });
}

}  // namespace

bool holds(const schema::TableDef& table, const RowCondition& condition, const LiveRow* row) {
  using Existence = RowCondition::Existence;
  if (condition.existence == Existence::kExists && row == nullptr) return false;
  if (condition.existence == Existence::kNotExists && row != nullptr) return false;
  return std::ranges::all_of(condition.columns, [&](const ColumnCondition& one) {
    const schema::ColumnDef* column = table.find_column(one.column_id);
    return column != nullptr && holds(*column, one, row);
  });
}

void encode(const ConditionalWrite& write, Bytes& out) {
  Written written{write.table_id, write.partition_key, write.conditions, {}};
  encode(write.mutations, written.mutations);
  out.push_back(static_cast<char>(kConditionalVersion));
  types::Writer put(out);
  put(written);
}

Result<ConditionalWrite> decode_conditional_write(BytesView bytes) {
  if (bytes.empty()) return fail(ErrorCode::kCorruption, "a conditional write: empty");
  if (static_cast<uint8_t>(bytes[0]) != kConditionalVersion) {
    return fail(ErrorCode::kFormat, "a conditional write: unknown version");
  }
  Written written;
  types::Reader in(bytes.substr(1));
  in(written);
  const bool is_whole = in.complete() && !written.conditions.empty() &&
                        std::ranges::all_of(written.conditions, [](const RowCondition& one) { return is_sound(one); });
  if (!is_whole) return fail(ErrorCode::kCorruption, "a conditional write: damaged");
  ConditionalWrite write{written.table_id, std::move(written.partition_key), std::move(written.conditions), {}};
  SAGITTA_TRY(write.mutations, decode_mutations(written.mutations));
  return write;
}

}  // namespace sagitta::rows
