/// Applies records to rows; the indexes follow.
#include "sagitta/tablet/table_space.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <set>
#include <utility>

#include "sagitta/index/follower.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/rows/row_keys.h"
#include "sagitta/rows/row_writer.h"
#include "sagitta/rows/sweep_book.h"

namespace sagitta::tablet {
namespace {

using kv::Family;
using kv::ReadMode;

constexpr std::string_view kServerClockKey = "table.server_clock";

/// Entries whose postings one record may make.
constexpr size_t kBuiltAtOnce = 1024;

/// The rows that the write changes and has no condition on.
std::vector<rows::RowCondition> changed_besides(const rows::ConditionalWrite& write) {
  std::set<std::pair<bool, std::vector<Bytes>>> known;
  for (const rows::RowCondition& condition : write.conditions) {
    known.emplace(condition.is_static, condition.clustering);
  }
  std::vector<rows::RowCondition> changed;
  for (const rows::Mutation& mutation : write.mutations) {
    for (const rows::RowMutation& row : mutation.rows) {
      if (!known.emplace(row.is_static, row.clustering).second) continue;
      changed.push_back({.is_static = row.is_static, .clustering = row.clustering, .columns = {}});
    }
  }
  return changed;
}

}  // namespace

struct TableSpace::Impl {
  Impl(kv::Store& s, MetricsRegistry& metrics, index::SharedIndexes& indexes, log::Partition partition,
       const rows::SweepLimits& limits)
      : store(s),
        sweep_limits(limits),
        is_one_of_several(indexes.partitions() > 1),
        deletions_decoded(metrics.counter("sagitta_range_deletions_decoded_total",
                                          "Range deletions that writes had to look at in their partitions.")),
        follower({s, indexes, partition, [this](int64_t now_s) { return view(now_s, ReadMode::kBlocking); }}) {}

  // ---- reading ----

  rows::ReadView view(int64_t now_s, ReadMode mode) {
    std::lock_guard lock(view_mutex);
    return {store, store.snapshot(), sweeps, now_s, mode};
  }

  void publish_sweeps() {
    std::lock_guard lock(view_mutex);
    sweeps = book.current();
  }

  // ---- applying ----

  /// Of server-stamped writes the later in the log wins, whatever the writers' clocks said (log
  /// rule 4). Of several partitions each gives even ones: what has its timestamp before the log has
  /// an odd one, so the two never tie and mix in a row.
  Result<int64_t> server_timestamp(int64_t proposed) {
    SAGITTA_CHECK(load_server_clock());
    int64_t stamp_us = std::max(proposed, *server_clock == INT64_MIN ? proposed : *server_clock + 1);
    if (is_one_of_several) stamp_us += stamp_us & 1;
    server_clock = stamp_us;
    return stamp_us;
  }
  /// No later one is before it.
  Status follow_timestamp(int64_t given) {
    SAGITTA_CHECK(load_server_clock());
    server_clock = std::max(given, *server_clock);
    return {};
  }
  Status load_server_clock() {
    if (server_clock) return {};
    SAGITTA_TRY(const auto stored, store.get(Family::kMeta, kServerClockKey, ReadMode::kBlocking));
    server_clock = stored && stored->size() == 8 ? get_big<int64_t>(stored->data()) : INT64_MIN;
    clock_before_record = written_server_clock = server_clock;
    return {};
  }

  void begin_record(rows::ApplyTime begun, kv::Batch& batch) {
    time = begun;
    clock_before_record = server_clock;
    book.begin_record();
    follower.begin_record(time.offset, batch);
    batch.mark();
  }

  rows::RowWriter make_writer(kv::Batch& batch) {
    return {batch,
            book,
            sweep_limits,
            time,
            [&](const schema::TableDef& table, BytesView row_key, std::optional<rows::LiveRow> now) {
              follower.change_row(table, row_key, std::move(now), batch);
            },
            &follower.cells()};
  }
  Status build_some(const schema::Schema& schema, kv::Batch& batch);
  Result<int64_t> conditional_timestamp(int64_t proposed, int64_t newest_us);

