#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "sagitta/base/logging.h"
#include "sagitta/table/apply.h"
#include "sagitta/table/read_view.h"

#include "journal.h"
#include "row_writer.h"
#include "vector_index_impl.h"

namespace sagitta::table {
namespace {

using kv::Family;
using kv::ReadMode;
using IndexPtr = std::shared_ptr<VectorIndexImpl>;

constexpr std::string_view kServerClockKey = "table.server_clock";
/// A builder this close to the applier makes it wait for the rest.
constexpr size_t kCatchUpRows = 256;

/// A row of an indexed table as it is after the record.
struct RowUpdate {
  IndexPtr index;
  Bytes row_key;
  std::optional<LiveRow> now;
};

/// Every key of the table's rows begins with these bytes.
Bytes table_prefix(uint32_t table_id) {
  Bytes prefix;
  put_big<uint32_t>(prefix, table_id);
  return prefix;
}

bool is_vector_index(const TableDef& table, const IndexDef& def) {
  const ColumnDef* column = table.find_column(def.column_id);
  return column != nullptr && column->type->is_float_vector() && is_vector_index_class(def.class_name);
}

}  // namespace

struct TableSpace::Impl {
  Impl(kv::Store& s, Executor& w, MemoryBudget& v, MetricsRegistry& metrics)
      : store(s),
        workers(w),
        vectors(v),
        building(
            metrics.gauge("sagitta_index_building", "Vector indexes that are being built; their queries scan rows.")),
        failed(
            metrics.counter("sagitta_index_failures_total",
                            "Vector indexes that stopped serving because memory was full; their queries scan rows.")) {}

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

