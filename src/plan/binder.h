/// What every pass of binding shares: the schema, the current keyspace, the statement's markers as
/// their types become known, and the warnings on the way. One Binder binds one statement, on one
/// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sagitta/cql/ast.h"
#include "sagitta/plan/plan.h"

namespace sagitta::plan {

/// What a term is for: the type it must have, and the name that markers and messages give it.
struct Receiver {
  std::string name;
  types::DataTypePtr type;
};

class Binder {
 public:
  Binder(const schema::Schema& schema, std::string_view keyspace, const std::vector<std::string>& marker_names);

  const schema::Schema& schema() const { return schema_; }

  /// The keyspace of a name: its own or the current one. kInvalid when there is neither.
  Result<std::string> keyspace_of(const cql::QualifiedName& name) const;
  /// kInvalid "table t does not exist". The table becomes the one that markers are described by.
  Result<schema::TableDefPtr> use_table(const cql::QualifiedName& name);

  /// kInvalid for a type that is not known. UDTs without a keyspace are looked up in `keyspace`.
  Result<types::DataTypePtr> resolve(const cql::RawType& type, const std::string& keyspace,
                                     bool inside_frozen = false) const;

  /// A term that no column may occur in.
  Result<Expression> bind_term(const cql::Term& term, const Receiver& receiver);
  /// A selector: columns of the table may occur, and the type comes from inside.
  Result<Expression> bind_selector(const cql::Term& term, const schema::TableDef& table);
  /// The name of a selector's result column.
  std::string selector_name(const cql::Term& term) const;
  /// A term in CQL.
  std::string text(const cql::Term& term) const;

  /// How many markers were described so far in the statement, and the descriptions.
  std::vector<MarkerInfo>& markers() { return markers_; }
  std::vector<std::string>& warnings() { return warnings_; }
  const std::string& keyspace() const { return keyspace_; }

 private:
  std::string selector_names(const std::vector<cql::Term>& terms) const;
  friend class TermBinder;
  const schema::Schema& schema_;
  std::string keyspace_;
  const std::vector<std::string>& marker_names_;
  std::vector<MarkerInfo> markers_;
  std::vector<std::string> warnings_;
  schema::TableDefPtr table_;
  std::string marker_keyspace_, marker_table_;
};

/// The column, or kInvalid "Undefined column name x in table ks.t".
Result<const schema::ColumnDef*> find_column(const schema::TableDef& table, std::string_view name);

/// A value of type `from` may be used where `to` is wanted, without conversion of its bytes.
bool is_assignable(const types::DataTypePtr& from, const types::DataTypePtr& to);

/// Durations, which have no order, are part of its values. As in Cassandra, vectors are not looked
/// into.
bool has_duration(const types::DataType& type);

/// In key order.
std::vector<const schema::ColumnDef*> partition_columns(const schema::TableDef& table);
std::vector<const schema::ColumnDef*> clustering_columns(const schema::TableDef& table);

/// Shorthand for DataType::native.
types::DataTypePtr native(types::Kind kind);

}  // namespace sagitta::plan
