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

Follower::Follower(const Environment& environment)
    : env_(environment),
      journal_(env_.store),
      source_{env_.view, journal_, commit_},
      row_maps_(env_.store, env_.shared.row_maps(), env_.partition),
      postings_(env_.store, env_.shared.postings(), env_.partition) {
  env_.shared.join(env_.partition, source_);
}

Follower::~Follower() { env_.shared.leave(env_.partition); }

Status Follower::start(const schema::SchemaPtr& schema, log::Offset next) {
  SAGITTA_CHECK(journal_.start(index_ids(*schema), next));
  commit_.next = next;
  schema_ = schema;
  tables_ = indexed_tables(*schema);
  SAGITTA_CHECK(row_maps_.load(*schema));
  SAGITTA_CHECK(postings_.start(*schema));
  env_.shared.adopt(env_.partition, schema);
  env_.shared.begin_work(false);
  return {};
}

const TableIndexes* Follower::of_table(uint32_t table_id) const {
  const auto found = tables_.find(table_id);
  return found == tables_.end() ? nullptr : &found->second;
}

const IndexMap& Follower::indexes() {
  if (indexes_ == nullptr) indexes_ = env_.shared.indexes().all();
  return *indexes_;
}

// ---- a record ----

void Follower::begin_record(log::Offset offset, kv::Batch& batch) {
  offset_ = offset;
  updates_before_ = updates_.size();
  journal_.begin_record(offset, batch);
  postings_.begin_record(batch);
}

void Follower::change_row(const schema::TableDef& table, BytesView row_key, std::optional<rows::LiveRow> now,
                          kv::Batch& batch) {
  const TableIndexes* indexed = of_table(table.id);
  if (indexed == nullptr) return;
  for (const uint32_t id : indexed->ids) {
    journal_.add_row(id, row_key, batch);
    bound_journal(id);
  }
  drop_unless_indexed(*indexed, now);
  updates_.push_back({.table_id = table.id, .row_key = Bytes(row_key), .now = std::move(now), .reserved = !replaying_});
}

void Follower::bound_journal(uint32_t index_id) {
  const uint64_t length = journal_.length(index_id);
  if (length <= kJournalMax) return;
  const auto index = indexes().find(index_id);
  if (index == indexes().end() || index->second->state() == Reader::State::kBuilding) return;
  if (length > 2 * index->second->stats().rows) journal_.trim_later(index_id, offset_);
}

void Follower::truncate(const schema::TableDef& table, kv::Batch& batch) {
  postings_.truncate(table);
  const TableIndexes* indexed = of_table(table.id);
  if (indexed == nullptr) return;
  for (const uint32_t id : indexed->ids) journal_.add_clear(id, batch);
  truncated_ = table.id;
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
  SAGITTA_CHECK(row_maps_.change_schema(before, *after, env_.view(0), batch));
  postings_.change_schema(*after);
  next_schema_ = after;
  return {};
}

Status Follower::number_some(const schema::Schema& schema, kv::Batch& batch) {
  return row_maps_.number_some(schema, env_.view(0), batch);
}

void Follower::take_back() {
  updates_.erase(updates_.begin() + static_cast<std::ptrdiff_t>(updates_before_), updates_.end());
  truncated_.reset();
  row_maps_.take_back();
  postings_.take_back();
  next_schema_ = nullptr;
}

// ---- the batch ----

// A row whose value has expired is as a row that was deleted; what is left of it goes when it is
// written, or compacted. An index looks through all its vectors for them: the partitions take
// turns.
void Follower::take_expired(int64_t log_s) {
  if (log_s < expired_at_s_ + kExpiredEveryS * env_.shared.partitions()) return;
  expired_at_s_ = log_s;
  std::vector<Update> updates;  // before those of the batch, which may write the same rows again
  for (const auto& [id, index] : indexes()) {
    const bool is_cleared = truncated_ == index->table()->id;
    if (index->state() == Reader::State::kServing && !is_cleared) take_expired(*index, log_s, updates);
  }
  updates_.insert(updates_.begin(), std::make_move_iterator(updates.begin()), std::make_move_iterator(updates.end()));
}

