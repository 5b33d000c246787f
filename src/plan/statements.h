/// The kinds of statements: each is bound by a file of its own, into a Plan that lacks only what
/// all have in common.
#pragma once

#include "access.h"
#include "binder.h"

namespace sagitta::plan {

/// What a SelectPlan keeps for its execution.
struct SelectBody {
  std::vector<MarkerInfo> markers;
  AccessPath access;
  bool reversed = false;
  std::vector<SortKey> sort;
  std::optional<Expression> limit, per_partition_limit;
  /// Without its query vector.
  std::optional<AnnQuery> ann;
  std::optional<Expression> ann_query;
};

Result<Plan> bind_select(Binder& binder, const cql::Select& select);
Result<Plan> bind_insert(Binder& binder, const cql::Insert& insert);
Result<Plan> bind_update(Binder& binder, const cql::Update& update);
Result<Plan> bind_delete(Binder& binder, const cql::Delete& deletion);
Result<Plan> bind_batch(Binder& binder, const cql::Batch& batch);

Result<Plan> bind_ddl(Binder& binder, const cql::CreateKeyspace& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::AlterKeyspace& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::DropKeyspace& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::CreateTable& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::AlterTable& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::DropTable& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::CreateType& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::AlterType& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::DropType& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::CreateIndex& statement);
Result<Plan> bind_ddl(Binder& binder, const cql::DropIndex& statement);

/// Of USING TIMEOUT.
Result<std::optional<Expression>> bind_timeout(Binder& binder, const cql::TermPtr& timeout);

/// A plan of a schema change of `keyspace`.`table`.
Plan schema_plan(std::string keyspace, std::string table, schema::SchemaChange change);

/// The markers that give the components of the partition key; empty unless each is given by one.
std::vector<uint16_t> partition_key_markers(std::span<const Relation> partition);

}  // namespace sagitta::plan
