#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "sagitta/base/logging.h"
#include "sagitta/index/index_files.h"
#include "sagitta/index/journal.h"
#include "sagitta/index/vector_index_impl.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/rows/row_keys.h"
#include "sagitta/rows/row_writer.h"
#include "sagitta/rows/sweep_book.h"
#include "sagitta/tablet/apply.h"

namespace sagitta::tablet {
namespace {

using kv::Family;
using kv::ReadMode;
using IndexPtr = std::shared_ptr<index::VectorIndexImpl>;

constexpr std::string_view kServerClockKey = "table.server_clock";
/// A builder this close to the applier makes it wait for the rest.
constexpr size_t kCatchUpRows = 256;
/// A snapshot is due after so many changes, and not before they are this part of the vectors: so a
/// journal is never much longer than its index, and rewriting an index costs little beside filling
/// it.
constexpr uint64_t kChangedPart = 5;
/// A journal longer than this, and than its index twice, is given up with the snapshot: reading the
/// rows is faster.
constexpr uint64_t kJournalMax = 1'000'000;
/// A save looks this often, or about, whether it is to end.
constexpr std::chrono::milliseconds kCancelPoll{1};

/// A row of an indexed table as it is after the record.
struct RowUpdate {
  IndexPtr index;
  Bytes row_key;
  std::optional<rows::LiveRow> now;
};

/// A build's way so far.
struct BuildStart {
  bool from_snapshot = false;
  log::Offset next = 0;  ///< the index is complete to this
};

bool is_vector_index(const schema::TableDef& table, const schema::IndexDef& def) {
  const schema::ColumnDef* column = table.find_column(def.column_id);
  return column != nullptr && column->type->is_float_vector() && schema::is_vector_index_class(def.class_name);
}

/// Of vector indexes.
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

std::string snapshot_help() { return "Snapshots of vector indexes, by what became of them"; }

}  // namespace

struct TableSpace::Impl {
  Impl(kv::Store& s, Executor& w, MemoryBudget& v, MetricsRegistry& metrics, const Clock& c, const SnapshotPlace& place,
       const rows::SweepLimits& limits)
      : store(s),
        workers(w),
        vectors(v),
        clock(c),
        changes_min(place.changes_min),
        sweep_limits(limits),
        journal(s),
        building(
            metrics.gauge("sagitta_index_building", "Vector indexes that are being built; their queries scan rows.")),
        failed(
            metrics.counter("sagitta_index_failures_total",
                            "Vector indexes that stopped serving because memory was full; their queries scan rows.")),
        deletions_decoded(metrics.counter("sagitta_range_deletions_decoded_total",
                                          "Range deletions that writes had to look at in their partitions.")),
        saved(metrics.counter("sagitta_index_snapshot_total", snapshot_help(), {{"result", "saved"}})),
        not_saved(metrics.counter("sagitta_index_snapshot_total", snapshot_help(), {{"result", "not_saved"}})),
        loaded(metrics.counter("sagitta_index_snapshot_total", snapshot_help(), {{"result", "loaded"}})),
        not_loaded(metrics.counter("sagitta_index_snapshot_total", snapshot_help(), {{"result", "not_loaded"}})),
        save_seconds(
            metrics.histogram("sagitta_index_snapshot_save_seconds", "Time to save a vector index", latency_bounds())),
        load_seconds(metrics.histogram("sagitta_index_snapshot_load_seconds",
                                       "Time to load a vector index, without catching up", latency_bounds())) {
    if (place.files != nullptr) files.emplace(*place.files, place.directory);
  }

  // ---- reading ----

  /// Of expiring cells too.
  rows::ReadView view() { return view(0, ReadMode::kBlocking); }
  rows::ReadView view(int64_t now_s, ReadMode mode) {
    std::lock_guard lock(view_mutex);
    return {store, store.snapshot(), sweeps, now_s, mode};
  }

  void publish_sweeps() {
    std::lock_guard lock(view_mutex);
    sweeps = book.current();
  }

  // ---- building ----

  void begin_build(const IndexPtr& index) {
    {
      std::lock_guard lock(builds_mutex);
      ++builds;
      building.set(static_cast<double>(builds));
      waiting.push_back(index);
      if (std::exchange(builder_posted, true)) return;
    }
    post_builder();
  }

