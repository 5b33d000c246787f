/// Records: made, submitted, and answered when they are applied.
#include "writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "sagitta/base/limits.h"
#include "sagitta/replica/records.h"

#include "conditional_answer.h"
#include "gather.h"

namespace sagitta::db {
namespace {

/// When so much of the indexes' memory is in use, there may be nothing left for a write.
constexpr double kTight = 7.0 / 8;

Result<log::Record> checked(log::Record record) {
  if (record.payload.size() <= limits::kRecordBytesMax) return record;
  return fail(ErrorCode::kInvalid,
              fmt::format("The write has {} bytes, the most is {}", record.payload.size(), limits::kRecordBytesMax));
}

Result<log::Record> make_record(const schema::Schema& schema, std::span<const rows::Mutation> mutations) {
  return checked(replica::mutation_record(schema, mutations));
}

/// Of what is applied in one log partition.
Result<log::Record> make_record(Draft draft) {
  if (draft.conditions.empty()) return make_record(*draft.schema, draft.mutations);
  const rows::Mutation& first = draft.mutations.front();
  return checked(replica::conditional_record(
      *draft.schema, {first.table_id, first.partition_key, std::move(draft.conditions), std::move(draft.mutations)}));
}

/// A client takes "not done" for the whole. A part that is refused for what it is will be so again.
Status outcome_of(const Gathered& parts) {
  if (parts.status || parts.done == 0 || !is_not_done(parts.status.error())) return parts.status;
  return fail(ErrorCode::kWriteTimeout, "done in some log partitions only: " + parts.status.error().message());
}

}  // namespace

Status Writer::append_schema_change(const RequestPtr& request) {
  SAGITTA_TRY(auto change, plan::make_schema_change(*request->statement->plan, request->eval(nullptr)));
  partitions_.meta().stamp(change);
  append_to_meta(request, replica::schema_record(*schemas_.newest()->stored, change));
  return {};
}

Status Writer::append_truncation(const RequestPtr& request, const plan::TruncatePlan& plan) {
  append_to_meta(request, replica::truncate_record(*schemas_.newest()->stored, plan.table->id));
  return {};
}

void Writer::append_to_meta(const RequestPtr& request, log::Record record) {
  mark(*request, partitions_.log_clock_us(), record);
  deadlines_.add(request);
  partitions_.meta().submit(std::move(record), answer_to(request));
}

Status Writer::append_rows(const RequestPtr& request) {
  Draft draft = std::exchange(request->draft, {});
  if (indexes_.used_part() < kTight) return append_with_room(request, std::move(draft));
  env_.workers.post([this, request, draft = std::move(draft)]() mutable {
    const Status appended = append_with_room(request, std::move(draft));
    if (!appended) request->finish(fail(appended));
  });
  return {};
}

Status Writer::append_with_room(const RequestPtr& request, Draft draft) {
  SAGITTA_TRY(request->room, index::Room::make(*partitions_.indexes(), *draft.schema, draft.mutations));
  const Partition* only = partitions_.of_write(draft.mutations);
  if (only != nullptr) return append_record(request, *only, std::move(draft));
  const bool is_logged = request->batch == types::BatchKind::kLogged;
  return is_logged ? append_logged(request, std::move(draft)) : append_pieces(request, std::move(draft));
}

Status Writer::append_record(const RequestPtr& request, const Partition& partition, Draft draft) {
  const size_t mutations = draft.mutations.size();
  SAGITTA_TRY(log::Record record, make_record(std::move(draft)));
  request->context().note(
      [&] { return fmt::format("Appending {} mutations, {} bytes", mutations, record.payload.size()); });
  mark(*request, partition.replica->log_clock_us(), record);
  deadlines_.add(request);
  partition.replica->submit(std::move(record), answer_to(request));
  return {};
}

Status Writer::append_logged(const RequestPtr& request, Draft draft) {
  const schema::SchemaPtr schema = draft.schema;
  SAGITTA_CHECK(make_record(*schema, draft.mutations));
  // One that cannot be completed before a restart would only fill the batch log.
  for (const rows::Mutation& mutation : draft.mutations) {
    if (const auto halted = partitions_.of_key(mutation.partition_key).replica->halted())
      return std::unexpected(*halted);
  }
  request->write_type = WriteType::kBatchLog;
  deadlines_.add(request);
  const auto durable = [request] { request->write_type = WriteType::kBatch; };
  batches_.append(*schema, std::move(draft.mutations), durable,
                  [this, request](const Status& applied) { answer_parts(request, applied); });
  return {};
}

Status Writer::append_pieces(const RequestPtr& request, Draft draft) {
  const schema::SchemaPtr schema = draft.schema;
  std::vector<log::Record> records;
  auto pieces = partitions_.split(std::move(draft.mutations));
  for (const Partitions::Piece& piece : pieces) {
    SAGITTA_TRY(log::Record record, make_record(*schema, piece.mutations));
    mark(*request, piece.partition->replica->log_clock_us(), record);
    records.push_back(std::move(record));
  }
  request->context().note([&] { return fmt::format("Appending to {} log partitions", pieces.size()); });
  deadlines_.add(request);
  const auto all = std::make_shared<Gather>(
      pieces.size(), [this, request](const Gathered& parts) { answer_parts(request, outcome_of(parts)); });
  for (size_t i = 0; i < pieces.size(); ++i) {
    pieces[i].partition->replica->submit(std::move(records[i]), [all](const Result<replica::ApplyResult>& applied) {
      all->tell(applied ? Status() : fail(applied));
    });
  }
  return {};
}

/// Gives the record of a request its id, and its deadline on the log's clock.
void Writer::mark(const Request& request, int64_t log_clock_us, log::Record& record) const {
  record.request_id = Uuid::ordered(env_.clock.now_us(), env_.random);
  if (request.options.deadline.at_us == INT64_MAX) return;
  // The log clock never goes back: after the system's did, what it says is the present of the log.
  const int64_t now_us = std::max(env_.clock.now_us(), log_clock_us);
  record.not_after_us = now_us + (request.options.deadline.at_us - env_.clock.steady_us());
}

replica::ApplyDone Writer::answer_to(const RequestPtr& request) {
  return [this, request](const Result<replica::ApplyResult>& result) {
    deadlines_.remove(*request);
    answer(*request, result);
  };
}

void Writer::answer_parts(const RequestPtr& request, const Status& applied) {
  deadlines_.remove(*request);
  if (applied) request->context().note([] { return std::string("Applied in all log partitions"); });
  applied ? finish(*request, {}) : refuse(*request, applied.error());
}

void Writer::answer(Request& request, const Result<replica::ApplyResult>& result) {
  if (!result) return refuse(request, result.error());
  request.context().note([&] {
    const bool is_refused = result->decision && !result->decision->applied;
    return fmt::format("{} at log offset {}", is_refused ? "Conditions do not hold" : "Applied", result->offset);
  });
  finish(request, *result);
}

void Writer::refuse(Request& request, const Error& error) {
  request.room = {};
  note_log_failure(error);
  request.finish(std::unexpected(with_write_type(error, request.write_type)));
}

void Writer::finish(Request& request, const replica::ApplyResult& result) {
  request.room = {};
  Answer answer{Void{}, {}, {}};
  if (request.conditional && result.decision) answer.body = conditional_answer(*request.conditional, *result.decision);
  if (result.schema && result.schema->changed) {
    const auto& event = result.schema->event;
    answer.body = SchemaChangeEvent{event.change, event.target, event.keyspace, event.name, {}};
  }
  if (request.statement) answer.warnings = request.statement->plan->warnings;
  std::ranges::move(request.warnings, std::back_inserter(answer.warnings));
  request.finish(std::move(answer));
}

void Writer::note_log_failure(const Error& error) {
  // The replica keeps its own I/O errors to itself and halts: these are the log's.
  if (error.code() != ErrorCode::kIo && error.code() != ErrorCode::kNoSpace) return;
  std::lock_guard lock(mutex_);
  if (!log_failure_) log_failure_ = error;
}

std::optional<Error> Writer::log_failure() const {
  std::lock_guard lock(mutex_);
  return log_failure_;
}

}  // namespace sagitta::db
