/// Who is in, and the traces of those who want one.
#include "admission.h"

#include <fmt/format.h>

#include <map>
#include <string_view>

#include "sagitta/base/assert.h"

namespace sagitta::db {
namespace {

constexpr size_t kTaskBytesMax = 300;
/// All others wait while they are described.
constexpr size_t kShownMax = 500;

std::string_view name_of(Asked::Kind kind) {
  switch (kind) {
    case Asked::Kind::kQuery: return "Execute CQL3 query";
    case Asked::Kind::kPrepared: return "Execute CQL3 prepared query";
    case Asked::Kind::kBatch: break;
  }
  return "Execute batch of CQL3 queries";
}

std::string task_of(const Request& request) {
  std::string task = request.asked.describe(kTaskBytesMax);
  if (request.options.page_size > 0) task += fmt::format(" [pageSize = {}]", request.options.page_size);
  return task + fmt::format(" at consistency {}", to_string(request.options.consistency));
}

}  // namespace

RequestPtr Admission::admit(Asked asked, RequestOptions options, Done done) {
  auto request = std::make_shared<Request>(*this, sources_, std::move(asked), std::move(options), std::move(done));
  {
    std::unique_lock lock(mutex_);
    if (const Status entered = enter_locked(); !entered) {
      lock.unlock();
      request->finish(fail(entered));
      return nullptr;
    }
    request->number = ++admitted_;
    ++counts_[static_cast<size_t>(request->asked.kind)];
    request->earlier = newest_;
    if (newest_ != nullptr) newest_->later = request.get();
    newest_ = request.get();
  }
  if (request->options.tracing) begin_trace(*request);
  return request;
}

void Admission::begin_trace(Request& request) {
  std::map<std::string, std::string> parameters = {
      {"query", std::string(request.asked.text())},
      {"consistency_level", std::string(to_string(request.options.consistency))},
      {"page_size", fmt::format("{}", request.options.page_size)}};
  request.trace =
      traces_.begin(request.options.who.address, std::string(name_of(request.asked.kind)), std::move(parameters));
}

Status Admission::enter() {
  std::lock_guard lock(mutex_);
  return enter_locked();
}

Status Admission::enter_locked() {
  if (closed_) return fail(ErrorCode::kUnavailable, "the database is stopping");
  ++inside_;
  return {};
}

void Admission::leave() {
  std::lock_guard lock(mutex_);
  leave_locked();
}

void Admission::leave(Request& request) {
  std::lock_guard lock(mutex_);
  if (request.number == 0) return;
  if (request.earlier != nullptr) request.earlier->later = request.later;
  (request.later != nullptr ? request.later->earlier : newest_) = request.earlier;
  leave_locked();
}

void Admission::leave_locked() {
  SAGITTA_ASSERT(inside_ > 0);
  if (--inside_ == 0) changed_.notify_all();
}

std::vector<Admission::Running> Admission::running() const {
  std::vector<Running> running;
  const int64_t now_us = sources_.clock.steady_us();
  std::lock_guard lock(mutex_);
  for (const Request* request = newest_; request != nullptr && running.size() < kShownMax; request = request->earlier) {
    running.push_back({.number = request->number,
                       .client = request->options.client,
                       .keyspace = request->options.keyspace,
                       .task = task_of(*request),
                       .running_us = now_us - request->begun_us});
  }
  return running;
}

std::array<uint64_t, 3> Admission::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

void Admission::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

bool Admission::wait_empty(int64_t seconds) {
  std::unique_lock lock(mutex_);
  return loops_.wait(lock, changed_, seconds * 1'000'000, [&] { return inside_ == 0; });
}

}  // namespace sagitta::db
