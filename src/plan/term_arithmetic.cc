/// Sums and their like: the type of the operands.
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

Result<DataTypePtr> TermBinder::operand_type(const cql::Arithmetic& sum, const Receiver* receiver) {
  SAGITTA_TRY(DataTypePtr left, own_type(*sum.left));
  SAGITTA_TRY(DataTypePtr right, own_type(*sum.right));
  if (left != nullptr) return left;
  if (right != nullptr) return right;
  if (receiver != nullptr) return receiver->type;
  SAGITTA_TRY(DataTypePtr inferred_left, infer(*sum.left));
  SAGITTA_TRY(DataTypePtr inferred_right, infer(*sum.right));
  if (inferred_left != nullptr && inferred_right != nullptr) return wider(inferred_left, inferred_right);
  return inferred_left != nullptr ? inferred_left : inferred_right;
}

Result<DataTypePtr> TermBinder::own_type(const cql::Term& term) {
  if (term.get_if<cql::Literal>() != nullptr) return DataTypePtr();
  return infer(term);
}

DataTypePtr TermBinder::wider(const DataTypePtr& a, const DataTypePtr& b) {
  constexpr std::array kWidths = {Kind::kTinyint, Kind::kSmallint, Kind::kInt,   Kind::kCounter,
                                  Kind::kBigint,  Kind::kFloat,    Kind::kDouble};
  const auto width = [&](const DataTypePtr& t) { return std::ranges::find(kWidths, t->kind()) - kWidths.begin(); };
  // An integer of 64 bits has no room in a float.
  if ((a->kind() == Kind::kBigint && b->kind() == Kind::kFloat) ||
      (a->kind() == Kind::kFloat && b->kind() == Kind::kBigint)) {
    return native(Kind::kDouble);
  }
  return width(a) >= width(b) ? a : b;
}

Result<Expression> TermBinder::bind_operand(const cql::Term& term, const DataTypePtr& type) {
  if (term.get_if<cql::Literal>() != nullptr || term.get_if<cql::Marker>() != nullptr) {
    return bind(term, {.name = selection_name(), .type = type});
  }
  return bind_free(term);
}

Result<Expression> TermBinder::bind_arithmetic(const cql::Arithmetic& sum, const Receiver* receiver) {
  SAGITTA_TRY(DataTypePtr type, operand_type(sum, receiver));
  if (type == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("Ambiguous '{}' operation with args {} and {}: use type hint to "
                                                 "disambiguate",
                                                 sum.op, text(*sum.left), text(*sum.right)));
  }
  const auto unsupported = [&] {
    return fail(ErrorCode::kInvalid, fmt::format("the '{}' operation is not supported between {} and {}", sum.op,
                                                 text(*sum.left), text(*sum.right)));
  };
  if (!is_numeric(type->kind())) return unsupported();
  SAGITTA_TRY(Expression left, bind_operand(*sum.left, type));
  SAGITTA_TRY(Expression right, bind_operand(*sum.right, type));
  if (!is_numeric(left.type->kind()) || !is_numeric(right.type->kind())) return unsupported();
  DataTypePtr result = wider(left.type, right.type);
  Expression expression = call_of(*arithmetic_function(sum.op), result, std::move(left), std::move(right));
  if (receiver != nullptr && !is_assignable(result, receiver->type)) {
    return fail(ErrorCode::kInvalid, fmt::format("Type error: cannot assign result of '{}' (type {}) to {} (type {})",
                                                 sum.op, result->to_cql(), receiver->name, receiver->type->to_cql()));
  }
  return fold(std::move(expression));
}

Result<Expression> TermBinder::bind_negation(const cql::Negation& negation, const Receiver* receiver) {
  auto zero = std::make_shared<cql::Term>();
  zero->node = cql::Literal{.kind = LiteralKind::kInteger, .text = "0"};
  return bind_arithmetic({.op = '-', .left = zero, .right = negation.term}, receiver);
}

}  // namespace sagitta::plan
