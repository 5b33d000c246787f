/// When the indexes that several log partitions share begin, are built and go.
#include "sagitta/index/shared_indexes.h"

#include <algorithm>
#include <utility>

#include "sagitta/base/assert.h"

namespace sagitta::index {

SharedIndexes::SharedIndexes(const Environment& environment, const SnapshotPlace& place, log::Partition partitions)
    : env_(environment),
      sources_(partitions),
      row_maps_(env_.memory, partitions),
      postings_(partitions),
      indexes_(env_.memory, env_.metrics, env_.clock, row_maps_, postings_, partitions),
      saver_({env_.workers, env_.metrics, env_.clock, indexes_, sources_}, place),
      builder_({env_.workers, env_.metrics, indexes_, sources_, saver_}),
      crossed_(partitions) {}

SharedIndexes::~SharedIndexes() { stop(false); }

void SharedIndexes::stop(bool save) {
  if (stopped_.exchange(true)) return;
  builder_.stop();
  saver_.stop();
  builder_.wait();
  saver_.wait();  // a build may have begun a save
  if (save && begun_) saver_.save_all();
}

// ---- partitions ----

void SharedIndexes::join(log::Partition partition, RowSource& source) {
  std::lock_guard lock(mutex_);
  SAGITTA_ASSERT(partition < sources_.size() && sources_[partition] == nullptr);
  sources_[partition] = &source;
}

void SharedIndexes::leave(log::Partition partition) {
  stop(false);
  std::lock_guard lock(mutex_);
  sources_[partition] = nullptr;
}

const schema::Schema& SharedIndexes::newest() const {
  return *std::ranges::max_element(crossed_, {}, [](const Crossed& one) { return one.schema->version; })->schema;
}

void SharedIndexes::adopt(log::Partition partition, const schema::SchemaPtr& schema) {
  std::lock_guard lock(mutex_);
  crossed_[partition] = {schema, index_ids(*schema)};
  const auto has_started = [](const Crossed& one) { return one.schema != nullptr; };
  if (!begun_ && !std::ranges::all_of(crossed_, has_started)) return;
  if (!std::exchange(begun_, true)) saver_.tidy(newest());
  for (IndexPtr& index : indexes_.adopt(newest())) {
    Positions needs = saver_.needs(*index);
    for (const log::Partition p : replayed_) needs[p] = 0;
    to_build_.push_back({std::move(index), std::move(needs)});
  }
  waits_to_build_ = !to_build_.empty() || beginning_ != 0;
}

// ---- in the background ----

void SharedIndexes::begin_work(bool schema_changed) {
  begin_builds();
  if (!schema_changed) return;
  std::lock_guard lock(mutex_);
  if (begun_) saver_.begin_removals(newest());
}

/// The builder may go on in this thread: it is called without a lock.
void SharedIndexes::begin_builds() {
  if (!waits_to_build_) return;
  std::vector<IndexPtr> due;
  {
    std::lock_guard lock(mutex_);
    if (!begun_) return;
    std::erase_if(to_build_, [&](const Waiting& waiting) {
      const bool is_wanted = indexes_.has(*waiting.index);
      if (is_wanted && !can_build(waiting)) return false;
      if (is_wanted) due.push_back(waiting.index);
      return true;
    });
    beginning_ += due.size();
  }
  for (const IndexPtr& index : due) builder_.begin(index);
  std::lock_guard lock(mutex_);
  beginning_ -= due.size();
  waits_to_build_ = !to_build_.empty() || beginning_ != 0;
}

bool SharedIndexes::can_build(const Waiting& waiting) const {
  const uint32_t id = waiting.index->def().id;
  for (size_t p = 0; p < sources_.size(); ++p) {
    if (waiting.needs[p] > sources_[p]->commit.next || !crossed_[p].index_ids.contains(id)) return false;
  }
  return row_maps_.is_complete(waiting.index->table()->id);
}

void SharedIndexes::set_replaying(log::Partition partition, bool replaying) {
  {
    std::lock_guard lock(mutex_);
    if (replaying) {
      replaying_.insert(partition);
    } else {
      replaying_.erase(partition);
      replayed_.insert(partition);
      // What is ahead of the log stays ahead of it: rows are read in its place.
      for (Waiting& waiting : to_build_) waiting.needs[partition] = 0;
    }
    saver_.set_enabled(replaying_.empty());
  }
  if (replaying) return;
  begin_builds();
  const IndexMapPtr indexes = indexes_.all();
  for (const auto& [id, index] : *indexes) {
    if (saver_.claim(*index)) saver_.begin_save(index);
  }
}

}  // namespace sagitta::index
