/// Terms to expressions: what a term is, and what its type must be.
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

DataTypePtr native(Kind kind) { return DataType::native(kind); }

bool is_assignable(const DataTypePtr& from, const DataTypePtr& to) {
  if (types::same_type(DataType::freeze(from), DataType::freeze(to))) return true;
  const Kind f = from->kind();
  switch (to->kind()) {
    case Kind::kBlob: return true;
    case Kind::kText: return f == Kind::kAscii;
    case Kind::kUuid: return f == Kind::kTimeuuid;
    case Kind::kBigint: return f == Kind::kTimestamp || f == Kind::kCounter;
    case Kind::kTimestamp: return f == Kind::kBigint;
    case Kind::kVarint: return f == Kind::kInt || f == Kind::kBigint;
    default: return false;
  }
}

Result<Expression> TermBinder::bind(const cql::Term& term, const Receiver& receiver) {
  if (auto* literal = term.get_if<cql::Literal>()) return bind_literal(*literal, receiver);
  if (auto* numbers = term.get_if<cql::NumberList>()) return bind_numbers(*numbers, receiver);
  if (auto* marker = term.get_if<cql::Marker>()) return bind_marker(*marker, receiver);
  if (auto* list = term.get_if<cql::ListLiteral>()) return bind_list(list->elements, receiver);
  if (auto* set = term.get_if<cql::SetLiteral>()) return bind_set(*set, receiver);
  if (auto* map = term.get_if<cql::MapLiteral>()) return bind_map(*map, receiver);
  if (auto* udt = term.get_if<cql::UdtLiteral>()) return bind_udt(*udt, receiver);
  if (auto* tuple = term.get_if<cql::TupleLiteral>()) return bind_tuple(*tuple, receiver);
  if (auto* sum = term.get_if<cql::Arithmetic>()) return bind_arithmetic(*sum, &receiver);
  if (auto* negation = term.get_if<cql::Negation>()) return bind_negation(*negation, &receiver);
  if (auto* call = term.get_if<cql::FunctionCall>(); call != nullptr && table_ == nullptr && is_from_json(*call)) {
    return bind_from_json(*call, receiver);
  }
  SAGITTA_TRY(Expression expression, bind_free(term));
  return assign(std::move(expression), term, receiver);
}

Result<Expression> TermBinder::bind_free(const cql::Term& term) {
  if (auto* column = term.get_if<cql::ColumnRef>()) return bind_column(*column);
  if (auto* cast = term.get_if<cql::Cast>()) return bind_cast(*cast);
  if (auto* call = term.get_if<cql::FunctionCall>()) return bind_call(*call);
  if (auto* field = term.get_if<cql::FieldAccess>()) return bind_field(*field);
  if (auto* element = term.get_if<cql::ElementAccess>()) return bind_element(*element);
  if (auto* sum = term.get_if<cql::Arithmetic>()) return bind_arithmetic(*sum, nullptr);
  if (auto* negation = term.get_if<cql::Negation>()) return bind_negation(*negation, nullptr);
  if (auto* tuple = term.get_if<cql::TupleLiteral>(); tuple != nullptr && tuple->elements.size() == 1) {
    return bind_free(tuple->elements[0]);
  }
  SAGITTA_TRY(DataTypePtr type, infer(term));
  if (type == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("Cannot infer type for term {} in selection clause (try using a "
                                                 "cast to force a type)",
                                                 text(term)));
  }
  return bind(term, {.name = selection_name(), .type = type});
}

Result<DataTypePtr> TermBinder::resolve(const cql::RawType& type) const {
  return binder_.resolve(type, binder_.table_ != nullptr ? binder_.table_->keyspace : binder_.keyspace_);
}

