/// How indexes follow the rows.
#include "sagitta/index/follower.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <unordered_set>
#include <utility>

namespace sagitta::index {
namespace {

/// A journal longer than this, and than its index twice, is given up with the snapshot: reading the
/// rows is faster.
constexpr uint64_t kJournalMax = 1'000'000;
/// Expired values are looked for so often, and so many are taken out at once.
constexpr int64_t kExpiredEveryS = 1;
constexpr size_t kExpiredAtOnce = 1024;

/// A row without a value of an index is none to the indexes.
void drop_unless_indexed(const TableIndexes& indexes, std::optional<rows::LiveRow>& row) {
  const auto has_value = [&](uint32_t column) { return row->find(column) != nullptr; };
  if (row && std::ranges::none_of(indexes.columns, has_value)) row.reset();
}

}  // namespace

Follower::Follower(const Environment& environment, const SnapshotPlace& place)
    : env_(environment),
      journal_(env_.store),
      row_maps_(env_.store, env_.memory),
      indexes_(env_.memory, env_.metrics, env_.clock, row_maps_),
      saver_({env_.workers, env_.metrics, env_.clock, indexes_, journal_, commit_}, place),
      builder_({env_.workers, env_.metrics, indexes_, journal_, commit_, saver_, env_.view}) {}

Status Follower::start(const schema::SchemaPtr& schema, log::Offset next) {
  SAGITTA_CHECK(journal_.start(index_ids(*schema), next));
  commit_.next = next;
  schema_ = schema;
  saver_.tidy(*schema);
  SAGITTA_CHECK(row_maps_.load(*schema));
  adopt();
  begin_work();
  return {};
}

// ---- a record ----

void Follower::begin_record(log::Offset offset, kv::Batch& batch) {
  offset_ = offset;
  updates_before_ = updates_.size();
  journal_.begin_record(offset, batch);
}

void Follower::change_row(const schema::TableDef& table, BytesView row_key, std::optional<rows::LiveRow> now,
                          kv::Batch& batch) {
  const TableIndexes* of_table = indexes_.of_table(table.id);
  if (of_table == nullptr) return;
  for (const uint32_t id : of_table->ids) journal_.add_row(id, row_key, batch);
  for (const IndexPtr& index : of_table->indexes) bound_journal(*index);
  drop_unless_indexed(*of_table, now);
  updates_.push_back({.table_id = table.id, .row_key = Bytes(row_key), .now = std::move(now), .reserved = !replaying_});
}

void Follower::bound_journal(const Index& index) {
  const uint64_t length = journal_.length(index.def().id);
  if (length <= kJournalMax || index.state() == Reader::State::kBuilding || length <= 2 * index.stats().rows) return;
  journal_.trim_later(index.def().id, offset_);
}

void Follower::truncate(const schema::TableDef& table, kv::Batch& batch) {
  const TableIndexes* of_table = indexes_.of_table(table.id);
  if (of_table == nullptr) return;
  for (const uint32_t id : of_table->ids) journal_.add_clear(id, batch);
  truncated_ = of_table->indexes;
  row_maps_.truncate(table.id, batch);
}

Status Follower::change_schema(const schema::Schema& before, const schema::SchemaPtr& after, kv::Batch& batch) {
  const std::set<uint32_t> had = index_ids(before), has = index_ids(*after);
  for (const uint32_t id : had) {
    if (!has.contains(id)) journal_.drop(id, batch);
  }
  for (const uint32_t id : has) {
    if (!had.contains(id)) journal_.create(id, batch);
  }
  SAGITTA_CHECK(row_maps_.change_schema(*after, env_.view(0), batch));
  next_schema_ = after;
  return {};
}

Status Follower::number_some(const schema::Schema& schema, kv::Batch& batch) {
  return row_maps_.number_some(schema, env_.view(0), batch);
}

void Follower::take_back() {
  updates_.erase(updates_.begin() + static_cast<std::ptrdiff_t>(updates_before_), updates_.end());
  truncated_.clear();
  row_maps_.take_back();
  next_schema_ = nullptr;
}

// ---- the batch ----

// A row whose value has expired is as a row that was deleted; what is left of it goes when it is
// written, or compacted.
void Follower::take_expired(int64_t log_s) {
  if (log_s < expired_at_s_ + kExpiredEveryS) return;
  expired_at_s_ = log_s;
  std::vector<RowNumber> expired;
  std::vector<Update> updates;  // before those of the batch, which may write the same rows again
  for (const auto& [id, index] : indexes_.all()) {
    if (index->state() != Reader::State::kServing) continue;
    expired.clear();
    index->expired(log_s, kExpiredAtOnce, expired);
    const uint32_t table_id = index->table()->id;
    for (const RowNumber row : expired) {
      const BytesView key = index->rows()->key(row);
      auto now = env_.view(log_s).get_by_key(*index->table(), key);
      if (!now) continue;  // it is found again
      drop_unless_indexed(*indexes_.of_table(table_id), *now);
      updates.push_back({.table_id = table_id, .row_key = Bytes(key), .now = *std::move(now)});
    }
  }
  updates_.insert(updates_.begin(), std::make_move_iterator(updates.begin()), std::make_move_iterator(updates.end()));
}

/// Of several changes of a row the last is what the batch leaves.
void Follower::keep_last_updates() {
  if (updates_.size() < 2) return;
  std::unordered_set<BytesView> seen;
  std::vector<Update> last;
  for (Update& update : std::views::reverse(updates_)) {
    if (!seen.insert(update.row_key).second) continue;
    last.push_back(std::move(update));
  }
  std::ranges::reverse(last);
  updates_ = std::move(last);
}

/// Rows with a value of an index get numbers, the others lose theirs.
void Follower::finish(int64_t log_s, kv::Batch& batch) {
  take_expired(log_s);
  keep_last_updates();
  for (Update& update : updates_) {
    const RowMapPtr map = row_maps_.find(update.table_id);
    if (update.now) {
      update.row = row_maps_.add(update.table_id, update.row_key, update.reserved, batch).value_or(kNoRow);
    } else if (const auto known = map->find(update.row_key)) {
      update.row = *known;
      row_maps_.remove(update.table_id, *known, batch);
    }
  }
}

void Follower::committed() {
  if (next_schema_ != nullptr) {
    schema_ = std::move(next_schema_);
    schema_changed_ = true;
  }
  journal_.committed();
  std::lock_guard lock(commit_.mutex);
  commit_.next = offset_ + 1;
  const bool incomplete = clear_truncated();
  for (const Update& update : std::exchange(updates_, {})) show(update);
  row_maps_.committed();
  if (incomplete || schema_changed_) adopt();
}

/// Whether an index has to be made again.
bool Follower::clear_truncated() {
  bool incomplete = false;
  for (const IndexPtr& index : std::exchange(truncated_, {})) {
    if (index->state() == Reader::State::kServing) {
      index->clear();
    } else if (index->state() == Reader::State::kFull) {
      indexes_.drop(index->def().id);  // an empty one serves again
      incomplete = true;
    }  // else its builder reads it in the journal
  }
  return incomplete;
}

void Follower::show(const Update& update) {
  for (const IndexPtr& index : indexes_.of_table(update.table_id)->indexes) update_serving(index, update);
  if (!update.now && update.row != kNoRow) row_maps_.release(update.table_id, update.row);
}

void Follower::update_serving(const IndexPtr& index, const Update& update) {
  if (index->state() != Reader::State::kServing) return;
  if (update.row == kNoRow) {
    if (update.now) indexes_.give_up(*index, Error(ErrorCode::kOverloaded, "a row has no number: memory is full"));
    return;
  }
  const RowChange change{.row = update.row,
                         .key = update.row_key,
                         .now = update.now ? &*update.now : nullptr,
                         .reserved = update.reserved};
  Status status = index->update(change);
  if (!status && index->save_running) {
    Saver::end_save(*index);
    status = index->update(change);
  }
  if (!status) return indexes_.give_up(*index, status.error());
  if (saver_.claim(*index)) to_save_.push_back(index);
}

// ---- in the background ----

void Follower::adopt() {
  for (IndexPtr& index : indexes_.adopt(*schema_)) {
    const log::Offset needs = saver_.needs(*index);
    to_build_.push_back({std::move(index), needs});
  }
}

void Follower::begin_work() {
  std::erase_if(to_build_, [this](const Waiting& waiting) { return begin_build(waiting); });
  waits_to_build_ = !to_build_.empty();
  for (const IndexPtr& index : std::exchange(to_save_, {})) saver_.begin_save(index);
  if (std::exchange(schema_changed_, false)) saver_.begin_removals(*schema_);
}

/// False when it has to wait.
bool Follower::begin_build(const Waiting& waiting) {
  if (!indexes_.has(*waiting.index)) return true;
  if (waiting.needs > commit_.next || !row_maps_.is_complete(waiting.index->table()->id)) return false;
  builder_.begin(waiting.index);
  return true;
}

void Follower::set_replaying(bool replaying) {
  replaying_ = replaying;
  saver_.set_enabled(!replaying);
  if (replaying) return;
  // What is ahead of the log stays ahead of it: rows are read in its place.
  for (Waiting& waiting : to_build_) waiting.needs = 0;
  begin_work();
  for (const auto& [id, index] : indexes_.all()) {
    if (saver_.claim(*index)) saver_.begin_save(index);
  }
}

void Follower::stop(bool save) {
  builder_.stop();
  saver_.stop();
  builder_.wait();
  saver_.wait();  // a build may have begun a save
  if (save) saver_.save_all();
}

}  // namespace sagitta::index
