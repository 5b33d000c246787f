/// Writes trees back as CQL.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sagitta/cql/ast.h"

namespace sagitta::cql {

/// A visitor of every node and statement: a kind that cannot be printed does not compile.
class Printer {
 public:
  enum class Spelling : uint8_t {
    kHeading,  ///< as Cassandra heads result columns: a name in quotes only where it cannot be a name
    kSource,   ///< so that it parses to the same tree, wherever it stands
  };

  /// `markers` are those of the printed statement, and must outlive the printer.
  Printer(const std::vector<std::string>& markers, Spelling spelling) : markers_(markers), spelling_(spelling) {}

  template <class Variant>
  std::string print(const Variant& node) {
    std::visit(*this, node);
    return std::move(out_);
  }

  // Terms (term_printer.cc)
  void operator()(const Literal& literal);
  void operator()(const NumberList& list);
  void operator()(const Marker& marker);
  void operator()(const ListLiteral& list) { terms('[', list.elements, ']'); }
  void operator()(const SetLiteral& set) { terms('{', set.elements, '}'); }
  void operator()(const TupleLiteral& tuple) { terms('(', tuple.elements, ')'); }
  void operator()(const MapLiteral& map);
  void operator()(const UdtLiteral& udt);
  void operator()(const ColumnRef& column) { name(column.name); }
  void operator()(const FieldAccess& access);
  void operator()(const ElementAccess& access);
  void operator()(const FunctionCall& call);
  void operator()(const Cast& cast);
  void operator()(const Arithmetic& arithmetic);
  void operator()(const Negation& negation);
  template <class Node>
  void operator()(const Shared<Node>& apart) {
    (*this)(*apart);
  }

  // Data statements (dml_printer.cc)
  void operator()(const Select& select);
  void operator()(const Insert& insert);
  void operator()(const Update& update);
  void operator()(const Delete& erase);
  void operator()(const Batch& batch);

  // Schema statements (ddl_printer.cc)
  void operator()(const Use& use);
  void operator()(const Describe& describe);
  void operator()(const Truncate& truncate);
  void operator()(const CreateKeyspace& create);
  void operator()(const AlterKeyspace& alter);
  void operator()(const DropKeyspace& drop);
  void operator()(const CreateTable& create);
  void operator()(const AlterTable& alter);
  void operator()(const DropTable& drop) { dropped("TABLE", drop.if_exists, drop.name); }
  void operator()(const CreateType& create);
  void operator()(const AlterType& alter);
  void operator()(const DropType& drop) { dropped("TYPE", drop.if_exists, drop.name); }
  void operator()(const CreateIndex& create);
  void operator()(const DropIndex& drop) { dropped("INDEX", drop.if_exists, drop.name); }

  // What ALTER does
  void operator()(const AddColumns& add);
  void operator()(const DropColumns& drop);
  void operator()(const RenameColumns& rename) { renamed(rename.if_exists, rename.names); }
  void operator()(const AlterColumnType& change) { retyped(change.column, change.type); }
  void operator()(const SetOptions& set) { options(set.options); }
  void operator()(const AddFields& add);
  void operator()(const RenameFields& rename) { renamed(rename.if_exists, rename.names); }
  void operator()(const AlterFieldType& change) { retyped(change.field, change.type); }

 private:
  void term(const Term& term) { std::visit(*this, term.node); }
  void terms(char open, const std::vector<Term>& terms, char close);
  void string(std::string_view text);
  void name(std::string_view name);
  void names(std::span<const std::string> names);
  void qualified(const QualifiedName& name);
  /// `each` prints one of `parts`; `separator` stands between two.
  template <class Parts, class Each>
  void separated(const Parts& parts, std::string_view separator, Each each) {
    bool first = true;
    for (const auto& part : parts) {
      if (!first) out_ += separator;
      first = false;
      each(part);
    }
  }
  void flag(bool given, std::string_view words) {
    if (given) out_ += words;
  }

  void where(std::string_view word, const std::vector<Relation>& relations);
  void conditions(bool exists, const std::vector<Relation>& relations);
  void relation(const Relation& relation);
  void related(const Relation& relation);
  void attributes(const Using& attributes);
  void assignment(const Assignment& assignment);
  void deleted(const DeleteTarget& target);
  void ordering(const Ordering& ordering);
  void limits(const Select& select);

  void dropped(std::string_view what, bool if_exists, const QualifiedName& name);
  void renamed(bool if_exists, const std::vector<std::pair<std::string, std::string>>& names);
  void retyped(std::string_view of, const RawType& type);
  void column(const ColumnDefinition& column);
  void fields(const std::vector<FieldDefinition>& fields);
  void primary_key(const CreateTable& create);
  void table_options(const CreateTable& create);
  void target(const IndexTarget& target);
  void options(const Properties& options);
  void option(const NamedProperty& option);
  void value(const Property& value);
  void map(const Properties& entries);

  const std::vector<std::string>& markers_;
  const Spelling spelling_;
  std::string out_;
};

}  // namespace sagitta::cql
