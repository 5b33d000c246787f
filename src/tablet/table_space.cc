#include "sagitta/tablet/table_space.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "sagitta/index/builder.h"
#include "sagitta/index/indexes.h"
#include "sagitta/index/journal.h"
#include "sagitta/index/saver.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/rows/row_keys.h"
#include "sagitta/rows/row_writer.h"
#include "sagitta/rows/sweep_book.h"

namespace sagitta::tablet {
namespace {

using index::IndexPtr;
using kv::Family;
using kv::ReadMode;

constexpr std::string_view kServerClockKey = "table.server_clock";
/// A journal longer than this, and than its index twice, is given up with the snapshot: reading the
/// rows is faster.
constexpr uint64_t kJournalMax = 1'000'000;
/// A row of an indexed table as it is after the record.
struct RowUpdate {
  IndexPtr index;
  Bytes row_key;
  std::shared_ptr<const rows::LiveRow> now;
};

}  // namespace

struct TableSpace::Impl {
  Impl(kv::Store& s, Executor& workers, MemoryBudget& vectors, MetricsRegistry& metrics, const Clock& clock,
       const index::SnapshotPlace& place, const rows::SweepLimits& limits)
      : store(s),
        sweep_limits(limits),
        deletions_decoded(metrics.counter("sagitta_range_deletions_decoded_total",
                                          "Range deletions that writes had to look at in their partitions.")),
        journal(s),
        indexes(vectors, metrics, clock),
        saver({workers, vectors, metrics, clock, indexes, journal, commit}, place),
        builder({workers, metrics, indexes, journal, commit, saver, [this] { return view(0, ReadMode::kBlocking); }}) {}

  // ---- reading ----

  rows::ReadView view(int64_t now_s, ReadMode mode) {
    std::lock_guard lock(view_mutex);
    return {store, store.snapshot(), sweeps, now_s, mode};
  }

  void publish_sweeps() {
    std::lock_guard lock(view_mutex);
    sweeps = book.current();
  }

  // ---- indexes ----

  /// Brings the indexes up to the records whose batch was written.
  void follow() {
    std::lock_guard lock(commit.mutex);
    commit.next = time.offset + 1;
    bool incomplete = false;
    for (const IndexPtr& index : cleared) {
      if (index->state() == index::VectorIndex::State::kServing) {
        index->clear();
      } else if (index->has_given_up()) {
        indexes.drop(index->def().id);  // an empty one serves again
        incomplete = true;
      }  // else its builder reads it in the journal
    }
    for (const RowUpdate& update : updates) update_serving(update);
    if (incomplete || schema_changed) to_build = indexes.adopt(*schema);
  }

  void update_serving(const RowUpdate& update) {
    index::VectorIndexImpl& index = *update.index;
    if (index.state() != index::VectorIndex::State::kServing) return;
    Status status = index.update(update.row_key, update.now.get());
    if (!status && index.save_running) {
      index::Saver::end_save(index);
      status = index.update(update.row_key, update.now.get());
    }
    if (!status) return indexes.give_up(index, status.error());
    if (saver.claim(index)) to_save.push_back(update.index);
  }

  /// What the records have made due in the background.
  void begin_work() {
    for (const IndexPtr& index : std::exchange(to_build, {})) builder.begin(index);
    for (const IndexPtr& index : std::exchange(to_save, {})) saver.begin_save(index);
    if (schema_changed) saver.begin_removals(*schema);
  }

  // ---- applying ----

  void observe(const schema::TableDef& table, BytesView row_key, std::optional<rows::LiveRow> live, kv::Batch& batch) {
    const auto now = live ? std::make_shared<const rows::LiveRow>(*std::move(live)) : nullptr;
    for (const schema::IndexDef& def : table.indexes) {
      if (!index::is_vector_index(table, def)) continue;
      journal.add_row(def.id, row_key, batch);
      IndexPtr index = indexes.find(def.id);
      if (index == nullptr) continue;
      bound_journal(*index);
      updates.push_back({std::move(index), Bytes(row_key), now});
    }
  }

  void bound_journal(const index::VectorIndexImpl& index) {
    const uint64_t length = journal.length(index.def().id);
    if (length <= kJournalMax || index.is_building() || length <= 2 * index.stats().vectors) return;
    journal.trim_later(index.def().id, time.offset);
  }

