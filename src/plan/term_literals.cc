/// Literals of collections, vectors, tuples and user types.
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

namespace {

std::unexpected<Error> vector_length_error(const Receiver& receiver, size_t given) {
  return fail(ErrorCode::kInvalid,
              fmt::format("Invalid vector literal for {} of type {}; expected {} elements, but given {}", receiver.name,
                          receiver.type->to_cql(), receiver.type->dim(), given));
}

std::unexpected<Error> no_list(const Receiver& receiver) {
  return fail(ErrorCode::kInvalid,
              fmt::format("Unexpected receiver type '{}'; only list and vector are expected", receiver.type->to_cql()));
}

}  // namespace

std::unexpected<Error> TermBinder::wrong_literal(std::string_view noun, const Receiver& receiver) const {
  return fail(ErrorCode::kInvalid,
              fmt::format("Invalid {} literal for {} of type {}", noun, receiver.name, receiver.type->to_cql()));
}

Receiver TermBinder::element_receiver(std::string_view what, const Receiver& whole, DataTypePtr type) {
  return {.name = fmt::format("{}({})", what, whole.name), .type = std::move(type)};
}

Result<Expression> TermBinder::bind_element_of(const cql::Term& term, const Receiver& element, const Receiver& whole) {
  if (auto* literal = term.get_if<cql::Literal>()) {
    if (!literal_fits(literal->kind, element.type->kind())) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Invalid {} literal for {}: value {} is not of type {}", literal_noun(*whole.type),
                              whole.name, text(term), element.type->to_cql()));
    }
  }
  return bind(term, element);
}

Expression TermBinder::collection(const Receiver& receiver, size_t reserve) {
  Expression expression;
  expression.kind = Expression::Kind::kCollection;
  expression.type = receiver.type;
  expression.receiver = receiver.name;
  expression.arguments.reserve(reserve);
  return expression;
}

Result<Expression> TermBinder::bind_numbers(const cql::NumberList& numbers, const Receiver& receiver) {
  const Kind kind = receiver.type->kind();
  if (kind != Kind::kVector && kind != Kind::kList) return no_list(receiver);
  if (kind == Kind::kVector && numbers.size() != receiver.type->dim()) {
    return vector_length_error(receiver, numbers.size());
  }
  const DataType& element = *receiver.type->element();
  std::vector<Bytes> elements;
  elements.reserve(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    const cql::Literal literal = numbers.literal(i);
    if (!literal_fits(literal.kind, element.kind())) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Invalid {} literal for {}: value {} is not of type {}", literal_noun(*receiver.type),
                              receiver.name, literal.text, element.to_cql()));
    }
    SAGITTA_TRY(Bytes bytes, types::from_text(element, literal.text));
    elements.push_back(std::move(bytes));
  }
  Bytes whole = kind == Kind::kVector ? types::pack_vector(*receiver.type, elements) : types::pack_list(elements);
  return constant(receiver.type, std::move(whole), receiver.name);
}

Result<Expression> TermBinder::bind_list(const std::vector<cql::Term>& elements, const Receiver& receiver) {
  const Kind kind = receiver.type->kind();
  if (kind != Kind::kVector && kind != Kind::kList) return no_list(receiver);
  if (kind == Kind::kVector && elements.size() != receiver.type->dim()) {
    return vector_length_error(receiver, elements.size());
  }
  return bind_elements(elements, receiver);
}

Result<Expression> TermBinder::bind_elements(const std::vector<cql::Term>& elements, const Receiver& receiver) {
  Expression expression = collection(receiver, elements.size());
  const Receiver inner = element_receiver("value", receiver, receiver.type->element());
  for (const cql::Term& element : elements) {
    SAGITTA_TRY(Expression bound, bind_element_of(element, inner, receiver));
    expression.arguments.push_back(std::move(bound));
  }
  return fold(std::move(expression));
}

Result<Expression> TermBinder::bind_set(const cql::SetLiteral& set, const Receiver& receiver) {
  const Kind kind = receiver.type->kind();
  if (set.elements.empty() && kind == Kind::kMap) return fold(collection(receiver, 0));
  if (kind != Kind::kSet) return wrong_literal("set", receiver);
  return bind_elements(set.elements, receiver);
}