Result<DataTypePtr> TermBinder::infer(const cql::Term& term) {
  if (auto* literal = term.get_if<cql::Literal>()) return literal_type(*literal);
  if (auto* numbers = term.get_if<cql::NumberList>()) {
    const bool floats = std::ranges::any_of(numbers->ends, [&](const uint32_t& end) {
      return numbers->literal(static_cast<size_t>(&end - numbers->ends.data())).kind == LiteralKind::kFloat;
    });
    return DataType::list(native(floats ? Kind::kDouble : Kind::kInt), true);
  }
  if (auto* cast = term.get_if<cql::Cast>()) return resolve(cast->type);
  if (auto* tuple = term.get_if<cql::TupleLiteral>(); tuple != nullptr && tuple->elements.size() == 1) {
    return infer(tuple->elements[0]);
  }
  if (auto* list = term.get_if<cql::ListLiteral>()) {
    SAGITTA_TRY(DataTypePtr element, infer_first(list->elements));
    return element != nullptr ? DataType::list(DataType::freeze(element)) : nullptr;
  }
  if (auto* set = term.get_if<cql::SetLiteral>()) {
    SAGITTA_TRY(DataTypePtr element, infer_first(set->elements));
    return element != nullptr ? DataType::set(DataType::freeze(element)) : nullptr;
  }
  if (auto* tuple = term.get_if<cql::TupleLiteral>()) return infer_tuple(*tuple);
  const bool typed = term.get_if<cql::ColumnRef>() != nullptr || term.get_if<cql::FunctionCall>() != nullptr ||
                     term.get_if<cql::FieldAccess>() != nullptr || term.get_if<cql::ElementAccess>() != nullptr ||
                     term.get_if<cql::Arithmetic>() != nullptr || term.get_if<cql::Negation>() != nullptr;
  if (!typed) return DataTypePtr();
  SAGITTA_TRY(Expression expression, bind_free(term));
  return expression.type;
}

Result<DataTypePtr> TermBinder::infer_first(const std::vector<cql::Term>& terms) {
  for (const cql::Term& term : terms) {
    SAGITTA_TRY(DataTypePtr type, infer(term));
    if (type != nullptr) return type;
  }
  return DataTypePtr();
}

Result<DataTypePtr> TermBinder::infer_tuple(const cql::TupleLiteral& tuple) {
  std::vector<DataTypePtr> fields;
  for (const cql::Term& term : tuple.elements) {
    SAGITTA_TRY(DataTypePtr type, infer(term));
    if (type == nullptr) return DataTypePtr();
    fields.push_back(DataType::freeze(type));
  }
  return DataType::tuple(std::move(fields));
}

Result<bool> TermBinder::could_be(const cql::Term& term, const DataTypePtr& type) {
  if (auto* literal = term.get_if<cql::Literal>()) return literal_fits(literal->kind, type->kind());
  const bool shaped = term.get_if<cql::NumberList>() != nullptr || term.get_if<cql::ListLiteral>() != nullptr ||
                      term.get_if<cql::SetLiteral>() != nullptr || term.get_if<cql::TupleLiteral>() != nullptr;
  if (shaped) return true;
  SAGITTA_TRY(const DataTypePtr own, infer(term));
  return own == nullptr || is_assignable(own, type);
}

Result<Expression> TermBinder::assign(Expression expression, const cql::Term& term, const Receiver& receiver) {
  if (is_assignable(expression.type, receiver.type)) {
    if (expression.receiver.empty()) expression.receiver = receiver.name;
    return expression;
  }
  if (auto* call = term.get_if<cql::FunctionCall>()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Type error: cannot assign result of function system.{} (type {}) to {} (type {})",
                            call->name.name, expression.type->to_cql(), receiver.name, receiver.type->to_cql()));
  }
  return fail(ErrorCode::kInvalid, fmt::format("Cannot assign value {} to {} of type {}", text(term), receiver.name,
                                               receiver.type->to_cql()));
}

Result<Expression> TermBinder::bind_marker(const cql::Marker& marker, const Receiver& receiver) {
  MarkerInfo& info = binder_.markers_[marker.index];
  const std::string& given_name = binder_.marker_names_[marker.index];
  info = {.keyspace = binder_.marker_keyspace_,
          .table = binder_.marker_table_,
          .name = given_name.empty() ? receiver.name : given_name,
          .type = receiver.type};
  Expression expression;
  expression.kind = Expression::Kind::kMarker;
  expression.type = receiver.type;
  expression.index = marker.index;
  expression.receiver = receiver.name;
  return expression;
}

