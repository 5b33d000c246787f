/// The built-in scalar functions: their names, their types and what they compute.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/plan/expression.h"

namespace sagitta::plan {

struct Function {
  using Call = Result<Value> (*)(const Expression& self, std::span<const Value> arguments, const EvalContext& context);

  /// As result columns and messages spell it, without "system.".
  std::string name;
  /// Empty when `resolve_call` has rules of its own for the function (token, similarity_*, casts,
  /// arithmetic).
  std::vector<types::DataTypePtr> parameters;
  types::DataTypePtr result;
  Call call = nullptr;
  /// Null as soon as one argument is: `call` then sees values only.
  bool null_on_null = true;
};

/// The overloads of a name (lower case), in order of preference; empty when there is no such
/// function.
std::span<const Function* const> functions_named(std::string_view name);

/// Functions without a signature of their own.
const Function& token_function();
const Function& cast_function();
/// `operation` is + - * / or %.
const Function* arithmetic_function(char operation);
/// similarity_cosine | similarity_euclidean | similarity_dot_product; null for any other name.
const Function* similarity_function(std::string_view name);
const Function& to_json_function();

/// Whether CAST(x AS to) is known for an x of type `from`.
bool can_cast(const types::DataType& from, const types::DataType& to);
bool is_numeric(types::Kind kind);

}  // namespace sagitta::plan