Result<Expression> TermBinder::bind_map(const cql::MapLiteral& map, const Receiver& receiver) {
  if (receiver.type->kind() != Kind::kMap) return wrong_literal("map", receiver);
  Expression expression = collection(receiver, 2 * map.entries.size());
  const Receiver key = element_receiver("key", receiver, receiver.type->key());
  const Receiver mapped = element_receiver("value", receiver, receiver.type->mapped());
  for (const auto& [k, v] : map.entries) {
    if (auto* literal = k.get_if<cql::Literal>();
        literal != nullptr && !literal_fits(literal->kind, key.type->kind())) {
      return fail(ErrorCode::kInvalid, fmt::format("Invalid map literal for {}: key {} is not of type {}",
                                                   receiver.name, text(k), key.type->to_cql()));
    }
    SAGITTA_TRY(Expression bound_key, bind_element_of(k, key, receiver));
    SAGITTA_TRY(Expression bound_value, bind_element_of(v, mapped, receiver));
    expression.arguments.push_back(std::move(bound_key));
    expression.arguments.push_back(std::move(bound_value));
  }
  return fold(std::move(expression));
}

Result<Expression> TermBinder::bind_udt(const cql::UdtLiteral& udt, const Receiver& receiver) {
  const DataType& type = *receiver.type;
  if (type.kind() != Kind::kUdt) return wrong_literal("user type", receiver);
  Expression expression = collection(receiver, type.parameters().size());
  for (size_t i = 0; i < type.parameters().size(); ++i) {
    expression.arguments.push_back(constant(type.parameters()[i], std::nullopt, {}));
  }
  for (const auto& [name, term] : udt.fields) {
    auto found = std::ranges::find(type.field_names(), name);
    if (found == type.field_names().end()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Unknown field '{}' in value of user defined type {}", name, type.name()));
    }
    const auto i = static_cast<size_t>(found - type.field_names().begin());
    if (auto* literal = term.get_if<cql::Literal>();
        literal != nullptr && !literal_fits(literal->kind, type.parameters()[i]->kind())) {
      return fail(ErrorCode::kInvalid, fmt::format("Invalid user type literal for {}: field {} is not of type {}",
                                                   receiver.name, name, type.parameters()[i]->to_cql()));
    }
    const Receiver field{.name = fmt::format("{}.{}", receiver.name, name), .type = type.parameters()[i]};
    SAGITTA_TRY(expression.arguments[i], bind(term, field));
  }
  return fold(std::move(expression));
}

Result<Expression> TermBinder::bind_tuple(const cql::TupleLiteral& tuple, const Receiver& receiver) {
  const DataType& type = *receiver.type;
  if (type.kind() != Kind::kTuple) {
    if (tuple.elements.size() == 1) return bind(tuple.elements[0], receiver);
    return wrong_literal("tuple", receiver);
  }
  if (tuple.elements.size() > type.parameters().size()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid tuple literal for {}: too many elements. Type {} expects {} but got {}",
                            receiver.name, type.to_cql(), type.parameters().size(), tuple.elements.size()));
  }
  Expression expression = collection(receiver, tuple.elements.size());
  for (size_t i = 0; i < tuple.elements.size(); ++i) {
    if (auto* literal = tuple.elements[i].get_if<cql::Literal>();
        literal != nullptr && !literal_fits(literal->kind, type.parameters()[i]->kind())) {
      return fail(ErrorCode::kInvalid, fmt::format("Invalid tuple literal for {}: component {} is not of type {}",
                                                   receiver.name, i, type.parameters()[i]->to_cql()));
    }
    const Receiver component{.name = fmt::format("{}[{}]", receiver.name, i), .type = type.parameters()[i]};
    SAGITTA_TRY(Expression bound, bind(tuple.elements[i], component));
    expression.arguments.push_back(std::move(bound));
  }
  return fold(std::move(expression));
}

}  // namespace sagitta::plan
