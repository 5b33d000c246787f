#include "sagitta/index/indexes.h"

#include "sagitta/base/logging.h"

namespace sagitta::index {

bool is_vector_index(const schema::TableDef& table, const schema::IndexDef& def) {
  const schema::ColumnDef* column = table.find_column(def.column_id);
  return column != nullptr && column->type->is_float_vector() && schema::is_vector_index_class(def.class_name);
}

std::set<uint32_t> index_ids(const schema::Schema& schema) {
  std::set<uint32_t> ids;
  for (const auto& [name, keyspace] : schema.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      for (const schema::IndexDef& def : table->indexes) {
        if (is_vector_index(*table, def)) ids.insert(def.id);
      }
    }
  }
  return ids;
}

Indexes::Indexes(MemoryBudget& vectors, MetricsRegistry& metrics, const Clock& clock)
    : vectors_(vectors),
      clock_(clock),
      failed_(
          metrics.counter("sagitta_index_failures_total",
                          "Vector indexes that stopped serving because memory was full; their queries scan rows.")) {}

std::vector<IndexPtr> Indexes::adopt(const schema::Schema& schema) {
  std::map<uint32_t, IndexPtr> next;
  std::vector<IndexPtr> made;
  for (const auto& [name, keyspace] : schema.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      for (const schema::IndexDef& def : table->indexes) {
        if (IndexPtr known = find(def.id)) {
          next[def.id] = std::move(known);
          continue;
        }
        if (!is_vector_index(*table, def)) continue;
        auto index = VectorIndexImpl::make(table, def, vectors_, clock_);
        if (!index) {
          failed_.add();
          log_error("index not made", {{"index", def.name}, {"error", index.error().to_string()}});
          continue;
        }
        made.push_back(next[def.id] = *std::move(index));
      }
    }
  }
  publish(std::move(next));
  return made;
}

void Indexes::publish(std::map<uint32_t, IndexPtr> next) {
  auto published = std::make_shared<VectorIndexSet>();
  for (const auto& [id, index] : next) published->indexes[id] = index;
  std::lock_guard lock(mutex_);
  indexes_ = std::move(next);
  set_ = std::move(published);
}

IndexPtr Indexes::find(uint32_t id) const {
  const auto found = indexes_.find(id);
  return found == indexes_.end() ? nullptr : found->second;
}

VectorIndexSetPtr Indexes::published() const {
  std::lock_guard lock(mutex_);
  return set_;
}

bool Indexes::has(const VectorIndexImpl& index) const {
  std::lock_guard lock(mutex_);
  return set_->find(index.def().id) == &index;
}

void Indexes::give_up(VectorIndexImpl& index, const Error& why) {
  index.give_up();
  failed_.add();
  log_error("index does not serve", {{"index", index.def().name}, {"error", why.to_string()}});
}

}  // namespace sagitta::index
