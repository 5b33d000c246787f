/// The row maps of a process: one for each table with an index, which the log partitions share.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "sagitta/index/row_map.h"

namespace sagitta::index {

/// Thread-safe. What it is given must outlive it.
class SharedRowMaps {
 public:
  SharedRowMaps(MemoryBudget& memory, log::Partition partitions) : memory_(memory), partitions_(partitions) {}

  /// The map of the table, which is made for the first partition. Idempotent.
  RowMapPtr join(uint32_t table_id, log::Partition partition);
  /// The partition's rows have no numbers any more. The map is forgotten with the last partition.
  void leave(uint32_t table_id, log::Partition partition);
  /// Whether every row of the partition that an index can name has its number.
  void set_complete(uint32_t table_id, log::Partition partition, bool complete);

  /// Null when no partition has joined it.
  RowMapPtr find(uint32_t table_id) const;
  /// In every partition.
  bool is_complete(uint32_t table_id) const;

 private:
  struct Shared {
    RowMapPtr map;
    std::set<log::Partition> members, complete;
  };

  MemoryBudget& memory_;
  const log::Partition partitions_;
  mutable std::mutex mutex_;
  std::map<uint32_t, Shared> tables_;
};

}  // namespace sagitta::index