  /// Of server-stamped writes the later in the log wins, whatever the writers' clocks said (log
  /// rule 4).
  Result<int64_t> server_timestamp(int64_t proposed) {
    if (!server_clock) {
      SAGITTA_TRY(const auto stored, store.get(Family::kMeta, kServerClockKey, ReadMode::kBlocking));
      server_clock = stored && stored->size() == 8 ? get_big<int64_t>(stored->data()) : INT64_MIN;
      before_record.server_clock = written_server_clock = server_clock;
    }
    server_clock = std::max(proposed, *server_clock == INT64_MIN ? proposed : *server_clock + 1);
    return *server_clock;
  }

  void begin_record(rows::ApplyTime begun, kv::Batch& batch) {
    time = begun;
    before_record = {updates.size(), server_clock};
    book.begin_record();
    journal.begin_record(time.offset, batch);
    batch.mark();
  }

  rows::RowWriter make_writer(kv::Batch& batch) {
    return {batch, book, sweep_limits, time,
            [&](const schema::TableDef& table, BytesView row_key, std::optional<rows::LiveRow> now) {
              observe(table, row_key, std::move(now), batch);
            }};
  }

  Status apply_each(const schema::Schema& current, std::span<rows::Mutation> mutations, rows::RowWriter& writer);

  void take_back(kv::Batch& batch) {
    batch.rollback();
    book.forget_record();
    updates.erase(updates.begin() + static_cast<std::ptrdiff_t>(before_record.updates), updates.end());
    server_clock = before_record.server_clock;
    cleared.clear();
    next_schema = nullptr;
  }

  void forget_batch() {
    updates.clear();
    cleared.clear();
    schema_changed = false;
  }

  kv::Store& store;
  const rows::SweepLimits sweep_limits;
  Counter& deletions_decoded;

  index::IndexJournal journal;
  index::CommitPoint commit;
  index::Indexes indexes;
  index::Saver saver;
  index::Builder builder;
  schema::SchemaPtr schema;
  std::vector<IndexPtr> to_build, to_save;

  /// What the records being applied do once their batch is written.
  std::vector<RowUpdate> updates;
  std::vector<IndexPtr> cleared;
  schema::SchemaPtr next_schema;
  bool schema_changed = false;
  rows::ApplyTime time;  ///< of the record
  std::optional<int64_t> server_clock;
  std::optional<int64_t> written_server_clock;
  /// What to go back to when the last record is refused.
  struct {
    size_t updates = 0;
    std::optional<int64_t> server_clock;
  } before_record;

  rows::SweepBook book;
  /// Guards `sweeps`, which belong to every snapshot that is taken while it is held.
  std::mutex view_mutex;
  rows::SweepsPtr sweeps;

  std::atomic<bool> stopping{false};
};

TableSpace::TableSpace(kv::Store& store, Executor& workers, MemoryBudget& vectors, MetricsRegistry& metrics,
                       const Clock& clock, const index::SnapshotPlace& snapshots, const rows::SweepLimits& sweeps)
    : impl_(std::make_unique<Impl>(store, workers, vectors, metrics, clock, snapshots, sweeps)) {}

TableSpace::~TableSpace() { stop(); }

Status TableSpace::start(const schema::SchemaPtr& schema, log::Offset next) {
  SAGITTA_CHECK(impl_->book.load(impl_->store));
  impl_->publish_sweeps();
  SAGITTA_CHECK(impl_->journal.start(index::index_ids(*schema), next));
  impl_->commit.next = next;
  impl_->schema = schema;
  impl_->saver.tidy(*schema);
  impl_->to_build = impl_->indexes.adopt(*schema);
  impl_->begin_work();
  return {};
}

Status TableSpace::apply_mutations(const schema::Schema& schema, std::vector<rows::Mutation> mutations,
                                   kv::Batch& batch) {
  rows::RowWriter writer = impl_->make_writer(batch);
  const Status applied = impl_->apply_each(schema, mutations, writer);
  impl_->deletions_decoded.add(static_cast<double>(writer.deletions_decoded()));
  return applied;
}

Status TableSpace::Impl::apply_each(const schema::Schema& current, std::span<rows::Mutation> mutations,
                                    rows::RowWriter& writer) {
  std::optional<int64_t> stamp;
  for (rows::Mutation& mutation : mutations) {
    const schema::TableDefPtr table = current.find_table(mutation.table_id);
    if (table == nullptr) return fail(ErrorCode::kInvalid, "the table was dropped meanwhile");
    // One for the whole record: the statements of a batch tie, as in Cassandra.
    if (mutation.server_timestamp && !stamp) {
      SAGITTA_TRY(stamp, server_timestamp(mutation.timestamp_us));
    }
    if (mutation.server_timestamp) mutation.timestamp_us = *stamp;
    SAGITTA_CHECK(writer.apply(*table, std::move(mutation)));
  }
  return {};
}

Status TableSpace::truncate(const schema::TableDef& table, kv::Batch& batch) {
  const auto [from, to] = rows::table_interval(table.id);
  SAGITTA_CHECK(impl_->make_writer(batch).remove_all(from, to));
  for (const schema::IndexDef& def : table.indexes) {
    if (index::is_vector_index(table, def)) impl_->journal.add_clear(def.id, batch);
    if (IndexPtr index = impl_->indexes.find(def.id)) impl_->cleared.push_back(std::move(index));
  }
  return {};
}

Status TableSpace::stamp(schema::SchemaChange& change) {
  auto* drop = std::get_if<schema::AlterTableDrop>(&change);
  if (drop == nullptr || !drop->server_timestamp) return {};
  SAGITTA_TRY(drop->timestamp_us, impl_->server_timestamp(drop->timestamp_us));
  return {};
}

Status TableSpace::change_schema(const schema::Schema& before, const schema::SchemaPtr& after, kv::Batch& batch) {
  rows::RowWriter writer = impl_->make_writer(batch);
  for (const auto& [name, keyspace] : before.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      if (after->find_table(table->id) != nullptr) continue;
      const auto [from, to] = rows::table_interval(table->id);
      SAGITTA_CHECK(writer.remove_all(from, to));
    }
  }
  const std::set<uint32_t> had = index::index_ids(before), has = index::index_ids(*after);
  for (uint32_t id : had) {
    if (!has.contains(id)) impl_->journal.drop(id, batch);
  }
  for (uint32_t id : has) {
    if (!had.contains(id)) impl_->journal.create(id, batch);
  }
  impl_->next_schema = after;
  return {};
}

