/// JSON texts of values, and values of JSON texts.
#include <fmt/format.h>

#include "sagitta/types/json.h"
#include "sagitta/types/value.h"

#include "binder.h"
#include "functions.h"

namespace sagitta::plan {
namespace {

using types::DataTypePtr;
using types::Kind;
using Arguments = std::span<const Value>;

Result<Value> call_to_json(const Expression& self, Arguments arguments, const EvalContext&) {
  return types::to_json(*self.arguments[0].type, to_view(arguments[0]));
}

Result<Value> call_from_json(const Expression& self, Arguments arguments, const EvalContext&) {
  auto json = types::parse_json(*arguments[0]);
  if (!json) {
    return function_failure("from_json",
                            fmt::format("execution of 'system.from_json[text]' failed: Could not decode JSON string "
                                        "'{}': {}",
                                        *arguments[0], json.error().message()));
  }
  auto value = types::from_json(*self.type, *json);
  return value ? std::move(value) : function_failure("from_json", value.error().message());
}

}  // namespace

void add_json_functions(Registry& registry) {
  registry.add_null_taker(
      {"to_json", "tojson"}, {any_parameter()}, [](std::span<const DataTypePtr>) { return native(Kind::kText); },
      call_to_json);
}

const Function& from_json_function() {
  static const Function function = [] {
    Function made = special("from_json", Kind::kBlob, call_from_json);
    made.generic = {fixed_parameter(Kind::kText)};
    return made;
  }();
  return function;
}

}  // namespace sagitta::plan
