/// Writes and schema changes: one log record each, answered when the replica has applied it.
#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/limits.h"
#include "sagitta/replica/records.h"

#include "engine.h"

namespace sagitta::db {

Status Engine::run_schema(const RequestPtr& request) {
  SAGITTA_TRY(const auto change, plan::make_schema_change(*request->statement->plan, request->eval(nullptr)));
  submit(request, replica::schema_record(*schemas()->stored, change));
  return {};
}

Status Engine::run_truncate(const RequestPtr& request, const plan::TruncatePlan& plan) {
  submit(request, replica::truncate_record(*schemas()->stored, plan.table->id));
  return {};
}

Status Engine::run_write(const RequestPtr& request, const std::vector<rows::Mutation>& mutations) {
  if (mutations.empty()) {
    request->finish(Answer{Void{}, {}, {}});
    return {};
  }
  log::Record record = replica::mutation_record(*schemas()->stored, mutations);
  if (record.payload.size() > limits::kRecordBytesMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("The write has {} bytes, the most is {}", record.payload.size(), limits::kRecordBytesMax));
  }
  request->context().note(
      [&] { return fmt::format("Appending {} mutations, {} bytes", mutations.size(), record.payload.size()); });
  submit(request, std::move(record));
  return {};
}

void Engine::submit(const RequestPtr& request, log::Record record) {
  record.request_id = Uuid::random(env_.random);
  if (request->options.deadline.at_us != INT64_MAX) {
    // The log clock never goes back: after the system's did, what it says is the present of the log.
    const int64_t now_us = std::max(request->now_us, replica_->log_clock_us());
    record.not_after_us = now_us + (request->options.deadline.at_us - env_.clock.steady_us());
  }
  write_deadlines_.add(request);
  replica_->submit(std::move(record), [this, request](Result<replica::ApplyResult> result) {
    write_deadlines_.remove(*request);
    if (!result) {
      note_log_failure(result.error());
      return request->finish(fail(result));
    }
    request->context().note([&] { return fmt::format("Applied at log offset {}", result->offset); });
    Answer answer{Void{}, {}, {}};
    if (result->schema && result->schema->changed) {
      const auto& event = result->schema->event;
      answer.body = SchemaChangeEvent{event.change, event.target, event.keyspace, event.name, {}};
    }
    if (request->statement != nullptr) answer.warnings = request->statement->plan->warnings;
    request->finish(std::move(answer));
  });
}

void Engine::note_log_failure(const Error& error) {
  // The replica keeps its own I/O errors to itself and halts: these are the log's.
  if (error.code() != ErrorCode::kIo && error.code() != ErrorCode::kNoSpace) return;
  std::lock_guard lock(log_failure_mutex_);
  if (!log_failure_) log_failure_ = error;
}

std::optional<Error> Engine::log_failure() const {
  std::lock_guard lock(log_failure_mutex_);
  return log_failure_;
}

}  // namespace sagitta::db
