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
#include "sagitta/index/index.h"
#include "sagitta/index/row_maps.h"
#include "sagitta/schema/schema.h"

namespace sagitta::index {

/// Of the schema's indexes, those of kinds that this program knows.
std::set<uint32_t> index_ids(const schema::Schema& schema);

/// Up to where indexes follow the log. Who holds the mutex sees rows and indexes of one offset.
struct CommitPoint {
  std::mutex mutex;
  log::Offset next = 0;  ///< every record before this is in the rows and in the serving indexes
};

/// What a change of a row concerns.
struct TableIndexes {
  uint32_t table_id = 0;
  std::vector<uint32_t> ids;      ///< of all
  std::vector<uint32_t> columns;  ///< that they are on
  std::vector<IndexPtr> indexes;  ///< those that could be made
};

/// The applier changes it; `published`, `has` and `count_failure` may be called from any thread.
/// What it is given must outlive it.
class Indexes {
 public:
  Indexes(MemoryBudget& memory, MetricsRegistry& metrics, const Clock& clock, const RowMaps& rows);

  /// Keeps the indexes that the schema still has, and makes those that are missing. Returns these:
  /// they are to be built. One that cannot be made (memory is full) is tried again at the next
  /// call; its queries scan rows until then. Their row maps are there.
  std::vector<IndexPtr> adopt(const schema::Schema& schema);
  /// The next `adopt` makes it again.
  void drop(uint32_t id) { indexes_.erase(id); }

  /// Null when the table has none.
  const TableIndexes* of_table(uint32_t table_id) const;
  const std::map<uint32_t, IndexPtr>& all() const { return indexes_; }

  IndexSetPtr published() const;
  /// Whether the index is published: a build or save of another is for nothing.
  bool has(const Index& index) const;

  /// It misses rows from here on: queries scan them, which is slower and still right.
  void give_up(Index& index, const Error& why);

 private:
  IndexPtr find_or_make(const schema::TableDefPtr& table, const schema::IndexDef& def, std::vector<IndexPtr>& made);
  void publish(std::map<uint32_t, IndexPtr> next);

  MemoryBudget& memory_;
  const Clock& clock_;
  const RowMaps& rows_;
  Counter& failed_;
  std::map<uint32_t, TableIndexes> tables_;
  mutable std::mutex mutex_;  ///< guards both for readers
  std::map<uint32_t, IndexPtr> indexes_;
  IndexSetPtr set_ = std::make_shared<IndexSet>();
};

}  // namespace sagitta::index
