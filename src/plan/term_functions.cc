/// Calls of functions and aggregates: which overload is meant.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "sagitta/cql/parser.h"
#include "sagitta/types/value.h"

#include "literals.h"
#include "numbers.h"
#include "term_binder.h"

namespace sagitta::plan {

using types::DataType;
using types::DataTypePtr;
using types::Kind;

namespace {

std::string signatures(std::span<const Function* const> functions) {
  std::vector<std::string> all;
  for (const Function* function : functions) all.push_back(signature(*function));
  return fmt::format("{}", fmt::join(all, ", "));
}

/// The refusal of an argument of sum or avg.
std::unexpected<Error> no_number(const cql::FunctionCall& call) {
  constexpr std::array kNumbers = {Kind::kTinyint, Kind::kSmallint, Kind::kInt,   Kind::kBigint, Kind::kCounter,
                                   Kind::kVarint,  Kind::kDecimal,  Kind::kFloat, Kind::kDouble};
  std::vector<std::string> all;
  for (Kind kind : kNumbers) {
    all.push_back(fmt::format("system.{0} : ({1}) -> {1}", call.name.name, native(kind)->to_cql()));
  }
  return fail(ErrorCode::kInvalid, fmt::format("Invalid call to function {}, none of its type signatures match (known "
                                               "type signatures: {})",
                                               call.name.name, fmt::join(all, ", ")));
}

}  // namespace

Result<Expression> TermBinder::bind_call(const cql::FunctionCall& call) {
  if (!call.name.keyspace.empty() && call.name.keyspace != "system") return unknown_function(call);
  const std::string& name = call.name.name;
  if (name == "writetime" || name == "maxwritetime" || name == "ttl") return bind_column_property(call);
  if (name == "token") return bind_token(call);
  if (is_from_json(call)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}() cannot be used in the selection clause of a SELECT statement", name));
  }
  if (const Function* similarity = similarity_function(name)) return bind_similarity(call, *similarity);
  if (auto aggregate = aggregate_named(name)) return bind_aggregate(call, *aggregate);
  return bind_overloaded(call);
}

std::unexpected<Error> TermBinder::unknown_function(const cql::FunctionCall& call) {
  const std::string keyspace = call.name.keyspace.empty() ? "" : call.name.keyspace + ".";
  return fail(ErrorCode::kInvalid, fmt::format("Unknown function '{}{}'", keyspace, call.name.name));
}

Status TermBinder::check_argument_count(const cql::FunctionCall& call, size_t wanted) {
  if (call.arguments.size() == wanted && !call.star) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("Invalid number of arguments in call to function system.{}: {} required but {} provided",
                          call.name.name, wanted, call.arguments.size()));
}

Receiver TermBinder::argument_receiver(const cql::FunctionCall& call, size_t i, DataTypePtr type) const {
  if (table_ != nullptr) return {.name = "[selection]", .type = std::move(type)};
  return {.name = fmt::format("arg{}(system.{})", i, call.name.name), .type = std::move(type)};
}

Result<Expression> TermBinder::bind_column_property(const cql::FunctionCall& call) {
  SAGITTA_CHECK(check_argument_count(call, 1));
  auto* column = call.arguments[0].get_if<cql::ColumnRef>();
  if (column == nullptr || table_ == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("{} needs a column", call.name.name));
  }
  SAGITTA_TRY(const schema::ColumnDef* def, find_column(*table_, column->name));
  if (def->is_key()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Cannot use selection function {} on PRIMARY KEY part {}", call.name.name, def->name));
  }
  Expression expression;
  const bool ttl = call.name.name == "ttl";
  expression.kind = ttl ? Expression::Kind::kTtl : Expression::Kind::kWritetime;
  expression.type = native(ttl ? Kind::kInt : Kind::kBigint);
  if (def->type->is_multi_cell() && call.name.name != "maxwritetime") {
    expression.type = DataType::list(std::move(expression.type), false);
  }
  expression.column = def;
  return expression;
}