Result<Expression> TermBinder::bind_column(const cql::ColumnRef& column) {
  if (table_ == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("Column {} cannot be used here", column.name));
  }
  SAGITTA_TRY(const schema::ColumnDef* def, find_column(*table_, column.name));
  Expression expression;
  expression.kind = Expression::Kind::kColumn;
  expression.type = def->type;
  expression.column = def;
  return expression;
}

Result<Expression> TermBinder::bind_cast(const cql::Cast& cast) {
  SAGITTA_TRY(DataTypePtr type, resolve(cast.type));
  if (!cast.converts) {
    SAGITTA_TRY(const bool possible, could_be(*cast.term, type));
    if (!possible) return wrong_hint(cast, *type);
    const std::string name = table_ != nullptr ? "[selection]" : cql::to_string(cast.type);
    SAGITTA_TRY(Expression inner, bind(*cast.term, {.name = name, .type = type}));
    inner.type = type;
    return inner;
  }
  SAGITTA_TRY(Expression inner, bind_free(*cast.term));
  if (types::same_type(inner.type, type)) return inner;
  if (!can_cast(*inner.type, *type)) return no_cast(*cast.term, *type);
  return call_of(cast_function(), type, std::move(inner));
}

std::unexpected<Error> TermBinder::wrong_hint(const cql::Cast& cast, const DataType& type) const {
  if (table_ == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("Cannot cast value {} to type {}", text(*cast.term), type.to_cql()));
  }
  return fail(ErrorCode::kInvalid, fmt::format("Cannot assign value ({0}){1} to ({0}){1} of type {2}",
                                               cql::to_string(cast.type), text(*cast.term), type.to_cql()));
}

std::unexpected<Error> TermBinder::no_cast(const cql::Term& term, const DataType& type) const {
  const std::vector<std::string> known = casts_to(type);
  if (known.empty()) {
    return fail(ErrorCode::kInvalid, fmt::format("{} cannot be cast to {}", text(term), type.to_cql()));
  }
  return fail(ErrorCode::kInvalid,
              fmt::format("Invalid call to function system.cast_as_{}, none of its type signatures "
                          "match (known type signatures: {})",
                          type.to_cql(), fmt::join(known, ", ")));
}

Result<Expression> TermBinder::bind_field(const cql::FieldAccess& access) {
  SAGITTA_TRY(Expression object, bind_free(*access.object));
  const DataType& type = *object.type;
  if (type.kind() != Kind::kUdt) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid field selection: {} of type {} is not a user type",
                                                 text(*access.object), type.to_cql()));
  }
  auto found = std::ranges::find(type.field_names(), access.field);
  if (found == type.field_names().end()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{} of type {} has no field {}", text(*access.object), type.to_cql(), access.field));
  }
  Expression expression;
  expression.kind = Expression::Kind::kField;
  expression.index = static_cast<uint32_t>(found - type.field_names().begin());
  expression.type = type.parameters()[expression.index];
  expression.arguments.push_back(std::move(object));
  return expression;
}

Result<Expression> TermBinder::bind_element(const cql::ElementAccess& access) {
  SAGITTA_TRY(Expression object, bind_free(*access.object));
  const DataType& type = *object.type;
  const std::string name = text(*access.object);
  if (type.kind() == Kind::kList) {
    return fail(ErrorCode::kInvalid, fmt::format("{} selection is only allowed on sets and maps, but {} is a list",
                                                 access.slice ? "Slice" : "Element", name));
  }
  const bool map = type.kind() == Kind::kMap;
  if (!map && type.kind() != Kind::kSet) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid {} selection: {} is of type {} is not a collection",
                                                 access.slice ? "slice" : "element", name, type.to_cql()));
  }
  const Receiver whole{.name = name, .type = object.type};
  const Receiver key = element_receiver(map ? "key" : "value", whole, type.key());
  Expression expression;
  expression.kind = access.slice ? Expression::Kind::kSlice : Expression::Kind::kElement;
  expression.type = access.slice ? object.type : map ? type.mapped() : type.element();
  expression.receiver = name;
  expression.arguments.push_back(std::move(object));
  if (!access.slice) return with_end(std::move(expression), access.key, key);
  SAGITTA_TRY(expression, with_end(std::move(expression), access.from, key));
  return with_end(std::move(expression), access.to, key);
}

