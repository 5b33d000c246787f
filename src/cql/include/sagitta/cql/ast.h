/// The syntax tree of a CQL statement: plain structs without behaviour, made by `parse()` and read
/// by `plan`. The tree knows no schema: names and types are unresolved, literals keep their text.
///
/// Identifiers come in their final case: lower case unless they were quoted. Statements own all
/// their text, can be copied, and are safe to read from several threads. Trees are equal when they
/// say the same, wherever in a text they stood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sagitta/cql/term.h"
#include "sagitta/types/request.h"

namespace sagitta::cql {

// --------------------------------------------------------------------------------------------- options (WITH a = b)

struct NamedProperty;
/// In text order, without duplicates.
using Properties = std::vector<NamedProperty>;

/// The value of an option: a scalar, `{...}` nested to any allowed depth, or `[...]`.
struct Property {
  enum class Kind : uint8_t { kScalar, kMap, kList };

  Kind kind = Kind::kScalar;
  LiteralKind literal = LiteralKind::kString;  ///< of a scalar; a bare word counts as a string
  std::string text;                            ///< of a scalar
  Properties map;
  std::vector<Property> list;

  bool operator==(const Property&) const = default;
};

struct NamedProperty {
  std::string name;
  Property value;

  bool operator==(const NamedProperty&) const = default;
};

// -------------------------------------------------------------------------------------------------- schema statements

struct CreateKeyspace {
  std::string name;
  bool if_not_exists = false;
  Properties options;  ///< may be empty: WITH is optional

  bool operator==(const CreateKeyspace&) const = default;
};
struct AlterKeyspace {
  std::string name;
  bool if_exists = false;
  Properties options;

  bool operator==(const AlterKeyspace&) const = default;
};
struct DropKeyspace {
  std::string name;
  bool if_exists = false;

  bool operator==(const DropKeyspace&) const = default;
};
struct Use {
  std::string keyspace;

  bool operator==(const Use&) const = default;
};
/// DESCRIBE: what of the schema is shown as CQL.
struct Describe {
  enum class What : uint8_t {
    kCluster,
    kSchema,
    kKeyspaces,
    kKeyspace,
    kTables,
    kTable,
    kTypes,
    kType,
    kIndex,
    kFunctions,
    kFunction,
    kAggregates,
    kAggregate,
    kView,
    kAny,  ///< a keyspace, or something of one, by its name alone
  };
  What what = What::kAny;
  QualifiedName name;  ///< without a name: of all, or of the keyspace in use
  bool full = false;   ///< SCHEMA with the system's keyspaces
  bool only = false;   ///< KEYSPACE without what is in it
  bool with_internals = false;

  bool operator==(const Describe&) const = default;
};

struct ColumnDefinition {
  std::string name;
  RawType type;
  bool is_static = false;

  bool operator==(const ColumnDefinition&) const = default;
};
struct ClusteringOrder {
  std::string column;
  bool descending = false;

  bool operator==(const ClusteringOrder&) const = default;
};
/// Key columns are named as written; whether they are defined is for `plan` to check. There is
/// exactly one PRIMARY KEY.
struct CreateTable {
  QualifiedName name;
  bool if_not_exists = false;
  std::vector<ColumnDefinition> columns;
  std::vector<std::string> partition_key, clustering_key;
  std::vector<ClusteringOrder> clustering_order;
  Properties options;

  bool operator==(const CreateTable&) const = default;
};
struct AddColumns {
  bool if_not_exists = false;
  std::vector<ColumnDefinition> columns;

  bool operator==(const AddColumns&) const = default;
};
struct DropColumns {
  bool if_exists = false;
  std::vector<std::string> columns;
  std::optional<int64_t> timestamp_us;

  bool operator==(const DropColumns&) const = default;
};
struct RenameColumns {
  bool if_exists = false;
  std::vector<std::pair<std::string, std::string>> names;  ///< old, new

  bool operator==(const RenameColumns&) const = default;
};
struct AlterColumnType {
  std::string column;
  RawType type;

  bool operator==(const AlterColumnType&) const = default;
};
struct SetOptions {
  Properties options;

  bool operator==(const SetOptions&) const = default;
};
struct AlterTable {
  QualifiedName name;
  bool if_exists = false;
  std::variant<AddColumns, DropColumns, RenameColumns, AlterColumnType, SetOptions> action;

  bool operator==(const AlterTable&) const = default;
};
struct DropTable {
  QualifiedName name;
  bool if_exists = false;

  bool operator==(const DropTable&) const = default;
};
struct Truncate {
  QualifiedName name;

  bool operator==(const Truncate&) const = default;
};

struct FieldDefinition {
  std::string name;
  RawType type;

  bool operator==(const FieldDefinition&) const = default;
};
struct CreateType {
  QualifiedName name;
  bool if_not_exists = false;
  std::vector<FieldDefinition> fields;

  bool operator==(const CreateType&) const = default;
};
struct AddFields {
  bool if_not_exists = false;
  std::vector<FieldDefinition> fields;

  bool operator==(const AddFields&) const = default;
};
struct RenameFields {
  bool if_exists = false;
  std::vector<std::pair<std::string, std::string>> names;  ///< old, new

  bool operator==(const RenameFields&) const = default;
};
struct AlterFieldType {
  std::string field;
  RawType type;

  bool operator==(const AlterFieldType&) const = default;
};
struct AlterType {
  QualifiedName name;
  bool if_exists = false;
  std::variant<AddFields, RenameFields, AlterFieldType> action;

  bool operator==(const AlterType&) const = default;
};
struct DropType {
  QualifiedName name;
  bool if_exists = false;

