/// Conditions of writes.
#include "conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sagitta/types/name.h"
#include "sagitta/types/value.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;
using Existence = rows::RowCondition::Existence;
using Of = rows::ColumnCondition::Of;
using Comparison = rows::ColumnCondition::Operator;

std::optional<Comparison> comparison(cql::Operator op) {
  switch (op) {
    case cql::Operator::kEq: return Comparison::kEq;
    case cql::Operator::kNe: return Comparison::kNotEq;
    case cql::Operator::kLt: return Comparison::kLt;
    case cql::Operator::kLe: return Comparison::kLe;
    case cql::Operator::kGt: return Comparison::kGt;
    case cql::Operator::kGe: return Comparison::kGe;
    case cql::Operator::kIn: return Comparison::kIn;
    case cql::Operator::kContains: return Comparison::kContains;
    case cql::Operator::kContainsKey: return Comparison::kContainsKey;
    case cql::Operator::kLike:
    case cql::Operator::kAnn:
    case cql::Operator::kIsNotNull: break;
  }
  return std::nullopt;
}

class ConditionBinder {
 public:
  ConditionBinder(Binder& binder, const schema::TableDef& table, const cql::Relation& relation)
      : binder_(binder), table_(table), raw_(relation) {}

  Result<Condition> bind() {
    SAGITTA_TRY(bound_.column, find_column(table_, raw_.columns[0]));
    if (bound_.column->is_key()) {
      return fail(ErrorCode::kInvalid, fmt::format("PRIMARY KEY column '{}' cannot have IF conditions", name()));
    }
    const auto op = comparison(raw_.op);
    if (!op) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Unsupported \"{}\" condition on column {}", cql::to_string(raw_.op), name()));
    }
    bound_.op = *op;
    switch (raw_.kind) {
      case cql::Relation::Kind::kElement: SAGITTA_CHECK(bind_element()); break;
      case cql::Relation::Kind::kField: SAGITTA_CHECK(bind_field()); break;
      default: SAGITTA_CHECK(bind_whole());
    }
    return std::move(bound_);
  }

 private:
  const std::string& name() const { return raw_.columns[0]; }
  const DataType& type() const { return *bound_.column->type; }
  bool is_containment() const { return bound_.op == Comparison::kContains || bound_.op == Comparison::kContainsKey; }

  Status bind_whole() {
    if (!is_containment()) return bind_operands({.name = name(), .type = bound_.column->type});
    const bool of_keys = bound_.op == Comparison::kContainsKey;
    if (of_keys && type().kind() != Kind::kMap) {
      return fail(ErrorCode::kInvalid, fmt::format("Cannot use CONTAINS KEY on non-map column {}", name()));
    }
    if (!type().is_collection()) {
      return fail(ErrorCode::kInvalid, fmt::format("Cannot use CONTAINS on non-collection column {}", name()));
    }
    const DataTypePtr& element = type().kind() == Kind::kMap && !of_keys ? type().mapped() : type().element();
    return bind_operands({.name = fmt::format("{}({})", of_keys ? "key" : "value", name()), .type = element});
  }

  Status bind_element() {
    const bool is_map = type().kind() == Kind::kMap;
    if ((!is_map && type().kind() != Kind::kList) || is_containment()) {
      return fail(ErrorCode::kInvalid, fmt::format("Invalid element access syntax for {} column {}",
                                                   type().kind() == Kind::kSet ? "set" : "non-collection", name()));
    }
    bound_.of = Of::kElement;
    const Receiver key{.name = fmt::format("{}({})", is_map ? "key" : "idx", name()),
                       .type = is_map ? type().key() : native(Kind::kInt)};
    SAGITTA_TRY(bound_.key, binder_.bind_term(*raw_.key, key));
    return bind_operands(
        {.name = fmt::format("value({})", name()), .type = is_map ? type().mapped() : type().element()});
  }

  Status bind_field() {
    if (type().kind() != Kind::kUdt || is_containment()) {
      return fail(ErrorCode::kInvalid, fmt::format("Invalid field access for non-UDT column {}", name()));
    }
    const auto& fields = type().field_names();
    const auto found = std::ranges::find(fields, raw_.field);
    if (found == fields.end()) {
      return fail(ErrorCode::kInvalid, fmt::format("Unknown field {} for column {}", raw_.field, name()));
    }
    bound_.of = Of::kField;
    bound_.field = static_cast<uint16_t>(found - fields.begin());
    return bind_operands({.name = fmt::format("{}.{}", name(), raw_.field), .type = type().parameters()[bound_.field]});
  }

  Status bind_operands(const Receiver& receiver) {
    if (bound_.op == Comparison::kIn && raw_.value) {
      const Receiver list{.name = fmt::format("in({})", receiver.name),
                          .type = DataType::list(DataType::freeze(receiver.type), true)};
      SAGITTA_TRY(bound_.in_list, binder_.bind_term(*raw_.value, list));
      return {};
    }
    const auto terms = bound_.op == Comparison::kIn ? std::span<const cql::Term>(raw_.values)
                                                    : std::span<const cql::Term>(&*raw_.value, 1);
    for (const cql::Term& term : terms) {
      SAGITTA_TRY(Expression operand, binder_.bind_term(term, receiver));
      bound_.operands.push_back(std::move(operand));
    }
    return {};
  }

  Binder& binder_;
  const schema::TableDef& table_;
  const cql::Relation& raw_;
  Condition bound_;
};

std::string_view symbol(Comparison op) {
  switch (op) {
    case Comparison::kLt: return "<";
    case Comparison::kLe: return "<=";
    case Comparison::kGt: return ">";
    case Comparison::kGe: return ">=";
    case Comparison::kContains: return "CONTAINS";
    case Comparison::kContainsKey: return "CONTAINS KEY";
    default: return "";
  }
}