Result<Expression> TermBinder::with_end(Expression selection, const cql::TermPtr& end, const Receiver& key) {
  Expression bound;
  if (end) {
    SAGITTA_TRY(bound, bind(*end, key));
  }
  selection.arguments.push_back(std::move(bound));
  return selection;
}

Result<Expression> Binder::bind_term(const cql::Term& term, const Receiver& receiver) {
  return TermBinder(*this, nullptr).bind(term, receiver);
}

namespace {

/// Written out, or a marker: only a cast says which of several types it has.
bool has_no_type(const cql::Term& term) {
  if (term.get_if<cql::Literal>() != nullptr || term.get_if<cql::NumberList>() != nullptr) return true;
  if (auto* list = term.get_if<cql::ListLiteral>()) return std::ranges::all_of(list->elements, has_no_type);
  if (auto* set = term.get_if<cql::SetLiteral>()) return std::ranges::all_of(set->elements, has_no_type);
  if (auto* map = term.get_if<cql::MapLiteral>()) {
    return std::ranges::all_of(map->entries, [](const auto& entry) { return has_no_type(entry.value); });
  }
  auto* tuple = term.get_if<cql::TupleLiteral>();
  if (tuple == nullptr) return false;
  return tuple->elements.size() == 1 || std::ranges::any_of(tuple->elements, has_no_type);
}

}  // namespace

Result<Expression> Binder::bind_selector(const cql::Term& term, const schema::TableDef& table) {
  if (has_no_type(term)) {
    return fail(ErrorCode::kInvalid, fmt::format("Cannot infer type for term {} in selection clause (try using a cast "
                                                 "to force a type)",
                                                 cql::to_string(term, marker_names_)));
  }
  return TermBinder(*this, &table).bind_free(term);
}

std::string Binder::selector_name(const cql::Term& term) const {
  if (auto* cast = term.get_if<cql::Cast>(); cast != nullptr && cast->converts) {
    return fmt::format("cast({} as {})", selector_name(*cast->term), cql::to_string(cast->type));
  }
  if (auto* hint = term.get_if<cql::Cast>()) {
    const bool is_marker = hint->term->get_if<cql::Marker>() != nullptr;
    return fmt::format("({}){}", cql::to_string(hint->type), is_marker ? "?" : selector_name(*hint->term));
  }
  if (auto* access = term.get_if<cql::FieldAccess>()) return selector_name(*access->object) + "." + access->field;
  if (auto* access = term.get_if<cql::ElementAccess>()) {
    return selector_name(*access->object) + text(term).substr(text(*access->object).size());
  }
  if (auto* sum = term.get_if<cql::Arithmetic>()) {
    return fmt::format("{} {} {}", selector_name(*sum->left), sum->op, selector_name(*sum->right));
  }
  if (auto* negation = term.get_if<cql::Negation>()) return "-" + selector_name(*negation->term);
  if (auto* tuple = term.get_if<cql::TupleLiteral>()) return fmt::format("({})", selector_names(tuple->elements));
  auto* literal = term.get_if<cql::Literal>();
  if (literal != nullptr && literal->kind == LiteralKind::kNull) return "NULL";
  auto* call = term.get_if<cql::FunctionCall>();
  if (call == nullptr) return text(term);
  if (call->star) return "count";
  const std::string& name = call->name.name;
  const bool plain = name == "writetime" || name == "maxwritetime" || name == "ttl";
  return fmt::format("{}{}({})", plain ? "" : "system.", name, selector_names(call->arguments));
}

std::string Binder::text(const cql::Term& term) const { return cql::to_string(term, marker_names_); }

std::string Binder::selector_names(const std::vector<cql::Term>& terms) const {
  std::vector<std::string> names;
  for (const cql::Term& term : terms) names.push_back(selector_name(term));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace sagitta::plan
