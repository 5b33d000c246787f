/// The indexes of a tablet: those that its schema names.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/metrics.h"
#include "sagitta/index/vector_index_impl.h"
#include "sagitta/schema/schema.h"

namespace sagitta::index {

using IndexPtr = std::shared_ptr<VectorIndexImpl>;

/// Whether the definition makes a vector index.
bool is_vector_index(const schema::TableDef& table, const schema::IndexDef& def);
/// Of the schema's vector indexes.
std::set<uint32_t> index_ids(const schema::Schema& schema);

/// Up to where indexes follow the log. Who holds the mutex sees rows and indexes of one offset.
struct CommitPoint {
  std::mutex mutex;
  log::Offset next = 0;  ///< every record before this is in the rows and in the serving indexes
};

/// The applier changes it; `published`, `has` and `count_failure` may be called from any thread.
/// What it is given must outlive it.
class Indexes {
 public:
  Indexes(MemoryBudget& vectors, MetricsRegistry& metrics, const Clock& clock);

  /// Keeps the indexes that the schema still has, and makes those that are missing. Returns these:
  /// they are to be built. One that cannot be made (memory is full) is tried again at the next call;
  /// its queries scan rows until then.
  std::vector<IndexPtr> adopt(const schema::Schema& schema);
  /// The next `adopt` makes it anew.
  void drop(uint32_t id) { indexes_.erase(id); }

  /// Null when there is none.
  IndexPtr find(uint32_t id) const;
  const std::map<uint32_t, IndexPtr>& all() const { return indexes_; }

  VectorIndexSetPtr published() const;
  /// Whether the index is published: a build or save of another is for nothing.
  bool has(const VectorIndexImpl& index) const;

  /// It misses rows from here on: queries scan them, which is slower and still right.
  void give_up(VectorIndexImpl& index, const Error& why);

 private:
  void publish(std::map<uint32_t, IndexPtr> next);

  MemoryBudget& vectors_;
  const Clock& clock_;
  Counter& failed_;
  mutable std::mutex mutex_;  ///< guards both for readers
  std::map<uint32_t, IndexPtr> indexes_;
  VectorIndexSetPtr set_ = std::make_shared<VectorIndexSet>();
};

}  // namespace sagitta::index
