/// The set of indexes, as the schema and memory have it.
#include "sagitta/index/indexes.h"

#include "sagitta/base/logging.h"
#include "sagitta/index/kinds.h"

namespace sagitta::index {

std::set<uint32_t> index_ids(const schema::Schema& schema) {
  std::set<uint32_t> ids;
  for (const auto& [name, keyspace] : schema.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      for (const schema::IndexDef& def : table->indexes) {
        if (define(*table, def) != nullptr) ids.insert(def.id);
      }
    }
  }
  return ids;
}

Indexes::Indexes(MemoryBudget& memory, MetricsRegistry& metrics, const Clock& clock, const RowMaps& rows)
    : memory_(memory),
      clock_(clock),
      rows_(rows),
      failed_(metrics.counter("sagitta_index_failures_total",
                              "Indexes that memory had no room for; their queries read rows.")) {}

std::vector<IndexPtr> Indexes::adopt(const schema::Schema& schema) {
  std::map<uint32_t, IndexPtr> next;
  std::vector<IndexPtr> made;
  tables_.clear();
  for (const auto& [name, keyspace] : schema.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      TableIndexes of_table{.table_id = table->id};
      for (const schema::IndexDef& def : table->indexes) {
        if (define(*table, def) == nullptr) continue;
        of_table.ids.push_back(def.id);
        of_table.columns.push_back(def.column_id);
        if (IndexPtr index = find_or_make(table, def, made)) {
          of_table.indexes.push_back(index);
          next[def.id] = std::move(index);
        }
      }
      if (!of_table.ids.empty()) tables_[table->id] = std::move(of_table);
    }
  }
  publish(std::move(next));
  return made;
}

IndexPtr Indexes::find_or_make(const schema::TableDefPtr& table, const schema::IndexDef& def,
                               std::vector<IndexPtr>& made) {
  const auto known = indexes_.find(def.id);
  if (known != indexes_.end()) return known->second;
  auto index = define(*table, def)->make(table, {memory_, clock_, rows_.find(table->id)});
  if (!index) {
    failed_.add();
    log_error("index not made", {{"index", def.name}, {"error", index.error().to_string()}});
    return nullptr;
  }
  return made.emplace_back(*std::move(index));
}

void Indexes::publish(std::map<uint32_t, IndexPtr> next) {
  auto published = std::make_shared<IndexSet>();
  for (const auto& [id, index] : next) published->indexes[id] = index;
  std::lock_guard lock(mutex_);
  indexes_ = std::move(next);
  set_ = std::move(published);
}

const TableIndexes* Indexes::of_table(uint32_t table_id) const {
  const auto found = tables_.find(table_id);
  return found == tables_.end() ? nullptr : &found->second;
}

IndexSetPtr Indexes::published() const {
  std::lock_guard lock(mutex_);
  return set_;
}

bool Indexes::has(const Index& index) const {
  std::lock_guard lock(mutex_);
  const ReaderPtr* found = set_->find(index.def().id);
  return found != nullptr && found->get() == &index;
}

void Indexes::give_up(Index& index, const Error& why) {
  index.set_state(Reader::State::kFull);
  failed_.add();
  log_error("index does not serve", {{"index", index.def().name}, {"error", why.to_string()}});
}

}  // namespace sagitta::index
