/// The state of a request, and its one answer.
#include "request.h"

#include <array>
#include <utility>

#include "admission.h"

namespace sagitta::db {

Request::Request(Admission& admission_in, const ValueSources& sources_in, Asked asked_in, RequestOptions options_in,
                 Done done_in)
    : admission(admission_in),
      sources(sources_in),
      asked(std::move(asked_in)),
      options(std::move(options_in)),
      done(std::move(done_in)),
      now_us(sources.clock.now_us()),
      begun_us(sources.clock.steady_us()) {}

Request::~Request() {
  if (!finished) finish(fail(ErrorCode::kServer, "the request was dropped"));
  // Who waits until nobody is in may end what the room is of.
  room = {};
  charges.clear();
  admission.leave(*this);
}

RequestContext Request::context() const {
  return {.deadline = options.deadline,
          .trace = trace.get(),
          .patience = options.client ? &options.client->patience() : nullptr};
}

bool Request::is_abandoned() const { return options.client && options.client->patience().passed(sources.clock); }

void Request::finish(Result<Answer> answer) {
  if (finished.exchange(true)) return;
  admission.note_answer(*this, answer ? nullptr : &answer.error());
  if (trace != nullptr) {
    if (!answer) trace->event(answer.error().to_string());
    trace->finish();
    if (answer) answer->tracing_id = trace->id();
  }
  // A write that is not applied yet keeps what was charged for it.
  if (answer || answer.error().code() != ErrorCode::kWriteTimeout) charges.clear();
  std::exchange(done, nullptr)(std::move(answer));
}

plan::EvalContext Request::eval(WorkMeter* meter) const {
  plan::EvalContext context;
  context.values = values;
  context.now_us = now_us;
  context.client_timestamp_us = options.default_timestamp_us;
  context.client_now_s = options.now_s;
  context.timeuuids = &sources.timeuuids;
  context.random = &sources.random;
  context.meter = meter;
  return context;
}

void Request::note_batch(types::BatchKind kind) {
  batch = kind;
  switch (kind) {
    case types::BatchKind::kLogged: break;  // in one record it is as a simple write
    case types::BatchKind::kUnlogged: write_type = WriteType::kUnloggedBatch; break;
    case types::BatchKind::kCounter: write_type = WriteType::kCounter; break;
  }
}

Error with_write_type(const Error& error, WriteType type) {
  if (error.code() != ErrorCode::kWriteTimeout || type == WriteType::kSimple) return error;
  constexpr std::array<const char*, 6> kNames = {"SIMPLE", "UNLOGGED_BATCH", "BATCH_LOG", "BATCH", "COUNTER", "CAS"};
  return {error.code(), error.message(), kNames[static_cast<size_t>(type)]};
}

}  // namespace sagitta::db
