#include <chrono>

#include "engine.h"

namespace sagitta::db {

Request::Request(Engine& engine_in, RequestOptions options_in, Done done_in)
    : engine(engine_in),
      options(std::move(options_in)),
      done(std::move(done_in)),
      now_us(engine_in.env_.clock.now_us()) {}

Request::~Request() {
  finish(fail(ErrorCode::kServer, "the request was dropped"));
  engine.gate_.leave();
}

void Request::finish(Result<Answer> answer) {
  if (finished.exchange(true)) return;
  if (trace != nullptr) {
    if (!answer) trace->event(answer.error().to_string());
    trace->finish();
    if (answer) answer->tracing_id = trace->id();
  }
  std::exchange(done, nullptr)(std::move(answer));
}

plan::EvalContext Request::eval(WorkMeter* meter) const {
  plan::EvalContext context;
  context.values = values;
  context.now_us = now_us;
  context.client_timestamp_us = options.default_timestamp_us;
  context.client_now_s = options.now_s;
  context.timeuuids = &engine.timeuuids_;
  context.random = &engine.env_.random;
  context.meter = meter;
  return context;
}

bool Gate::enter() {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  ++inside_;
  return true;
}

void Gate::leave() {
  std::lock_guard lock(mutex_);
  if (--inside_ == 0) changed_.notify_all();
}

void Gate::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

bool Gate::wait_empty(int64_t seconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(seconds), [&] { return inside_ == 0; });
}

}  // namespace sagitta::db