  /// One build at a time, each a piece of work of its own, apart from what reads and flushes wait for.
  void post_builder() {
    workers.post_long([this] {
      IndexPtr index;
      {
        std::lock_guard lock(builds_mutex);
        index = std::move(waiting.front());
        waiting.pop_front();
      }
      const Status built = stopping ? Status() : build(*index);
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

  /// Rows as of a snapshot, then the journal of what changed since, the last of it while the applier waits.
  Status build(VectorIndexImpl& index) {
    kv::SnapshotPtr snapshot;
    log::Offset next_offset;
    {
      std::lock_guard lock(commit_mutex);
      snapshot = store.snapshot();
      next_offset = committed_offset;
    }
    SAGITTA_CHECK(scan(index, snapshot));
    for (;;) {
      SAGITTA_TRY(const size_t rows, catch_up(index, next_offset));
      if (stopping || !wanted(index)) return {};
      if (rows <= kCatchUpRows) break;
    }
    std::lock_guard lock(commit_mutex);
    SAGITTA_CHECK(catch_up(index, next_offset));
    index.set_state(VectorIndex::State::kServing);
    log_info("index serves",
             {{"index", index.def().name}, {"vectors", index.stats().vectors}, {"refused", index.stats().refused}});
    return {};
  }

  Status scan(VectorIndexImpl& index, const kv::SnapshotPtr& snapshot) {
    const ReadView view(store, snapshot, 0, ReadMode::kBlocking);
    const auto cursor = view.scan_tokens(*index.table());
    for (;;) {
      SAGITTA_TRY(const bool more, cursor->next());
      if (!more || stopping || !wanted(index)) return {};
      if (!cursor->row().is_static) SAGITTA_CHECK(index.update(cursor->row_key(), &cursor->row()));
    }
  }

  /// Brings the index up to the journal's end and moves `from` beyond it. Returns how many rows it took.
  Result<size_t> catch_up(VectorIndexImpl& index, log::Offset& from) {
    std::set<Bytes> changed;
    const auto snapshot = store.snapshot();
    const auto it = store.iterate(Family::kJournal, journal_key(index.def().id, from),
                                  journal_key(index.def().id, UINT64_MAX), ReadMode::kBlocking, snapshot);
    log::Offset next = from;
    for (it->seek_to_first(); it->valid(); it->next()) {
      changed.emplace(it->value());
      next = journal_offset(it->key()) + 1;
    }
    SAGITTA_CHECK(it->status());
    const ReadView view(store, snapshot, 0, ReadMode::kBlocking);
    for (const Bytes& key : changed) {
      SAGITTA_TRY(const auto row, view.get_by_key(*index.table(), key));
      SAGITTA_CHECK(index.update(key, row ? &*row : nullptr));
    }
    from = next;
    return changed.size();
  }

  bool wanted(const VectorIndexImpl& index) const {
    std::lock_guard lock(indexes_mutex);
    return set->find(index.def().id) == &index;
  }

  // ---- the set of indexes ----

  void publish(std::map<uint32_t, IndexPtr> next) {
    auto published = std::make_shared<VectorIndexSet>();
    for (const auto& [id, index] : next) published->indexes[id] = index;
    std::lock_guard lock(indexes_mutex);
    indexes = std::move(next);
    set = std::move(published);
  }

  /// Keeps the indexes that the schema still has, and makes those that are missing; `begin_builds` is to follow. One
  /// that cannot be made (memory is full) is tried again at the next change; its queries scan rows until then.
  void adopt() {
    std::map<uint32_t, IndexPtr> next;
    for (const auto& [name, keyspace] : schema->keyspaces) {
      for (const auto& [table_name, table] : keyspace->tables) {
        for (const IndexDef& def : table->indexes) {
          const auto found = indexes.find(def.id);
          if (found != indexes.end()) {
            next[def.id] = found->second;
            continue;
          }
          if (!is_vector_index(*table, def)) continue;
          auto made = VectorIndexImpl::make(table, def, vectors);
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

  void begin_builds() {
    for (const IndexPtr& index : std::exchange(to_build, {})) begin_build(index);
  }

  /// Brings the indexes up to the record whose batch was written.
  void follow() {
    std::lock_guard lock(commit_mutex);
    committed_offset = record_offset + 1;
    bool incomplete = false;
    for (const IndexPtr& index : cleared) {
      index->clear();
      if (index->state() == VectorIndex::State::kServing) continue;
      // A build under way would bring back the rows of its snapshot: another index begins from the empty table.
      indexes.erase(index->def().id);
      incomplete = true;
    }
    for (const RowUpdate& update : updates) update_serving(update);
    if (!incomplete && !schema_changed) return;
    adopt();
  }

  void update_serving(const RowUpdate& update) {
    if (update.index->state() != VectorIndex::State::kServing) return;
    const Status status = update.index->update(update.row_key, update.now ? &*update.now : nullptr);
    if (status) return;
    // It lacks a row now: queries scan the rows from here on, which is slower and still right.
    update.index->give_up();
    failed.add();
    log_error("index stopped serving", {{"index", update.index->def().name}, {"error", status.error().to_string()}});
  }

  // ---- applying ----

  void journal(const IndexDef& def, BytesView row_key, ApplyTime time, kv::Batch& batch) {
    batch.put(Family::kJournal, journal_key(def.id, time.offset, journal_number++), row_key);
    journaled.insert(def.id);
  }

  void observe(const TableDef& table, BytesView row_key, const LiveRow* now, ApplyTime time, kv::Batch& batch) {
    for (const IndexDef& def : table.indexes) {
      const auto found = indexes.find(def.id);
      if (found == indexes.end()) continue;
      if (found->second->needs_journal()) journal(def, row_key, time, batch);
      updates.push_back({found->second, Bytes(row_key), now == nullptr ? std::nullopt : std::optional(*now)});
    }
  }

  /// Of server-stamped writes the later in the log wins, whatever the writers' clocks said (log rule 4).
  Result<int64_t> server_timestamp(int64_t proposed, kv::Batch& batch) {
    if (!server_clock) {
      SAGITTA_TRY(const auto stored, store.get(Family::kMeta, kServerClockKey, ReadMode::kBlocking));
      server_clock = stored && stored->size() == 8 ? get_big<int64_t>(stored->data()) : INT64_MIN;
    }
    const int64_t timestamp = std::max(proposed, *server_clock == INT64_MIN ? proposed : *server_clock + 1);
    server_clock = timestamp;
    Bytes value;
    put_big<int64_t>(value, timestamp);
    batch.put(Family::kMeta, kServerClockKey, value);
    return timestamp;
  }

  void forget_record() {
    updates.clear();
    cleared.clear();
    next_schema = nullptr;
    schema_changed = false;
  }

  /// Removes the entries of indexes whose build is over.
  void trim_journal(kv::Batch& batch) {
    journal_number = 0;
    std::erase_if(journaled, [&](uint32_t id) {
      const auto found = indexes.find(id);
      if (found != indexes.end() && found->second->needs_journal()) return false;
      batch.remove_range(Family::kJournal, journal_key(id, 0), journal_key(id, UINT64_MAX));
      return true;
    });
  }

  kv::Store& store;
  Executor& workers;
  MemoryBudget& vectors;
  Gauge& building;
  Counter& failed;

  mutable std::mutex indexes_mutex;  ///< guards both for readers; the applier alone writes
  std::map<uint32_t, IndexPtr> indexes;
  VectorIndexSetPtr set = std::make_shared<VectorIndexSet>();
  SchemaPtr schema;
  std::vector<IndexPtr> to_build;

  /// What the record being applied does once its batch is written.
  std::vector<RowUpdate> updates;
  std::vector<IndexPtr> cleared;
  SchemaPtr next_schema;
  bool schema_changed = false;
  log::Offset record_offset = 0;
  std::optional<int64_t> server_clock;
  uint32_t journal_number = 0;   ///< of the next entry of this record
  std::set<uint32_t> journaled;  ///< indexes that may have entries

  /// Held while indexes follow a record, and by a builder for its last rows.
  std::mutex commit_mutex;
  log::Offset committed_offset = 0;  ///< the next one; guarded by commit_mutex

  std::mutex builds_mutex;
  std::condition_variable builds_changed;
  size_t builds = 0;
  std::deque<IndexPtr> waiting;  ///< to be built
  bool builder_posted = false;
  std::atomic<bool> stopping{false};
};

TableSpace::TableSpace(kv::Store& store, Executor& workers, MemoryBudget& vectors, MetricsRegistry& metrics)
    : impl_(std::make_unique<Impl>(store, workers, vectors, metrics)) {}

TableSpace::~TableSpace() { stop(); }

Status TableSpace::start(const SchemaPtr& schema) {
  // Every index is built anew: what the journal holds is in the rows already.
  const auto batch = impl_->store.make_batch();
  batch->remove_range(Family::kJournal, journal_key(0, 0), journal_key(UINT32_MAX, UINT64_MAX));
  SAGITTA_CHECK(impl_->store.write(*batch));
  impl_->schema = schema;
  impl_->adopt();
  impl_->begin_builds();
  return {};
}

Status TableSpace::apply_mutations(const Schema& schema, std::span<const Mutation> mutations, ApplyTime time,
                                   kv::Batch& batch) {
  impl_->record_offset = time.offset;
  impl_->trim_journal(batch);
  RowWriter writer(impl_->store, batch, time, [&](const TableDef& table, BytesView row_key, const LiveRow* now) {
    impl_->observe(table, row_key, now, time, batch);
  });
  std::optional<int64_t> stamp;
  for (const Mutation& mutation : mutations) {
    const TableDefPtr table = schema.find_table(mutation.table_id);
    if (table == nullptr) return fail(ErrorCode::kInvalid, "the table was dropped meanwhile");
    if (!mutation.server_timestamp) {
      SAGITTA_CHECK(writer.apply(*table, mutation));
      continue;
    }
    // One for the whole record: the statements of a batch tie, as in Cassandra.
    if (!stamp) {
      SAGITTA_TRY(stamp, impl_->server_timestamp(mutation.timestamp_us, batch));
    }
    Mutation stamped = mutation;
    stamped.timestamp_us = *stamp;
    SAGITTA_CHECK(writer.apply(*table, stamped));
  }
  return {};
}

Status TableSpace::truncate(const TableDef& table, ApplyTime time, kv::Batch& batch) {
  impl_->record_offset = time.offset;
  batch.remove_range(Family::kRows, table_prefix(table.id), table_prefix(table.id + 1));
  for (const IndexDef& def : table.indexes) {
    const auto found = impl_->indexes.find(def.id);
    if (found != impl_->indexes.end()) impl_->cleared.push_back(found->second);
  }
  return {};
}

Status TableSpace::change_schema(const Schema& before, const SchemaPtr& after, ApplyTime time, kv::Batch& batch) {
  impl_->record_offset = time.offset;
  for (const auto& [name, keyspace] : before.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      const TableDefPtr now = after->find_table(table->id);
      if (now == nullptr) {
        batch.remove_range(Family::kRows, table_prefix(table->id), table_prefix(table->id + 1));
      }
      for (const IndexDef& def : table->indexes) {
        if (now != nullptr && now->find_index(def.id) != nullptr) continue;
        batch.remove_range(Family::kJournal, journal_key(def.id, 0), journal_key(def.id, UINT64_MAX));
      }
    }
  }
  impl_->next_schema = after;
  return {};
}

void TableSpace::committed() {
  if (impl_->next_schema != nullptr) {
    impl_->schema = std::move(impl_->next_schema);
    impl_->schema_changed = true;
  }
  impl_->follow();
  impl_->begin_builds();
  impl_->forget_record();
}

void TableSpace::aborted() {
  impl_->forget_record();
  impl_->server_clock.reset();  // what was dropped moved it
}

VectorIndexSetPtr TableSpace::indexes() const {
  std::lock_guard lock(impl_->indexes_mutex);
  return impl_->set;
}

bool TableSpace::ready() const {
  std::lock_guard lock(impl_->builds_mutex);
  return impl_->builds == 0;
}

void TableSpace::stop() {
  impl_->stopping = true;
  std::unique_lock lock(impl_->builds_mutex);
  impl_->builds_changed.wait(lock, [this] { return impl_->builds == 0; });
}

}  // namespace sagitta::table
