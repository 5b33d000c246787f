/// Literals as bytes.
#include "literals.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sagitta/types/value.h"

namespace sagitta::plan {

using cql::LiteralKind;
using types::DataType;
using types::DataTypePtr;
using types::Kind;

namespace {

std::string_view constant_name(LiteralKind kind) {
  switch (kind) {
    case LiteralKind::kNull: return "NULL";
    case LiteralKind::kString: return "STRING";
    case LiteralKind::kInteger: return "INTEGER";
    case LiteralKind::kFloat: return "FLOAT";
    case LiteralKind::kBoolean: return "BOOLEAN";
    case LiteralKind::kUuid: return "UUID";
    case LiteralKind::kBlob: return "HEX";
    case LiteralKind::kDuration: return "DURATION";
  }
  return "UNKNOWN";
}

DataTypePtr integer_type(const std::string& text) {
  if (types::from_text(*native(Kind::kInt), text)) return native(Kind::kInt);
  if (types::from_text(*native(Kind::kBigint), text)) return native(Kind::kBigint);
  return native(Kind::kVarint);
}

}  // namespace

bool literal_fits(LiteralKind literal, Kind type) {
  constexpr std::array kStrings = {Kind::kAscii, Kind::kText, Kind::kInet, Kind::kTimestamp, Kind::kDate, Kind::kTime};
  constexpr std::array kIntegers = {Kind::kBigint,    Kind::kCounter, Kind::kDate,  Kind::kDecimal,  Kind::kDouble,
                                    Kind::kDuration,  Kind::kFloat,   Kind::kInt,   Kind::kSmallint, Kind::kTime,
                                    Kind::kTimestamp, Kind::kTinyint, Kind::kVarint};
  const auto among = [type](const auto& kinds) { return std::ranges::find(kinds, type) != kinds.end(); };
  switch (literal) {
    case LiteralKind::kNull: return true;
    case LiteralKind::kString: return among(kStrings);
    case LiteralKind::kInteger: return among(kIntegers);
    case LiteralKind::kFloat: return type == Kind::kDecimal || type == Kind::kDouble || type == Kind::kFloat;
    case LiteralKind::kBoolean: return type == Kind::kBoolean;
    case LiteralKind::kUuid: return type == Kind::kUuid || type == Kind::kTimeuuid;
    case LiteralKind::kBlob: return type == Kind::kBlob;
    case LiteralKind::kDuration: return type == Kind::kDuration;
  }
  return false;
}

DataTypePtr literal_type(const cql::Literal& literal) {
  switch (literal.kind) {
    case LiteralKind::kNull: return nullptr;
    case LiteralKind::kString: return native(Kind::kText);
    case LiteralKind::kInteger: return integer_type(literal.text);
    case LiteralKind::kFloat: return native(Kind::kDouble);
    case LiteralKind::kBoolean: return native(Kind::kBoolean);
    case LiteralKind::kUuid: return native(Kind::kUuid);
    case LiteralKind::kBlob: return native(Kind::kBlob);
    case LiteralKind::kDuration: return native(Kind::kDuration);
  }
  return nullptr;
}

std::string_view literal_noun(const DataType& type) {
  switch (type.kind()) {
    case Kind::kList: return "list";
    case Kind::kSet: return "set";
    case Kind::kMap: return "map";
    case Kind::kVector: return "vector";
    case Kind::kTuple: return "tuple";
    default: return "user type";
  }
}

Expression constant(DataTypePtr type, Value value, std::string receiver) {
  Expression expression;
  expression.type = std::move(type);
  expression.constant = std::move(value);
  expression.receiver = std::move(receiver);
  return expression;
}

Result<Expression> fold(Expression expression) {
  const bool known = std::ranges::all_of(expression.arguments,
                                         [](const Expression& e) { return e.kind == Expression::Kind::kConstant; });
  if (!known) return expression;
  SAGITTA_TRY(Value value, evaluate(expression, {}));
  return constant(expression.type, std::move(value), std::move(expression.receiver));
}

Result<Expression> bind_literal(const cql::Literal& literal, const Receiver& receiver) {
  if (literal.kind == LiteralKind::kNull) return constant(receiver.type, std::nullopt, receiver.name);
  if (!literal_fits(literal.kind, receiver.type->kind())) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid {} constant ({}{}) for \"{}\" of type {}", constant_name(literal.kind),
                            literal.kind == LiteralKind::kBlob ? "0x" : "", literal.text, receiver.name,
                            receiver.type->to_cql()));
  }
  if (literal.kind == LiteralKind::kBlob) {
    auto bytes = from_hex(literal.text);
    if (!bytes) {
      return fail(ErrorCode::kInvalid, fmt::format("cannot parse '{}' as hex bytes", literal.text));
    }
    return constant(receiver.type, *std::move(bytes), receiver.name);
  }
  SAGITTA_TRY(Bytes bytes, types::from_text(*receiver.type, literal.text));
  return constant(receiver.type, std::move(bytes), receiver.name);
}

}  // namespace sagitta::plan