Result<Expression> TermBinder::bind_token(const cql::FunctionCall& call) {
  const schema::TableDef* table = table_ != nullptr ? table_ : binder_.table_.get();
  if (table == nullptr) return fail(ErrorCode::kInvalid, "token() needs a table");
  const auto keys = partition_columns(*table);
  SAGITTA_CHECK(check_argument_count(call, keys.size()));
  Expression expression = call_of(token_function(), native(Kind::kBigint));
  for (size_t i = 0; i < keys.size(); ++i) {
    SAGITTA_TRY(Expression argument, bind_argument(call, i, keys[i]->type));
    expression.arguments.push_back(std::move(argument));
  }
  return expression;
}

bool TermBinder::is_from_json(const cql::FunctionCall& call) {
  const bool own = call.name.keyspace.empty() || call.name.keyspace == "system";
  return own && (call.name.name == "from_json" || call.name.name == "fromjson");
}

Result<Expression> TermBinder::bind_from_json(const cql::FunctionCall& call, const Receiver& receiver) {
  return bind_generic(call, from_json_function(), receiver.type);
}

namespace {

constexpr std::string_view kSimilaritySignature = "(vector<float, n>, vector<float, n>)";

/// The type of an argument in a refusal, as Cassandra takes it to be.
std::string shown_type(const cql::Term& argument, const DataTypePtr& type) {
  if (argument.get_if<cql::SetLiteral>() != nullptr) return DataType::freeze(type)->to_cql();
  auto* literal = argument.get_if<cql::Literal>();
  const bool is_ascii = literal != nullptr && literal->kind == cql::LiteralKind::kString &&
                        types::from_text(*native(Kind::kAscii), literal->text);
  return is_ascii ? "ascii" : type->to_cql();
}

}  // namespace

Result<DataTypePtr> TermBinder::similarity_type(const cql::FunctionCall& call) {
  DataTypePtr agreed;
  std::optional<size_t> literal_dim;
  for (const cql::Term& argument : call.arguments) {
    if (auto dim = literal_length(argument)) {
      if (literal_dim && *literal_dim != *dim) return different_dimensions();
      literal_dim = dim;
      continue;
    }
    SAGITTA_TRY(DataTypePtr type, infer_literal(argument));
    if (type == nullptr) continue;
    if (!type->is_float_vector()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Function system.{} requires a float vector argument, but found argument {} of type {}",
                              call.name.name, text(argument), shown_type(argument, type)));
    }
    if (agreed != nullptr && agreed->dim() != type->dim()) return different_dimensions();
    agreed = type;
  }
  if (agreed != nullptr) {
    if (literal_dim && *literal_dim != agreed->dim()) return different_dimensions();
    return agreed;
  }
  if (literal_dim && *literal_dim > 0) {
    return DataType::vector(native(Kind::kFloat), static_cast<uint32_t>(*literal_dim));
  }
  return fail(ErrorCode::kInvalid, fmt::format("Cannot infer type of argument {} in call to function system.{}{}: use "
                                               "type casts to disambiguate",
                                               text(call.arguments[0]), call.name.name, kSimilaritySignature));
}

Result<DataTypePtr> TermBinder::infer_literal(const cql::Term& term) {
  if (auto* map = term.get_if<cql::MapLiteral>(); map != nullptr && !map->entries.empty()) {
    SAGITTA_TRY(DataTypePtr key, infer_literal(map->entries[0].key));
    SAGITTA_TRY(DataTypePtr mapped, infer_literal(map->entries[0].value));
    return key != nullptr && mapped != nullptr ? DataType::map(key, mapped) : nullptr;
  }
  return infer(term);
}

std::unexpected<Error> TermBinder::different_dimensions() {
  return fail(ErrorCode::kInvalid, "All arguments must have the same vector dimensions");
}

std::optional<size_t> TermBinder::literal_length(const cql::Term& term) {
  if (auto* numbers = term.get_if<cql::NumberList>()) return numbers->size();
  if (auto* list = term.get_if<cql::ListLiteral>()) return list->elements.size();
  return std::nullopt;
}

