#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "batch_warnings.h"
#include "modification.h"
#include "statements.h"

namespace sagitta::plan {
namespace {

/// Counters and other writes do not share a batch.
Status check_kinds(types::BatchKind kind, std::span<const PlanPtr> children) {
  const auto is_counter = [](const PlanPtr& child) { return std::get<ModificationPlan>(child->body).counter; };
  const bool some = std::ranges::any_of(children, is_counter), all = std::ranges::all_of(children, is_counter);
  if (!all && kind == types::BatchKind::kCounter) {
    return fail(ErrorCode::kInvalid, "Cannot include non-counter statement in a counter batch");
  }
  if (some && !all)
    return fail(ErrorCode::kInvalid, "Counter and non-counter mutations cannot exist in the same batch");
  if (some && kind == types::BatchKind::kLogged) {
    return fail(ErrorCode::kInvalid, "Cannot include a counter statement in a logged batch");
  }
  return {};
}

Result<Plan> bind_child(Binder& binder, const cql::Modification& statement) {
  if (auto* insert = std::get_if<cql::Insert>(&statement)) return bind_insert(binder, *insert);
  if (auto* update = std::get_if<cql::Update>(&statement)) return bind_update(binder, *update);
  return bind_delete(binder, std::get<cql::Delete>(statement));
}

const ModificationBody& body_of(const PlanPtr& child) { return *std::get<ModificationPlan>(child->body).body; }

/// What conditions ask of a batch: to be decided in one place.
Status check_conditions(std::span<const PlanPtr> children, bool has_timestamp) {
  const auto is_conditional = [](const PlanPtr& child) { return !body_of(child).conditions.empty(); };
  if (std::ranges::none_of(children, is_conditional)) return {};
  if (has_timestamp) return fail(ErrorCode::kInvalid, "Cannot provide custom timestamp for conditional BATCH");
  const auto table_of = [](const PlanPtr& child) { return std::get<ModificationPlan>(child->body).table->id; };
  for (const PlanPtr& child : children) {
    if (table_of(child) == table_of(children.front())) continue;
    return fail(ErrorCode::kInvalid, "Batch with conditions cannot span multiple tables");
  }
  return {};
}

/// A conditional write has a place in the log, whatever it changes, and its time is given there.
void settle(const EvalContext& context, Write& write) {
  if (!write.conditional) return;
  const Conditional& conditional = *write.conditional;
  if (write.mutations.empty()) {
    write.mutations.push_back({.table_id = conditional.table->id, .partition_key = conditional.partition_key});
  }
  for (rows::Mutation& mutation : write.mutations) {
    mutation.timestamp_us = context.now_us;
    mutation.stamp = rows::Mutation::Stamp::kProposed;
  }
}

/// The conditions of a batch as one.
Status join_conditions(const EvalContext& context, Write& write) {
  if (!write.conditional) return {};
  settle(context, write);
  Conditional& conditional = *write.conditional;
  conditional.shows_key = true;
  for (const rows::Mutation& mutation : write.mutations) {
    if (mutation.partition_key == conditional.partition_key) continue;
    return fail(ErrorCode::kInvalid, "Batch with conditions cannot span multiple partitions");
  }
  SAGITTA_TRY(conditional.conditions, merge_conditions(*conditional.table, std::move(conditional.conditions)));
  return {};
}

Status append_batch(const BatchPlan& batch, const EvalContext& context, Write& out) {
  SAGITTA_TRY(std::optional<int64_t> timestamp, evaluate_timestamp(batch.timestamp, context));
  for (const PlanPtr& child : batch.children) {
    SAGITTA_CHECK(append_write(std::get<ModificationPlan>(child->body), timestamp, context, out));
  }
  SAGITTA_CHECK(join_conditions(context, out));
  if (!out.conditional) out.warnings = batch_warnings(batch.kind, batch.children, out.mutations);
  return {};
}

}  // namespace

Result<Plan> bind_batch(Binder& binder, const cql::Batch& batch) {
  BatchPlan bound{.kind = batch.kind};
  if (batch.attributes.ttl_seconds) {
    return fail(ErrorCode::kInvalid, "Global TTL on the BATCH statement is not supported.");
  }
  if (batch.attributes.timestamp_us) {
    if (batch.kind == types::BatchKind::kCounter) {
      return fail(ErrorCode::kInvalid, "Cannot provide custom timestamp for counter BATCH");
    }
    const Receiver receiver{.name = "[timestamp]", .type = native(types::Kind::kBigint)};
    SAGITTA_TRY(bound.timestamp, binder.bind_term(*batch.attributes.timestamp_us, receiver));
  }
  Plan plan;
  SAGITTA_TRY(plan.timeout, bind_timeout(binder, batch.attributes.timeout));
  for (const cql::Modification& statement : batch.statements) {
    SAGITTA_TRY(Plan child, bind_child(binder, statement));
    if (bound.timestamp && std::get<ModificationPlan>(child.body).body->timestamp) {
      return fail(ErrorCode::kInvalid, "Timestamp must be set either on BATCH or individual statements");
    }
    if (bound.children.empty()) {
      plan.keyspace = child.keyspace;
      plan.table = child.table;
      plan.partition_key_markers = child.partition_key_markers;
    } else if (plan.keyspace != child.keyspace || plan.table != child.table) {
      plan.keyspace.clear();
      plan.table.clear();
    }
    bound.children.push_back(std::make_shared<const Plan>(std::move(child)));
  }
  SAGITTA_CHECK(check_kinds(bound.kind, bound.children));
  SAGITTA_CHECK(check_conditions(bound.children, bound.timestamp.has_value()));
  plan.body = std::move(bound);
  return plan;
}

Result<Write> make_write(const Plan& plan, const EvalContext& context) {
  SAGITTA_CHECK(check_values(plan, context.values));
  Write write;
  if (auto* modification = std::get_if<ModificationPlan>(&plan.body)) {
    SAGITTA_CHECK(append_write(*modification, std::nullopt, context, write));
    settle(context, write);
    return write;
  }
  if (auto* batch = std::get_if<BatchPlan>(&plan.body)) {
    SAGITTA_CHECK(append_batch(*batch, context, write));
    return write;
  }
  return fail(ErrorCode::kInvalid, "The statement writes no rows");
}

bool names_many_keys(const Plan& plan) {
  const auto is_in = [](const Relation& relation) { return relation.op == Operator::kIn; };
  if (auto* modification = std::get_if<ModificationPlan>(&plan.body)) {
    const ModificationBody& body = *modification->body;
    return std::ranges::any_of(body.partition, is_in) || std::ranges::any_of(body.clustering.equalities, is_in);
  }
  if (auto* batch = std::get_if<BatchPlan>(&plan.body)) {
    return std::ranges::any_of(batch->children, [](const PlanPtr& child) { return names_many_keys(*child); });
  }
  return false;
}

Result<Write> make_batch(types::BatchKind kind, std::span<BatchEntry> entries, const EvalContext& context) {
  std::vector<PlanPtr> children;
  for (const BatchEntry& entry : entries) {
    if (!std::holds_alternative<ModificationPlan>(entry.plan->body)) {
      return fail(ErrorCode::kInvalid,
                  "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.");
    }
    children.push_back(entry.plan);
  }
  SAGITTA_CHECK(check_kinds(kind, children));
  SAGITTA_CHECK(check_conditions(children, false));
  Write write;
  for (BatchEntry& entry : entries) {
    EvalContext own = context;
    own.values = own.takeable = entry.values;
    SAGITTA_CHECK(check_values(*entry.plan, own.values));
    SAGITTA_CHECK(append_write(std::get<ModificationPlan>(entry.plan->body), std::nullopt, own, write));
  }
  SAGITTA_CHECK(join_conditions(context, write));
  if (!write.conditional) write.warnings = batch_warnings(kind, children, write.mutations);
  return write;
}

}  // namespace sagitta::plan
