/// INSERT, UPDATE and DELETE: which rows they name, and what they do to which columns.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "sagitta/index/kinds.h"

#include "modification.h"
#include "statements.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;

std::string_view statement_name(ModificationBody::Kind kind) {
  switch (kind) {
    case ModificationBody::Kind::kInsert: return "INSERT";
    case ModificationBody::Kind::kUpdate: return "UPDATE";
    case ModificationBody::Kind::kDelete: return "DELETE";
  }
  return "";
}

/// The columns that an UPDATE sets so far.
class AssignedColumns {
 public:
  /// kSyntax when the assignment and an earlier one cannot both be.
  Status add(const cql::Assignment& assignment) {
    const bool whole = assignment.kind == cql::Assignment::Kind::kSet;
    const auto [place, is_new] = columns_.try_emplace(assignment.column);
    Assigned& earlier = place->second;
    bool clash = !is_new && (whole || earlier.whole);
    if (assignment.kind == cql::Assignment::Kind::kField) clash |= !earlier.fields.insert(assignment.field).second;
    earlier.whole |= whole;
    if (!clash) return {};
    return fail(ErrorCode::kSyntax, fmt::format("Multiple incompatible setting of column {}", assignment.column));
  }

 private:
  struct Assigned {
    bool whole = false;
    std::set<std::string_view> fields;
  };
  std::map<std::string_view, Assigned> columns_;
};

/// What a column is that an operation on `wanted` columns does not fit.
std::string column_noun(const DataType& type, std::string_view wanted) {
  if (type.is_collection() && !type.is_multi_cell()) return "frozen collection";
  if (type.kind() == Kind::kUdt && !type.is_multi_cell()) return "frozen UDT";
  return fmt::format("non {}", wanted);
}

std::unexpected<Error> not_applicable(ColumnPtr column, std::string_view wanted, std::string_view what) {
  return fail(ErrorCode::kInvalid, fmt::format("Invalid operation ({}) for {} column {}", what,
                                               column_noun(*column->type, wanted), column->name));
}

bool has_fields(const DataType& type) { return type.kind() == Kind::kUdt && type.is_multi_cell(); }

/// Of a column that has fields.
Result<uint32_t> field_number(ColumnPtr column, const std::string& field) {
  const DataType& type = *column->type;
  auto found = std::ranges::find(type.field_names(), field);
  if (found == type.field_names().end()) {
    return fail(ErrorCode::kInvalid, fmt::format("UDT column {} does not have a field named {}", column->name, field));
  }
  return static_cast<uint32_t>(found - type.field_names().begin());
}

std::unexpected<Error> refuse_change(ColumnPtr column, Operation::Kind kind, const std::string& value) {
  if (kind == Operation::Kind::kPrepend) {
    return not_applicable(column, "list", fmt::format("{0} = {1} - {0}", column->name, value));
  }
  const char sign = kind == Operation::Kind::kRemove ? '-' : '+';
  return not_applicable(column, "counter", fmt::format("{0} = {0} {1} {2}", column->name, sign, value));
}

std::unexpected<Error> refuse_field_deletion(const schema::ColumnDef& column) {
  if (column.type->kind() == Kind::kUdt) {
    return fail(ErrorCode::kInvalid, fmt::format("Frozen UDT column {} does not support field deletions", column.name));
  }
  return fail(ErrorCode::kInvalid, fmt::format("Invalid field deletion operation for non-UDT column {}", column.name));
}

