/// The set of indexes, as the schema and memory have it.
#include "sagitta/index/indexes.h"

#include <algorithm>

#include "sagitta/base/logging.h"
#include "sagitta/index/kinds.h"

namespace sagitta::index {

std::set<uint32_t> index_ids(const schema::Schema& schema) {
  std::set<uint32_t> ids;
  for (const auto& [table_id, table] : indexed_tables(schema)) ids.insert(table.ids.begin(), table.ids.end());
  return ids;
}

TableIndexes indexes_in_memory(const schema::TableDef& table) {
  TableIndexes found{.table_id = table.id, .ids = {}, .columns = {}};
  for (const schema::IndexDef& def : table.indexes) {
    const DefinitionPtr definition = define(table, def);
    if (definition == nullptr || definition->terms() != nullptr) continue;
    found.ids.push_back(def.id);
    found.columns.push_back(def.column_id);
  }
  return found;
}

std::map<uint32_t, TableIndexes> indexed_tables(const schema::Schema& schema) {
  std::map<uint32_t, TableIndexes> tables;
  for (const auto& [name, keyspace] : schema.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      TableIndexes indexes = indexes_in_memory(*table);
      if (!indexes.ids.empty()) tables[table->id] = std::move(indexes);
    }
  }
  return tables;
}

Indexes::Indexes(MemoryBudget& memory, MetricsRegistry& metrics, const Clock& clock, const SharedRowMaps& rows,
                 const SharedPostings& postings, log::Partition partitions)
    : memory_(memory),
      clock_(clock),
      rows_(rows),
      postings_(postings),
      partitions_(partitions),
      failed_(metrics.counter("sagitta_index_failures_total",
                              "Indexes that memory had no room for; their queries read rows.")) {}

std::vector<IndexPtr> Indexes::adopt(const schema::Schema& schema) {
  IndexMap next;
  std::vector<IndexPtr> made;
  for (const auto& [id, of_table] : indexed_tables(schema)) {
    const schema::TableDefPtr table = schema.find_table(id);
    for (const schema::IndexDef& def : table->indexes) {
      if (std::ranges::find(of_table.ids, def.id) == of_table.ids.end()) continue;
      if (IndexPtr index = find_or_make(table, def, made)) next[def.id] = std::move(index);
    }
  }
  publish(std::move(next), posting_indexes(schema));
  return made;
}

PostingIndexes Indexes::posting_indexes(const schema::Schema& schema) const {
  PostingIndexes found;
  for (const auto& [name, keyspace] : schema.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      for (const schema::IndexDef& def : table->indexes) {
        DefinitionPtr definition = define(*table, def);
        if (definition == nullptr || definition->terms() == nullptr) continue;
        found[def.id] = std::make_shared<PostingIndex>(std::move(definition), postings_);
      }
    }
  }
  return found;
}

IndexPtr Indexes::find_or_make(const schema::TableDefPtr& table, const schema::IndexDef& def,
                               std::vector<IndexPtr>& made) {
  const IndexMapPtr before = all();
  const auto known = before->find(def.id);
  if (known != before->end()) return known->second;
  auto index = define(*table, def)->make(table, {memory_, clock_, rows_.find(table->id)});
  if (!index) {
    failed_.add();
    log_error("index not made", {{"index", def.name}, {"error", index.error().to_string()}});
    return nullptr;
  }
  return made.emplace_back(*std::move(index));
}

void Indexes::publish(IndexMap next, PostingIndexes postings) {
  auto published = std::make_shared<IndexSet>();
  published->postings = std::move(postings);
  for (const auto& [id, index] : next) published->indexes[id] = index;
  std::lock_guard lock(mutex_);
  for (const auto& [id, index] : *indexes_) {
    if (partitions_ > 1 && !next.contains(id)) index->set_state(Reader::State::kBuilding);
  }
  indexes_ = std::make_shared<IndexMap>(std::move(next));
  set_ = std::move(published);
}

void Indexes::drop(const Index& index) {
  std::lock_guard lock(mutex_);
  IndexMap next = *indexes_;
  const auto found = next.find(index.def().id);
  if (found == next.end() || found->second.get() != &index) return;
  next.erase(found);
  indexes_ = std::make_shared<IndexMap>(std::move(next));
}

IndexMapPtr Indexes::all() const {
  std::lock_guard lock(mutex_);
  return indexes_;
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
