/// Relations of a WHERE clause: their columns are found, their terms get the columns' types.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "access.h"
#include "binder.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;

class RelationBinder {
 public:
  RelationBinder(Binder& binder, const schema::TableDef& table, const cql::Relation& relation, bool allow_filtering)
      : binder_(binder), table_(table), raw_(relation), allow_filtering_(allow_filtering) {}

  Result<Relation> bind() {
    SAGITTA_CHECK(find_columns());
    if (raw_.op == cql::Operator::kLike) SAGITTA_CHECK(check_like());
    SAGITTA_TRY(bound_.op, supported_operator());
    switch (raw_.kind) {
      case cql::Relation::Kind::kColumn: SAGITTA_CHECK(bind_column()); break;
      case cql::Relation::Kind::kElement: SAGITTA_CHECK(bind_element()); break;
      case cql::Relation::Kind::kTuple: SAGITTA_CHECK(bind_tuple()); break;
      case cql::Relation::Kind::kToken: SAGITTA_CHECK(bind_token()); break;
      case cql::Relation::Kind::kField:
        return fail(ErrorCode::kInvalid, fmt::format("Restrictions on fields of {} are not supported", name()));
    }
    return std::move(bound_);
  }

 private:
  const std::string& name() const { return raw_.columns[0]; }
  const schema::ColumnDef& column() const { return *bound_.columns[0]; }

  Status find_columns() {
    for (const std::string& column : raw_.columns) {
      SAGITTA_TRY(ColumnPtr def, find_column(table_, column));
      bound_.columns.push_back(def);
    }
    return {};
  }

  Result<Operator> supported_operator() const {
    switch (raw_.op) {
      case cql::Operator::kEq: return Operator::kEq;
      case cql::Operator::kLt: return Operator::kLt;
      case cql::Operator::kLe: return Operator::kLe;
      case cql::Operator::kGt: return Operator::kGt;
      case cql::Operator::kGe: return Operator::kGe;
      case cql::Operator::kIn: return Operator::kIn;
      case cql::Operator::kContains: return Operator::kContains;
      case cql::Operator::kContainsKey: return Operator::kContainsKey;
      case cql::Operator::kIsNotNull: return fail(ErrorCode::kInvalid, "Unsupported restriction: " + text());
      case cql::Operator::kAnn:
        return fail(ErrorCode::kInvalid, fmt::format("ANN OF cannot be used here, on column {}", name()));
      case cql::Operator::kLike: return Operator::kLike;
      case cql::Operator::kNe: break;
    }
    return fail(ErrorCode::kInvalid, fmt::format("Unsupported \"{}\" relation: {}", cql::to_string(raw_.op), text()));
  }

  /// No index answers it.
  Status check_like() {
    SAGITTA_CHECK(binder_.bind_term(*raw_.value, {.name = name(), .type = column().type}));
    if (!allow_filtering_) {
      return fail(
          ErrorCode::kInvalid,
          fmt::format("LIKE restriction is only supported on properly indexed columns. {} is not valid.", text()));
    }
    // Of a collection that is refused with the rest.
    if (column().type->is_multi_cell()) return {};
    if (column().type->kind() == Kind::kText || column().type->kind() == Kind::kAscii) return {};
    return fail(ErrorCode::kInvalid, fmt::format("LIKE is allowed only on string types, which {} is not", name()));
  }

  /// The relation in CQL.
  std::string text() const {
    std::string left = fmt::format("{}", fmt::join(raw_.columns, ", "));
    if (raw_.kind == cql::Relation::Kind::kTuple) left = "(" + left + ")";
    if (raw_.kind == cql::Relation::Kind::kToken) left = "token(" + left + ")";
    if (raw_.key) left += "[" + binder_.text(*raw_.key) + "]";
    const std::string right = raw_.value ? " " + binder_.text(*raw_.value) : "";
    return fmt::format("{} {}{}", left, cql::to_string(raw_.op), right);
  }

  Status add_operand(const cql::Term& term, const Receiver& receiver, bool packed = false) {
    SAGITTA_TRY(Expression value, binder_.bind_term(term, receiver));
    Operand& operand = bound_.operands.emplace_back();
    operand.packed = packed;
    operand.parts.push_back(std::move(value));
    return {};
  }