  /// One build at a time, each a piece of work of its own, apart from what reads and flushes wait
  /// for.
  void post_builder() {
    workers.post_long([this] {
      IndexPtr index;
      {
        std::lock_guard lock(builds_mutex);
        index = std::move(waiting.front());
        waiting.pop_front();
      }
      const Status built = stopping ? Status() : build(index);
      if (!built) {
        index->give_up();
        failed.add();
        log_error("index build failed", {{"index", index->def().name}, {"error", built.error().to_string()}});
      }
      bool more = false;
      {
        std::lock_guard lock(builds_mutex);
        more = builder_posted = !waiting.empty();
      }
      if (more) post_builder();
      // Last: with no build left, stop() may end this object's life.
      std::lock_guard lock(builds_mutex);
      --builds;
      building.set(static_cast<double>(builds));
      builds_changed.notify_all();
    });
  }

  /// A snapshot of the index, or rows as of now; then the journal of what changed since, the last
  /// of it while the applier waits.
  Status build(const IndexPtr& index) {
    BuildStart start;
    SAGITTA_TRY(start.from_snapshot, load(*index, start.next));
    if (!start.from_snapshot) {
      std::optional<rows::ReadView> rows;
      {
        std::lock_guard lock(commit_mutex);
        rows = view();
        start.next = committed_offset;
      }
      SAGITTA_CHECK(scan(*index, *rows));
    }
    size_t caught_up = 0;
    for (;;) {
      SAGITTA_TRY(const size_t rows, catch_up(*index, start.next));
      caught_up += rows;
      if (stopping || !wanted(*index)) return {};
      if (rows <= kCatchUpRows) break;
    }
    {
      std::lock_guard lock(commit_mutex);
      SAGITTA_TRY(const size_t rows, catch_up(*index, start.next));
      caught_up += rows;
      index->set_state(index::VectorIndex::State::kServing);
    }
    log_info("index serves", {{"index", index->def().name},
                              {"from", start.from_snapshot ? "snapshot" : "rows"},
                              {"caught_up", caught_up},
                              {"vectors", index->stats().vectors},
                              {"refused", index->stats().refused}});
    if (claim_save(*index)) begin_save(index);
    return {};
  }

  Status scan(index::VectorIndexImpl& index, const rows::ReadView& rows) {
    const auto cursor = rows.scan_tokens(*index.table());
    for (;;) {
      SAGITTA_TRY(const bool more, cursor->next());
      if (!more || stopping || !wanted(index)) return {};
      if (!cursor->row().is_static) SAGITTA_CHECK(index.update(cursor->row_key(), &cursor->row()));
    }
  }

  /// Brings the index up to the journal's end and moves `from` beyond it. Returns how many rows it
  /// took.
  Result<size_t> catch_up(index::VectorIndexImpl& index, log::Offset& from) {
    const rows::ReadView rows = view();
    SAGITTA_TRY(const index::IndexJournal::Changes changes, journal.read(index.def().id, from, rows.snapshot()));
    if (changes.cleared) index.clear();
    for (const Bytes& key : changes.rows) {
      SAGITTA_TRY(const auto row, rows.get_by_key(*index.table(), key));
      SAGITTA_CHECK(index.update(key, row ? &*row : nullptr));
    }
    from = changes.next;
    return changes.rows.size();
  }

  // ---- snapshots ----

  /// False when there is none that is of use, which is said unless there is none at all.
  Result<bool> load(index::VectorIndexImpl& index, log::Offset& complete_to) {
    if (!files) return false;
    SAGITTA_TRY(const auto journal_from, journal.complete_from(index.def().id));
    const int64_t began_us = clock.steady_us();
    const auto done = index.load(*files, journal_from.value_or(UINT64_MAX), vectors);
    if (done) {
      complete_to = *done;
      loaded.add();
      load_seconds.observe(static_cast<double>(clock.steady_us() - began_us) * 1e-6);
      return true;
    }
    if (done.error().code() == ErrorCode::kNotFound) return false;
    not_loaded.add();
    log_warn("index snapshot not used, rows are read instead",
             {{"index", index.def().name}, {"error", done.error().to_string()}});
    return false;
  }

