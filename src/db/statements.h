/// Statements bound to a schema, and the cache of prepared ones.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/base/metrics.h"
#include "sagitta/db/answer.h"
#include "sagitta/plan/plan.h"

namespace sagitta::db {

/// A statement with its plan, prepared or not. Immutable.
struct BoundStatement final : Prepared {
  plan::PlanPtr plan;
  /// Ties paging states to text and table, and not to a later table of the same name.
  uint64_t statement_hash = 0;
  /// The result's columns are not those that it had under this id before.
  bool columns_changed = false;
};
using StatementPtr = std::shared_ptr<const BoundStatement>;

/// Parses and binds. `before`: the same statement as it was bound to an earlier schema, if it was.
Result<StatementPtr> bind_statement(const schema::Schema& schema, std::string_view text, std::string_view keyspace,
                                    const BoundStatement* before = nullptr);

MetadataPtr make_metadata(std::vector<ColumnSpec> columns);

/// Prepared statements by id, the least recently used thrown out when the budget is full.
/// Thread-safe.
class PreparedCache {
 public:
  PreparedCache(MemoryBudget& budget, MetricsRegistry& metrics);

  /// Null when unknown. Counts as use.
  StatementPtr find(BytesView id);
  /// Adds or replaces. kOverloaded when not even an empty cache has room for it.
  Status put(StatementPtr statement);
  void remove(BytesView id);
  size_t size() const;
  /// The last used first.
  std::vector<StatementPtr> all() const;
  struct Use {
    size_t entries = 0;
    /// Of `find`.
    uint64_t requests = 0, hits = 0;
    uint64_t evictions = 0;
  };
  Use use() const;

 private:
  struct Entry {
    StatementPtr statement;
    MemoryCharge charge;
  };
  using Order = std::list<Entry>;
  void remove_locked(const Bytes& id);

  MemoryBudget& budget_;
  Counter& evictions_;
  mutable std::mutex mutex_;
  uint64_t requests_ = 0, hits_ = 0;
  Order order_;  ///< most recently used first
  std::unordered_map<Bytes, Order::iterator> by_id_;
};

}  // namespace sagitta::db