  Status bind_column() {
    const DataType& type = *column().type;
    if (raw_.op == cql::Operator::kContains || raw_.op == cql::Operator::kContainsKey) return bind_contains();
    if (type.is_multi_cell() && type.kind() == Kind::kUdt) {
      return fail(
          ErrorCode::kInvalid,
          fmt::format("Non-frozen UDT column '{}' ({}) cannot be restricted by any relation", name(), type.to_cql()));
    }
    if (type.is_multi_cell()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Collection column '{}' ({}) cannot be restricted by a '{}' relation", name(),
                              type.to_cql(), cql::to_string(raw_.op)));
    }
    if (bound_.is_slice()) SAGITTA_CHECK(check_has_order(type));
    const Receiver receiver{.name = name(), .type = column().type};
    if (bound_.op == Operator::kIn) return bind_in(receiver, false);
    return add_operand(*raw_.value, receiver);
  }

  static Status check_has_order(const DataType& type) {
    if (!has_duration(type)) return {};
    const std::string_view what = type.kind() == Kind::kDuration ? "duration columns"
                                  : type.is_collection()         ? "collections containing durations"
                                  : type.kind() == Kind::kUdt    ? "UDTs containing durations"
                                                                 : "tuples containing durations";
    return fail(ErrorCode::kInvalid, fmt::format("Slice restrictions are not supported on {}", what));
  }

  Status bind_in(const Receiver& element, bool packed) {
    if (raw_.value) {
      const Receiver list{.name = fmt::format("in({})", element.name),
                          .type = DataType::list(DataType::freeze(element.type), true)};
      SAGITTA_TRY(bound_.in_list, binder_.bind_term(*raw_.value, list));
      bound_.in_list->receiver = element.name;
      return {};
    }
    for (const cql::Term& value : raw_.values) {
      if (packed) {
        SAGITTA_CHECK(add_tuple_operand(value, element));
      } else {
        SAGITTA_CHECK(add_operand(value, element));
      }
    }
    return {};
  }

  Status bind_contains() {
    const DataType& type = *column().type;
    const bool key = bound_.op == Operator::kContainsKey;
    if (key && type.kind() != Kind::kMap) {
      return fail(ErrorCode::kInvalid, fmt::format("Cannot use CONTAINS KEY on non-map column {}", name()));
    }
    if (!type.is_collection()) {
      return fail(ErrorCode::kInvalid, fmt::format("Cannot use CONTAINS on non-collection column {}", name()));
    }
    const DataTypePtr& element = type.kind() == Kind::kMap && !key ? type.mapped() : type.element();
    return add_operand(*raw_.value, {.name = fmt::format("{}({})", key ? "key" : "value", name()), .type = element});
  }

  Status bind_element() {
    const DataType& type = *column().type;
    if (type.kind() == Kind::kList) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Indexes on list entries ({}[index] = value) are not currently supported.", name()));
    }
    if (type.kind() != Kind::kMap) {
      return fail(ErrorCode::kInvalid, fmt::format("Column {} cannot be used as a map", name()));
    }
    if (type.is_frozen()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Map-entry equality predicates on frozen map column {} are not supported", name()));
    }
    if (bound_.op != Operator::kEq) {
      return fail(ErrorCode::kInvalid, "Only EQ relations are supported on map entries");
    }
    const Receiver key{.name = fmt::format("key({})", name()), .type = type.key()};
    SAGITTA_TRY(bound_.map_key, binder_.bind_term(*raw_.key, key));
    return add_operand(*raw_.value, {.name = fmt::format("value({})", name()), .type = type.mapped()});
  }

  Status bind_tuple() {
    Receiver receiver{.name = "("};
    std::vector<DataTypePtr> component_types;
    SAGITTA_CHECK(check_tuple_order());
    for (ColumnPtr def : bound_.columns) {
      if (def->kind != schema::ColumnKind::kClustering) {
        return fail(
            ErrorCode::kInvalid,
            fmt::format("Multi-column relations can only be applied to clustering columns but was applied to: {}",
                        def->name));
      }
      receiver.name += (receiver.name.size() > 1 ? "," : "") + def->name;
      component_types.push_back(def->type);
    }
    receiver.name += ")";
    receiver.type = DataType::tuple(std::move(component_types));
    if (bound_.op == Operator::kIn) {
      receiver.name = raw_.value ? receiver.name.substr(1, receiver.name.size() - 2) : receiver.name;
      return bind_in(receiver, true);
    }
    return add_tuple_operand(*raw_.value, receiver);
  }

  /// Each clustering column at most once, in the order of the key.
  Status check_tuple_order() const {
    for (size_t i = 1; i < bound_.columns.size(); ++i) {
      const ColumnPtr before = bound_.columns[i - 1], def = bound_.columns[i];
      if (before->kind != schema::ColumnKind::kClustering || def->kind != schema::ColumnKind::kClustering) return {};
      if (before == def) {
        return fail(ErrorCode::kInvalid,
                    fmt::format("Column \"{}\" appeared twice in a relation: {}", def->name, text()));
      }
      if (def > before) continue;
      return fail(ErrorCode::kInvalid,
                  "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: " + text());
    }
    return {};
  }

  Status add_tuple_operand(const cql::Term& term, const Receiver& receiver) {
    auto* literal = term.get_if<cql::TupleLiteral>();
    if (literal == nullptr) return add_operand(term, receiver, true);
    if (literal->elements.size() != bound_.columns.size()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Expected {} elements in value tuple, but got {}: {}", bound_.columns.size(),
                              literal->elements.size(), binder_.text(term)));
    }
    Operand operand;
    for (size_t i = 0; i < literal->elements.size(); ++i) {
      const Receiver part{.name = bound_.columns[i]->name, .type = bound_.columns[i]->type};
      SAGITTA_TRY(Expression value, binder_.bind_term(literal->elements[i], part));
      operand.parts.push_back(std::move(value));
    }
    bound_.operands.push_back(std::move(operand));
    return {};
  }

  Status bind_token() {
    const auto keys = partition_columns(table_);
    if (bound_.columns.size() != keys.size() || !std::ranges::is_permutation(bound_.columns, keys)) {
      return fail(ErrorCode::kInvalid,
                  "The token() function must be applied to all partition key components or none of them");
    }
    if (bound_.columns != keys) {
      std::string order;
      for (ColumnPtr key : keys) order += (order.empty() ? "" : ", ") + key->name;
      return fail(ErrorCode::kInvalid,
                  fmt::format("The token function arguments must be in the partition key order: {}", order));
    }
    if (bound_.op != Operator::kEq && !bound_.is_slice()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("{} cannot be used with the token function", cql::to_string(raw_.op)));
    }
    bound_.on_token = true;
    return add_operand(*raw_.value, {.name = "partition key token", .type = native(Kind::kBigint)});
  }

  Binder& binder_;
  const schema::TableDef& table_;
  const cql::Relation& raw_;
  const bool allow_filtering_;
  Relation bound_;
};

