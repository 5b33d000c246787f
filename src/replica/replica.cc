#include "sagitta/replica/replica.h"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "sagitta/base/assert.h"
#include "sagitta/base/listeners.h"
#include "sagitta/base/logging.h"
#include "sagitta/replica/records.h"
#include "sagitta/tablet/apply.h"

#include "request_memory.h"
#include "waiters.h"

namespace sagitta::replica {
namespace {

using kv::Family;
using log::Entry;
using log::Offset;
using log::RecordKind;

constexpr std::string_view kPositionKey = "replica.position";
constexpr std::string_view kSchemaKey = "replica.schema";
constexpr size_t kReadBytes = size_t{4} << 20;
constexpr int64_t kReadWaitUs = 100'000;
/// A replay that takes longer says how far it is, and then as often.
constexpr int64_t kReplaySayUs = 2'000'000;

/// An error of the surroundings, not of the record: skipping the record would lose it, so the
/// replica halts (log rule 9).
bool is_environmental(ErrorCode code) {
  return code == ErrorCode::kIo || code == ErrorCode::kNoSpace || code == ErrorCode::kCorruption ||
         code == ErrorCode::kFormat || code == ErrorCode::kServer;
}

/// For a record that went to the log and was not applied here: the next start may find it there and
/// apply it.
Error open_outcome(const Error& halted) {
  return {ErrorCode::kWriteTimeout, halted.message() + "; the write may still take effect"};
}

/// Ids that this process made for records whose caller gave none. They have no UUID version; nobody
/// can repeat them, so they are not remembered.
class LocalIds {
 public:
  explicit LocalIds(int64_t seed) : seed_(static_cast<uint64_t>(seed)) {}
  Uuid next() {
    Bytes bytes;
    put_big<uint32_t>(bytes, static_cast<uint32_t>(seed_));
    put_big<uint32_t>(bytes, 0);
    put_big<uint64_t>(bytes, ++count_);
    return *Uuid::from_bytes(bytes);
  }
  static bool is_local(const Uuid& id) { return id.version() == 0; }

 private:
  const uint64_t seed_;
  std::atomic<uint64_t> count_{0};
};

class LogReplica final : public Replica {
 public:
  LogReplica(const Environment& environment, const Options& options)
      : env_(environment),
        options_(options),
        tables_(environment.store, environment.workers, environment.vectors, environment.metrics, environment.clock,
                environment.snapshots, options.sweeps),
        requests_(environment.store),
        batch_(environment.store.make_batch()),
        local_ids_(environment.clock.now_us()),
        applied_records_(environment.metrics.counter("sagitta_replica_applied_total", "Log records applied.")),
        refused_records_(environment.metrics.counter(
            "sagitta_replica_refused_total", "Log records that changed nothing because they were wrong or late.")),
        flush_seconds_(environment.metrics.histogram("sagitta_replica_flush_seconds", "Time of a store flush.",
                                                     latency_bounds())) {}

  ~LogReplica() override { (void)stop(); }

  Status start() {
    SAGITTA_CHECK(load());
    SAGITTA_CHECK(requests_.load());
    SAGITTA_CHECK(tables_.start(schema_, applied_));
    const Offset first = applied_;
    SAGITTA_CHECK(replay(env_.log.bounds(env_.partition).end));
    log_info("replica started",
             {{"replayed", applied_ - first}, {"offset", applied_.load()}, {"schema_version", schema()->version}});
    last_flush_us_ = env_.clock.steady_us();
    applier_ = std::thread([this] { run(); });
    return {};
  }

  void submit(log::Record record, ApplyDone done) override {
    if (const auto error = halted()) return done(std::unexpected(*error));
    if (record.request_id.is_nil()) record.request_id = local_ids_.next();
    const Uuid id = record.request_id;
    if (!waiters_.add(id, std::move(done))) return;
    env_.log.append(env_.partition, std::move(record), [this, id](Result<Offset> appended) {
      if (!appended) return waiters_.complete(id, std::unexpected(appended.error()));
      // Nobody applies any more: what came in between fail_all and here would wait for ever.
      if (const auto error = halted()) waiters_.complete(id, std::unexpected(open_outcome(*error)));
    });
  }

