/// The syntax tree of a CQL statement: plain structs without behaviour, made by `parse()` and read
/// by `plan`. The tree knows no schema: names and types are unresolved, literals keep their text.
///
/// Identifiers come in their final case: lower case unless they were quoted. Statements own all
/// their text, can be copied, and are safe to read from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sagitta/types/request.h"

namespace sagitta::cql {

// ------------------------------------------------------------------------------------------------ names and types

/// `[keyspace.]name`; an empty keyspace means the session's.
struct QualifiedName {
  std::string keyspace, name;

  bool operator==(const QualifiedName&) const = default;
};

/// A type as written. `frozen<T>` is T with `frozen` set.
struct RawType {
  std::string keyspace;             ///< of a UDT, when given
  std::string name;                 ///< "int", "list", "vector", a UDT's name, or the class of a custom type
  std::vector<RawType> parameters;  ///< of list, set, map, tuple, vector (one)
  int32_t dimension = 0;            ///< of a vector as written, so perhaps not positive
  bool frozen = false;
  bool custom = false;  ///< written as 'a.java.class'
  bool quoted = false;  ///< the name was in double quotes: a UDT's, also when it reads "int" or "list"

  bool operator==(const RawType&) const = default;
};

/// The type in CQL: "frozen<map<int, vector<float, 3>>>".
std::string to_string(const RawType& type);

// ----------------------------------------------------------------------------------------------------------- terms

/// As std::pair, but without its questions about the members, which Clang cannot answer for a type
/// inside itself.
template <class First, class Second>
struct Pair {
  First first;
  Second second;
};

struct Term;
using TermPtr = std::shared_ptr<const Term>;

enum class LiteralKind : uint8_t {
  kNull,
  kString,    ///< text without its quotes
  kInteger,   ///< "-12"
  kFloat,     ///< "1e-05", "NaN", "-Infinity" (as spelt)
  kBoolean,   ///< "true" or "false"
  kUuid,      ///< 8-4-4-4-12 hexadecimal digits, as spelt
  kBlob,      ///< the hexadecimal digits after 0x; their number may be odd
  kDuration,  ///< "1y2mo", "P1Y2M", as spelt
};

struct Literal {
  LiteralKind kind{};
  std::string text;

  bool operator==(const Literal&) const = default;
};

/// `[1, -2.5e-05, NaN]`: a list of nothing but numbers, at least one of them. Only this form stands
/// for such lists (a `ListLiteral` has some other element), so that a vector of thousands of floats
/// costs two allocations.
struct NumberList {
  std::string text;            ///< the elements, one after the other
  std::vector<uint32_t> ends;  ///< element i ends before text[ends[i]]

  size_t size() const { return ends.size(); }
  std::string_view operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(text).substr(begin, ends[i] - begin);
  }
  /// Element i as the Literal that a mixed list would hold: kInteger or kFloat.
  Literal literal(size_t i) const;
};

/// `?` or `:name`.
struct Marker {
  uint32_t index = 0;  ///< into Statement::markers
};

/// `[a, b]`, not only numbers; `[]` too.
struct ListLiteral {
  std::vector<Term> elements;
};
/// `{a, b}`. Without elements it is `{}`: an empty set, map or UDT.
struct SetLiteral {
  std::vector<Term> elements;
};
/// `{k: v}`, at least one entry. Values of a UDT have identifiers as keys and are a `UdtLiteral`.
struct MapLiteral {
  std::vector<Pair<Term, Term>> entries;
};
/// `{field: v}`, at least one field.
struct UdtLiteral {
  std::vector<Pair<std::string, Term>> fields;
};
/// `(a, b)`; `(a)` as well, which is a tuple of one or, among operators, a grouping.
struct TupleLiteral {
  std::vector<Term> elements;
};
/// A column; only where columns may be named: in selectors, GROUP BY and function arguments of
/// selectors.
struct ColumnRef {
  std::string name;
};
/// `object.field`.
struct FieldAccess {
  TermPtr object;
  std::string field;
};
/// `object[key]`, or the slice `object[from..to]` with both ends optional.
struct ElementAccess {
  TermPtr object;
  TermPtr key;       ///< not of a slice
  TermPtr from, to;  ///< of a slice
  bool slice = false;
};
/// `f(a, b)`. writetime, maxwritetime and ttl are ordinary calls of one argument; so is
/// count(column), while count(*) and count(1) have `star` and no arguments.
struct FunctionCall {
  QualifiedName name;
  std::vector<Term> arguments;
  bool star = false;
};
/// `(type)term`, a hint; or, with `converts`, `CAST(term AS type)`, a conversion.
struct Cast {
  RawType type;
  TermPtr term;
  bool converts = false;
};
/// `left op right`, op one of + - * / %.
struct Arithmetic {
  char op = '+';
  TermPtr left, right;
};
/// `-term`, of anything but a number.
struct Negation {
  TermPtr term;
};

/// A value in a statement. Brackets nest at most `limits::kNestingMax` deep and a term chains at
/// most as many operators, so terms can be walked recursively.
struct Term {
  std::variant<Literal, NumberList, Marker, ListLiteral, SetLiteral, MapLiteral, UdtLiteral, TupleLiteral, ColumnRef,
               FieldAccess, ElementAccess, FunctionCall, Cast, Arithmetic, Negation>
      node;
  uint32_t offset = 0;  ///< where the term begins, in bytes of the statement's text

  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&node);
  }
};

/// The term in CQL, in the spelling that Cassandra gives result columns: "similarity_cosine(v, [1,
/// 0])", "m['a']", "(int)?", with markers as `?` or `:name`. `markers` are those of the term's
/// statement.
std::string to_string(const Term& term, const std::vector<std::string>& markers);

