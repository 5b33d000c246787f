/// One thread that looks for deadlines that have passed.
#include "write_deadlines.h"

#include <algorithm>
#include <chrono>

#include "request.h"

namespace sagitta::db {
namespace {

// How late an answer may be. A clock that tests turn is looked at as often.
constexpr int64_t kLookUs = 50'000;
constexpr int64_t kLookAtLeastUs = 1'000;

}  // namespace

WriteDeadlines::WriteDeadlines(const Clock& clock) : clock_(clock), thread_([this] { run(); }) {}

WriteDeadlines::~WriteDeadlines() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void WriteDeadlines::add(const std::shared_ptr<Request>& request) {
  const int64_t at_us = request->options.deadline.at_us;
  if (at_us == INT64_MAX) return;
  std::lock_guard lock(mutex_);
  waiting_.try_emplace({at_us, request.get()}, request);
  if (asleep_) changed_.notify_all();
}

void WriteDeadlines::remove(const Request& request) {
  std::lock_guard lock(mutex_);
  waiting_.erase({request.options.deadline.at_us, &request});
}

void WriteDeadlines::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      asleep_ = true;
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      asleep_ = false;
      continue;
    }
    const auto late = take_late();
    if (!late.empty()) {
      lock.unlock();
      for (const auto& request : late) {
        const Error over(ErrorCode::kWriteTimeout,
                         "the write was not acknowledged before its deadline; it may still take effect");
        request->finish(std::unexpected(with_write_type(over, request->write_type)));
      }
      lock.lock();
      continue;
    }
    const int64_t left_us = waiting_.begin()->first.first - clock_.steady_us();
    changed_.wait_for(lock, std::chrono::microseconds(std::clamp(left_us, kLookAtLeastUs, kLookUs)),
                      [this] { return stopping_; });
  }
}

std::vector<std::shared_ptr<Request>> WriteDeadlines::take_late() {
  std::vector<std::shared_ptr<Request>> late;
  const int64_t now_us = clock_.steady_us();
  while (!waiting_.empty() && waiting_.begin()->first.first <= now_us) {
    if (auto request = waiting_.begin()->second.lock()) late.push_back(std::move(request));
    waiting_.erase(waiting_.begin());
  }
  return late;
}

}  // namespace sagitta::db