void Follower::take_expired(const Index& index, int64_t log_s, std::vector<Update>& updates) {
  const bool shared = env_.shared.partitions() > 1;
  const RowMap& map = *index.rows();
  std::vector<RowNumber> expired;
  // Others' rows may be first, and stay for as long as their partitions have no records.
  index.expired(log_s, shared ? SIZE_MAX : kExpiredAtOnce, expired);
  if (shared) std::erase_if(expired, [&](RowNumber row) { return map.owner(row) != env_.partition; });
  if (expired.size() > kExpiredAtOnce) expired.resize(kExpiredAtOnce);
  const uint32_t table_id = index.table()->id;
  for (const RowNumber row : expired) {
    const BytesView key = map.key(row);
    auto now = env_.view(log_s).get_by_key(*index.table(), key);
    if (!now) continue;  // it is found again
    drop_unless_indexed(*of_table(table_id), *now);
    updates.push_back({.table_id = table_id, .row_key = Bytes(key), .now = *std::move(now)});
  }
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

/// What leaves its row map is in no published index any more.
void Follower::committed() {
  journal_.committed();
  postings_.committed();
  std::lock_guard lock(commit_.mutex);
  commit_.next = offset_ + 1;
  indexes_ = nullptr;  // one that serves by now was not there, perhaps
  const bool incomplete = clear_truncated();
  for (const Update& update : std::exchange(updates_, {})) show(update);
  if (next_schema_ != nullptr) {
    schema_ = std::move(next_schema_);
    tables_ = indexed_tables(*schema_);
    schema_changed_ = true;
  }
  if (incomplete || schema_changed_) env_.shared.adopt(env_.partition, schema_);
  row_maps_.committed();
  indexes_ = nullptr;
}

/// Whether an index has to be made again.
bool Follower::clear_truncated() {
  if (!truncated_) return false;
  bool incomplete = false;
  for (const uint32_t id : of_table(*std::exchange(truncated_, {}))->ids) {
    const auto found = indexes().find(id);
    if (found == indexes().end()) continue;
    Index& index = *found->second;
    if (index.state() == Reader::State::kServing) {
      if (const Status cleared = index.clear(env_.partition); !cleared) {
        env_.shared.indexes().give_up(index, cleared.error());
      }
    } else if (index.state() == Reader::State::kFull) {
      env_.shared.indexes().drop(index);  // an empty one serves again
      incomplete = true;
    }  // else its builder reads it in the journal
  }
  return incomplete;
}

void Follower::show(const Update& update) {
  for (const uint32_t id : of_table(update.table_id)->ids) {
    const auto index = indexes().find(id);
    if (index != indexes().end()) update_serving(index->second, update);
  }
  if (!update.now && update.row != kNoRow) row_maps_.release(update.table_id, update.row);
}

void Follower::update_serving(const IndexPtr& index, const Update& update) {
  if (index->state() != Reader::State::kServing) return;
  Indexes& shared = env_.shared.indexes();
  if (update.row == kNoRow) {
    if (update.now) shared.give_up(*index, Error(ErrorCode::kOverloaded, "a row has no number: memory is full"));
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
  if (!status) return shared.give_up(*index, status.error());
  if (env_.shared.saver().claim(*index)) to_save_.push_back(index);
}

// ---- in the background ----

void Follower::begin_work() {
  for (const IndexPtr& index : std::exchange(to_save_, {})) env_.shared.begin_save(index);
  env_.shared.begin_work(std::exchange(schema_changed_, false));
}

void Follower::set_replaying(bool replaying) {
  replaying_ = replaying;
  env_.shared.set_replaying(env_.partition, replaying);
}

}  // namespace sagitta::index