Result<Expression> TermBinder::bind_similarity(const cql::FunctionCall& call, const Function& function) {
  if (call.arguments.size() != 2 || call.star) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid number of arguments for function system.{}{}", call.name.name,
                                                 kSimilaritySignature));
  }
  SAGITTA_TRY(DataTypePtr type, similarity_type(call));
  Expression expression = call_of(function, function.result);
  for (size_t i = 0; i < 2; ++i) {
    if (auto* list = call.arguments[i].get_if<cql::ListLiteral>()) SAGITTA_CHECK(check_elements(call, i, *list, type));
    SAGITTA_TRY(Expression argument, bind(call.arguments[i], argument_receiver(call, i, type)));
    expression.arguments.push_back(std::move(argument));
  }
  return expression;
}

Status TermBinder::check_elements(const cql::FunctionCall& call, size_t i, const cql::ListLiteral& list,
                                  const DataTypePtr& type) const {
  const auto fits = [&](const cql::Term& element) {
    auto* literal = element.get_if<cql::Literal>();
    return literal == nullptr || literal_fits(literal->kind, type->element()->kind());
  };
  if (std::ranges::all_of(list.elements, fits)) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("Type error: {} cannot be passed as argument {} of function system.{} of type {}",
                          text(call.arguments[i]), i, call.name.name, type->to_cql()));
}

std::optional<Aggregate> aggregate_named(std::string_view name) {
  if (name == "count") return Aggregate::kCount;
  if (name == "min") return Aggregate::kMin;
  if (name == "max") return Aggregate::kMax;
  if (name == "sum") return Aggregate::kSum;
  if (name == "avg") return Aggregate::kAvg;
  return std::nullopt;
}

Result<Expression> TermBinder::bind_aggregate(const cql::FunctionCall& call, Aggregate aggregate) {
  if (table_ == nullptr) {
    return fail(ErrorCode::kInvalid, "Aggregation function are not supported in the where clause");
  }
  Expression expression;
  expression.kind = Expression::Kind::kAggregate;
  expression.aggregate = call.star ? Aggregate::kCountRows : aggregate;
  expression.type = native(Kind::kBigint);
  if (call.star) return expression;
  const bool arithmetic = aggregate == Aggregate::kSum || aggregate == Aggregate::kAvg;
  const bool extreme = aggregate == Aggregate::kMin || aggregate == Aggregate::kMax;
  if (extreme && call.arguments.size() != 1) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid number of arguments for function system.{}(any)", call.name.name));
  }
  if (arithmetic && call.arguments.size() != 1) return no_number(call);
  SAGITTA_CHECK(check_argument_count(call, 1));
  SAGITTA_TRY(Expression argument, bind_free(call.arguments[0]));
  if (has_aggregate(argument)) {
    return fail(ErrorCode::kInvalid, "aggregate functions cannot be used as arguments of aggregate functions");
  }
  if (aggregate != Aggregate::kCount) expression.type = argument.type;
  if (arithmetic && !is_numeric(argument.type->kind())) return no_number(call);
  expression.arguments.push_back(std::move(argument));
  return expression;
}

bool TermBinder::could_take(const Function& function, const cql::FunctionCall& call,
                            const std::vector<DataTypePtr>& inferred) const {
  if (function.parameters.size() != call.arguments.size()) return false;
  for (size_t i = 0; i < inferred.size(); ++i) {
    auto* literal = call.arguments[i].get_if<cql::Literal>();
    if (literal != nullptr && literal_fits(literal->kind, function.parameters[i]->kind())) continue;
    if (inferred[i] != nullptr && !is_assignable(inferred[i], function.parameters[i])) return false;
  }
  return true;
}

bool TermBinder::matches_exactly(const Function& function, const std::vector<DataTypePtr>& inferred) {
  for (size_t i = 0; i < inferred.size(); ++i) {
    if (inferred[i] == nullptr || !types::same_type(inferred[i], function.parameters[i])) return false;
  }
  return true;
}