  bool operator==(const DropType&) const = default;
};

struct IndexTarget {
  enum class Kind : uint8_t { kColumn, kValues, kKeys, kEntries, kFull, kTuple };

  Kind kind = Kind::kColumn;
  std::vector<std::string> columns;  ///< one; of a leading tuple one or more

  bool operator==(const IndexTarget&) const = default;
};
struct CreateIndex {
  bool custom = false;
  bool if_not_exists = false;
  std::string name;  ///< empty when not given
  QualifiedName table;
  std::vector<IndexTarget> targets;
  std::optional<std::string> class_name;  ///< as spelt; of USING
  Properties options;                     ///< the map of WITH OPTIONS

  bool operator==(const CreateIndex&) const = default;
};
struct DropIndex {
  QualifiedName name;
  bool if_exists = false;

  bool operator==(const DropIndex&) const = default;
};

// ---------------------------------------------------------------------------------------------------- data statements

enum class Operator : uint8_t {
  kEq,
  kLt,
  kGt,
  kLe,
  kGe,
  kNe,
  kIn,
  kContains,
  kContainsKey,
  kLike,
  kIsNotNull,
  kAnn,  ///< `v ANN OF term`
};
/// "=", "IN", "CONTAINS KEY", "IS NOT NULL", "ANN OF".
std::string_view to_string(Operator op);

/// One restriction of WHERE, or one condition of IF.
struct Relation {
  enum class Kind : uint8_t {
    kColumn,   ///< a
    kElement,  ///< a[key]
    kField,    ///< a.field (IF only)
    kTuple,    ///< (a, b)
    kToken,    ///< token(a, b)
  };

  Kind kind = Kind::kColumn;
  std::vector<std::string> columns;  ///< one, unless kTuple or kToken
  TermPtr key;                       ///< of kElement
  std::string field;                 ///< of kField
  Operator op{};
  std::optional<Term> value;  ///< the right side; absent for IS NOT NULL and for IN with a list
  std::vector<Term> values;   ///< of IN (a, b); may be empty

  bool operator==(const Relation&) const = default;
};

struct Using {
  TermPtr timestamp_us, ttl_seconds;
  TermPtr timeout;  ///< a duration or a marker: ScyllaDB's

  bool operator==(const Using&) const = default;
};

struct Insert {
  QualifiedName table;
  std::vector<std::string> columns;
  std::vector<Term> values;  ///< as many as columns
  TermPtr json;              ///< of INSERT ... JSON; then no columns and values
  bool json_default_unset = false;
  bool if_not_exists = false;
  Using attributes;

  bool operator==(const Insert&) const = default;
};

struct Assignment {
  enum class Kind : uint8_t {
    kSet,      ///< a = value
    kAdd,      ///< a = a + value, a += value
    kPrepend,  ///< a = value + a
    kRemove,   ///< a = a - value, a -= value
    kElement,  ///< a[key] = value
    kField,    ///< a.field = value
  };

  Kind kind = Kind::kSet;
  std::string column;
  TermPtr key;
  std::string field;
  Term value;

  bool operator==(const Assignment&) const = default;
};
struct Update {
  QualifiedName table;
  Using attributes;
  std::vector<Assignment> assignments;
  std::vector<Relation> where;
  bool if_exists = false;
  std::vector<Relation> conditions;

  bool operator==(const Update&) const = default;
};

/// What DELETE removes from a row: a column, `column[key]`, or `column.field`.
struct DeleteTarget {
  std::string column;
  TermPtr key;
  std::string field;

  bool operator==(const DeleteTarget&) const = default;
};
struct Delete {
  std::vector<DeleteTarget> targets;  ///< empty: whole rows
  QualifiedName table;
  Using attributes;  ///< without a TTL
  std::vector<Relation> where;
  bool if_exists = false;
  std::vector<Relation> conditions;

  bool operator==(const Delete&) const = default;
};

using types::BatchKind;
using Modification = std::variant<Insert, Update, Delete>;
struct Batch {
  BatchKind kind = BatchKind::kLogged;
  Using attributes;
  std::vector<Modification> statements;

  bool operator==(const Batch&) const = default;
};

struct Selector {
  Term term;
  std::string alias;  ///< empty when not given

  bool operator==(const Selector&) const = default;
};
struct Ordering {
  std::string column;
  TermPtr ann;  ///< of `column ANN OF term` and `ANN(column, term)`
  bool descending = false;

  bool operator==(const Ordering&) const = default;
};
struct Select {
  QualifiedName table;
  bool json = false;
  bool distinct = false;
  std::vector<Selector> selectors;  ///< empty: *
  std::vector<Relation> where;
  std::vector<Term> group_by;
  std::vector<Ordering> order_by;
  TermPtr per_partition_limit, limit;
  bool allow_filtering = false;
  TermPtr timeout;  ///< as that of Using

  bool operator==(const Select&) const = default;
};

struct Statement {
  std::variant<Select, Insert, Update, Delete, Batch, Use, Describe, Truncate, CreateKeyspace, AlterKeyspace,
               DropKeyspace, CreateTable, AlterTable, DropTable, CreateType, AlterType, DropType, CreateIndex,
               DropIndex>
      body;
  /// The bind markers in text order: the name of `:name`, empty for `?`. A name that occurs twice
  /// is here twice.
  std::vector<std::string> markers;

  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&body);
  }

  bool operator==(const Statement&) const = default;
};

/// The statement in CQL. It parses to an equal one.
std::string to_string(const Statement& statement);

}  // namespace sagitta::cql
