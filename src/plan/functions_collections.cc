/// Functions of collections. This is the file to imitate for a new function: what it computes, then
/// a line in the registry that says what it takes and gives.
#include "sagitta/types/value.h"

#include "binder.h"
#include "functions.h"
#include "numbers.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;
using Arguments = std::span<const Value>;
using Types = std::span<const DataTypePtr>;

bool is_list_or_set(const DataType& type) { return type.kind() == Kind::kList || type.kind() == Kind::kSet; }

Parameter map_parameter() {
  return {.text = "map",
          .takes = [](const DataType& type) { return type.kind() == Kind::kMap; },
          .wanted = "a map argument"};
}

Parameter collection_parameter() {
  return {.text = "collection",
          .takes = [](const DataType& type) { return type.is_collection(); },
          .wanted = "a collection argument"};
}

Parameter list_or_set_parameter() {
  return {.text = "set_or_list", .takes = is_list_or_set, .wanted = "a set or list argument"};
}

Parameter numbers_parameter() {
  return {.text = "numeric_set_or_list",
          .takes = [](const DataType& type) { return is_list_or_set(type) && is_numeric(type.element()->kind()); },
          .wanted = "a numeric set/list argument"};
}

DataTypePtr set_of_keys(Types arguments) { return DataType::set(DataType::freeze(arguments[0]->key())); }
DataTypePtr list_of_values(Types arguments) { return DataType::list(DataType::freeze(arguments[0]->mapped())); }
DataTypePtr element_of(Types arguments) { return arguments[0]->element(); }
DataTypePtr int_of(Types) { return native(Kind::kInt); }

Result<std::vector<Bytes>> elements_of(const Expression& self, Arguments arguments) {
  return types::unpack_elements(*self.arguments[0].type, *arguments[0]);
}

/// Every second element of a map's, from the first key or the first value on.
Result<Value> half_of_map(const Expression& self, Arguments arguments, size_t first) {
  SAGITTA_TRY(std::vector<Bytes> elements, elements_of(self, arguments));
  std::vector<Bytes> half;
  for (size_t i = first; i < elements.size(); i += 2) half.push_back(std::move(elements[i]));
  return types::pack_list(half);
}

Result<Value> call_map_keys(const Expression& self, Arguments arguments, const EvalContext&) {
  return half_of_map(self, arguments, 0);
}

Result<Value> call_map_values(const Expression& self, Arguments arguments, const EvalContext&) {
  return half_of_map(self, arguments, 1);
}

Result<Value> call_count(const Expression& self, Arguments arguments, const EvalContext&) {
  SAGITTA_TRY(const std::vector<Bytes> elements, elements_of(self, arguments));
  const size_t parts = self.arguments[0].type->kind() == Kind::kMap ? 2 : 1;
  return types::from_int32(static_cast<int32_t>(elements.size() / parts));
}

/// `sign` is -1 for the least element and 1 for the greatest. Null of none.
Result<Value> extreme(const Expression& self, Arguments arguments, int sign) {
  SAGITTA_TRY(std::vector<Bytes> elements, elements_of(self, arguments));
  Value best;
  for (Bytes& element : elements) {
    const auto order = best ? types::compare(*self.type, element, *best) : std::strong_ordering::equal;
    if (!best || (sign < 0 ? order < 0 : order > 0)) best = std::move(element);
  }
  return best;
}

Result<Value> call_min(const Expression& self, Arguments arguments, const EvalContext&) {
  return extreme(self, arguments, -1);
}

Result<Value> call_max(const Expression& self, Arguments arguments, const EvalContext&) {
  return extreme(self, arguments, 1);
}

Result<NumberSum> sum_of(const Expression& self, Arguments arguments) {
  SAGITTA_TRY(const std::vector<Bytes> elements, elements_of(self, arguments));
  NumberSum sum(*self.type);
  for (const Bytes& element : elements) SAGITTA_CHECK(sum.add(element));
  return sum;
}

Result<Value> call_sum(const Expression& self, Arguments arguments, const EvalContext&) {
  SAGITTA_TRY(const NumberSum sum, sum_of(self, arguments));
  return sum.sum();
}

Result<Value> call_avg(const Expression& self, Arguments arguments, const EvalContext&) {
  SAGITTA_TRY(const NumberSum sum, sum_of(self, arguments));
  return sum.mean();
}

}  // namespace

void add_collection_functions(Registry& registry) {
  registry.add_generic({"map_keys"}, {map_parameter()}, set_of_keys, call_map_keys);
  registry.add_generic({"map_values"}, {map_parameter()}, list_of_values, call_map_values);
  registry.add_generic({"collection_count"}, {collection_parameter()}, int_of, call_count);
  registry.add_generic({"collection_min"}, {list_or_set_parameter()}, element_of, call_min);
  registry.add_generic({"collection_max"}, {list_or_set_parameter()}, element_of, call_max);
  registry.add_generic({"collection_sum"}, {numbers_parameter()}, element_of, call_sum);
  registry.add_generic({"collection_avg"}, {numbers_parameter()}, element_of, call_avg);
}

}  // namespace sagitta::plan
