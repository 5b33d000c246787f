/// Binds one term tree: literals become bytes of their receiver's type, markers learn theirs,
/// functions find their overload.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "sagitta/cql/ast.h"

#include "binder.h"
#include "functions.h"

namespace sagitta::plan {

/// The aggregate of the name (lower case), if there is one.
std::optional<Aggregate> aggregate_named(std::string_view name);

/// `table` is null where no column may occur. Used once.
class TermBinder {
 public:
  TermBinder(Binder& binder, const schema::TableDef* table) : binder_(binder), table_(table) {}
  /// With a receiver: an expression of the receiver's type.
  Result<Expression> bind(const cql::Term& term, const Receiver& receiver);
  /// Without a receiver: the type comes from inside; a bare marker has none and is refused.
  Result<Expression> bind_free(const cql::Term& term);

 private:
  /// UDTs of a cast are those of the table's keyspace, where there is a table.
  Result<types::DataTypePtr> resolve(const cql::RawType& type) const;
  std::string text(const cql::Term& term) const { return cql::to_string(term, binder_.marker_names_); }
  std::string selection_name() const { return table_ != nullptr ? "[selection]" : "[value]"; }
  /// The type of a term as far as it has one of its own; null for markers and null. Binds nothing
  /// but what has a type.
  Result<types::DataTypePtr> infer(const cql::Term& term);
  /// Of the first term that has one.
  Result<types::DataTypePtr> infer_first(const std::vector<cql::Term>& terms);
  Result<types::DataTypePtr> infer_tuple(const cql::TupleLiteral& tuple);
  /// Whether the term may stand where `type` is wanted, as far as its own type tells.
  Result<bool> could_be(const cql::Term& term, const types::DataTypePtr& type);
  Result<Expression> assign(Expression expression, const cql::Term& term, const Receiver& receiver);
  Result<Expression> bind_marker(const cql::Marker& marker, const Receiver& receiver);
  std::unexpected<Error> wrong_literal(std::string_view noun, const Receiver& receiver) const;
  /// The receiver of the elements inside a collection literal, as Cassandra names it.
  static Receiver element_receiver(std::string_view what, const Receiver& whole, types::DataTypePtr type);
  Result<Expression> bind_element_of(const cql::Term& term, const Receiver& element, const Receiver& whole);
  Expression collection(const Receiver& receiver, size_t reserve);
  /// The common case of long vectors: straight to bytes, without an expression for each number.
  Result<Expression> bind_numbers(const cql::NumberList& numbers, const Receiver& receiver);
  Result<Expression> bind_list(const std::vector<cql::Term>& elements, const Receiver& receiver);
  Result<Expression> bind_elements(const std::vector<cql::Term>& elements, const Receiver& receiver);
  Result<Expression> bind_set(const cql::SetLiteral& set, const Receiver& receiver);
  Result<Expression> bind_map(const cql::MapLiteral& map, const Receiver& receiver);
  Result<Expression> bind_udt(const cql::UdtLiteral& udt, const Receiver& receiver);
  Result<Expression> bind_tuple(const cql::TupleLiteral& tuple, const Receiver& receiver);
  Result<Expression> bind_column(const cql::ColumnRef& column);
  Result<Expression> bind_cast(const cql::Cast& cast);
  std::unexpected<Error> wrong_hint(const cql::Cast& cast, const types::DataType& type) const;
  std::unexpected<Error> no_cast(const cql::Term& term, const types::DataType& type) const;
  template <class... Arguments>
  static Expression call_of(const Function& function, types::DataTypePtr type, Arguments... arguments) {
    Expression expression;
    expression.kind = Expression::Kind::kCall;
    expression.function = &function;
    expression.type = std::move(type);
    (expression.arguments.push_back(std::move(arguments)), ...);
    return expression;
  }
  Result<Expression> bind_field(const cql::FieldAccess& access);
  Result<Expression> bind_element(const cql::ElementAccess& access);
  /// The selection with one more key; without `end` it is open there.
  Result<Expression> with_end(Expression selection, const cql::TermPtr& end, const Receiver& key);
  Result<Expression> bind_call(const cql::FunctionCall& call);
  static std::unexpected<Error> unknown_function(const cql::FunctionCall& call);
  static Status check_argument_count(const cql::FunctionCall& call, size_t wanted);
  Receiver argument_receiver(const cql::FunctionCall& call, size_t i, types::DataTypePtr type) const;
  Result<Expression> bind_column_property(const cql::FunctionCall& call);
  Result<Expression> bind_token(const cql::FunctionCall& call);
  static bool is_from_json(const cql::FunctionCall& call);
  Result<Expression> bind_from_json(const cql::FunctionCall& call, const Receiver& receiver);
  /// The vector type that the arguments agree on; those without a type of their own take the
  /// other's.
  Result<types::DataTypePtr> similarity_type(const cql::FunctionCall& call);
  /// As `infer`, but maps have the types of their first entries.
  Result<types::DataTypePtr> infer_literal(const cql::Term& term);
  static std::unexpected<Error> different_dimensions();
  static std::optional<size_t> literal_length(const cql::Term& term);
  Result<Expression> bind_similarity(const cql::FunctionCall& call, const Function& function);
  Status check_elements(const cql::FunctionCall& call, size_t i, const cql::ListLiteral& list,
                        const types::DataTypePtr& type) const;
  Result<Expression> bind_aggregate(const cql::FunctionCall& call, Aggregate aggregate);
  bool could_take(const Function& function, const cql::FunctionCall& call,
                  const std::vector<types::DataTypePtr>& inferred) const;
  static bool matches_exactly(const Function& function, const std::vector<types::DataTypePtr>& inferred);
  std::unexpected<Error> no_match(const cql::FunctionCall& call, std::span<const Function* const> overloads) const;
  Result<const Function*> resolve_overload(const cql::FunctionCall& call);
  Result<Expression> bind_overloaded(const cql::FunctionCall& call);
  /// A call of a generic function; of `result` when that is not null.
  Result<Expression> bind_generic(const cql::FunctionCall& call, const Function& function, types::DataTypePtr result);
  Result<types::DataTypePtr> generic_type(const cql::FunctionCall& call, const Function& function, size_t i,
                                          std::span<const types::DataTypePtr> before);
  /// An argument for which the type is known.
  Result<Expression> bind_argument(const cql::FunctionCall& call, size_t i, const types::DataTypePtr& type);
  std::unexpected<Error> ambiguous(const cql::Arithmetic& sum) const;
  std::unexpected<Error> unsupported(const cql::Arithmetic& sum) const;
  /// An operand without a type of its own takes the receiver's.
  Result<Expression> bind_operand(const cql::Arithmetic& sum, const cql::Term& term, const Receiver* receiver);
  Result<types::DataTypePtr> result_type(const cql::Arithmetic& sum, const types::DataTypePtr& left,
                                         const types::DataTypePtr& right) const;
  Result<Expression> bind_arithmetic(const cql::Arithmetic& sum, const Receiver* receiver);
  Result<Expression> bind_negation(const cql::Negation& negation, const Receiver* receiver);
  Binder& binder_;
  const schema::TableDef* table_;
};

}  // namespace sagitta::plan
