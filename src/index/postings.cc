/// Postings follow the rows of a log partition.
#include "sagitta/index/postings.h"

#include <algorithm>
#include <mutex>

#include "sagitta/index/kinds.h"
#include "sagitta/rows/posting.h"
#include "sagitta/rows/row_keys.h"
#include "sagitta/types/token.h"

namespace sagitta::index {
namespace {

using kv::Family;

/// Bytes of a posting, for estimates.
constexpr uint64_t kPostingBytes = 48;

/// Of more terms these stand for all in an estimate.
constexpr size_t kTermsEstimated = 32;

/// Of the rows of a log partition, which come in the order of their tokens: 1 for all of them.
double share_done(const Progress& progress, log::Partition partition, log::Partition partitions) {
  if (progress.complete) return 1;
  const auto parts = rows::split_key(progress.from);
  if (!parts) return 0;
  constexpr double kRing = 0x1p64;
  const auto behind =
      static_cast<double>(parts->token) - static_cast<double>(types::first_token_of(partition, partitions));
  return std::clamp(behind * partitions / kRing, 0.0, 0.999);
}

}  // namespace

// ---- shared ----

void SharedPostings::join(log::Partition partition, const kv::Store& store) {
  std::unique_lock lock(mutex_);
  stores_[partition] = &store;
}

void SharedPostings::leave(log::Partition partition) {
  std::unique_lock lock(mutex_);
  stores_[partition] = nullptr;
}

void SharedPostings::set_progress(uint32_t index_id, log::Partition partition, double share) {
  std::unique_lock lock(mutex_);
  progress_[index_id][partition] = share;
}

void SharedPostings::forget(uint32_t index_id, log::Partition partition) {
  std::unique_lock lock(mutex_);
  const auto found = progress_.find(index_id);
  if (found == progress_.end()) return;
  found->second.erase(partition);
  if (found->second.empty()) progress_.erase(found);
}

bool SharedPostings::is_complete(uint32_t index_id) const {
  std::shared_lock lock(mutex_);
  const auto found = progress_.find(index_id);
  return found != progress_.end() && found->second.size() == stores_.size() &&
         std::ranges::all_of(found->second, [](const auto& one) { return one.second == 1; });
}

double SharedPostings::progress(uint32_t index_id) const {
  std::shared_lock lock(mutex_);
  const auto found = progress_.find(index_id);
  if (found == progress_.end()) return 0;
  double sum = 0;
  for (const auto& [partition, share] : found->second) sum += share;
  return sum / static_cast<double>(stores_.size());
}

bool SharedPostings::is_building() const {
  std::shared_lock lock(mutex_);
  return std::ranges::any_of(progress_, [](const auto& index) {
    return std::ranges::any_of(index.second, [](const auto& one) { return one.second < 1; });
  });
}

uint64_t SharedPostings::estimate_bytes(uint32_t index_id, std::span<const types::Interval> terms) const {
  std::shared_lock lock(mutex_);
  const Bytes prefix = rows::posting_prefix(index_id);
  const auto looked_at = terms.first(std::min(terms.size(), kTermsEstimated));
  uint64_t bytes = 0;
  for (const kv::Store* store : stores_) {
    if (store == nullptr) continue;
    for (const types::Interval& interval : looked_at) {
      const Bytes to = interval.to.empty() ? types::after_prefix(prefix) : prefix + interval.to;
      bytes += store->estimate_bytes(Family::kPostings, prefix + interval.from, to);
    }
  }
  return looked_at.empty() ? 0 : bytes * terms.size() / looked_at.size();
}

uint64_t PostingIndex::bytes() const {
  const types::Interval everything;
  return shared_.estimate_bytes(def().id, std::span(&everything, 1));
}

double PostingIndex::share(std::span<const types::Interval> terms) const {
  const uint64_t all = bytes();
  if (all == 0) return 0;
  return std::min(1.0, static_cast<double>(shared_.estimate_bytes(def().id, terms)) / static_cast<double>(all));
}

uint64_t PostingIndex::rows(std::span<const types::Interval> terms) const {
  return shared_.estimate_bytes(def().id, terms) / kPostingBytes;
}

// ---- a partition ----

PostingFollower::PostingFollower(kv::Store& store, SharedPostings& shared, log::Partition partition)
    : store_(store), shared_(shared), partition_(partition) {
  shared_.join(partition_, store_);
}

PostingFollower::~PostingFollower() { shared_.leave(partition_); }

Status PostingFollower::start(const schema::Schema& schema) {
  adopt(schema);
  for (auto& [id, index] : state_.indexes) {
    SAGITTA_TRY(const auto stored, store_.get(Family::kMeta, posting_progress_key(id), kv::ReadMode::kBlocking));
    if (!stored) continue;
    auto progress = Progress::decode(*stored);
    if (!progress) return fail(ErrorCode::kCorruption, "how far an index is built cannot be read");
    index.progress = *std::move(progress);
  }
  changed_ = true;
  committed();
  return {};
}

/// Keeps what is known of indexes that stay; the others begin.
void PostingFollower::adopt(const schema::Schema& schema) {
  State next;
  for (const auto& [name, keyspace] : schema.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      for (const schema::IndexDef& def : table->indexes) {
        const DefinitionPtr definition = define(*table, def);
        if (definition == nullptr || definition->terms() == nullptr) continue;
        Table& of_table = next.tables[table->id];
        of_table.def = table;
        of_table.indexes.push_back({def.id, table->find_column(def.column_id), definition->terms()});
        const auto known = state_.indexes.find(def.id);
        next.indexes[def.id] = known != state_.indexes.end() ? known->second : Building{.table_id = table->id};
      }
    }
  }
  state_ = std::move(next);
}