  schema::SchemaPtr schema() const override {
    std::lock_guard lock(mutex_);
    return schema_;
  }
  index::VectorIndexSetPtr vector_indexes() const override { return tables_.indexes(); }
  rows::ReadView read_view(int64_t now_s, kv::ReadMode mode) const override { return tables_.view(now_s, mode); }

  std::shared_ptr<void> on_schema_change(std::function<void(const schema::SchemaOutcome&)> listener) override {
    return listeners_.add(std::move(listener));
  }

  std::optional<Error> halted() const override {
    std::lock_guard lock(mutex_);
    return halted_;
  }
  Offset applied() const override { return applied_; }
  int64_t log_clock_us() const override { return log_clock_us_; }
  bool indexes_ready() const override { return tables_.ready(); }

  Status flush() override {
    std::lock_guard one_at_a_time(flush_mutex_);
    const Offset offset = applied_;
    const int64_t log_time_us = log_clock_us_;
    const schema::SchemaPtr flushed = schema();
    const int64_t started_us = env_.clock.steady_us();
    SAGITTA_CHECK(env_.store.flush());
    flush_seconds_.observe(static_cast<double>(env_.clock.steady_us() - started_us) * 1e-6);
    if (env_.horizon != nullptr) env_.horizon->advance(log_time_us, flushed);
    return env_.log.trim(env_.partition, offset);
  }

  Status stop() override {
    if (stopping_.exchange(true)) return {};
    if (applier_.joinable()) applier_.join();
    tables_.stop(!halted());  // first: a flush may wait behind a build for a worker
    wait_for_background_flush();
    halt(Error(ErrorCode::kUnavailable, "the server is stopping"));
    return loaded_ ? env_.store.flush() : Status();
  }

 private:
  // ---- state in the store ----

  Status load() {
    SAGITTA_TRY(const auto position, env_.store.get(Family::kMeta, kPositionKey, kv::ReadMode::kBlocking));
    SAGITTA_TRY(const auto schema, env_.store.get(Family::kMeta, kSchemaKey, kv::ReadMode::kBlocking));
    schema_ = std::make_shared<const schema::Schema>();
    if (schema) {
      SAGITTA_TRY(schema_, schema::Schema::decode(*schema));
    }
    if (position) {
      ByteReader in(*position);
      const auto offset = in.varint();
      const auto clock = in.signed_varint();
      if (!offset || !clock) return fail(ErrorCode::kCorruption, "the replica's position cannot be read");
      applied_ = *offset;
      log_clock_us_ = *clock;
    }
    const log::Bounds bounds = env_.log.bounds(env_.partition);
    if (applied_ < bounds.begin || applied_ > bounds.end) {
      return fail(ErrorCode::kCorruption, fmt::format("rows are at log offset {}, but the log has {} to {}",
                                                      applied_.load(), bounds.begin, bounds.end));
    }
    if (env_.horizon != nullptr) env_.horizon->advance(log_clock_us_, schema_);
    loaded_ = true;
    return {};
  }

  void put_position(Offset next) {
    Bytes position;
    put_varint(position, next);
    put_signed_varint(position, log_clock_us_);
    batch_->put(Family::kMeta, kPositionKey, position);
  }

  // ---- the applier ----

  /// Applies the log up to `end` and flushes that, so that no start does it again.
  Status replay(Offset end) {
    const Offset first = applied_;
    int64_t said_us = env_.clock.steady_us();
    while (applied_ < end) {
      SAGITTA_CHECK(apply_next(0));
      if (env_.clock.steady_us() - said_us < kReplaySayUs) continue;
      said_us = env_.clock.steady_us();
      log_info("replaying", {{"offset", applied_.load()}, {"from", first}, {"to", end}});
    }
    if (applied_ == first) return {};
    unflushed_bytes_ = 0;
    // The rows are right without it; the next start will tell whether the disk still refuses.
    const Status flushed = flush();
    if (!flushed) log_warn("what was replayed is not flushed", {{"error", flushed.error().to_string()}});
    return {};
  }

  void run() {
    while (!stopping_ && !halted()) {
      const Status status = apply_next(kReadWaitUs);
      if (!status && !stopping_) halt(status.error());
      if (status) tick_when_due();
      flush_when_due();
    }
  }

