/// Records: made, submitted, and answered when they are applied.
#include "writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/base/limits.h"
#include "sagitta/replica/records.h"

namespace sagitta::db {
namespace {

/// When so much of the indexes' memory is in use, there may be nothing left for a write.
constexpr double kTight = 7.0 / 8;

}  // namespace

Status Writer::append_schema_change(const RequestPtr& request) {
  SAGITTA_TRY(const auto change, plan::make_schema_change(*request->statement->plan, request->eval(nullptr)));
  submit(request, partitions_.only(), replica::schema_record(*schemas_.newest()->stored, change));
  return {};
}

Status Writer::append_truncation(const RequestPtr& request, const plan::TruncatePlan& plan) {
  submit(request, partitions_.only(), replica::truncate_record(*schemas_.newest()->stored, plan.table->id));
  return {};
}

Status Writer::append_rows(const RequestPtr& request) {
  Draft draft = std::exchange(request->draft, {});
  log::Record record = replica::mutation_record(*draft.schema, draft.mutations);
  if (record.payload.size() > limits::kRecordBytesMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("The write has {} bytes, the most is {}", record.payload.size(), limits::kRecordBytesMax));
  }
  request->context().note(
      [&] { return fmt::format("Appending {} mutations, {} bytes", draft.mutations.size(), record.payload.size()); });
  const Partition& partition = partitions_.of_write(draft.mutations);
  if (indexes_.used_part() < kTight) {
    return append_with_room(request, partition, draft, std::move(record));
  }
  env_.workers.post([this, request, &partition, draft = std::move(draft), record = std::move(record)]() mutable {
    const Status appended = append_with_room(request, partition, draft, std::move(record));
    if (!appended) request->finish(fail(appended));
  });
  return {};
}

Status Writer::append_with_room(const RequestPtr& request, const Partition& partition, const Draft& draft,
                                log::Record record) {
  SAGITTA_TRY(request->room, index::Room::make(*partition.replica->indexes(), *draft.schema, draft.mutations));
  submit(request, partition, std::move(record));
  return {};
}

void Writer::submit(const RequestPtr& request, const Partition& partition, log::Record record) {
  record.request_id = Uuid::random(env_.random);
  if (request->options.deadline.at_us != INT64_MAX) {
    // The log clock never goes back: after the system's did, what it says is the present of the
    // log.
    const int64_t now_us = std::max(env_.clock.now_us(), partition.replica->log_clock_us());
    record.not_after_us = now_us + (request->options.deadline.at_us - env_.clock.steady_us());
  }
  deadlines_.add(request);
  partition.replica->submit(std::move(record), [this, request](const Result<replica::ApplyResult>& result) {
    deadlines_.remove(*request);
    answer(*request, result);
  });
}

void Writer::answer(Request& request, const Result<replica::ApplyResult>& result) {
  request.room = {};
  if (!result) {
    note_log_failure(result.error());
    return request.finish(fail(result));
  }
  request.context().note([&] { return fmt::format("Applied at log offset {}", result->offset); });
  Answer answer{Void{}, {}, {}};
  if (result->schema && result->schema->changed) {
    const auto& event = result->schema->event;
    answer.body = SchemaChangeEvent{event.change, event.target, event.keyspace, event.name, {}};
  }
  if (request.statement) answer.warnings = request.statement->plan->warnings;
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
