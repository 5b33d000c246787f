/// Sums and their like: the type of the operands.
#include <fmt/format.h>

#include <algorithm>

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

/// Of an operand that takes the type of what receives the sum.
bool is_untyped(const cql::Term& term) {
  auto* tuple = term.get_if<cql::TupleLiteral>();
  return term.get_if<cql::Literal>() != nullptr || term.get_if<cql::Marker>() != nullptr ||
         term.get_if<cql::Arithmetic>() != nullptr || term.get_if<cql::Negation>() != nullptr ||
         (tuple != nullptr && tuple->elements.size() == 1);
}

bool is_moment(Kind kind) { return kind == Kind::kTimestamp || kind == Kind::kDate; }

/// Bytes of a value; of numbers of any size more than of any other.
uint32_t width(Kind kind) {
  switch (kind) {
    case Kind::kTinyint: return 1;
    case Kind::kSmallint: return 2;
    case Kind::kInt:
    case Kind::kFloat: return 4;
    case Kind::kVarint:
    case Kind::kDecimal: return UINT32_MAX;
    default: return 8;
  }
}

/// The type of what two numbers give: as wide as the wider of them, no integer when one is none.
Kind number_kind(Kind a, Kind b) {
  const uint32_t wide = std::max(width(a), width(b));
  const auto whole = [](Kind kind) { return is_integer(kind) || kind == Kind::kVarint; };
  if (!whole(a) || !whole(b)) return wide == 4 ? Kind::kFloat : wide == 8 ? Kind::kDouble : Kind::kDecimal;
  if (wide <= 2) return wide == 1 ? Kind::kTinyint : Kind::kSmallint;
  return wide == 4 ? Kind::kInt : wide == 8 ? Kind::kBigint : Kind::kVarint;
}

}  // namespace

std::unexpected<Error> TermBinder::ambiguous(const cql::Arithmetic& sum) const {
  return fail(ErrorCode::kInvalid, fmt::format("Ambiguous '{}' operation with args {} and {}: use type hint to "
                                               "disambiguate, example '(int) ?'",
                                               sum.op, text(*sum.left), text(*sum.right)));
}

std::unexpected<Error> TermBinder::unsupported(const cql::Arithmetic& sum) const {
  return fail(ErrorCode::kInvalid, fmt::format("the '{}' operation is not supported between {} and {}", sum.op,
                                               text(*sum.left), text(*sum.right)));
}

Result<Expression> TermBinder::bind_operand(const cql::Arithmetic& sum, const cql::Term& term,
                                            const Receiver* receiver) {
  if (receiver == nullptr) {
    SAGITTA_TRY(const DataTypePtr type, infer(term));
    if (type == nullptr) return ambiguous(sum);
    return bind_free(term);
  }
  if (!is_untyped(term)) return bind_free(term);
  auto* literal = term.get_if<cql::Literal>();
  if (literal != nullptr && !literal_fits(literal->kind, receiver->type->kind())) return unsupported(sum);
  return bind(term, *receiver);
}

Result<DataTypePtr> TermBinder::result_type(const cql::Arithmetic& sum, const DataTypePtr& left,
                                            const DataTypePtr& right) const {
  const Kind l = left->kind(), r = right->kind();
  if (is_numeric(l) && is_numeric(r)) return native(number_kind(l, r));
  if (sum.op == '+' && is_text(l) && is_text(r)) return native(l == r ? l : Kind::kText);
  const bool additive = sum.op == '+' || sum.op == '-';
  if (additive && is_moment(l) && r == Kind::kDuration) return left;
  // A timestamp could stand for the bigint that it is.
  const auto as_number = [](Kind kind) { return is_numeric(kind) || kind == Kind::kTimestamp; };
  return as_number(l) && as_number(r) ? Result<DataTypePtr>(ambiguous(sum)) : unsupported(sum);
}

Result<Expression> TermBinder::bind_arithmetic(const cql::Arithmetic& sum, const Receiver* receiver) {
  SAGITTA_TRY(Expression left, bind_operand(sum, *sum.left, receiver));
  Receiver duration{.name = selection_name(), .type = native(Kind::kDuration)};
  const bool to_moment = receiver != nullptr && is_moment(receiver->type->kind());
  SAGITTA_TRY(Expression right, bind_operand(sum, *sum.right, to_moment ? &duration : receiver));
  SAGITTA_TRY(const DataTypePtr result, result_type(sum, left.type, right.type));
  if (receiver != nullptr && !is_assignable(result, receiver->type)) {
    return fail(ErrorCode::kInvalid, fmt::format("Type error: cannot assign result of '{}' (type {}) to {} (type {})",
                                                 sum.op, result->to_cql(), receiver->name, receiver->type->to_cql()));
  }
  return fold(call_of(arithmetic_function(sum.op), result, std::move(left), std::move(right)));
}

Result<Expression> TermBinder::bind_negation(const cql::Negation& negation, const Receiver* receiver) {
  if (receiver == nullptr) {
    return bind_overloaded({.name = {.keyspace = {}, .name = "_negate"}, .arguments = {*negation.term}});
  }
  SAGITTA_TRY(Expression inner, bind(*negation.term, *receiver));
  for (const Function* function : functions_named("_negate")) {
    if (function->result->kind() != receiver->type->kind()) continue;
    return fold(call_of(*function, receiver->type, std::move(inner)));
  }
  return fail(ErrorCode::kInvalid, fmt::format("There is no negative of {}", text(*negation.term)));
}

}  // namespace sagitta::plan