  /// Whether the caller is to save the index now.
  bool claim_save(index::VectorIndexImpl& index) const {
    if (!files || stopping || replaying || index.state() != index::VectorIndex::State::kServing) return false;
    const uint64_t changed = index.changes() - std::max(index.tried_changes.load(), index.saved_changes.load());
    if (changed < changes_min || changed * kChangedPart < index.stats().vectors) return false;
    return !index.save_claimed.exchange(true);
  }

  void begin_save(const IndexPtr& index) {
    begin_file_work();
    workers.post_long([this, index] {
      if (!stopping) save(*index);
      index->save_claimed = false;
      end_file_work();
    });
  }

  void begin_due_saves() {
    for (const auto& [id, index] : indexes) {
      if (claim_save(*index)) begin_save(index);
    }
  }

  void begin_removal(uint32_t id) {
    begin_file_work();
    workers.post([this, id] {
      files->remove(id, std::nullopt);
      end_file_work();
    });
  }

  void begin_file_work() {
    std::lock_guard lock(builds_mutex);
    ++file_works;
  }
  void end_file_work() {
    std::lock_guard lock(builds_mutex);
    --file_works;
    builds_changed.notify_all();
  }

  void save(index::VectorIndexImpl& index) {
    const int64_t began_us = clock.steady_us();
    const Status done = try_save(index);
    if (done) {
      saved.add();
      save_seconds.observe(static_cast<double>(clock.steady_us() - began_us) * 1e-6);
      return;
    }
    not_saved.add();
    log_warn("index snapshot not saved, the one before stays",
             {{"index", index.def().name}, {"error", done.error().to_string()}});
  }

  Status try_save(index::VectorIndexImpl& index) {
    index::SnapshotHeader header{.index_id = index.def().id};
    SAGITTA_TRY(header.number, files->next_number(header.index_id));
    uint64_t changes = 0;
    ann::Pin pin;
    {
      std::lock_guard lock(commit_mutex);
      header.complete_to = committed_offset;
      changes = index.changes();
      pin = index.pin();
      index.save_running = true;
    }
    index.tried_changes = changes;
    const Status done = index.save(*files, header, index.cancel_save);
    pin = {};
    index.save_running = false;
    files->remove_unused(header.index_id);
    if (!done) return done;
    if (!wanted(index)) {
      files->remove(header.index_id, std::nullopt);
      return {};
    }
    index.saved_changes = changes;
    journal.trim_later(header.index_id, header.complete_to);
    log_info("index saved", {{"index", index.def().name}, {"offset", header.complete_to}});
    return {};
  }

  /// Ends a save under way. It keeps the memory of vectors that were erased meanwhile.
  void end_save(index::VectorIndexImpl& index) {
    index.cancel_save = true;
    while (index.save_running) std::this_thread::sleep_for(kCancelPoll);
    index.cancel_save = false;
  }

  /// With no build or save under way and nobody applying.
  void save_all() {
    if (!files) return;
    for (const auto& [id, index] : indexes) {
      const bool serves = index->state() == index::VectorIndex::State::kServing;
      if (serves && index->changes() != index->saved_changes) save(*index);
    }
    const Status trimmed = journal.write_trims();
    if (!trimmed) log_warn("index journal not trimmed", {{"error", trimmed.error().to_string()}});
  }

  /// Removes what is left of indexes that are gone. One that is still to come, by the log, keeps
  /// its files.
  void tidy_files() {
    if (!files) return;
    const std::set<uint32_t> ids = index_ids(*schema);
    files->tidy([&](uint32_t id) { return id >= schema->next_index_id || ids.contains(id); });
    for (uint32_t id : ids) files->remove_unused(id);
    with_files = ids;
  }

  bool wanted(const index::VectorIndexImpl& index) const {
    std::lock_guard lock(indexes_mutex);
    return set->find(index.def().id) == &index;
  }

  // ---- the set of indexes ----

  void publish(std::map<uint32_t, IndexPtr> next) {
    auto published = std::make_shared<index::VectorIndexSet>();
    for (const auto& [id, index] : next) published->indexes[id] = index;
    std::lock_guard lock(indexes_mutex);
    indexes = std::move(next);
    set = std::move(published);
  }