  Status apply_next(int64_t wait_us) {
    SAGITTA_TRY(const std::vector<Entry> entries, env_.log.read(env_.partition, applied_, kReadBytes, wait_us));
    for (const Entry& entry : entries) {
      SAGITTA_ASSERT(entry.partition == env_.partition);
      if (entry.offset < applied_) {
        return fail(ErrorCode::kCorruption, fmt::format("log offset {} follows {}", entry.offset, applied_.load() - 1));
      }
      SAGITTA_CHECK(apply(entry));
    }
    return {};
  }

  /// Applies one record. An error here halts; an error of the record itself goes to its waiter.
  Status apply(const Entry& entry) {
    const log::Record& record = entry.record;
    log_clock_us_ = std::max(log_clock_us_.load(), record.log_time_us);
    batch_->clear();
    ApplyResult result{.offset = entry.offset, .log_time_us = log_clock_us_};
    Status outcome = change(entry, result);
    if (!outcome) {
      if (is_environmental(outcome.error().code())) return outcome;
      tables_.aborted();
      batch_->clear();
      refused_records_.add();
    }
    remember(record, {entry.offset, outcome, result.schema});
    put_position(entry.offset + 1);
    SAGITTA_CHECK(tables_.write(*batch_));
    unflushed_bytes_ += record.payload.size();
    if (outcome) {
      tables_.committed();
      publish(result);
    }
    applied_ = entry.offset + 1;
    applied_records_.add();
    waiters_.complete(record.request_id,
                      outcome ? Result<ApplyResult>(std::move(result)) : std::unexpected(outcome.error()));
    return {};
  }

  void remember(const log::Record& record, const AppliedRequest& applied) {
    if (LocalIds::is_local(record.request_id) || requests_.knows(record.request_id)) return;
    const int64_t until =
        record.not_after_us != 0 ? record.not_after_us : record.log_time_us + options_.request_memory_us;
    requests_.remember(record.request_id, applied, until, log_clock_us_, *batch_);
  }

  /// Puts what the record does into the batch.
  Status change(const Entry& entry, ApplyResult& result) {
    const log::Record& record = entry.record;
    if (record.not_after_us != 0 && log_clock_us_ > record.not_after_us) {
      return fail(ErrorCode::kWriteTimeout, "the write reached the log after its deadline and was dropped");
    }
    if (const auto before = requests_.find(record.request_id)) {
      result.offset = before->offset;
      result.schema = before->schema;
      if (result.schema) result.schema->schema = schema_;
      return before->outcome;
    }
    if (record.schema_version > schema_->version) {
      return fail(ErrorCode::kCorruption, fmt::format("record {} needs schema version {}, but it is {}", entry.offset,
                                                      record.schema_version, schema_->version));
    }
    switch (record.kind) {
      case RecordKind::kMutation: return change_rows(entry);
      case RecordKind::kSchema: return change_schema(entry, result);
      case RecordKind::kTruncate: return truncate(entry);
      case RecordKind::kBarrier: return {};
      case RecordKind::kTick: return tick(entry);
    }
    return fail(ErrorCode::kFormat, fmt::format("record {} is of unknown kind {}: this version cannot apply it",
                                                entry.offset, static_cast<int>(record.kind)));
  }

  Status change_rows(const Entry& entry) {
    SAGITTA_TRY(const auto mutations, rows::decode_mutations(entry.record.payload));
    return tables_.apply_mutations(*schema_, mutations, {.log_time_us = log_clock_us_, .offset = entry.offset},
                                   *batch_);
  }

  Status truncate(const Entry& entry) {
    SAGITTA_TRY(const uint32_t id, decode_truncate(entry.record.payload));
    const schema::TableDefPtr table = schema_->find_table(id);
    if (table == nullptr) return fail(ErrorCode::kInvalid, "the table was dropped meanwhile");
    return tables_.truncate(*table, {.log_time_us = log_clock_us_, .offset = entry.offset}, *batch_);
  }