Status TableSpace::sweep(const schema::Schema& schema, kv::Batch& batch) {
  if (!is_sweeping()) return {};
  const rows::Sweep oldest = impl_->book.current()->all().front();
  const schema::TableDefPtr table = schema.find_table(rows::table_of(oldest.from));
  return impl_->make_writer(batch).go_on(table.get(), oldest);
}

bool TableSpace::is_sweeping() const { return !impl_->book.current()->is_empty(); }

Status TableSpace::write(kv::Batch& batch) {
  if (!impl_->book.has_begun_one()) return impl_->store.write(batch);
  // A view of the new rows must have the deletion too. What a step has taken is the same with and
  // without it.
  std::lock_guard lock(impl_->view_mutex);
  SAGITTA_CHECK(impl_->store.write(batch));
  impl_->sweeps = impl_->book.current();
  impl_->book.written();
  return {};
}

rows::ReadView TableSpace::view(int64_t now_s, ReadMode mode) const { return impl_->view(now_s, mode); }

void TableSpace::committed() {
  impl_->book.written();
  if (impl_->next_schema != nullptr) {
    impl_->schema = std::move(impl_->next_schema);
    impl_->schema_changed = true;
  }
  impl_->journal.committed();
  impl_->follow();
  // A sweep is over to readers once the indexes have followed its last step.
  impl_->publish_sweeps();
  impl_->begin_work();
  impl_->forget_batch();
}

void TableSpace::begin(rows::ApplyTime time, kv::Batch& batch) { impl_->begin_record(time, batch); }

void TableSpace::take_back(kv::Batch& batch) { impl_->take_back(batch); }

void TableSpace::finish(kv::Batch& batch) {
  if (impl_->server_clock == impl_->written_server_clock) return;
  Bytes value;
  put_big<int64_t>(value, *impl_->server_clock);
  batch.put(Family::kMeta, kServerClockKey, value);
  impl_->written_server_clock = impl_->server_clock;
}

void TableSpace::set_replaying(bool replaying) {
  impl_->saver.set_enabled(!replaying);
  if (replaying) return;
  for (const auto& [id, index] : impl_->indexes.all()) {
    if (impl_->saver.claim(*index)) impl_->saver.begin_save(index);
  }
}

index::VectorIndexSetPtr TableSpace::indexes() const { return impl_->indexes.published(); }

bool TableSpace::ready() const { return impl_->builder.idle(); }

void TableSpace::stop(bool save) {
  if (impl_->stopping.exchange(true)) return;
  impl_->builder.stop();
  impl_->saver.stop();
  impl_->builder.wait();
  impl_->saver.wait();  // a build may have begun a save
  if (save) impl_->saver.save_all();
}

}  // namespace sagitta::tablet
