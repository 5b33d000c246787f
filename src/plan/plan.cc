#include "sagitta/plan/plan.h"

#include <fmt/format.h>

#include <utility>

#include "sagitta/base/limits.h"
#include "sagitta/base/random.h"
#include "sagitta/types/duration.h"

#include "statements.h"

namespace sagitta::plan {
namespace {

std::vector<ResultColumn> describe_columns(cql::Describe::What what) {
  using What = cql::Describe::What;
  std::vector<std::string> names = {"keyspace_name", "type", "name"};
  const bool lists = what == What::kKeyspaces || what == What::kTables || what == What::kTypes ||
                     what == What::kFunctions || what == What::kAggregates;
  if (!lists) names.push_back("create_statement");
  if (what == What::kCluster) names = {"cluster", "partitioner", "snitch"};
  std::vector<ResultColumn> columns;
  for (std::string& name : names)
    columns.push_back({"system", "describe", std::move(name), types::DataType::native(types::Kind::kText)});
  return columns;
}

/// One overload for each kind of statement; `bind` visits with it.
struct StatementBinder {
  Binder& binder;

  Result<Plan> operator()(const cql::Select& statement) const { return bind_select(binder, statement); }
  Result<Plan> operator()(const cql::Insert& statement) const { return bind_insert(binder, statement); }
  Result<Plan> operator()(const cql::Update& statement) const { return bind_update(binder, statement); }
  Result<Plan> operator()(const cql::Delete& statement) const { return bind_delete(binder, statement); }
  Result<Plan> operator()(const cql::Batch& statement) const { return bind_batch(binder, statement); }

  Result<Plan> operator()(const cql::Use& statement) const {
    if (binder.schema().find_keyspace(statement.keyspace) == nullptr) {
      return fail(ErrorCode::kInvalid, fmt::format("Keyspace '{}' does not exist", statement.keyspace));
    }
    Plan plan;
    plan.keyspace = statement.keyspace;
    plan.body = UsePlan{.keyspace = statement.keyspace};
    return plan;
  }

  Result<Plan> operator()(const cql::Describe& statement) const {
    Plan plan;
    plan.body = DescribePlan{.what = statement,
                             .keyspace = binder.keyspace_of({}).value_or(std::string()),
                             .result_columns = describe_columns(statement.what)};
    return plan;
  }

  Result<Plan> operator()(const cql::Truncate& statement) const {
    SAGITTA_TRY(schema::TableDefPtr table, binder.use_table(statement.name));
    if (table->is_virtual) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Cannot truncate virtual table {}.{}", table->keyspace, table->name));
    }
    Plan plan;
    plan.keyspace = table->keyspace;
    plan.table = table->name;
    plan.body = TruncatePlan{.table = std::move(table)};
    return plan;
  }

  template <class Ddl>
  Result<Plan> operator()(const Ddl& statement) const {
    return bind_ddl(binder, statement);
  }
};

Status check_all_markers_used(const std::vector<MarkerInfo>& markers) {
  for (const MarkerInfo& marker : markers) {
    if (marker.type == nullptr) return fail(ErrorCode::kInvalid, "A bind marker stands where no value is expected");
  }
  return {};
}

}  // namespace

Result<PlanPtr> bind(const schema::Schema& schema, std::string_view keyspace, const cql::Statement& statement) {
  if (statement.markers.size() > limits::kMarkersMax) {
    return fail(ErrorCode::kInvalid, fmt::format("Too many markers(?). {} markers exceed the allowed maximum of {}",
                                                 statement.markers.size(), limits::kMarkersMax));
  }
  Binder binder(schema, keyspace, statement.markers);
  SAGITTA_TRY(Plan plan, std::visit(StatementBinder{binder}, statement.body));
  SAGITTA_CHECK(check_all_markers_used(binder.markers()));
  plan.markers = std::move(binder.markers());
  plan.warnings = std::move(binder.warnings());
  plan.schema_version = schema.version;
  return std::make_shared<const Plan>(std::move(plan));
}

Result<schema::SchemaChange> make_schema_change(const Plan& plan, const EvalContext& context) {
  auto* schema_plan = std::get_if<SchemaPlan>(&plan.body);
  if (schema_plan == nullptr) return fail(ErrorCode::kInvalid, "Not a schema change");
  schema::SchemaChange change = schema_plan->change;
  if (auto* create = std::get_if<schema::CreateTable>(&change); create != nullptr && create->table.uuid.is_nil()) {
    if (context.random == nullptr) return fail(ErrorCode::kServer, "a schema change has no source of uuids");
    create->table.uuid = Uuid::random(*context.random);
  }
  if (auto* create = std::get_if<schema::CreateIndex>(&change)) {
    if (context.timeuuids == nullptr) return fail(ErrorCode::kServer, "a schema change has no source of uuids");
    create->index.version = context.timeuuids->next();
  }
  if (auto* drop = std::get_if<schema::AlterTableDrop>(&change); drop != nullptr && drop->server_timestamp) {
    drop->timestamp_us = context.now_us;
  }
  return change;
}

Result<std::optional<int64_t>> evaluate_timeout_us(const Plan& plan, const EvalContext& context) {
  constexpr int64_t kNsPerUs = 1000, kNsPerMs = 1000 * kNsPerUs;
  if (!plan.timeout) return std::optional<int64_t>();
  SAGITTA_TRY(const Value value, evaluate(*plan.timeout, context));
  const auto timeout = types::decode_duration(value.value_or(Bytes()));
  if (!timeout) return fail(ErrorCode::kInvalid, "Timeout value cannot be null");
  if (timeout->months != 0 || timeout->days != 0) {
    return fail(ErrorCode::kInvalid, "Timeout values cannot be expressed in days/months");
  }
  if (timeout->ns % kNsPerMs != 0) {
    return fail(ErrorCode::kInvalid, "Timeout values cannot have granularity finer than milliseconds");
  }
  if (timeout->ns < 0) return fail(ErrorCode::kInvalid, "Timeout values must be non-negative");
  return std::optional(timeout->ns / kNsPerUs);
}

Result<std::optional<Expression>> bind_timeout(Binder& binder, const cql::TermPtr& timeout) {
  if (!timeout) return std::optional<Expression>();
  return binder.bind_term(*timeout, {.name = "[timeout]", .type = native(types::Kind::kDuration)});
}

Plan schema_plan(std::string keyspace, std::string table, schema::SchemaChange change) {
  Plan plan;
  plan.keyspace = std::move(keyspace);
  plan.table = std::move(table);
  plan.body = SchemaPlan{.change = std::move(change)};
  return plan;
}

std::vector<uint16_t> partition_key_markers(std::span<const Relation> partition) {
  std::vector<uint16_t> markers;
  for (const Relation& relation : partition) {
    const bool plain = relation.op == Operator::kEq && relation.operands.size() == 1 &&
                       relation.operands[0].parts[0].kind == Expression::Kind::kMarker;
    if (!plain) return {};
    markers.push_back(static_cast<uint16_t>(relation.operands[0].parts[0].index));
  }
  return markers;
}

}  // namespace sagitta::plan
