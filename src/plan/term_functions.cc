/// Calls of functions and aggregates: which overload is meant.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "sagitta/cql/parser.h"
#include "sagitta/types/value.h"

#include "literals.h"
#include "term_binder.h"

namespace sagitta::plan {

using cql::LiteralKind;
using types::DataType;
using types::DataTypePtr;
using types::Kind;

Result<Expression> TermBinder::bind_call(const cql::FunctionCall& call) {
  if (!call.name.keyspace.empty() && call.name.keyspace != "system") return unknown_function(call);
  const std::string& name = call.name.name;
  if (name == "writetime" || name == "maxwritetime" || name == "ttl") return bind_column_property(call);
  if (name == "token") return bind_token(call);
  if (name == "tojson" || name == "to_json") return bind_to_json(call);
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
              fmt::format("Invalid number of arguments for function system.{}: {} required but {} provided",
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
    return fail(ErrorCode::kInvalid, fmt::format("Cannot use selection function {} on PRIMARY KEY part {}",
                                                 call.name.name == "ttl" ? "ttl" : "writeTime", def->name));
  }
  if (def->type->is_multi_cell() && call.name.name != "maxwritetime") {
    return fail(ErrorCode::kInvalid, fmt::format("Cannot use selection function {} on non-frozen {} {}", call.name.name,
                                                 literal_noun(*def->type), def->name));
  }
  Expression expression;
  const bool ttl = call.name.name == "ttl";
  expression.kind = ttl ? Expression::Kind::kTtl : Expression::Kind::kWritetime;
  expression.type = native(ttl ? Kind::kInt : Kind::kBigint);
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
    SAGITTA_TRY(Expression argument, bind(call.arguments[i], argument_receiver(call, i, keys[i]->type)));
    expression.arguments.push_back(std::move(argument));
  }
  return expression;
}

Result<Expression> TermBinder::bind_to_json(const cql::FunctionCall& call) {
  SAGITTA_CHECK(check_argument_count(call, 1));
  SAGITTA_TRY(Expression argument, bind_free(call.arguments[0]));
  return call_of(to_json_function(), native(Kind::kText), std::move(argument));
}

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
                              call.name.name, text(argument), type->to_cql()));
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
  return fail(ErrorCode::kInvalid, fmt::format("Cannot infer type of argument {} in call to function system.{}: use "
                                               "type casts to disambiguate",
                                               text(call.arguments[0]), call.name.name));
}

Result<DataTypePtr> TermBinder::infer_literal(const cql::Term& term) {
  if (auto* set = term.get_if<cql::SetLiteral>(); set != nullptr && !set->elements.empty()) {
    SAGITTA_TRY(DataTypePtr element, infer_literal(set->elements[0]));
    return element != nullptr ? DataType::set(element) : nullptr;
  }
  if (auto* map = term.get_if<cql::MapLiteral>(); map != nullptr && !map->entries.empty()) {
    SAGITTA_TRY(DataTypePtr key, infer_literal(map->entries[0].first));
    SAGITTA_TRY(DataTypePtr mapped, infer_literal(map->entries[0].second));
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
  SAGITTA_CHECK(check_argument_count(call, 2));
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

std::optional<Aggregate> TermBinder::aggregate_named(std::string_view name) {
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
  SAGITTA_CHECK(check_argument_count(call, 1));
  SAGITTA_TRY(Expression argument, bind_free(call.arguments[0]));
  if (has_aggregate(argument)) {
    return fail(ErrorCode::kInvalid, "aggregate functions cannot be used as arguments of aggregate functions");
  }
  if (aggregate != Aggregate::kCount) expression.type = argument.type;
  const bool arithmetic = aggregate == Aggregate::kSum || aggregate == Aggregate::kAvg;
  if (arithmetic && !is_numeric(argument.type->kind())) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid call to function system.{}, none of its type signatures "
                                                 "match (known type signatures: system.{} : (numbers))",
                                                 call.name.name, call.name.name));
  }
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
  if (overloads.size() == 1) SAGITTA_CHECK(check_argument_count(call, overloads[0]->parameters.size()));
  if (possible.empty()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid call to function system.{}, none of its type signatures match", call.name.name));
  }
  return fail(ErrorCode::kInvalid, fmt::format("Ambiguous call to function system.{} (can be matched by several "
                                               "signatures): use type casts to disambiguate",
                                               call.name.name));
}

Result<Expression> TermBinder::bind_overloaded(const cql::FunctionCall& call) {
  SAGITTA_TRY(const Function* function, resolve_overload(call));
  Expression expression = call_of(*function, function->result);
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    SAGITTA_TRY(Expression argument, bind(call.arguments[i], argument_receiver(call, i, function->parameters[i])));
    expression.arguments.push_back(std::move(argument));
  }
  return expression;
}

}  // namespace sagitta::plan
