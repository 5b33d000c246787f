/// The stage *bind*: what a request says, as a statement bound to the schema of now, and the values
/// for its markers.
#pragma once

#include <string_view>
#include <vector>

#include "sagitta/db/options.h"
#include "sagitta/db/request.h"

#include "authorisation.h"
#include "schemas.h"
#include "statements.h"

namespace sagitta::db {

/// Thread-safe.
class Binder {
 public:
  /// All must outlive it.
  Binder(const Schemas& schemas, Budgets& budgets, MetricsRegistry& metrics)
      : schemas_(schemas), frames_(budgets.frames), prepared_(budgets.prepared, metrics) {}

  /// Of a text of more than `uncharged` bytes: with a charge to the budget of frames for what it
  /// becomes, which joins `charges`. kOverloaded when there is no room for it.
  Result<StatementPtr> bind(std::string_view text, std::string_view keyspace, std::vector<MemoryCharge>& charges,
                            size_t uncharged = kCallerTextBytes) const;
  /// The same, to be prepared: the statement that is known under its id, when that fits the schema.
  Result<StatementPtr> bind_to_prepare(std::string_view text, std::string_view keyspace);
  /// Makes it known under its id. kOverloaded when there is no room for it.
  Status prepare(const Permitted& statement);
  /// A prepared statement that fits the schema of now; kUnprepared.
  Result<StatementPtr> find(BytesView id) { return fit(find_any(id), id); }
  /// What `find_any` found under the id, as `find` gives it.
  Result<StatementPtr> fit(StatementPtr statement, BytesView id);
  /// The same, whatever schema it fits; null when unknown.
  StatementPtr find_any(BytesView id) { return prepared_.find(id); }
  size_t prepared_count() const { return prepared_.size(); }
  /// Those that are known, the last used first.
  std::vector<StatementPtr> prepared() const { return prepared_.all(); }
  PreparedCache::Use prepared_use() const { return prepared_.use(); }

 private:
  const Schemas& schemas_;
  MemoryBudget& frames_;
  PreparedCache prepared_;
};

/// The values of a request in marker order; what evaluates the statement checks them.
Result<std::vector<plan::BindValue>> arrange_values(const plan::Plan& plan, std::vector<BoundValue> given);

}  // namespace sagitta::db
