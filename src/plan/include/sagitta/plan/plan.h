/// Binds a parsed statement to a schema: names are resolved, types are inferred and checked, and
/// what cannot run is refused with Cassandra's words. A Plan is what a prepared statement keeps;
/// with values it yields the schema change, the mutations or the bound select that others carry
/// out. Nothing here touches storage.
///
/// A plan is immutable and thread-safe. It holds the table it was bound to; it must be bound again
/// when the schema's version is no longer `schema_version`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sagitta/cql/ast.h"
#include "sagitta/plan/expression.h"
#include "sagitta/plan/select.h"
#include "sagitta/rows/conditional_write.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/schema/schema.h"
#include "sagitta/schema/schema_change.h"

namespace sagitta::plan {

/// A bind marker as PREPARE describes it.
struct MarkerInfo {
  std::string keyspace, table, name;
  types::DataTypePtr type;
};

/// DDL, but for what each execution decides anew (see `make_schema_change`). Whether an IF [NOT]
/// EXISTS makes it do nothing is decided when it is applied, by schema::apply.
struct SchemaPlan {
  schema::SchemaChange change;
};

struct UsePlan {
  std::string keyspace;
};

/// Its result has the columns of its kind, whatever it finds.
struct DescribePlan {
  cql::Describe what;
  /// The one in use; empty: none.
  std::string keyspace;
  std::vector<ResultColumn> result_columns;
};

struct TruncatePlan {
  schema::TableDefPtr table;
};

struct ModificationBody;

/// INSERT, UPDATE, DELETE.
struct ModificationPlan {
  schema::TableDefPtr table;
  bool counter = false;
  /// It has an IF: its answer may show rows.
  bool conditional = false;
  /// Private to plan.
  std::shared_ptr<const ModificationBody> body;
};

struct Plan;
using PlanPtr = std::shared_ptr<const Plan>;

/// BEGIN BATCH ... APPLY BATCH. The markers of the children are numbered through the whole batch.
struct BatchPlan {
  types::BatchKind kind{};
  std::optional<Expression> timestamp;
  std::vector<PlanPtr> children;
};

struct Plan {
  std::variant<SchemaPlan, UsePlan, DescribePlan, TruncatePlan, ModificationPlan, BatchPlan,
               std::shared_ptr<const SelectPlan>>
      body;
  std::vector<MarkerInfo> markers;
  /// For each component of the partition key the marker that gives it; empty unless every component
  /// is one plain marker.
  std::vector<uint16_t> partition_key_markers;
  /// The table (or keyspace alone) that the statement is about; empty for USE, DESCRIBE and BATCH
  /// of several tables.
  std::string keyspace, table;
  uint64_t schema_version = 0;
  /// For the client, at every execution.
  std::vector<std::string> warnings;
  /// Of USING TIMEOUT, a duration.
  std::optional<Expression> timeout;
};

/// `keyspace` is the session's (or the request's) current one, empty for none; table names without
/// a keyspace are looked up there. kInvalid, kSyntax, kConfig or kAlreadyExists with Cassandra's
/// texts.
Result<PlanPtr> bind(const schema::Schema& schema, std::string_view keyspace, const cql::Statement& statement);

/// The change of a SchemaPlan with the uuids and times of this execution in it. Any other plan:
/// kInvalid.
Result<schema::SchemaChange> make_schema_change(const Plan& plan, const EvalContext& context);

/// What makes a write conditional, and what its answer shows when it was not applied.
struct Conditional {
  schema::TableDefPtr table;
  Bytes partition_key;
  std::vector<rows::RowCondition> conditions;
  /// The columns of the conditions, in the order of the answer; they point into the table.
  std::vector<const schema::ColumnDef*> shown;
  /// All columns of the table are shown, and not those.
  bool shows_all = false;
  /// In a batch the key tells which row is meant.
  bool shows_key = false;
  /// Whether static columns, and others, have their values in the answer; else they are null there.
  bool shows_statics = false, shows_rows = false;
};

/// What a modification or a batch comes to, with its values.
struct Write {
  std::vector<rows::Mutation> mutations;
  std::optional<Conditional> conditional = {};
  /// For the client, once it is done.
  std::vector<std::string> warnings = {};
};

/// Everything nondeterministic (now(), timestamps, expiry) is fixed in it. kInvalid for values that
/// do not fit, a wrong number of values, null key components, or vectors that an index refuses. Any
/// other plan: kInvalid.
Result<Write> make_write(const Plan& plan, const EvalContext& context);

/// How long the client of a USING TIMEOUT waits; nothing without one. kInvalid, in ScyllaDB's
/// words, for what is no time or finer than milliseconds.
Result<std::optional<int64_t>> evaluate_timeout_us(const Plan& plan, const EvalContext& context);

/// Whether a modification, or one in a batch, may name more than one key, by IN. Any other plan:
/// false.
bool names_many_keys(const Plan& plan);

struct BatchEntry {
  PlanPtr plan;
  std::vector<BindValue> values;
};

/// A BATCH request of the protocol: as `make_write` for each entry (`context.values` is not
/// used, values of the entries are taken), with one timestamp.
Result<Write> make_batch(types::BatchKind kind, std::span<BatchEntry> entries, const EvalContext& context);

/// Values given by name in marker order; markers without one are unset. kInvalid for a name that no
/// marker has.
Result<std::vector<BindValue>> arrange_named(const Plan& plan,
                                             std::span<const std::pair<std::string, BindValue>> named);

/// Checks a value count and that each value is bytes of its marker's type. kInvalid with the
/// numbers or the marker's name.
Status check_values(const Plan& plan, std::span<const BindValue> values);

}  // namespace sagitta::plan
