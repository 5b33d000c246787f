/// Literals: the type that one has by itself, and its bytes for a receiver.
#pragma once

#include <string>
#include <string_view>

#include "sagitta/cql/ast.h"

#include "binder.h"

namespace sagitta::plan {

/// Whether a literal of that kind may stand for a value of the type.
bool literal_fits(cql::LiteralKind literal, types::Kind type);
/// The type of a literal that nobody receives; null for NULL.
types::DataTypePtr literal_type(const cql::Literal& literal);
/// kInvalid when it does not fit the receiver.
Result<Expression> bind_literal(const cql::Literal& literal, const Receiver& receiver);
/// "list", "vector", ...: what a literal of that type is called.
std::string_view literal_noun(const types::DataType& type);

Expression constant(types::DataTypePtr type, Value value, std::string receiver);
/// Evaluated now when nothing in it waits for values.
Result<Expression> fold(Expression expression);

}  // namespace sagitta::plan