bool is_lower(const Relation& relation) { return relation.op == Operator::kGt || relation.op == Operator::kGe; }

/// CONTAINS and map entries, of which a column may have several.
bool is_of_elements(const Relation& relation) {
  return relation.map_key || relation.op == Operator::kContains || relation.op == Operator::kContainsKey;
}

/// The columns that both name.
std::string shared_columns(const Relation& a, const Relation& b, std::string_view separator) {
  std::vector<std::string_view> names;
  for (ColumnPtr column : a.columns) {
    if (std::ranges::find(b.columns, column) != b.columns.end()) names.push_back(column->name);
  }
  return fmt::format("{}", fmt::join(names, separator));
}

Status refuse_second_slice(const Relation& a, const Relation& b, const std::string& names) {
  if (a.columns[0] != b.columns[0]) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Column \"{}\" cannot be restricted by two inequalities not starting with the same column",
                            std::max(a.columns[0], b.columns[0])->name));
  }
  if (is_lower(a) != is_lower(b)) return {};
  return fail(ErrorCode::kInvalid, fmt::format("More than one restriction was found for the {} bound on {}",
                                               is_lower(a) ? "start" : "end", names));
}

/// Whether `b` may follow `a`: CONTAINS, map entries and LIKE may name a column several times, and
/// slices once for each end.
Status check_second(const Relation& a, const Relation& b) {
  if (a.on_token != b.on_token) return {};
  const std::string names = shared_columns(a, b, a.on_token ? ", " : " ,");
  if (names.empty()) return {};
  if (is_of_elements(a)) {
    if (is_of_elements(b)) return {};
    return fail(ErrorCode::kInvalid,
                fmt::format("Collection column {} can only be restricted by CONTAINS, CONTAINS KEY, or map-entry "
                            "equality",
                            names));
  }
  if (a.op == Operator::kLike) return b.is_equality() ? check_second(b, a) : Status();
  if (b.op == Operator::kLike && !a.is_equality()) return {};
  if (!a.is_slice()) {
    return fail(ErrorCode::kInvalid, fmt::format("{} cannot be restricted by more than one relation if it includes {}",
                                                 names, a.may_name_several() ? "a IN" : "an Equal"));
  }
  if (b.is_slice()) return refuse_second_slice(a, b, names);
  return fail(ErrorCode::kInvalid,
              fmt::format("Column{} \"{}\" cannot be restricted by both an equality and an inequality relation",
                          a.on_token ? "s" : "", names));
}

}  // namespace

Result<std::vector<Relation>> bind_relations(Binder& binder, const schema::TableDef& table,
                                             const std::vector<cql::Relation>& where, bool allow_filtering) {
  std::vector<Relation> relations;
  for (const cql::Relation& relation : where) {
    SAGITTA_TRY(Relation bound, RelationBinder(binder, table, relation, allow_filtering).bind());
    for (const Relation& earlier : relations) SAGITTA_CHECK(check_second(earlier, bound));
    relations.push_back(std::move(bound));
  }
  return relations;
}

}  // namespace sagitta::plan
