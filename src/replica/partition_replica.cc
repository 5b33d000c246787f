#include "partition_replica.h"

#include <fmt/format.h>

#include "sagitta/base/advice.h"
#include "sagitta/base/assert.h"
#include "sagitta/base/logging.h"
#include "sagitta/replica/records.h"

#include "halted.h"

namespace sagitta::replica {
namespace {

using kv::Family;
using log::Entry;
using log::Offset;
using log::RecordKind;

constexpr std::string_view kPositionKey = "replica.position";
constexpr std::string_view kSchemaKey = "replica.schema";

/// Records that go into one batch, at most; a longer record goes alone.
struct GroupLimits {
  size_t records, bytes;
};
/// Whoever waits for the first record waits for the last.
constexpr GroupLimits kServing{16, size_t{64} << 10};
constexpr GroupLimits kReplaying{8192, size_t{4} << 20};

/// An error of the surroundings, not of the record: skipping the record would lose it, so the
/// replica halts (log rule 9).
bool is_environmental(ErrorCode code) {
  return code == ErrorCode::kIo || code == ErrorCode::kNoSpace || code == ErrorCode::kCorruption ||
         code == ErrorCode::kFormat || code == ErrorCode::kServer;
}

/// Others change what the records after them are applied with, or remove ranges.
bool shares_batch(RecordKind kind) {
  return kind == RecordKind::kMutation || kind == RecordKind::kConditional || kind == RecordKind::kBarrier ||
         kind == RecordKind::kTick;
}

/// Null when it is given some.
std::unique_ptr<index::SharedIndexes> make_indexes(const Environment& environment) {
  if (environment.indexes != nullptr) return nullptr;
  return std::make_unique<index::SharedIndexes>(
      index::SharedIndexes::Environment{environment.workers, environment.vectors, environment.metrics,
                                        environment.clock},
      environment.snapshots);
}

}  // namespace

PartitionReplica::PartitionReplica(const Environment& environment, const Options& options)
    : env_(environment),
      options_(options),
      own_indexes_(make_indexes(environment)),
      indexes_(own_indexes_ != nullptr ? *own_indexes_ : *environment.indexes),
      tables_(environment.store, environment.metrics, indexes_, own_indexes_ != nullptr ? 0 : environment.partition,
              options.sweeps),
      requests_(environment.store),
      batch_(environment.store.make_batch()),
      local_ids_(environment.clock.now_us()),
      applied_records_(environment.metrics.counter("sagitta_replica_applied_total", "Log records applied.")),
      refused_records_(environment.metrics.counter(
          "sagitta_replica_refused_total", "Log records that changed nothing because they were wrong or late.")),
      batches_(environment.metrics.counter("sagitta_replica_batches_total",
                                           "Batches that log records were applied in; a batch may take many.")),
      flush_seconds_(
          environment.metrics.histogram("sagitta_replica_flush_seconds", "Time of a store flush.", latency_bounds())) {}

// ---- state in the store ----

Status PartitionReplica::load() {
  SAGITTA_TRY(const auto schema, env_.store.get(Family::kMeta, kSchemaKey, kv::ReadMode::kBlocking));
  if (schema) {
    SAGITTA_TRY(schema_, schema::Schema::decode(*schema));
  }
  SAGITTA_CHECK(load_position());
  SAGITTA_CHECK(requests_.load());
  if (env_.horizon != nullptr) env_.horizon->advance(log_clock_us_, schema_);
  return tables_.start(schema_, position_);
}

Status PartitionReplica::load_position() {
  SAGITTA_TRY(const auto stored, env_.store.get(Family::kMeta, kPositionKey, kv::ReadMode::kBlocking));
  if (stored) {
    ByteReader in(*stored);
    const auto offset = in.varint();
    const auto clock = in.signed_varint();
    if (!offset || !clock) return fail(ErrorCode::kCorruption, "the replica's position cannot be read");
    position_ = *offset;
    log_clock_us_ = *clock;
  }
  const log::Bounds bounds = env_.log.bounds(env_.partition);
  if (position_ >= bounds.begin && position_ <= bounds.end) return {};
  return fail(ErrorCode::kCorruption,
              fmt::format("log partition {}: rows are at log offset {}, but the log has {} to {}; {}", env_.partition,
                          position_.load(), bounds.begin, bounds.end, kDamageAdvice));
}

void PartitionReplica::put_position(Offset next) {
  Bytes position;
  put_varint(position, next);
  put_signed_varint(position, batch_clock_us_);
  batch_->put(Family::kMeta, kPositionKey, position);
}

// ---- applying ----

void PartitionReplica::set_replaying(bool replaying) {
  replaying_ = replaying;
  tables_.set_replaying(replaying);
}

Status PartitionReplica::apply(std::span<const Entry> entries) {
  while (!entries.empty()) {
    if (env_.schemas != nullptr) SAGITTA_CHECK(take_on_schema(entries.front()));
    const auto group = next_group(entries);
    SAGITTA_CHECK(apply_group(group));
    entries = entries.subspan(group.size());
  }
  return {};
}

std::span<const Entry> PartitionReplica::next_group(std::span<const Entry> entries) const {
  const GroupLimits limits = replaying_ ? kReplaying : kServing;
  size_t count = 0, bytes = 0;
  while (count < entries.size() && count < limits.records && bytes < limits.bytes) {
    const log::Record& record = *entries[count].record;
    if (!shares_batch(record.kind) || record.schema_version > schema_->version) break;
    bytes += record.payload.size();
    ++count;
  }
  return entries.first(std::max<size_t>(count, 1));
}

/// The partition has the schema that the entry was written with, or a newer one, from before the
/// entry on: so its schema is a function of what its own log has up to here. Each version is a
/// batch of its own at the place of the last record, which keeps the position where it is.
Status PartitionReplica::take_on_schema(const Entry& entry) {
  while (schema_->version < entry.record->schema_version) {
    SAGITTA_TRY(const log::RecordPtr change, env_.schemas->change(schema_->version + 1));
    SAGITTA_CHECK(take_on_version(change, entry));
  }
  return {};
}

Status PartitionReplica::take_on_version(const log::RecordPtr& change, const Entry& entry) {
  SAGITTA_ASSERT(position_ > 0);  // every log begins with a record that changes nothing
  const Offset place = position_ - 1;
  batch_->clear();
  steps_.clear();
  batch_clock_us_ = std::max<int64_t>(log_clock_us_, entry.record->log_time_us);
  tables_.begin({.log_time_us = batch_clock_us_, .offset = place}, *batch_);
  ApplyResult result{.offset = place, .log_time_us = batch_clock_us_};
  const Status taken =
      change->kind == RecordKind::kTruncate ? truncate(*change, result) : change_schema(*change, result);
  if (!taken || !result.schema || result.schema->schema->version != schema_->version + 1) {
    return fail(ErrorCode::kCorruption,
                fmt::format("version {} of the schema does not follow from the one before it: {}", schema_->version + 1,
                            taken ? "nothing changed" : taken.error().message()));
  }
  steps_.push_back({change.get(), {}, std::move(result)});
  return commit(position_);
}

Status PartitionReplica::apply_group(std::span<const Entry> group) {
  batch_->clear();
  steps_.clear();
  batch_clock_us_ = log_clock_us_;
  Offset next = position_;
  for (const Entry& entry : group) {
    SAGITTA_ASSERT(entry.partition == env_.partition);
    SAGITTA_ASSERT(entry.offset >= next);
    if (const Status added = add_to_batch(entry); !added) {
      // What stands before it in the log was right and is due to those who wait for it.
      if (!steps_.empty()) SAGITTA_CHECK(commit(next));
      return added;
    }
    next = entry.offset + 1;
  }
  return commit(next);
}

/// An error halts; an error of the record itself becomes its outcome.
Status PartitionReplica::add_to_batch(const Entry& entry) {
  const log::Record& record = *entry.record;
  const Moment moment{entry.offset, std::max(batch_clock_us_, record.log_time_us)};
  ApplyResult result{.offset = entry.offset, .log_time_us = moment.log_clock_us};
  tables_.begin({.log_time_us = moment.log_clock_us, .offset = entry.offset}, *batch_);
  Status outcome = change(record, moment, result);
  if (!outcome) {
    tables_.take_back(*batch_);
    if (is_environmental(outcome.error().code())) return outcome;
    refused_records_.add();
  }
  batch_clock_us_ = moment.log_clock_us;
  remember(record, {entry.offset, outcome, result.schema, result.decision});
  steps_.push_back({&record, std::move(outcome), std::move(result)});
  return {};
}

Status PartitionReplica::commit(Offset next) {
  tables_.finish(*batch_);
  put_position(next);
  SAGITTA_CHECK(tables_.write(*batch_));
  batches_.add();
  tables_.committed();
  for (const Step& step : steps_) {
    if (step.outcome) publish(step.result);
  }
  log_clock_us_ = batch_clock_us_;
  position_ = next;
  applied_records_.add(static_cast<double>(steps_.size()));
  for (Step& step : steps_) {
    unflushed_bytes_ += step.record->payload.size();
    waiters_.complete(step.record->request_id, step.outcome ? Result<ApplyResult>(std::move(step.result))
                                                            : std::unexpected(step.outcome.error()));
  }
  return {};
}

void PartitionReplica::remember(const log::Record& record, const AppliedRequest& applied) {
  if (LocalIds::is_local(record.request_id) || requests_.knows(record.request_id)) return;
  const int64_t until =
      record.not_after_us != 0 ? record.not_after_us : record.log_time_us + options_.request_memory_us;
  requests_.remember(record.request_id, applied, until, batch_clock_us_, *batch_);
}

/// Puts what the record does into the batch.
Status PartitionReplica::change(const log::Record& record, const Moment& moment, ApplyResult& result) {
  if (record.not_after_us != 0 && moment.log_clock_us > record.not_after_us) {
    return fail(ErrorCode::kWriteTimeout, "the write reached the log after its deadline and was dropped");
  }
  if (const auto before = requests_.find(record.request_id)) {
    result.offset = before->offset;
    result.schema = before->schema;
    result.decision = before->decision;
    if (result.schema) result.schema->schema = schema_;
    return before->outcome;
  }
  if (env_.schemas != nullptr && (record.kind == RecordKind::kSchema || record.kind == RecordKind::kTruncate)) {
    return fail(ErrorCode::kCorruption, fmt::format("record {} is one of the meta log", moment.offset));
  }
  if (record.schema_version > schema_->version) {
    return fail(ErrorCode::kCorruption, fmt::format("record {} needs schema version {}, but it is {}", moment.offset,
                                                    record.schema_version, schema_->version));
  }
  switch (record.kind) {
    case RecordKind::kMutation: return change_rows(record);
    case RecordKind::kConditional: return decide(record, result);
    case RecordKind::kSchema: return change_schema(record, result);
    case RecordKind::kTruncate: return truncate(record, result);
    case RecordKind::kBarrier: return {};
    case RecordKind::kTick: return tick();
    case RecordKind::kBatch:
    case RecordKind::kBatchDone: break;
  }
  return fail(ErrorCode::kFormat, fmt::format("record {} is of unknown kind {}: this version cannot apply it",
                                              moment.offset, static_cast<int>(record.kind)));
}

Status PartitionReplica::change_rows(const log::Record& record) {
  SAGITTA_TRY(auto mutations, rows::decode_mutations(record.payload));
  return tables_.apply_mutations(*schema_, std::move(mutations), *batch_);
}

Status PartitionReplica::decide(const log::Record& record, ApplyResult& result) {
  SAGITTA_TRY(auto write, rows::decode_conditional_write(record.payload));
  SAGITTA_TRY(auto decision, tables_.apply_conditional(*schema_, std::move(write), *batch_));
  // Nobody waits for what is replayed, and many records are in one batch.
  if (replaying_) decision = {.applied = decision.applied, .rows = {}, .statics = {}};
  result.decision = std::make_shared<const rows::Decision>(std::move(decision));
  return {};
}

Status PartitionReplica::truncate(const log::Record& record, ApplyResult& result) {
  SAGITTA_TRY(const uint32_t id, decode_truncate(record.payload));
  const schema::TableDefPtr table = schema_->find_table(id);
  if (table == nullptr) return fail(ErrorCode::kInvalid, "the table was dropped meanwhile");
  SAGITTA_CHECK(tables_.truncate(*table, *batch_));
  if (env_.schemas == nullptr) return {};
  result.schema = schema::SchemaOutcome{.schema = schema::next_version(*schema_)};
  put_schema(*result.schema->schema);
  return {};
}

Status PartitionReplica::tick() {
  *tick_under_way_ = false;
  return tables_.step(*schema_, *batch_);
}

void PartitionReplica::tick_when_due() {
  if (!tables_.has_steps() || tick_under_way_->exchange(true)) return;
  log::Record record{.kind = RecordKind::kTick, .schema_version = schema_->version, .request_id = local_ids_.next()};
  env_.log.append(env_.partition, std::move(record), [under_way = tick_under_way_](const Result<Offset>& appended) {
    if (!appended) *under_way = false;
  });
}

Status PartitionReplica::change_schema(const log::Record& record, ApplyResult& result) {
  SAGITTA_TRY(const auto change, schema::decode_schema_change(record.payload));
  // The clock here goes with what the catalog has decided for all partitions.
  schema::SchemaChange stamped = change;
  SAGITTA_CHECK(tables_.stamp(stamped));
  SAGITTA_TRY(result.schema, schema::apply(schema_, env_.schemas == nullptr ? stamped : change));
  if (!result.schema->changed) return {};
  SAGITTA_CHECK(tables_.change_schema(*schema_, result.schema->schema, *batch_));
  put_schema(*result.schema->schema);
  return {};
}

void PartitionReplica::put_schema(const schema::Schema& schema) {
  Bytes encoded;
  schema.encode(encoded);
  batch_->put(Family::kMeta, kSchemaKey, encoded);
}

void PartitionReplica::publish(const ApplyResult& result) {
  if (!result.schema || result.schema->schema == schema_) return;
  SAGITTA_ASSERT(result.schema->schema->version > schema_->version);
  {
    std::lock_guard lock(mutex_);
    schema_ = result.schema->schema;
  }
  listeners_.call(*result.schema);
}

void PartitionReplica::halt(const Error& error) {
  {
    std::lock_guard lock(mutex_);
    if (!halted_) halted_ = halted_by(error);
  }
  waiters_.fail_all(open_outcome(*halted()));
}

// ---- from any thread ----

void PartitionReplica::submit(log::Record record, ApplyDone done) {
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

schema::SchemaPtr PartitionReplica::schema() const {
  std::lock_guard lock(mutex_);
  return schema_;
}

std::optional<Error> PartitionReplica::halted() const {
  std::lock_guard lock(mutex_);
  return halted_;
}

Status PartitionReplica::flush() {
  std::lock_guard one_at_a_time(flush_mutex_);
  const Offset offset = position_;
  const int64_t log_time_us = log_clock_us_;
  const schema::SchemaPtr flushed = schema();
  const int64_t started_us = env_.clock.steady_us();
  unflushed_bytes_ = 0;
  SAGITTA_CHECK(env_.store.flush());
  flush_seconds_.observe(static_cast<double>(env_.clock.steady_us() - started_us) * 1e-6);
  if (env_.horizon != nullptr) env_.horizon->advance(log_time_us, flushed);
  return env_.log.trim(env_.partition, offset);
}

}  // namespace sagitta::replica