  /// Keeps the indexes that the schema still has, and makes those that are missing; `begin_builds`
  /// is to follow. One that cannot be made (memory is full) is tried again at the next change; its
  /// queries scan rows until then.
  void adopt() {
    std::map<uint32_t, IndexPtr> next;
    for (const auto& [name, keyspace] : schema->keyspaces) {
      for (const auto& [table_name, table] : keyspace->tables) {
        for (const schema::IndexDef& def : table->indexes) {
          const auto found = indexes.find(def.id);
          if (found != indexes.end()) {
            next[def.id] = found->second;
            continue;
          }
          if (!is_vector_index(*table, def)) continue;
          auto made = index::VectorIndexImpl::make(table, def, vectors, clock);
          if (!made) {
            failed.add();
            log_error("index not made", {{"index", def.name}, {"error", made.error().to_string()}});
            continue;
          }
          next[def.id] = *made;
          to_build.push_back(*made);
        }
      }
    }
    publish(std::move(next));
  }

  void begin_saves() {
    for (const IndexPtr& index : std::exchange(to_save, {})) begin_save(index);
    if (!schema_changed || !files) return;
    const auto has = index_ids(*schema);
    for (uint32_t id : std::exchange(with_files, has)) {
      if (!has.contains(id)) begin_removal(id);
    }
  }

  void begin_builds() {
    for (const IndexPtr& index : std::exchange(to_build, {})) begin_build(index);
  }

  /// Brings the indexes up to the records whose batch was written.
  void follow() {
    std::lock_guard lock(commit_mutex);
    committed_offset = time.offset + 1;
    bool incomplete = false;
    for (const IndexPtr& index : cleared) {
      if (index->state() == index::VectorIndex::State::kServing) {
        index->clear();
      } else if (index->has_given_up()) {
        indexes.erase(index->def().id);  // an empty one serves again
        incomplete = true;
      }  // else its builder reads it in the journal
    }
    for (const RowUpdate& update : updates) update_serving(update);
    if (!incomplete && !schema_changed) return;
    adopt();
  }

  void update_serving(const RowUpdate& update) {
    if (update.index->state() != index::VectorIndex::State::kServing) return;
    const rows::LiveRow* now = update.now ? &*update.now : nullptr;
    Status status = update.index->update(update.row_key, now);
    if (!status && update.index->save_running) {
      end_save(*update.index);
      status = update.index->update(update.row_key, now);
    }
    if (status) {
      if (claim_save(*update.index)) to_save.push_back(update.index);
      return;
    }
    // It lacks a row now: queries scan the rows from here on, which is slower and still right.
    update.index->give_up();
    failed.add();
    log_error("index stopped serving", {{"index", update.index->def().name}, {"error", status.error().to_string()}});
  }

  // ---- applying ----

  void observe(const schema::TableDef& table, BytesView row_key, const rows::LiveRow* now, kv::Batch& batch) {
    for (const schema::IndexDef& def : table.indexes) {
      if (!is_vector_index(table, def)) continue;
      journal.add_row(def.id, row_key, batch);
      const auto found = indexes.find(def.id);
      if (found == indexes.end()) continue;
      bound_journal(*found->second);
      updates.push_back({found->second, Bytes(row_key), now == nullptr ? std::nullopt : std::optional(*now)});
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
            [&](const schema::TableDef& table, BytesView row_key, const rows::LiveRow* now) {
              observe(table, row_key, now, batch);
            }};
  }

  Status apply_each(const schema::Schema& current, std::span<const rows::Mutation> mutations, rows::RowWriter& writer);

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
  Executor& workers;
  MemoryBudget& vectors;
  const Clock& clock;
  std::optional<const index::IndexFiles> files;
  const uint64_t changes_min;
  const rows::SweepLimits sweep_limits;
  index::IndexJournal journal;
  Gauge& building;
  Counter &failed, &deletions_decoded, &saved, &not_saved, &loaded, &not_loaded;
  Histogram &save_seconds, &load_seconds;

  mutable std::mutex indexes_mutex;  ///< guards both for readers; the applier alone writes
  std::map<uint32_t, IndexPtr> indexes;
  index::VectorIndexSetPtr set = std::make_shared<index::VectorIndexSet>();
  schema::SchemaPtr schema;
  std::vector<IndexPtr> to_build, to_save;
  std::set<uint32_t> with_files;  ///< indexes that may have snapshots

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

