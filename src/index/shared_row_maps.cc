/// Which log partitions have rows in the row map of a table.
#include "sagitta/index/shared_row_maps.h"

namespace sagitta::index {

RowMapPtr SharedRowMaps::join(uint32_t table_id, log::Partition partition) {
  std::lock_guard lock(mutex_);
  Shared& table = tables_[table_id];
  if (table.map == nullptr) table.map = std::make_shared<RowMap>(memory_, partitions_);
  table.members.insert(partition);
  return table.map;
}

void SharedRowMaps::leave(uint32_t table_id, log::Partition partition) {
  std::lock_guard lock(mutex_);
  const auto found = tables_.find(table_id);
  if (found == tables_.end()) return;
  found->second.members.erase(partition);
  found->second.complete.erase(partition);
  if (found->second.members.empty()) {
    tables_.erase(found);
  } else {
    found->second.map->clear(partition);
  }
}

void SharedRowMaps::set_complete(uint32_t table_id, log::Partition partition, bool complete) {
  std::lock_guard lock(mutex_);
  Shared& table = tables_.at(table_id);
  if (complete) {
    table.complete.insert(partition);
  } else {
    table.complete.erase(partition);
  }
}

RowMapPtr SharedRowMaps::find(uint32_t table_id) const {
  std::lock_guard lock(mutex_);
  const auto found = tables_.find(table_id);
  return found == tables_.end() ? nullptr : found->second.map;
}

bool SharedRowMaps::is_complete(uint32_t table_id) const {
  std::lock_guard lock(mutex_);
  const auto found = tables_.find(table_id);
  return found != tables_.end() && found->second.complete.size() == partitions_;
}

}  // namespace sagitta::index