  /// So large deletions go on: a step with each tick, and ticks as long as they are under way.
  Status tick(const Entry& entry) {
    *tick_under_way_ = false;
    return tables_.sweep(*schema_, {.log_time_us = log_clock_us_, .offset = entry.offset}, *batch_);
  }
  void tick_when_due() {
    if (!tables_.is_sweeping() || tick_under_way_->exchange(true)) return;
    log::Record record{.kind = RecordKind::kTick, .schema_version = schema_->version, .request_id = local_ids_.next()};
    env_.log.append(env_.partition, std::move(record), [under_way = tick_under_way_](const Result<Offset>& appended) {
      if (!appended) *under_way = false;
    });
  }

  Status change_schema(const Entry& entry, ApplyResult& result) {
    SAGITTA_TRY(auto change, schema::decode_schema_change(entry.record.payload));
    SAGITTA_CHECK(tables_.stamp(change, *batch_));
    SAGITTA_TRY(result.schema, schema::apply(schema_, change));
    if (!result.schema->changed) return {};
    SAGITTA_CHECK(tables_.change_schema(*schema_, result.schema->schema,
                                        {.log_time_us = log_clock_us_, .offset = entry.offset}, *batch_));
    Bytes encoded;
    result.schema->schema->encode(encoded);
    batch_->put(Family::kMeta, kSchemaKey, encoded);
    return {};
  }

  void publish(const ApplyResult& result) {
    if (!result.schema || result.schema->schema == schema_) return;
    {
      std::lock_guard lock(mutex_);
      schema_ = result.schema->schema;
    }
    listeners_.call(*result.schema);
  }

  void halt(const Error& error) {
    {
      std::lock_guard lock(mutex_);
      if (!halted_)
        halted_ = Error(ErrorCode::kUnavailable, "this node has stopped applying writes: " + error.message());
    }
    if (!stopping_) log_error("replica halted", {{"offset", applied_.load()}, {"error", error.to_string()}});
    waiters_.fail_all(open_outcome(*halted()));
  }

  // ---- flushing ----

  void flush_when_due() {
    const int64_t now_us = env_.clock.steady_us();
    const bool due = unflushed_bytes_ >= options_.flush_bytes ||
                     (unflushed_bytes_ > 0 && now_us - last_flush_us_ >= options_.flush_interval_us);
    if (!due || flushing_.exchange(true)) return;
    unflushed_bytes_ = 0;
    last_flush_us_ = now_us;
    env_.workers.post([this] {
      const Status status = flush();
      if (!status) log_error("flush failed", {{"error", status.error().to_string()}});
      std::lock_guard lock(mutex_);
      flushing_ = false;
      flushed_.notify_all();
    });
  }

  void wait_for_background_flush() {
    std::unique_lock lock(mutex_);
    flushed_.wait(lock, [this] { return !flushing_; });
  }

  const Environment env_;
  const Options options_;
  tablet::TableSpace tables_;
  RequestMemory requests_;
  std::unique_ptr<kv::Batch> batch_;
  LocalIds local_ids_;
  Waiters waiters_;
  Counter& applied_records_;
  Counter& refused_records_;
  Histogram& flush_seconds_;

  mutable std::mutex mutex_;  ///< schema_ (for readers; the applier alone writes it), halted_, flushed_
  schema::SchemaPtr schema_;
  std::optional<Error> halted_;
  Listeners<schema::SchemaOutcome> listeners_;
  std::condition_variable flushed_;

  std::atomic<Offset> applied_{0};
  std::atomic<int64_t> log_clock_us_{0};
  std::atomic<bool> stopping_{false}, flushing_{false};
  /// A tick is appended and not applied yet; the log may hold on to it for longer than this object
  /// lives.
  const std::shared_ptr<std::atomic<bool>> tick_under_way_ = std::make_shared<std::atomic<bool>>(false);
  bool loaded_ = false;
  uint64_t unflushed_bytes_ = 0;
  int64_t last_flush_us_ = 0;
  std::mutex flush_mutex_;
  std::thread applier_;
};

}  // namespace

Result<std::unique_ptr<Replica>> Replica::open(Environment environment, Options options) {
  auto replica = std::make_unique<LogReplica>(environment, options);
  SAGITTA_CHECK(replica->start());
  return replica;
}

}  // namespace sagitta::replica
