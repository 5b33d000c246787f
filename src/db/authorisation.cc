/// What each kind of statement touches.
#include "authorisation.h"

#include <string_view>
#include <utility>

namespace sagitta::db {
namespace {

using Action = Access::Action;
using Object = Access::Object;

class Permissive final : public Authoriser {
 public:
  Status check(const Identity&, const Access&) override { return {}; }
};

Access table_access(Action action, const schema::TableDef& table) {
  return {action, Object::kTable, table.keyspace, table.name};
}

/// Empty when there is no such index.
std::string_view table_of_index(const schema::Schema& schema, const schema::DropIndex& drop) {
  const schema::KeyspaceDef* keyspace = schema.find_keyspace(drop.keyspace);
  if (keyspace == nullptr) return {};
  for (const auto& [name, table] : keyspace->tables) {
    if (table->find_index(drop.name) != nullptr) return name;
  }
  return {};
}

/// One overload for each kind of schema change.
struct ChangeAccess {
  const schema::Schema& schema;

  Access operator()(const schema::CreateKeyspace& c) const { return {Action::kCreate, Object::kKeyspace, c.keyspace}; }
  Access operator()(const schema::AlterKeyspace& c) const { return {Action::kAlter, Object::kKeyspace, c.keyspace}; }
  Access operator()(const schema::DropKeyspace& c) const { return {Action::kDrop, Object::kKeyspace, c.keyspace}; }
  Access operator()(const schema::CreateType& c) const { return type(Action::kCreate, c); }
  Access operator()(const schema::AlterTypeAdd& c) const { return type(Action::kAlter, c); }
  Access operator()(const schema::AlterTypeRename& c) const { return type(Action::kAlter, c); }
  Access operator()(const schema::DropType& c) const { return type(Action::kDrop, c); }
  Access operator()(const schema::CreateTable& c) const { return table_access(Action::kCreate, c.table); }
  Access operator()(const schema::AlterTableAdd& c) const { return table(Action::kAlter, c); }
  Access operator()(const schema::AlterTableDrop& c) const { return table(Action::kAlter, c); }
  Access operator()(const schema::AlterTableRename& c) const { return table(Action::kAlter, c); }
  Access operator()(const schema::AlterTableOptions& c) const { return table(Action::kAlter, c); }
  Access operator()(const schema::DropTable& c) const { return table(Action::kDrop, c); }
  Access operator()(const schema::CreateIndex& c) const {
    return {Action::kCreate, Object::kIndex, c.keyspace, c.table, c.index.name};
  }
  Access operator()(const schema::DropIndex& c) const {
    return {Action::kDrop, Object::kIndex, c.keyspace, table_of_index(schema, c), c.name};
  }

  template <class Change>
  static Access type(Action action, const Change& change) {
    return {action, Object::kType, change.keyspace, {}, change.name};
  }
  template <class Change>
  static Access table(Action action, const Change& change) {
    return {action, Object::kTable, change.keyspace, change.table};
  }
};

/// One overload for each kind of plan: asks `check` about all that it touches.
template <class Check>
struct EachAccess {
  const Schemas& schemas;
  Check check;

  Status operator()(const std::shared_ptr<const plan::SelectPlan>& select) const {
    return check(table_access(Action::kRead, *select->table));
  }
  Status operator()(const plan::ModificationPlan& plan) const {
    if (plan.conditional) SAGITTA_CHECK(check(table_access(Action::kRead, *plan.table)));
    return check(table_access(Action::kWrite, *plan.table));
  }
  Status operator()(const plan::BatchPlan& plan) const {
    for (const plan::PlanPtr& child : plan.children) SAGITTA_CHECK(std::visit(*this, child->body));
    return {};
  }
  Status operator()(const plan::TruncatePlan& plan) const {
    return check(table_access(Action::kTruncate, *plan.table));
  }
  Status operator()(const plan::UsePlan& plan) const {
    return check(Access{Action::kUse, Object::kKeyspace, plan.keyspace});
  }
  /// Definitions are no secret: the tables of system_schema show them too.
  Status operator()(const plan::DescribePlan&) const { return {}; }
  Status operator()(const plan::SchemaPlan& plan) const {
    const auto newest = schemas.newest();
    return check(std::visit(ChangeAccess{*newest->full}, plan.change));
  }
};

}  // namespace

Authoriser& permissive_authoriser() {
  static Permissive permissive;
  return permissive;
}

Result<Permitted> Authorisation::permit(const Identity& who, StatementPtr statement) const {
  const EachAccess each{schemas_, [&](const Access& access) { return authoriser_.check(who, access); }};
  SAGITTA_CHECK(std::visit(each, statement->plan->body));
  return Permitted(std::move(statement));
}

}  // namespace sagitta::db