  /// Held while indexes follow a record, and by a builder for its last rows.
  std::mutex commit_mutex;
  log::Offset committed_offset = 0;  ///< the next one; guarded by commit_mutex

  std::mutex builds_mutex;
  std::condition_variable builds_changed;
  size_t builds = 0, file_works = 0;
  std::deque<IndexPtr> waiting;  ///< to be built
  bool builder_posted = false;
  std::atomic<bool> stopping{false}, replaying{false};
};

TableSpace::TableSpace(kv::Store& store, Executor& workers, MemoryBudget& vectors, MetricsRegistry& metrics,
                       const Clock& clock, const SnapshotPlace& snapshots, const rows::SweepLimits& sweeps)
    : impl_(std::make_unique<Impl>(store, workers, vectors, metrics, clock, snapshots, sweeps)) {}

TableSpace::~TableSpace() { stop(); }

Status TableSpace::start(const schema::SchemaPtr& schema, log::Offset next) {
  SAGITTA_CHECK(impl_->book.load(impl_->store));
  impl_->publish_sweeps();
  SAGITTA_CHECK(impl_->journal.start(index_ids(*schema), next));
  impl_->committed_offset = next;
  impl_->schema = schema;
  impl_->tidy_files();
  impl_->adopt();
  impl_->begin_builds();
  return {};
}

Status TableSpace::apply_mutations(const schema::Schema& schema, std::span<const rows::Mutation> mutations,
                                   kv::Batch& batch) {
  rows::RowWriter writer = impl_->make_writer(batch);
  const Status applied = impl_->apply_each(schema, mutations, writer);
  impl_->deletions_decoded.add(static_cast<double>(writer.deletions_decoded()));
  return applied;
}

Status TableSpace::Impl::apply_each(const schema::Schema& current, std::span<const rows::Mutation> mutations,
                                    rows::RowWriter& writer) {
  std::optional<int64_t> stamp;
  for (const rows::Mutation& mutation : mutations) {
    const schema::TableDefPtr table = current.find_table(mutation.table_id);
    if (table == nullptr) return fail(ErrorCode::kInvalid, "the table was dropped meanwhile");
    if (!mutation.server_timestamp) {
      SAGITTA_CHECK(writer.apply(*table, mutation));
      continue;
    }
    // One for the whole record: the statements of a batch tie, as in Cassandra.
    if (!stamp) {
      SAGITTA_TRY(stamp, server_timestamp(mutation.timestamp_us));
    }
    rows::Mutation stamped = mutation;
    stamped.timestamp_us = *stamp;
    SAGITTA_CHECK(writer.apply(*table, stamped));
  }
  return {};
}

Status TableSpace::truncate(const schema::TableDef& table, kv::Batch& batch) {
  const auto [from, to] = rows::table_interval(table.id);
  SAGITTA_CHECK(impl_->make_writer(batch).remove_all(from, to));
  for (const schema::IndexDef& def : table.indexes) {
    if (is_vector_index(table, def)) impl_->journal.add_clear(def.id, batch);
    const auto found = impl_->indexes.find(def.id);
    if (found != impl_->indexes.end()) impl_->cleared.push_back(found->second);
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
  const std::set<uint32_t> had = index_ids(before), has = index_ids(*after);
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
  impl_->begin_builds();
  impl_->begin_saves();
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
  impl_->replaying = replaying;
  if (!replaying) impl_->begin_due_saves();
}

index::VectorIndexSetPtr TableSpace::indexes() const {
  std::lock_guard lock(impl_->indexes_mutex);
  return impl_->set;
}

bool TableSpace::ready() const {
  std::lock_guard lock(impl_->builds_mutex);
  return impl_->builds == 0;
}

void TableSpace::stop(bool save) {
  {
    std::unique_lock lock(impl_->builds_mutex);
    if (impl_->stopping.exchange(true)) return;
  }
  for (const auto& [id, index] : impl_->indexes) impl_->end_save(*index);
  {
    std::unique_lock lock(impl_->builds_mutex);
    impl_->builds_changed.wait(lock, [this] { return impl_->builds == 0 && impl_->file_works == 0; });
  }
  if (save) impl_->save_all();
}

}  // namespace sagitta::tablet