// --------------------------------------------------------------------------------------------- options (WITH a = b)

struct Property;
/// In text order, without duplicates.
using Properties = std::vector<Pair<std::string, Property>>;

/// The value of an option: a scalar, `{...}` nested to any allowed depth, or `[...]`.
struct Property {
  enum class Kind : uint8_t { kScalar, kMap, kList };

  Kind kind = Kind::kScalar;
  LiteralKind literal = LiteralKind::kString;  ///< of a scalar; a bare word counts as a string
  std::string text;                            ///< of a scalar
  Properties map;
  std::vector<Property> list;
};

// -------------------------------------------------------------------------------------------------- schema statements

struct CreateKeyspace {
  std::string name;
  bool if_not_exists = false;
  Properties options;  ///< may be empty: WITH is optional
};
struct AlterKeyspace {
  std::string name;
  bool if_exists = false;
  Properties options;
};
struct DropKeyspace {
  std::string name;
  bool if_exists = false;
};
struct Use {
  std::string keyspace;
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
};

struct ColumnDefinition {
  std::string name;
  RawType type;
  bool is_static = false;
};
struct ClusteringOrder {
  std::string column;
  bool descending = false;
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
};
struct AddColumns {
  bool if_not_exists = false;
  std::vector<ColumnDefinition> columns;
};
struct DropColumns {
  bool if_exists = false;
  std::vector<std::string> columns;
  std::optional<int64_t> timestamp_us;
};
struct RenameColumns {
  bool if_exists = false;
  std::vector<std::pair<std::string, std::string>> names;  ///< old, new
};
struct AlterColumnType {
  std::string column;
  RawType type;
};
struct SetOptions {
  Properties options;
};
struct AlterTable {
  QualifiedName name;
  bool if_exists = false;
  std::variant<AddColumns, DropColumns, RenameColumns, AlterColumnType, SetOptions> action;
};
struct DropTable {
  QualifiedName name;
  bool if_exists = false;
};
struct Truncate {
  QualifiedName name;
};

struct FieldDefinition {
  std::string name;
  RawType type;
};
struct CreateType {
  QualifiedName name;
  bool if_not_exists = false;
  std::vector<FieldDefinition> fields;
};
struct AddFields {
  bool if_not_exists = false;
  std::vector<FieldDefinition> fields;
};
struct RenameFields {
  bool if_exists = false;
  std::vector<std::pair<std::string, std::string>> names;  ///< old, new
};
struct AlterFieldType {
  std::string field;
  RawType type;
};
struct AlterType {
  QualifiedName name;
  bool if_exists = false;
  std::variant<AddFields, RenameFields, AlterFieldType> action;
};
struct DropType {
  QualifiedName name;
  bool if_exists = false;
};

struct IndexTarget {
  enum class Kind : uint8_t { kColumn, kValues, kKeys, kEntries, kFull, kTuple };

  Kind kind = Kind::kColumn;
  std::vector<std::string> columns;  ///< one; of a leading tuple one or more
};
struct CreateIndex {
  bool custom = false;
  bool if_not_exists = false;
  std::string name;  ///< empty when not given
  QualifiedName table;
  std::vector<IndexTarget> targets;
  std::optional<std::string> class_name;  ///< as spelt; of USING
  Properties options;                     ///< the map of WITH OPTIONS
};
struct DropIndex {
  QualifiedName name;
  bool if_exists = false;
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
  std::optional<Term> key;           ///< of kElement
  std::string field;                 ///< of kField
  Operator op{};
  std::optional<Term> value;  ///< the right side; absent for IS NOT NULL and for IN with a list
  std::vector<Term> values;   ///< of IN (a, b); may be empty
};

struct Using {
  std::optional<Term> timestamp_us, ttl_seconds;
  std::optional<Term> timeout;  ///< a duration or a marker: ScyllaDB's
};

struct Insert {
  QualifiedName table;
  std::vector<std::string> columns;
  std::vector<Term> values;  ///< as many as columns
  std::optional<Term> json;  ///< of INSERT ... JSON; then no columns and values
  bool json_default_unset = false;
  bool if_not_exists = false;
  Using attributes;
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
  std::optional<Term> key;
  std::string field;
  Term value;
};
struct Update {
  QualifiedName table;
  Using attributes;
  std::vector<Assignment> assignments;
  std::vector<Relation> where;
  bool if_exists = false;
  std::vector<Relation> conditions;
};

/// What DELETE removes from a row: a column, `column[key]`, or `column.field`.
struct DeleteTarget {
  std::string column;
  std::optional<Term> key;
  std::string field;
};
struct Delete {
  std::vector<DeleteTarget> targets;  ///< empty: whole rows
  QualifiedName table;
  Using attributes;  ///< without a TTL
  std::vector<Relation> where;
  bool if_exists = false;
  std::vector<Relation> conditions;
};

using types::BatchKind;
using Modification = std::variant<Insert, Update, Delete>;
struct Batch {
  BatchKind kind = BatchKind::kLogged;
  Using attributes;
  std::vector<Modification> statements;
};

struct Selector {
  Term term;
  std::optional<std::string> alias;
};
struct Ordering {
  std::string column;
  std::optional<Term> ann;  ///< of `column ANN OF term` and `ANN(column, term)`
  bool descending = false;
};
struct Select {
  QualifiedName table;
  bool json = false;
  bool distinct = false;
  std::vector<Selector> selectors;  ///< empty: *
  std::vector<Relation> where;
  std::vector<Term> group_by;
  std::vector<Ordering> order_by;
  std::optional<Term> per_partition_limit, limit;
  bool allow_filtering = false;
  std::optional<Term> timeout;  ///< as that of Using
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
};

}  // namespace sagitta::cql
