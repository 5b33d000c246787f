/// Names, types and terms of the syntax tree (ast.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

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

/// A part of a tree that is held apart and shared by copies of the tree. Equal when the parts are.
template <class T>
class Shared {
 public:
  Shared() = default;
  explicit Shared(T part) : part_(std::make_shared<const T>(std::move(part))) {}

  explicit operator bool() const { return part_ != nullptr; }
  const T* get() const { return part_.get(); }
  const T& operator*() const { return *part_; }
  const T* operator->() const { return part_.get(); }
  bool operator==(const Shared& other) const {
    return part_ == other.part_ || (part_ != nullptr && other.part_ != nullptr && *part_ == *other.part_);
  }

 private:
  std::shared_ptr<const T> part_;
};

struct Term;
struct MapEntry;
struct UdtField;
/// Empty where there is no term.
using TermPtr = Shared<Term>;

enum class LiteralKind : uint8_t {
  kNull,      ///< "null"
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
/// costs three allocations.
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

  bool operator==(const NumberList&) const = default;
};

/// `?` or `:name`.
struct Marker {
  uint32_t index = 0;  ///< into Statement::markers

  bool operator==(const Marker&) const = default;
};

/// `[a, b]`, not only numbers; `[]` too.
struct ListLiteral {
  std::vector<Term> elements;

  bool operator==(const ListLiteral&) const = default;
};
/// `{a, b}`. Without elements it is `{}`: an empty set, map or UDT.
struct SetLiteral {
  std::vector<Term> elements;

  bool operator==(const SetLiteral&) const = default;
};
/// `{k: v}`, at least one entry. Values of a UDT have identifiers as keys and are a `UdtLiteral`.
struct MapLiteral {
  std::vector<MapEntry> entries;

  bool operator==(const MapLiteral&) const = default;
};
/// `{field: v}`, at least one field.
struct UdtLiteral {
  std::vector<UdtField> fields;

  bool operator==(const UdtLiteral&) const = default;
};
/// `(a, b)`; `(a)` as well, which is a tuple of one or, among operators, a grouping.
struct TupleLiteral {
  std::vector<Term> elements;

  bool operator==(const TupleLiteral&) const = default;
};
/// A column; only where columns may be named: in selectors, GROUP BY and function arguments of
/// selectors.
struct ColumnRef {
  std::string name;

  bool operator==(const ColumnRef&) const = default;
};
/// `object.field`.
struct FieldAccess {
  TermPtr object;
  std::string field;

  bool operator==(const FieldAccess&) const = default;
};
/// `object[key]`, or the slice `object[from..to]` with both ends optional.
struct ElementAccess {
  TermPtr object;
  TermPtr key;       ///< not of a slice
  TermPtr from, to;  ///< of a slice
  bool slice = false;

  bool operator==(const ElementAccess&) const = default;
};
/// `f(a, b)`. writetime, maxwritetime and ttl are ordinary calls of one argument; so is
/// count(column), while count(*) and count(1) have `star` and no arguments.
struct FunctionCall {
  QualifiedName name;
  std::vector<Term> arguments;
  bool star = false;

  bool operator==(const FunctionCall&) const = default;
};
/// `(type)term`, a hint; or, with `converts`, `CAST(term AS type)`, a conversion.
struct Cast {
  RawType type;
  TermPtr term;
  bool converts = false;

  bool operator==(const Cast&) const = default;
};
/// `left op right`, op one of + - * / %.
struct Arithmetic {
  char op = '+';
  TermPtr left, right;

  bool operator==(const Arithmetic&) const = default;
};
/// `-term`, of anything but a number.
struct Negation {
  TermPtr term;

  bool operator==(const Negation&) const = default;
};

/// Whether a term holds its node of type T apart: the large ones, so that terms are small.
template <class T>
inline constexpr bool kHeldApart =
    std::is_same_v<T, NumberList> || std::is_same_v<T, FieldAccess> || std::is_same_v<T, ElementAccess> ||
    std::is_same_v<T, FunctionCall> || std::is_same_v<T, Cast>;

/// A value in a statement. Brackets nest at most `limits::kNestingMax` deep and a term chains at
/// most as many operators, so terms can be walked recursively.
struct Term {
  std::variant<Literal, Shared<NumberList>, Marker, ListLiteral, SetLiteral, MapLiteral, UdtLiteral, TupleLiteral,
               ColumnRef, Shared<FieldAccess>, Shared<ElementAccess>, Shared<FunctionCall>, Shared<Cast>, Arithmetic,
               Negation>
      node;
  uint32_t offset = 0;  ///< where the term begins, in bytes of the statement's text

  template <class T>
  const T* get_if() const {
    if constexpr (kHeldApart<T>) {
      const auto* apart = std::get_if<Shared<T>>(&node);
      return apart == nullptr ? nullptr : apart->get();
    } else {
      return std::get_if<T>(&node);
    }
  }
  bool operator==(const Term& other) const;
};

struct MapEntry {
  Term key, value;

  bool operator==(const MapEntry&) const = default;
};
struct UdtField {
  std::string name;
  Term value;

  bool operator==(const UdtField&) const = default;
};

inline bool Term::operator==(const Term& other) const { return node == other.node; }

/// The term in CQL, in the spelling that Cassandra gives result columns: "similarity_cosine(v, [1,
/// 0])", "m['a']", "(int)?", with markers as `?` or `:name`. `markers` are those of the term's
/// statement.
std::string to_string(const Term& term, const std::vector<std::string>& markers);

}  // namespace sagitta::cql
