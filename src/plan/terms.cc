/// Terms to expressions: literals become bytes of their receiver's type, markers learn theirs, functions find their
/// overload.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "sagitta/cql/parser.h"
#include "sagitta/types/value.h"

#include "binder.h"
#include "functions.h"

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

Expression constant(DataTypePtr type, Value value, std::string receiver) {
  Expression expression;
  expression.type = std::move(type);
  expression.constant = std::move(value);
  expression.receiver = std::move(receiver);
  return expression;
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
      return fail(ErrorCode::kInvalid, fmt::format("Invalid HEX constant (0x{}) for \"{}\" of type {}: an odd number "
                                                   "of digits",
                                                   literal.text, receiver.name, receiver.type->to_cql()));
    }
    return constant(receiver.type, *std::move(bytes), receiver.name);
  }
  SAGITTA_TRY(Bytes bytes, types::from_text(*receiver.type, literal.text));
  return constant(receiver.type, std::move(bytes), receiver.name);
}

DataTypePtr integer_type(const std::string& text) {
  if (types::from_text(*native(Kind::kInt), text)) return native(Kind::kInt);
  if (types::from_text(*native(Kind::kBigint), text)) return native(Kind::kBigint);
  return native(Kind::kVarint);
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

/// Evaluated now when nothing in it waits for values.
Result<Expression> fold(Expression expression) {
  const bool known = std::ranges::all_of(expression.arguments,
                                         [](const Expression& e) { return e.kind == Expression::Kind::kConstant; });
  if (!known) return expression;
  SAGITTA_TRY(Value value, evaluate(expression, {}));
  return constant(expression.type, std::move(value), std::move(expression.receiver));
}

std::unexpected<Error> vector_length_error(const Receiver& receiver, size_t given) {
  return fail(ErrorCode::kInvalid,
              fmt::format("Invalid vector literal for {} of type {}; expected {} elements, but given {}", receiver.name,
                          receiver.type->to_cql(), receiver.type->dim(), given));
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

}  // namespace

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

/// Binds one term tree. `table` is null where no column may occur.
class TermBinder {
 public:
  TermBinder(Binder& binder, const schema::TableDef* table) : binder_(binder), table_(table) {}

  /// With a receiver: an expression of the receiver's type.
  Result<Expression> bind(const cql::Term& term, const Receiver& receiver) {
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
    SAGITTA_TRY(Expression expression, bind_free(term));
    return assign(std::move(expression), term, receiver);
  }

  /// Without a receiver: the type comes from inside; a bare marker has none and is refused.
  Result<Expression> bind_free(const cql::Term& term) {
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

 private:
  /// UDTs of a cast are those of the table's keyspace, where there is a table.
  Result<DataTypePtr> resolve(const cql::RawType& type) const {
    return binder_.resolve(type, binder_.table_ != nullptr ? binder_.table_->keyspace : binder_.keyspace_);
  }
  std::string text(const cql::Term& term) const { return cql::to_string(term, binder_.marker_names_); }
  std::string selection_name() const { return table_ != nullptr ? "[selection]" : "[value]"; }

  /// The type of a term as far as it has one of its own; null for markers and null. Binds nothing but what has a type.
  Result<DataTypePtr> infer(const cql::Term& term) {
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
    const bool typed = term.get_if<cql::ColumnRef>() != nullptr || term.get_if<cql::FunctionCall>() != nullptr ||
                       term.get_if<cql::FieldAccess>() != nullptr || term.get_if<cql::ElementAccess>() != nullptr ||
                       term.get_if<cql::Arithmetic>() != nullptr || term.get_if<cql::Negation>() != nullptr;
    if (!typed) return DataTypePtr();
    SAGITTA_TRY(Expression expression, bind_free(term));
    return expression.type;
  }

  Result<Expression> assign(Expression expression, const cql::Term& term, const Receiver& receiver) {
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

  Result<Expression> bind_marker(const cql::Marker& marker, const Receiver& receiver) {
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

  std::unexpected<Error> wrong_literal(std::string_view noun, const Receiver& receiver) const {
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid {} literal for {} of type {}", noun, receiver.name, receiver.type->to_cql()));
  }

  /// The receiver of the elements inside a collection literal, as Cassandra names it.
  static Receiver element_receiver(std::string_view what, const Receiver& whole, DataTypePtr type) {
    return {.name = fmt::format("{}({})", what, whole.name), .type = std::move(type)};
  }

  Result<Expression> bind_element_of(const cql::Term& term, const Receiver& element, const Receiver& whole) {
    if (auto* literal = term.get_if<cql::Literal>()) {
      if (!literal_fits(literal->kind, element.type->kind())) {
        return fail(ErrorCode::kInvalid,
                    fmt::format("Invalid {} literal for {}: value {} is not of type {}", literal_noun(*whole.type),
                                whole.name, text(term), element.type->to_cql()));
      }
    }
    return bind(term, element);
  }

  Expression collection(const Receiver& receiver, size_t reserve) {
    Expression expression;
    expression.kind = Expression::Kind::kCollection;
    expression.type = receiver.type;
    expression.receiver = receiver.name;
    expression.arguments.reserve(reserve);
    return expression;
  }

  /// The common case of long vectors: straight to bytes, without an expression for each number.
  Result<Expression> bind_numbers(const cql::NumberList& numbers, const Receiver& receiver) {
    const Kind kind = receiver.type->kind();
    if (kind != Kind::kVector && kind != Kind::kList) return wrong_literal("list", receiver);
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

  Result<Expression> bind_list(const std::vector<cql::Term>& elements, const Receiver& receiver) {
    const Kind kind = receiver.type->kind();
    if (kind != Kind::kVector && kind != Kind::kList) return wrong_literal("list", receiver);
    if (kind == Kind::kVector && elements.size() != receiver.type->dim()) {
      return vector_length_error(receiver, elements.size());
    }
    return bind_elements(elements, receiver);
  }

  Result<Expression> bind_elements(const std::vector<cql::Term>& elements, const Receiver& receiver) {
    Expression expression = collection(receiver, elements.size());
    const Receiver inner = element_receiver("value", receiver, receiver.type->element());
    for (const cql::Term& element : elements) {
      SAGITTA_TRY(Expression bound, bind_element_of(element, inner, receiver));
      expression.arguments.push_back(std::move(bound));
    }
    return fold(std::move(expression));
  }

  Result<Expression> bind_set(const cql::SetLiteral& set, const Receiver& receiver) {
    const Kind kind = receiver.type->kind();
    if (set.elements.empty() && (kind == Kind::kMap || kind == Kind::kUdt)) {
      if (kind == Kind::kUdt) return bind_udt({}, receiver);
      return fold(collection(receiver, 0));
    }
    if (kind != Kind::kSet) return wrong_literal("set", receiver);
    return bind_elements(set.elements, receiver);
  }

  Result<Expression> bind_map(const cql::MapLiteral& map, const Receiver& receiver) {
    if (receiver.type->kind() != Kind::kMap) return wrong_literal("map", receiver);
    Expression expression = collection(receiver, 2 * map.entries.size());
    const Receiver key = element_receiver("key", receiver, receiver.type->key());
    const Receiver mapped = element_receiver("value", receiver, receiver.type->mapped());
    for (const auto& [k, v] : map.entries) {
      SAGITTA_TRY(Expression bound_key, bind_element_of(k, key, receiver));
      SAGITTA_TRY(Expression bound_value, bind_element_of(v, mapped, receiver));
      expression.arguments.push_back(std::move(bound_key));
      expression.arguments.push_back(std::move(bound_value));
    }
    return fold(std::move(expression));
  }

  Result<Expression> bind_udt(const cql::UdtLiteral& udt, const Receiver& receiver) {
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
      const Receiver field{.name = fmt::format("{}.{}", receiver.name, name), .type = type.parameters()[i]};
      SAGITTA_TRY(expression.arguments[i], bind(term, field));
    }
    return fold(std::move(expression));
  }

  Result<Expression> bind_tuple(const cql::TupleLiteral& tuple, const Receiver& receiver) {
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
      const Receiver component{.name = fmt::format("{}[{}]", receiver.name, i), .type = type.parameters()[i]};
      SAGITTA_TRY(Expression bound, bind(tuple.elements[i], component));
      expression.arguments.push_back(std::move(bound));
    }
    return fold(std::move(expression));
  }

  Result<Expression> bind_column(const cql::ColumnRef& column) {
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

  Result<Expression> bind_cast(const cql::Cast& cast) {
    SAGITTA_TRY(DataTypePtr type, resolve(cast.type));
    if (!cast.converts) {
      const std::string name = table_ != nullptr ? "[selection]" : cql::to_string(cast.type);
      SAGITTA_TRY(Expression inner, bind(*cast.term, {.name = name, .type = type}));
      inner.type = type;
      return inner;
    }
    SAGITTA_TRY(Expression inner, bind_free(*cast.term));
    if (!can_cast(*inner.type, *type)) {
      return fail(ErrorCode::kInvalid, fmt::format("{} cannot be cast to {}", inner.type->to_cql(), type->to_cql()));
    }
    return call_of(cast_function(), type, std::move(inner));
  }

  template <class... Arguments>
  static Expression call_of(const Function& function, DataTypePtr type, Arguments... arguments) {
    Expression expression;
    expression.kind = Expression::Kind::kCall;
    expression.function = &function;
    expression.type = std::move(type);
    (expression.arguments.push_back(std::move(arguments)), ...);
    return expression;
  }

  Result<Expression> bind_field(const cql::FieldAccess& access) {
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

  Result<Expression> bind_element(const cql::ElementAccess& access) {
    if (access.slice) return fail(ErrorCode::kInvalid, "Slices of collections are not supported");
    SAGITTA_TRY(Expression object, bind_free(*access.object));
    const DataType& type = *object.type;
    if (type.kind() != Kind::kMap && type.kind() != Kind::kSet) {
      return fail(ErrorCode::kInvalid, fmt::format("Invalid element selection: {} is of type {} is not a collection",
                                                   text(*access.object), type.to_cql()));
    }
    const Receiver whole{.name = text(*access.object), .type = object.type};
    SAGITTA_TRY(Expression key, bind(*access.key, element_receiver("key", whole, type.key())));
    Expression expression;
    expression.kind = Expression::Kind::kElement;
    expression.type = type.kind() == Kind::kMap ? type.mapped() : type.element();
    expression.arguments.push_back(std::move(object));
    expression.arguments.push_back(std::move(key));
    return expression;
  }

  // ------------------------------------------------------------------------------------------------------ functions

  Result<Expression> bind_call(const cql::FunctionCall& call) {
    if (!call.name.keyspace.empty() && call.name.keyspace != "system") return unknown_function(call);
    const std::string& name = call.name.name;
    if (name == "writetime" || name == "maxwritetime" || name == "ttl") return bind_column_property(call);
    if (name == "token") return bind_token(call);
    if (name == "tojson" || name == "to_json") return bind_to_json(call);
    if (const Function* similarity = similarity_function(name)) return bind_similarity(call, *similarity);
    if (auto aggregate = aggregate_named(name)) return bind_aggregate(call, *aggregate);
    return bind_overloaded(call);
  }

  static std::unexpected<Error> unknown_function(const cql::FunctionCall& call) {
    const std::string keyspace = call.name.keyspace.empty() ? "" : call.name.keyspace + ".";
    return fail(ErrorCode::kInvalid, fmt::format("Unknown function '{}{}'", keyspace, call.name.name));
  }

  static Status check_argument_count(const cql::FunctionCall& call, size_t wanted) {
    if (call.arguments.size() == wanted && !call.star) return {};
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid number of arguments for function system.{}: {} required but {} provided",
                            call.name.name, wanted, call.arguments.size()));
  }

  Receiver argument_receiver(const cql::FunctionCall& call, size_t i, DataTypePtr type) const {
    if (table_ != nullptr) return {.name = "[selection]", .type = std::move(type)};
    return {.name = fmt::format("arg{}(system.{})", i, call.name.name), .type = std::move(type)};
  }

  Result<Expression> bind_column_property(const cql::FunctionCall& call) {
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
      return fail(ErrorCode::kInvalid, fmt::format("Cannot use selection function {} on non-frozen {} {}",
                                                   call.name.name, literal_noun(*def->type), def->name));
    }
    Expression expression;
    const bool ttl = call.name.name == "ttl";
    expression.kind = ttl ? Expression::Kind::kTtl : Expression::Kind::kWritetime;
    expression.type = native(ttl ? Kind::kInt : Kind::kBigint);
    expression.column = def;
    return expression;
  }

  Result<Expression> bind_token(const cql::FunctionCall& call) {
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

  Result<Expression> bind_to_json(const cql::FunctionCall& call) {
    SAGITTA_CHECK(check_argument_count(call, 1));
    SAGITTA_TRY(Expression argument, bind_free(call.arguments[0]));
    return call_of(to_json_function(), native(Kind::kText), std::move(argument));
  }

  /// The vector type that the arguments agree on; those without a type of their own take the other's.
  Result<DataTypePtr> similarity_type(const cql::FunctionCall& call) {
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

  /// As `infer`, but sets and maps have the type of their first elements.
  Result<DataTypePtr> infer_literal(const cql::Term& term) {
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

  static std::unexpected<Error> different_dimensions() {
    return fail(ErrorCode::kInvalid, "All arguments must have the same vector dimensions");
  }

  static std::optional<size_t> literal_length(const cql::Term& term) {
    if (auto* numbers = term.get_if<cql::NumberList>()) return numbers->size();
    if (auto* list = term.get_if<cql::ListLiteral>()) return list->elements.size();
    return std::nullopt;
  }

  Result<Expression> bind_similarity(const cql::FunctionCall& call, const Function& function) {
    SAGITTA_CHECK(check_argument_count(call, 2));
    SAGITTA_TRY(DataTypePtr type, similarity_type(call));
    Expression expression = call_of(function, function.result);
    for (size_t i = 0; i < 2; ++i) {
      if (auto* list = call.arguments[i].get_if<cql::ListLiteral>())
        SAGITTA_CHECK(check_elements(call, i, *list, type));
      SAGITTA_TRY(Expression argument, bind(call.arguments[i], argument_receiver(call, i, type)));
      expression.arguments.push_back(std::move(argument));
    }
    return expression;
  }

  Status check_elements(const cql::FunctionCall& call, size_t i, const cql::ListLiteral& list,
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

  static std::optional<Aggregate> aggregate_named(std::string_view name) {
    if (name == "count") return Aggregate::kCount;
    if (name == "min") return Aggregate::kMin;
    if (name == "max") return Aggregate::kMax;
    if (name == "sum") return Aggregate::kSum;
    if (name == "avg") return Aggregate::kAvg;
    return std::nullopt;
  }

  Result<Expression> bind_aggregate(const cql::FunctionCall& call, Aggregate aggregate) {
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

  bool could_take(const Function& function, const cql::FunctionCall& call,
                  const std::vector<DataTypePtr>& inferred) const {
    if (function.parameters.size() != call.arguments.size()) return false;
    for (size_t i = 0; i < inferred.size(); ++i) {
      auto* literal = call.arguments[i].get_if<cql::Literal>();
      if (literal != nullptr && literal_fits(literal->kind, function.parameters[i]->kind())) continue;
      if (inferred[i] != nullptr && !is_assignable(inferred[i], function.parameters[i])) return false;
    }
    return true;
  }

  static bool matches_exactly(const Function& function, const std::vector<DataTypePtr>& inferred) {
    for (size_t i = 0; i < inferred.size(); ++i) {
      if (inferred[i] == nullptr || !types::same_type(inferred[i], function.parameters[i])) return false;
    }
    return true;
  }

  Result<const Function*> resolve_overload(const cql::FunctionCall& call) {
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

  Result<Expression> bind_overloaded(const cql::FunctionCall& call) {
    SAGITTA_TRY(const Function* function, resolve_overload(call));
    Expression expression = call_of(*function, function->result);
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      SAGITTA_TRY(Expression argument, bind(call.arguments[i], argument_receiver(call, i, function->parameters[i])));
      expression.arguments.push_back(std::move(argument));
    }
    return expression;
  }

  // ----------------------------------------------------------------------------------------------------- arithmetic

  /// The type in which an operand that has none of its own (a number or a marker) is read.
  Result<DataTypePtr> operand_type(const cql::Arithmetic& sum, const Receiver* receiver) {
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

  Result<DataTypePtr> own_type(const cql::Term& term) {
    if (term.get_if<cql::Literal>() != nullptr) return DataTypePtr();
    return infer(term);
  }

  static DataTypePtr wider(const DataTypePtr& a, const DataTypePtr& b) {
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

  Result<Expression> bind_operand(const cql::Term& term, const DataTypePtr& type) {
    if (term.get_if<cql::Literal>() != nullptr || term.get_if<cql::Marker>() != nullptr) {
      return bind(term, {.name = selection_name(), .type = type});
    }
    return bind_free(term);
  }

  Result<Expression> bind_arithmetic(const cql::Arithmetic& sum, const Receiver* receiver) {
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

  Result<Expression> bind_negation(const cql::Negation& negation, const Receiver* receiver) {
    auto zero = std::make_shared<cql::Term>();
    zero->node = cql::Literal{.kind = LiteralKind::kInteger, .text = "0"};
    return bind_arithmetic({.op = '-', .left = zero, .right = negation.term}, receiver);
  }

  Binder& binder_;
  const schema::TableDef* table_;
};

Result<Expression> Binder::bind_term(const cql::Term& term, const Receiver& receiver) {
  return TermBinder(*this, nullptr).bind(term, receiver);
}

Result<Expression> Binder::bind_selector(const cql::Term& term, const schema::TableDef& table) {
  return TermBinder(*this, &table).bind_free(term);
}

std::string Binder::selector_name(const cql::Term& term) const {
  if (auto* cast = term.get_if<cql::Cast>(); cast != nullptr && cast->converts) {
    return fmt::format("cast({} as {})", selector_name(*cast->term), cql::to_string(cast->type));
  }
  auto* call = term.get_if<cql::FunctionCall>();
  if (call == nullptr) return cql::to_string(term, marker_names_);
  if (call->star) return "count";
  std::vector<std::string> arguments;
  for (const cql::Term& argument : call->arguments) arguments.push_back(selector_name(argument));
  const std::string& name = call->name.name;
  const bool plain = name == "writetime" || name == "maxwritetime" || name == "ttl";
  return fmt::format("{}{}({})", plain ? "" : "system.", name, fmt::join(arguments, ", "));
}

}  // namespace sagitta::plan