Result<Bytes> evaluate_key(const Condition& condition, const EvalContext& context) {
  Bytes key;
  if (condition.of == Of::kField) {
    put_big(key, condition.field);
    return key;
  }
  const bool is_map = condition.column->type->kind() == Kind::kMap;
  SAGITTA_TRY(const Value value, evaluate(*condition.key, context));
  if (!value || (!is_map && value->empty())) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid null value for {} element access", is_map ? "map" : "list"));
  }
  if (!is_map && types::to_int32(*value) < 0) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid negative list index {}", types::to_int32(*value)));
  }
  return *value;
}

Result<std::vector<Value>> evaluate_operands(const Condition& condition, const EvalContext& context) {
  std::vector<Value> operands;
  if (condition.in_list) {
    SAGITTA_TRY(const Value list, evaluate(*condition.in_list, context));
    if (!list) return fail(ErrorCode::kInvalid, fmt::format("Invalid null list in IN condition"));
    SAGITTA_TRY(auto elements, types::unpack_elements(*condition.in_list->type, *list));
    for (Bytes& element : elements) operands.emplace_back(std::move(element));
    return operands;
  }
  for (const Expression& operand : condition.operands) {
    SAGITTA_TRY(Value value, evaluate(operand, context));
    if (!value && !symbol(condition.op).empty()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Invalid comparison with null for operator \"{}\"", symbol(condition.op)));
    }
    operands.push_back(std::move(value));
  }
  return operands;
}

Result<rows::ColumnCondition> evaluate_condition(const Condition& condition, const EvalContext& context) {
  rows::ColumnCondition made{
      .column_id = condition.column->id, .op = condition.op, .of = condition.of, .key = {}, .operands = {}};
  if (condition.of != Of::kWhole) {
    SAGITTA_TRY(made.key, evaluate_key(condition, context));
  }
  SAGITTA_TRY(made.operands, evaluate_operands(condition, context));
  return made;
}

/// Says only that the row is looked at.
bool wants_nothing(const rows::RowCondition& condition) {
  return condition.existence == Existence::kAny && condition.columns.empty();
}

Status check_together(const rows::RowCondition& a, const rows::RowCondition& b) {
  if (wants_nothing(a) || wants_nothing(b)) return {};
  const auto has = [&](Existence existence) { return a.existence == existence || b.existence == existence; };
  if (has(Existence::kExists) && has(Existence::kNotExists)) {
    return fail(ErrorCode::kInvalid, "Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row");
  }
  if (a.existence == b.existence) return {};
  // As Cassandra says it for both.
  return fail(ErrorCode::kInvalid, "Cannot mix IF conditions and IF NOT EXISTS for the same row");
}

}  // namespace

bool Conditions::are_on(schema::ColumnKind kind) const {
  return std::ranges::any_of(columns, [kind](const Condition& condition) { return condition.column->kind == kind; });
}

Result<std::vector<Condition>> bind_conditions(Binder& binder, const schema::TableDef& table,
                                               std::span<const cql::Relation> relations) {
  std::vector<Condition> conditions;
  for (const cql::Relation& relation : relations) {
    SAGITTA_TRY(Condition bound, ConditionBinder(binder, table, relation).bind());
    conditions.push_back(std::move(bound));
  }
  return conditions;
}

Status append_conditions(const Conditions& conditions, const ConditionedRows& of, const EvalContext& context,
                         std::vector<rows::RowCondition>& out) {
  rows::RowCondition of_row{.clustering = of.clustering, .existence = conditions.existence, .columns = {}};
  rows::RowCondition of_statics{.is_static = true, .clustering = {}, .columns = {}};
  if (of.static_only) std::swap(of_row.existence, of_statics.existence);
  for (const Condition& condition : conditions.columns) {
    SAGITTA_TRY(rows::ColumnCondition made, evaluate_condition(condition, context));
    const bool is_static = condition.column->kind == schema::ColumnKind::kStatic;
    (is_static ? of_statics : of_row).columns.push_back(std::move(made));
  }
  if (!wants_nothing(of_row)) out.push_back(std::move(of_row));
  if (!wants_nothing(of_statics) || of.shows_statics) out.push_back(std::move(of_statics));
  return {};
}

Result<std::vector<rows::RowCondition>> merge_conditions(const schema::TableDef& table,
                                                         std::vector<rows::RowCondition> conditions) {
  std::map<Bytes, rows::RowCondition> by_row;
  std::optional<rows::RowCondition> of_statics;
  const auto join = [](rows::RowCondition& known, rows::RowCondition& more) -> Status {
    SAGITTA_CHECK(check_together(known, more));
    if (known.existence == Existence::kAny) known.existence = more.existence;
    std::ranges::move(more.columns, std::back_inserter(known.columns));
    return {};
  };
  for (rows::RowCondition& condition : conditions) {
    if (condition.is_static) {
      if (of_statics) SAGITTA_CHECK(join(*of_statics, condition));
      if (!of_statics) of_statics = std::move(condition);
      continue;
    }
    const Bytes key = rows::encode_clustering(table, condition.clustering);
    const auto [place, is_new] = by_row.try_emplace(key, condition);
    if (!is_new) SAGITTA_CHECK(join(place->second, condition));
  }
  std::vector<rows::RowCondition> merged;
  for (auto& [key, condition] : by_row) merged.push_back(std::move(condition));
  if (of_statics) merged.push_back(*std::move(of_statics));
  return merged;
}

}  // namespace sagitta::plan