  Status apply_each(const schema::Schema& current, std::span<rows::Mutation> mutations, rows::RowWriter& writer);

  void take_back(kv::Batch& batch) {
    batch.rollback();
    book.forget_record();
    follower.take_back();
    server_clock = clock_before_record;
  }

  kv::Store& store;
  const rows::SweepLimits sweep_limits;
  const bool is_one_of_several;
  Counter& deletions_decoded;

  rows::ApplyTime time;  ///< of the record
  std::optional<int64_t> server_clock;
  std::optional<int64_t> written_server_clock;
  std::optional<int64_t> clock_before_record;  ///< to go back to when it is refused
  std::atomic<int64_t> shown_server_clock{INT64_MIN};

  rows::SweepBook book;
  /// Guards `sweeps`, which belong to every snapshot that is taken while it is held.
  std::mutex view_mutex;
  rows::SweepsPtr sweeps;

  index::Follower follower;  ///< last: others read the view through it
};

TableSpace::TableSpace(kv::Store& store, MetricsRegistry& metrics, index::SharedIndexes& indexes,
                       log::Partition partition, const rows::SweepLimits& sweeps)
    : impl_(std::make_unique<Impl>(store, metrics, indexes, partition, sweeps)) {}

TableSpace::~TableSpace() = default;

Status TableSpace::start(const schema::SchemaPtr& schema, log::Offset next) {
  SAGITTA_CHECK(impl_->book.load(impl_->store));
  SAGITTA_CHECK(impl_->load_server_clock());
  impl_->shown_server_clock = *impl_->server_clock;
  impl_->publish_sweeps();
  return impl_->follower.start(schema, next);
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
    if (mutation.stamp == rows::Mutation::Stamp::kProposed && !stamp) {
      SAGITTA_TRY(stamp, server_timestamp(mutation.timestamp_us));
    }
    if (mutation.stamp == rows::Mutation::Stamp::kProposed) mutation.timestamp_us = *stamp;
    if (mutation.stamp == rows::Mutation::Stamp::kServer) SAGITTA_CHECK(follow_timestamp(mutation.timestamp_us));
    SAGITTA_CHECK(writer.apply(*table, std::move(mutation)));
  }
  return {};
}

/// Newer than all that its rows have, or an applied write would not be seen. The clock of the
/// partition stays: a client's timestamp does not move it.
Result<int64_t> TableSpace::Impl::conditional_timestamp(int64_t proposed, int64_t newest_us) {
  SAGITTA_TRY(int64_t stamp_us, server_timestamp(proposed));
  if (newest_us == std::numeric_limits<int64_t>::max()) {
    return fail(ErrorCode::kInvalid, "a row of the conditional update has the greatest timestamp that there is");
  }
  if (newest_us >= stamp_us) stamp_us = newest_us + 1;
  return stamp_us;
}