std::string names_of(const std::vector<ColumnPtr>& columns) {
  std::vector<std::string> names;
  for (ColumnPtr column : columns) names.push_back(column->name);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// Only relations on clustering columns may be left once the partition key has its own.
Status check_left_over(const std::vector<Relation>& relations) {
  for (const Relation& relation : relations) {
    if (relation.columns[0]->kind == schema::ColumnKind::kClustering) continue;
    return fail(ErrorCode::kInvalid,
                fmt::format("Non PRIMARY KEY columns found in where clause: {} ", relation.columns[0]->name));
  }
  return {};
}

/// What stands for the value that the text of an INSERT JSON has for a column.
Expression json_marker(const schema::TableDef& table, const schema::ColumnDef& column) {
  Expression value;
  value.kind = Expression::Kind::kMarker;
  value.type = column.type;
  value.index = static_cast<uint32_t>(&column - table.columns.data());
  value.receiver = column.name;
  return value;
}

bool changes_only_static(const ModificationBody& body) {
  return !body.operations.empty() && !body.conditions.are_on(schema::ColumnKind::kRegular) &&
         std::ranges::all_of(body.operations, [](const Operation& operation) {
           return operation.column->kind == schema::ColumnKind::kStatic;
         });
}

/// A condition is decided on one row.
Status check_conditional_rows(const ModificationBody& body, const schema::TableDef& table) {
  const auto is_in = [](const Relation& relation) { return relation.op == Operator::kIn; };
  if (std::ranges::any_of(body.partition, is_in)) {
    return fail(ErrorCode::kInvalid, "IN on the partition key is not supported with conditional updates");
  }
  if (std::ranges::any_of(body.clustering.equalities, is_in)) {
    return fail(ErrorCode::kInvalid, "IN on the clustering key columns is not supported with conditional updates");
  }
  const bool is_whole = body.clustering.slices.empty() && body.clustering.prefix_length() == table.clustering_count;
  if (body.kind != ModificationBody::Kind::kDelete || body.static_only || is_whole) return {};
  return fail(ErrorCode::kInvalid,
              "DELETE statements must restrict all PRIMARY KEY columns with equality relations "
              "in order to delete non static columns");
}

Status check_whole_rows(const ModificationBody& body, const schema::TableDef& table) {
  const bool is_range = !body.clustering.slices.empty() || body.clustering.prefix_length() < table.clustering_count;
  if (is_range && body.kind == ModificationBody::Kind::kDelete) {
    return fail(ErrorCode::kInvalid, "Range deletions are not supported for specific columns");
  }
  if (!body.clustering.slices.empty()) {
    return fail(ErrorCode::kInvalid,
                "Slice restrictions are not supported on the clustering columns in UPDATE statements");
  }
  std::vector<ColumnPtr> missing = clustering_columns(table);
  missing.erase(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(body.clustering.prefix_length()));
  if (missing.empty()) return {};
  return fail(ErrorCode::kInvalid, fmt::format("Some clustering keys are missing: {}", names_of(missing)));
}

class ModificationBinder {
 public:
  ModificationBinder(Binder& binder, ModificationBody::Kind kind) : binder_(binder) { body_->kind = kind; }

  Result<Plan> insert(const cql::Insert& statement) {
    SAGITTA_CHECK(open(statement.table, statement.attributes, statement.if_not_exists));
    if (statement.if_not_exists) body_->conditions.existence = rows::RowCondition::Existence::kNotExists;
    if (table().is_counter) {
      return fail(ErrorCode::kInvalid, "INSERT statements are not allowed on counter tables, use UPDATE instead");
    }
    std::vector<Relation> keys;
    if (statement.json) {
      SAGITTA_CHECK(bind_json(statement, keys));
      return close(std::move(keys));
    }
    for (size_t i = 0; i < statement.columns.size(); ++i) {
      SAGITTA_CHECK(bind_inserted(statement, i, keys));
    }
    return close(std::move(keys));
  }

  Result<Plan> update(const cql::Update& statement) {
    SAGITTA_CHECK(open(statement.table, statement.attributes, statement.if_exists || !statement.conditions.empty()));
    AssignedColumns assigned;
    for (const cql::Assignment& assignment : statement.assignments) {
      SAGITTA_CHECK(assigned.add(assignment));
      SAGITTA_CHECK(bind_assignment(assignment));
    }
    SAGITTA_TRY(std::vector<Relation> where, bind_relations(binder_, table(), statement.where));
    SAGITTA_CHECK(bind_if(statement.if_exists, statement.conditions));
    return close(std::move(where));
  }

  Result<Plan> remove(const cql::Delete& statement) {
    SAGITTA_CHECK(open(statement.table, statement.attributes, statement.if_exists || !statement.conditions.empty()));
    for (const cql::DeleteTarget& target : statement.targets) SAGITTA_CHECK(bind_target(target));
    SAGITTA_TRY(std::vector<Relation> where, bind_relations(binder_, table(), statement.where));
    SAGITTA_CHECK(bind_if(statement.if_exists, statement.conditions));
    return close(std::move(where));
  }

 private:
  const schema::TableDef& table() const { return *table_; }

  Status open(const cql::QualifiedName& name, const cql::Using& attributes, bool conditional) {
    SAGITTA_TRY(table_, binder_.use_table(name));
    if (table().is_virtual) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("{}.{} is a system table and is not user-modifiable.", table().keyspace, table().name));
    }
    if (conditional && table().is_counter) {
      return fail(ErrorCode::kInvalid, "Conditional updates are not supported on counter tables");
    }
    if (conditional && attributes.timestamp_us) {
      return fail(ErrorCode::kInvalid, "Cannot provide custom timestamp for conditional updates");
    }
    return bind_attributes(attributes);
  }

  Status bind_if(bool exists, const std::vector<cql::Relation>& conditions) {
    if (exists) body_->conditions.existence = rows::RowCondition::Existence::kExists;
    SAGITTA_TRY(body_->conditions.columns, bind_conditions(binder_, table(), conditions));
    return {};
  }

  Status bind_attributes(const cql::Using& attributes) {
    SAGITTA_TRY(timeout_, bind_timeout(binder_, attributes.timeout));
    if (table().is_counter && (attributes.timestamp_us || attributes.ttl_seconds)) {
      return fail(ErrorCode::kInvalid, fmt::format("Cannot provide custom {} for counter updates",
                                                   attributes.timestamp_us ? "timestamp" : "TTL"));
    }
    if (attributes.timestamp_us) {
      const Receiver receiver{.name = "[timestamp]", .type = native(Kind::kBigint)};
      SAGITTA_TRY(body_->timestamp, binder_.bind_term(*attributes.timestamp_us, receiver));
    }
    if (attributes.ttl_seconds) {
      SAGITTA_TRY(body_->ttl,
                  binder_.bind_term(*attributes.ttl_seconds, {.name = "[ttl]", .type = native(Kind::kInt)}));
    }
    return {};
  }

  // ------------------------------------------------------------------------------------ operations

  Operation operation(ColumnPtr column, Operation::Kind kind) const {
    Operation made;
    made.kind = kind;
    made.column = column;
    made.indexes = index::definitions_on(table(), *column);
    return made;
  }

  Status bind_inserted(const cql::Insert& statement, size_t i, std::vector<Relation>& keys) {
    SAGITTA_TRY(ColumnPtr column, find_column(table(), statement.columns[i]));
    const auto named = statement.columns.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(statement.columns.begin(), named, column->name) != named) {
      return fail(ErrorCode::kInvalid, "The column names contains duplicates");
    }
    SAGITTA_TRY(Expression value, binder_.bind_term(statement.values[i], {.name = column->name, .type = column->type}));
    insert_value(column, std::move(value), keys);
    return {};
  }

  Status bind_json(const cql::Insert& statement, std::vector<Relation>& keys) {
    SAGITTA_TRY(body_->json, binder_.bind_term(*statement.json, {.name = "[json]", .type = native(Kind::kText)}));
    body_->json_default_unset = statement.json_default_unset;
    for (const schema::ColumnDef& column : table().columns) insert_value(&column, json_marker(table(), column), keys);
    return {};
  }

  void insert_value(ColumnPtr column, Expression value, std::vector<Relation>& keys) {
    if (column->is_key()) {
      Relation relation;
      relation.columns = {column};
      relation.operands.emplace_back().parts.push_back(std::move(value));
      keys.push_back(std::move(relation));
      return;
    }
    Operation set = operation(column, Operation::Kind::kSet);
    set.value = std::move(value);
    body_->operations.push_back(std::move(set));
  }

  Status bind_assignment(const cql::Assignment& assignment) {
    SAGITTA_TRY(ColumnPtr column, find_column(table(), assignment.column));
    if (column->is_key()) {
      return fail(ErrorCode::kInvalid, fmt::format("PRIMARY KEY part {} found in SET part", column->name));
    }
    switch (assignment.kind) {
      case cql::Assignment::Kind::kSet: return bind_set(assignment, column);
      case cql::Assignment::Kind::kAdd: return bind_change(assignment, column, Operation::Kind::kAppend);
      case cql::Assignment::Kind::kPrepend: return bind_change(assignment, column, Operation::Kind::kPrepend);
      case cql::Assignment::Kind::kRemove: return bind_change(assignment, column, Operation::Kind::kRemove);
      case cql::Assignment::Kind::kElement: return bind_element(assignment, column);
      case cql::Assignment::Kind::kField: return bind_field(assignment, column);
    }
    return {};
  }

  Status add(Operation made, const cql::Term& value, const Receiver& receiver) {
    SAGITTA_TRY(made.value, binder_.bind_term(value, receiver));
    body_->operations.push_back(std::move(made));
    return {};
  }

  Status bind_set(const cql::Assignment& assignment, ColumnPtr column) {
    if (column->type->kind() == Kind::kCounter) {
      return fail(ErrorCode::kInvalid, fmt::format("Cannot set the value of counter column {} (counters can only be "
                                                   "incremented/decremented, not set)",
                                                   column->name));
    }
    return add(operation(column, Operation::Kind::kSet), assignment.value,
               {.name = column->name, .type = column->type});
  }

  Status bind_change(const cql::Assignment& assignment, ColumnPtr column, Operation::Kind kind) {
    const DataType& type = *column->type;
    const bool counter = type.kind() == Kind::kCounter && kind != Operation::Kind::kPrepend;
    const bool collection = type.is_collection() && type.is_multi_cell() &&
                            (kind != Operation::Kind::kPrepend || type.kind() == Kind::kList);
    if (!counter && !collection) return refuse_change(column, kind, binder_.text(assignment.value));
    const bool map_keys = kind == Operation::Kind::kRemove && type.kind() == Kind::kMap;
    if (map_keys && assignment.value.get_if<cql::MapLiteral>() != nullptr) {
      return fail(ErrorCode::kInvalid, fmt::format("Value for a map substraction has to be a set, but was: '{}'",
                                                   binder_.text(assignment.value)));
    }
    const DataTypePtr wanted = map_keys ? DataType::set(type.key()) : column->type;
    return add(operation(column, kind), assignment.value, {.name = column->name, .type = wanted});
  }

  Result<Expression> bind_key(const cql::Term& key, ColumnPtr column) {
    const DataType& type = *column->type;
    switch (type.kind()) {
      case Kind::kMap:
        return binder_.bind_term(key, {.name = fmt::format("key({})", column->name), .type = type.key()});
      case Kind::kSet:
        return binder_.bind_term(key, {.name = fmt::format("value({})", column->name), .type = type.element()});
      default:
        return binder_.bind_term(key, {.name = fmt::format("idx({})", column->name), .type = native(Kind::kInt)});
    }
  }

  Status bind_element(const cql::Assignment& assignment, ColumnPtr column) {
    const DataType& type = *column->type;
    if (!type.is_multi_cell() || (type.kind() != Kind::kMap && type.kind() != Kind::kList)) {
      const std::string what =
          fmt::format("{}[{}] = {}", column->name, binder_.text(*assignment.key), binder_.text(assignment.value));
      if (type.kind() != Kind::kSet || !type.is_multi_cell()) return not_applicable(column, "collection", what);
      return fail(ErrorCode::kInvalid, fmt::format("Invalid operation ({}) for set column {}", what, column->name));
    }
    Operation set = operation(column, Operation::Kind::kSetElement);
    SAGITTA_TRY(set.key, bind_key(*assignment.key, column));
    const DataTypePtr& element = type.kind() == Kind::kMap ? type.mapped() : type.element();
    return add(std::move(set), assignment.value, {.name = fmt::format("value({})", column->name), .type = element});
  }

  Status bind_field(const cql::Assignment& assignment, ColumnPtr column) {
    if (!has_fields(*column->type)) {
      return not_applicable(column, "UDT",
                            fmt::format("{}.{} = {}", column->name, assignment.field, binder_.text(assignment.value)));
    }
    Operation set = operation(column, Operation::Kind::kSetField);
    SAGITTA_TRY(set.field, field_number(column, assignment.field));
    const Receiver receiver{.name = fmt::format("{}.{}", column->name, assignment.field),
                            .type = column->type->parameters()[set.field]};
    return add(std::move(set), assignment.value, receiver);
  }

  Status bind_target(const cql::DeleteTarget& target) {
    SAGITTA_TRY(ColumnPtr column, find_column(table(), target.column));
    if (column->is_key()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Invalid identifier {} for deletion (should not be a PRIMARY KEY part)", column->name));
    }
    Operation removal =
        operation(column, column->type->is_multi_cell() ? Operation::Kind::kDelete : Operation::Kind::kSet);
    removal.value.type = column->type;
    if (!target.field.empty()) {
      if (!has_fields(*column->type)) return refuse_field_deletion(*column);
      removal.kind = Operation::Kind::kSetField;
      SAGITTA_TRY(removal.field, field_number(column, target.field));
    } else if (target.key) {
      if (!column->type->is_multi_cell() || !column->type->is_collection()) {
        return fail(ErrorCode::kInvalid, fmt::format("Invalid deletion operation for {} column {}",
                                                     column_noun(*column->type, "collection"), column->name));
      }
      removal.kind = Operation::Kind::kDeleteElement;
      SAGITTA_TRY(removal.key, bind_key(*target.key, column));
    }
    body_->operations.push_back(std::move(removal));
    return {};
  }

  // ------------------------------------------------------------------------------------------ rows

  Status take_partition(std::vector<Relation>& relations) {
    if (std::ranges::any_of(relations, &Relation::on_token)) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("The token function cannot be used in WHERE clauses for {} statements",
                              statement_name(body_->kind)));
    }
    std::vector<ColumnPtr> missing;
    for (ColumnPtr key : partition_columns(table())) {
      auto found = std::ranges::find_if(relations, [key](const Relation& r) { return r.columns[0] == key; });
      if (found == relations.end()) {
        missing.push_back(key);
        continue;
      }
      if (!found->is_equality()) {
        return fail(ErrorCode::kInvalid,
                    fmt::format("Only EQ and IN relation are supported on the partition key (unless you use the "
                                "token() function) for {} statements",
                                statement_name(body_->kind)));
      }
      body_->partition.push_back(std::move(*found));
      relations.erase(found);
    }
    if (missing.empty()) return {};
    return fail(ErrorCode::kInvalid, fmt::format("Some partition key parts are missing: {}", names_of(missing)));
  }

  Status take_rows(std::vector<Relation>& relations) {
    const bool given = !relations.empty();
    body_->clustering = take_clustering(table(), relations);
    if (!relations.empty()) return clustering_gap(table(), relations[0], body_->clustering);
    body_->static_only = changes_only_static(*body_);
    if (body_->static_only && given && body_->kind != ModificationBody::Kind::kInsert) {
      return fail(ErrorCode::kInvalid, fmt::format("Invalid restrictions on clustering columns since the {} statement "
                                                   "modifies only static columns",
                                                   statement_name(body_->kind)));
    }
    // INSERT of static columns with a whole clustering key makes that row, too.
    if (body_->static_only && given) body_->static_only = false;
    if (!body_->conditions.empty()) SAGITTA_CHECK(check_conditional_rows(*body_, table()));
    const bool deletes_rows = body_->kind == ModificationBody::Kind::kDelete && body_->operations.empty();
    if (body_->static_only || deletes_rows) return {};
    return check_whole_rows(*body_, table());
  }

  Result<Plan> close(std::vector<Relation> relations) {
    SAGITTA_CHECK(take_partition(relations));
    SAGITTA_CHECK(check_left_over(relations));
    SAGITTA_CHECK(take_rows(relations));
    Plan plan;
    plan.keyspace = table().keyspace;
    plan.table = table().name;
    if (!body_->json) plan.partition_key_markers = partition_key_markers(body_->partition);
    body_->default_ttl_s = table().default_ttl_s();
    plan.timeout = std::move(timeout_);
    const bool conditional = !body_->conditions.empty();
    plan.body = ModificationPlan{
        .table = table_, .counter = table().is_counter, .conditional = conditional, .body = std::move(body_)};
    return plan;
  }

  Binder& binder_;
  schema::TableDefPtr table_;
  std::optional<Expression> timeout_;
  std::shared_ptr<ModificationBody> body_ = std::make_shared<ModificationBody>();
};

}  // namespace

Result<Plan> bind_insert(Binder& binder, const cql::Insert& insert) {
  return ModificationBinder(binder, ModificationBody::Kind::kInsert).insert(insert);
}

Result<Plan> bind_update(Binder& binder, const cql::Update& update) {
  return ModificationBinder(binder, ModificationBody::Kind::kUpdate).update(update);
}

Result<Plan> bind_delete(Binder& binder, const cql::Delete& deletion) {
  return ModificationBinder(binder, ModificationBody::Kind::kDelete).remove(deletion);
}

}  // namespace sagitta::plan
