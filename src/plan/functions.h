/// The built-in scalar functions: their names, their types and what they compute. Each subject has
/// a file functions_*.cc, which adds its functions to the registry; functions_collections.cc shows
/// how.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/plan/expression.h"

namespace sagitta::plan {

/// What one parameter of a generic function takes.
struct Parameter {
  /// As signatures spell it: "any", "map", "[text|varchar|ascii]".
  std::string text;
  std::function<bool(const types::DataType& type)> takes;
  /// In the refusal of an argument: "a map argument".
  std::string wanted;
  /// Of an argument without a type of its own, as a bind marker; null: such an argument is refused.
  types::DataTypePtr implied;
  /// The argument has the type of the first, whatever that is.
  bool same_as_first = false;
  bool optional = false;
};

struct Function {
  using Call = Result<Value> (*)(const Expression& self, std::span<const Value> arguments, const EvalContext& context);
  /// The type of a generic function's result.
  using ResultOf = types::DataTypePtr (*)(std::span<const types::DataTypePtr> arguments);

  /// As result columns and messages spell it, without "system.".
  std::string name;
  /// Of a function of fixed types, which may have overloads of the same name.
  std::vector<types::DataTypePtr> parameters;
  types::DataTypePtr result;
  /// Of a generic function, which has no overloads. Functions with neither have rules of their own
  /// in TermBinder.
  std::vector<Parameter> generic;
  ResultOf result_of = nullptr;
  Call call = nullptr;
  /// Null as soon as one argument is: `call` then sees values only.
  bool null_on_null = true;
  /// Where the first argument grows and the others stay, the result does not go back: rows in the
  /// order of a column can be grouped by it.
  bool is_monotonic = false;
};

/// All functions that are called by their names.
class Registry {
 public:
  using Names = std::initializer_list<std::string_view>;
  /// A function of fixed types, under each of its names (lower case).
  void add(Names names, const std::vector<types::Kind>& parameters, types::Kind result, Function::Call call);
  /// The same, for one that is monotonic.
  void add_monotonic(Names names, const std::vector<types::Kind>& parameters, types::Kind result, Function::Call call);
  /// A generic function.
  void add_generic(Names names, std::vector<Parameter> parameters, Function::ResultOf result_of, Function::Call call);
  /// As `add_generic`, but `call` sees nulls too.
  void add_null_taker(Names names, std::vector<Parameter> parameters, Function::ResultOf result_of,
                      Function::Call call);
  std::span<const Function* const> find(std::string_view name) const;

 private:
  void add(std::string_view name, Function function);
  std::vector<std::unique_ptr<Function>> all_;
  std::map<std::string, std::vector<const Function*>, std::less<>> by_name_;
};

void add_time_functions(Registry& registry);
void add_blob_functions(Registry& registry);
void add_math_functions(Registry& registry);
void add_collection_functions(Registry& registry);
void add_masking_functions(Registry& registry);
void add_json_functions(Registry& registry);

/// The overloads of a name (lower case), in order of preference; empty when there is no such
/// function.
std::span<const Function* const> functions_named(std::string_view name);
/// "system.abs : (int) -> int", or "system.map_keys(map)" of a generic one.
std::string signature(const Function& function);

/// Parameters that several subjects use.
Parameter any_parameter();
/// A value of the type of the first argument.
Parameter same_parameter();
Parameter fixed_parameter(types::Kind kind);
Parameter optional_parameter(types::Kind kind);

/// kFunction: the function has no result for these arguments.
std::unexpected<Error> function_failure(std::string_view function, std::string message);

/// A function that TermBinder has rules for.
Function special(std::string name, types::Kind result, Function::Call call, bool null_on_null = true);
const Function& token_function();
const Function& cast_function();
const Function& from_json_function();
/// `operation` is + - * / or %.
const Function& arithmetic_function(char operation);
/// similarity_cosine | similarity_euclidean | similarity_dot_product; null for any other name.
const Function* similarity_function(std::string_view name);

/// Whether CAST(x AS to) is known for an x of type `from`.
bool can_cast(const types::DataType& from, const types::DataType& to);
/// The signatures of the casts to a type but those from itself: "system.cast_as_int : (bigint) ->
/// int".
std::vector<std::string> casts_to(const types::DataType& to);

}  // namespace sagitta::plan