Result<rows::Decision> TableSpace::apply_conditional(const schema::Schema& schema, rows::ConditionalWrite write,
                                                     kv::Batch& batch) {
  const schema::TableDefPtr table = schema.find_table(write.table_id);
  if (table == nullptr) return fail(ErrorCode::kInvalid, "the table was dropped meanwhile");
  rows::RowWriter writer = impl_->make_writer(batch);
  rows::Decision decision{.applied = true, .rows = {}, .statics = {}};
  int64_t newest_us = rows::kNoTimestamp;
  for (const rows::RowCondition& condition : write.conditions) {
    SAGITTA_TRY(auto found, writer.read(*table, write.partition_key, condition));
    newest_us = std::max(newest_us, found.newest_us);
    decision.applied = decision.applied && rows::holds(*table, condition, found.row ? &*found.row : nullptr);
    if (!found.row) continue;
    condition.is_static ? void(decision.statics = std::move(found.row))
                        : decision.rows.push_back(*std::move(found.row));
  }
  if (!decision.applied) {
    // Of static columns alone, the answer shows that the partition has rows.
    const bool has_rows = std::ranges::any_of(write.conditions, [](const auto& one) { return !one.is_static; });
    if (has_rows) return decision;
    SAGITTA_TRY(auto first, writer.first_row(*table, write.partition_key));
    if (first) decision.rows.push_back(*std::move(first));
    return decision;
  }
  for (const rows::RowCondition& changed : changed_besides(write)) {
    SAGITTA_TRY(const auto found, writer.read(*table, write.partition_key, changed));
    newest_us = std::max(newest_us, found.newest_us);
  }
  const int64_t proposed = write.mutations.empty() ? 0 : write.mutations.front().timestamp_us;
  SAGITTA_TRY(const int64_t stamp_us, impl_->conditional_timestamp(proposed, newest_us));
  for (rows::Mutation& mutation : write.mutations) {
    // What the write deletes is older than what it sets.
    mutation.timestamp_us = rows::only_deletes(mutation) ? stamp_us - 1 : stamp_us;
    mutation.stamp = rows::Mutation::Stamp::kClient;
  }
  SAGITTA_CHECK(impl_->apply_each(schema, write.mutations, writer));
  return rows::Decision{.applied = true, .rows = {}, .statics = {}};
}

/// The postings of some rows that were there before their index.
Status TableSpace::Impl::build_some(const schema::Schema& schema, kv::Batch& batch) {
  const auto unbuilt = follower.postings().unbuilt();
  if (!unbuilt) return {};
  const auto [from, to] = rows::table_interval(unbuilt->table_id);
  const Bytes& begin = unbuilt->from.empty() ? from : unbuilt->from;
  SAGITTA_TRY(Bytes up_to,
              make_writer(batch).show_some(*schema.find_table(unbuilt->table_id), begin, to, kBuiltAtOnce));
  follower.postings().built(unbuilt->index_id, std::move(up_to));
  return {};
}

Status TableSpace::truncate(const schema::TableDef& table, kv::Batch& batch) {
  const auto [from, to] = rows::table_interval(table.id);
  SAGITTA_CHECK(impl_->make_writer(batch).remove_all(from, to));
  impl_->follower.truncate(table, batch);
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
  SAGITTA_CHECK(impl_->follower.change_schema(before, after, batch));
  return impl_->build_some(*after, batch);
}

Status TableSpace::step(const schema::Schema& schema, kv::Batch& batch) {
  if (impl_->book.current()->is_empty()) {
    return impl_->follower.is_numbering() ? impl_->follower.number_some(schema, batch)
                                          : impl_->build_some(schema, batch);
  }
  const rows::Sweep oldest = impl_->book.current()->all().front();
  const schema::TableDefPtr table = schema.find_table(rows::table_of(oldest.from));
  return impl_->make_writer(batch).go_on(table.get(), oldest);
}

bool TableSpace::has_steps() const {
  const index::Follower& follower = impl_->follower;
  return !impl_->book.current()->is_empty() || follower.is_numbering() || follower.postings().unbuilt();
}

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
  impl_->follower.committed();
  // A sweep is over to readers once the indexes have followed its last step.
  impl_->publish_sweeps();
  impl_->follower.begin_work();
}

void TableSpace::begin(rows::ApplyTime time, kv::Batch& batch) { impl_->begin_record(time, batch); }

void TableSpace::take_back(kv::Batch& batch) { impl_->take_back(batch); }

void TableSpace::finish(kv::Batch& batch) {
  impl_->follower.finish(impl_->time.log_time_us / 1'000'000, batch);
  if (impl_->server_clock == impl_->written_server_clock) return;
  Bytes value;
  put_big<int64_t>(value, *impl_->server_clock);
  batch.put(Family::kMeta, kServerClockKey, value);
  impl_->written_server_clock = impl_->server_clock;
  impl_->shown_server_clock = *impl_->server_clock;
}

int64_t TableSpace::server_clock_us() const { return impl_->shown_server_clock; }

void TableSpace::set_replaying(bool replaying) { impl_->follower.set_replaying(replaying); }

}  // namespace sagitta::tablet