Result<const Function*> TermBinder::resolve_overload(const cql::FunctionCall& call) {
  auto overloads = functions_named(call.name.name);
  if (overloads.empty()) return unknown_function(call);
  std::vector<DataTypePtr> inferred;
  for (const cql::Term& argument : call.arguments) {
    SAGITTA_TRY(DataTypePtr type, infer(argument));
    inferred.push_back(std::move(type));
  }
  std::vector<const Function*> possible;
  for (const Function* function : overloads) {
    if (!could_take(*function, call, inferred)) continue;
    if (matches_exactly(*function, inferred)) return function;
    possible.push_back(function);
  }
  if (possible.size() == 1) return possible[0];
  if (overloads.size() == 1) {
    SAGITTA_CHECK(check_argument_count(call, overloads[0]->parameters.size()));
    return overloads[0];
  }
  if (possible.empty()) return no_match(call, overloads);
  return fail(ErrorCode::kInvalid, fmt::format("Ambiguous call to function {} (can be matched by following "
                                               "signatures: {}): use type casts to disambiguate",
                                               call.name.name, signatures(possible)));
}

std::unexpected<Error> TermBinder::no_match(const cql::FunctionCall& call,
                                            std::span<const Function* const> overloads) const {
  return fail(ErrorCode::kInvalid, fmt::format("Invalid call to function {}, none of its type signatures match (known "
                                               "type signatures: {})",
                                               call.name.name, signatures(overloads)));
}

Result<Expression> TermBinder::bind_overloaded(const cql::FunctionCall& call) {
  const auto named = functions_named(call.name.name);
  if (!named.empty() && !named[0]->generic.empty()) return bind_generic(call, *named[0], nullptr);
  SAGITTA_TRY(const Function* function, resolve_overload(call));
  Expression expression = call_of(*function, function->result);
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    SAGITTA_TRY(Expression argument, bind_argument(call, i, function->parameters[i]));
    expression.arguments.push_back(std::move(argument));
  }
  return expression;
}

Result<Expression> TermBinder::bind_argument(const cql::FunctionCall& call, size_t i, const DataTypePtr& type) {
  const cql::Term& term = call.arguments[i];
  SAGITTA_TRY(const bool fits, could_be(term, type));
  if (fits) return bind(term, argument_receiver(call, i, type));
  return fail(ErrorCode::kInvalid,
              fmt::format("Type error: {} cannot be passed as argument {} of function system.{} of type {}", text(term),
                          i, call.name.name, type->to_cql()));
}

Result<DataTypePtr> TermBinder::generic_type(const cql::FunctionCall& call, const Function& function, size_t i,
                                             std::span<const DataTypePtr> before) {
  const Parameter& parameter = function.generic[i];
  if (parameter.same_as_first) return before[0];
  SAGITTA_TRY(DataTypePtr type, infer_literal(call.arguments[i]));
  if (type == nullptr) type = parameter.implied;
  if (type == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("Cannot infer type of argument {} in call to function {}: use type "
                                                 "casts to disambiguate",
                                                 text(call.arguments[i]), signature(function)));
  }
  if (parameter.takes(*type)) return type;
  return fail(ErrorCode::kInvalid,
              fmt::format("Function system.{} requires {}, but found argument {} of type {}", call.name.name,
                          parameter.wanted, text(call.arguments[i]), shown_type(call.arguments[i], type)));
}

Result<Expression> TermBinder::bind_generic(const cql::FunctionCall& call, const Function& function,
                                            DataTypePtr result) {
  const auto optional = std::ranges::count_if(function.generic, &Parameter::optional);
  const size_t most = function.generic.size(), least = most - static_cast<size_t>(optional);
  if (call.star || call.arguments.size() < least || call.arguments.size() > most) {
    return fail(ErrorCode::kInvalid, "Invalid number of arguments for function " + signature(function));
  }
  Expression expression = call_of(function, nullptr);
  std::vector<DataTypePtr> types;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    SAGITTA_TRY(DataTypePtr type, generic_type(call, function, i, types));
    SAGITTA_TRY(Expression argument, bind_argument(call, i, type));
    expression.arguments.push_back(std::move(argument));
    types.push_back(std::move(type));
  }
  expression.type = result != nullptr ? std::move(result) : function.result_of(types);
  return expression;
}

}  // namespace sagitta::plan