// ---- a record ----

void PostingFollower::begin_record(kv::Batch& batch) {
  batch_ = &batch;
  before_record_.reset();
}

void PostingFollower::change() {
  if (!before_record_) before_record_ = state_;
  changed_ = true;
}

bool PostingFollower::wants(const schema::TableDef& table) const { return state_.tables.contains(table.id); }

void PostingFollower::begin_row(const schema::TableDef& table, BytesView row_key) {
  table_ = &state_.tables.at(table.id);
  row_key_ = row_key;
  before_.clear();
  after_.clear();
}

void PostingFollower::was(uint32_t column_id, BytesView path, const rows::Cell& cell) {
  Keys gone;
  add(column_id, path, cell, gone);
  // What the record itself has added was never stored.
  for (auto& [key, value] : gone) {
    if (after_.erase(key) == 0) before_[key] = std::move(value);
  }
}

void PostingFollower::is(uint32_t column_id, BytesView path, const rows::Cell& cell) {
  add(column_id, path, cell, after_);
}

void PostingFollower::existed(std::optional<int64_t> expires_s) { add_key_parts(expires_s, before_); }

void PostingFollower::exists(int64_t expires_s) { add_key_parts(expires_s, after_); }

void PostingFollower::add(uint32_t column_id, BytesView path, const rows::Cell& cell, Keys& keys) const {
  if (!cell.value) return;
  for (const Kept& index : table_->indexes) {
    if (index.column->id != column_id) continue;
    index.terms->of_cell(path, *cell.value, [&](const Bytes& term, BytesView own_path) {
      const rows::Posting posting{.term = term, .row_key = row_key_, .path = own_path, .expires_s = cell.expires_s};
      keys[rows::posting_key(index.id, posting)] = rows::posting_value(posting);
    });
  }
}

/// A static row has no clustering.
void PostingFollower::add_key_parts(std::optional<int64_t> expires_s, Keys& keys) const {
  for (const Kept& index : table_->indexes) {
    if (!index.column->is_key()) continue;
    const auto part = rows::key_part(*table_->def, row_key_, *index.column);
    const Bytes term = part ? index.terms->of(*part) : Bytes();
    if (term.empty()) continue;
    const rows::Posting posting{.term = term, .row_key = row_key_, .path = {}, .expires_s = expires_s.value_or(0)};
    keys[rows::posting_key(index.id, posting)] = expires_s ? rows::posting_value(posting) : Bytes();
  }
}

void PostingFollower::end_row() {
  for (const auto& [key, value] : before_) {
    if (!after_.contains(key)) batch_->remove(Family::kPostings, key);
  }
  for (const auto& [key, value] : after_) {
    const auto known = before_.find(key);
    if (known == before_.end() || known->second != value) batch_->put(Family::kPostings, key, value);
  }
}

void PostingFollower::truncate(const schema::TableDef& table) {
  const auto found = state_.tables.find(table.id);
  if (found == state_.tables.end()) return;
  for (const Kept& index : found->second.indexes) {
    const Bytes prefix = rows::posting_prefix(index.id);
    batch_->remove_range(Family::kPostings, prefix, types::after_prefix(prefix));
    change();
    state_.indexes[index.id] = {.table_id = table.id, .progress = {.complete = true}};
    put_progress(index.id);
  }
}

void PostingFollower::change_schema(const schema::Schema& after) {
  change();
  adopt(after);
  for (const auto& [id, index] : before_record_->indexes) {
    if (state_.indexes.contains(id)) continue;
    const Bytes prefix = rows::posting_prefix(id);
    batch_->remove_range(Family::kPostings, prefix, types::after_prefix(prefix));
    batch_->remove(Family::kMeta, posting_progress_key(id));
  }
  for (const auto& [id, index] : state_.indexes) {
    if (!before_record_->indexes.contains(id)) put_progress(id);
  }
}

void PostingFollower::put_progress(uint32_t index_id) {
  batch_->put(Family::kMeta, posting_progress_key(index_id), state_.indexes.at(index_id).progress.encode());
}

std::optional<PostingFollower::Unbuilt> PostingFollower::unbuilt() const {
  for (const auto& [id, index] : state_.indexes) {
    if (!index.progress.complete) return Unbuilt{id, index.table_id, index.progress.from};
  }
  return std::nullopt;
}

void PostingFollower::built(uint32_t index_id, Bytes up_to) {
  change();
  const bool complete = up_to.empty();
  state_.indexes.at(index_id).progress = {complete, std::move(up_to)};
  put_progress(index_id);
}

void PostingFollower::take_back() {
  if (before_record_) state_ = *std::exchange(before_record_, {});
}

void PostingFollower::committed() {
  if (!std::exchange(changed_, false)) return;
  for (const uint32_t id : std::exchange(told_, {})) {
    if (!state_.indexes.contains(id)) shared_.forget(id, partition_);
  }
  for (const auto& [id, index] : state_.indexes) {
    shared_.set_progress(id, partition_, share_done(index.progress, partition_, shared_.partitions()));
    told_.insert(id);
  }
}

}  // namespace sagitta::index
