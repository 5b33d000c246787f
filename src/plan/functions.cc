/// The registry of functions, and those that stand alone.
#include "functions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

#include "binder.h"
#include "numbers.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;
using Arguments = std::span<const Value>;

Result<Value> call_token(const Expression&, Arguments arguments, const EvalContext&) {
  std::vector<Bytes> components;
  for (const Value& argument : arguments) components.push_back(*argument);
  return types::from_int64(types::token_of(types::pack_partition_key(components)));
}

}  // namespace

void Registry::add(std::string_view name, Function function) {
  auto made = std::make_unique<Function>(std::move(function));
  made->name = name;
  by_name_[made->name].push_back(made.get());
  all_.push_back(std::move(made));
}

namespace {

Function fixed(const std::vector<Kind>& parameters, Kind result, Function::Call call) {
  Function function{.result = native(result), .call = call};
  for (Kind kind : parameters) function.parameters.push_back(native(kind));
  return function;
}

}  // namespace

void Registry::add(Names names, const std::vector<Kind>& parameters, Kind result, Function::Call call) {
  const Function function = fixed(parameters, result, call);
  for (std::string_view name : names) add(name, function);
}

void Registry::add_monotonic(Names names, const std::vector<Kind>& parameters, Kind result, Function::Call call) {
  Function function = fixed(parameters, result, call);
  function.is_monotonic = true;
  for (std::string_view name : names) add(name, function);
}

void Registry::add_generic(Names names, std::vector<Parameter> parameters, Function::ResultOf result_of,
                           Function::Call call) {
  const Function function{.generic = std::move(parameters), .result_of = result_of, .call = call};
  for (std::string_view name : names) add(name, function);
}

void Registry::add_null_taker(Names names, std::vector<Parameter> parameters, Function::ResultOf result_of,
                              Function::Call call) {
  const Function function{
      .generic = std::move(parameters), .result_of = result_of, .call = call, .null_on_null = false};
  for (std::string_view name : names) add(name, function);
}

std::span<const Function* const> Registry::find(std::string_view name) const {
  auto found = by_name_.find(name);
  if (found == by_name_.end()) return {};
  return found->second;
}

std::span<const Function* const> functions_named(std::string_view name) {
  static const Registry registry = [] {
    Registry made;
    add_time_functions(made);
    add_blob_functions(made);
    add_math_functions(made);
    add_collection_functions(made);
    add_masking_functions(made);
    add_json_functions(made);
    return made;
  }();
  return registry.find(name);
}

std::string signature(const Function& function) {
  std::vector<std::string> parameters;
  for (const Parameter& parameter : function.generic) {
    parameters.push_back(parameter.optional ? fmt::format("[{}]", parameter.text) : parameter.text);
  }
  if (!parameters.empty()) return fmt::format("system.{}({})", function.name, fmt::join(parameters, ", "));
  for (const DataTypePtr& parameter : function.parameters) parameters.push_back(parameter->to_cql());
  return fmt::format("system.{} : ({}) -> {}", function.name, fmt::join(parameters, ", "), function.result->to_cql());
}

Parameter any_parameter() {
  return {.text = "any", .takes = [](const DataType&) { return true; }};
}

Parameter same_parameter() {
  Parameter parameter = any_parameter();
  parameter.same_as_first = true;
  return parameter;
}

Parameter fixed_parameter(Kind kind) {
  const DataTypePtr type = native(kind);
  return {.text = type->to_cql(),
          .takes = [kind](const DataType& t) { return t.kind() == kind || (is_text(kind) && is_text(t.kind())); },
          .wanted = "an argument of type " + type->to_cql(),
          .implied = type};
}

Parameter optional_parameter(Kind kind) {
  Parameter parameter = fixed_parameter(kind);
  parameter.optional = true;
  return parameter;
}

std::unexpected<Error> function_failure(std::string_view function, std::string message) {
  return std::unexpected<Error>(Error(ErrorCode::kFunction, std::move(message), std::string(function)));
}

Function special(std::string name, Kind result, Function::Call call, bool null_on_null) {
  return {.name = std::move(name), .result = native(result), .call = call, .null_on_null = null_on_null};
}

const Function& token_function() {
  static const Function function = special("token", Kind::kBigint, call_token);
  return function;
}

}  // namespace sagitta::plan
