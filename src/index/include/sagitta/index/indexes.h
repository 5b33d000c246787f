/// The indexes of a process: those that its newest schema names.
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
#include "sagitta/index/postings.h"
#include "sagitta/index/shared_row_maps.h"
#include "sagitta/schema/schema.h"

namespace sagitta::index {

/// Of the schema's indexes, those that are kept in memory, of kinds that this program knows.
std::set<uint32_t> index_ids(const schema::Schema& schema);

/// What a change of a row concerns.
struct TableIndexes {
  uint32_t table_id = 0;
  std::vector<uint32_t> ids;      ///< of its indexes
  std::vector<uint32_t> columns;  ///< that they are on
};
/// Of one table.
TableIndexes indexes_in_memory(const schema::TableDef& table);
/// Of the tables that have such an index, by table id.
std::map<uint32_t, TableIndexes> indexed_tables(const schema::Schema& schema);

/// By id. Immutable.
using IndexMap = std::map<uint32_t, IndexPtr>;
using IndexMapPtr = std::shared_ptr<const IndexMap>;

/// Thread-safe; one thread at a time calls `adopt`. What it is given must outlive it.
class Indexes {
 public:
  Indexes(MemoryBudget& memory, MetricsRegistry& metrics, const Clock& clock, const SharedRowMaps& rows,
          const SharedPostings& postings, log::Partition partitions);

  /// Keeps the indexes that the schema still has, and makes those that are missing. Returns these:
  /// they are to be built. One that cannot be made (memory is full) is tried again at the next
  /// call; its queries scan rows until then. Their row maps are there. With more than one log
  /// partition, indexes that are gone serve no longer: their rows lose numbers at different times.
  std::vector<IndexPtr> adopt(const schema::Schema& schema);
  /// The next `adopt` makes it again.
  void drop(const Index& index);

  /// Those that could be made.
  IndexMapPtr all() const;

  IndexSetPtr published() const;
  /// Whether the index is published: a build or save of another is for nothing.
  bool has(const Index& index) const;

  /// It misses rows from here on: queries scan them, which is slower and still right.
  void give_up(Index& index, const Error& why);

 private:
  IndexPtr find_or_make(const schema::TableDefPtr& table, const schema::IndexDef& def, std::vector<IndexPtr>& made);
  PostingIndexes posting_indexes(const schema::Schema& schema) const;
  void publish(IndexMap next, PostingIndexes postings);

  MemoryBudget& memory_;
  const Clock& clock_;
  const SharedRowMaps& rows_;
  const SharedPostings& postings_;
  const log::Partition partitions_;
  Counter& failed_;
  mutable std::mutex mutex_;  ///< guards both
  IndexMapPtr indexes_ = std::make_shared<IndexMap>();
  IndexSetPtr set_ = std::make_shared<IndexSet>();
};

}  // namespace sagitta::index
