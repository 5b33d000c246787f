/// Looks for deadlines that have passed.
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

WriteDeadlines::WriteDeadlines(const Clock& clock, Loops& loops)
    : clock_(clock), loop_(loops.start([this](int64_t wait_us) { return turn(wait_us); })) {}

WriteDeadlines::~WriteDeadlines() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  loop_.reset();
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

bool WriteDeadlines::turn(int64_t wait_us) {
  std::unique_lock lock(mutex_);
  const auto late = take_late();
  if (late.empty()) {
    pause(lock, wait_us);
    return !stopping_;
  }
  lock.unlock();
  for (const auto& request : late) {
    const Error over(ErrorCode::kWriteTimeout,
                     "the write was not acknowledged before its deadline; it may still take effect");
    request->finish(std::unexpected(with_write_type(over, request->write_type)));
  }
  return true;
}

/// Until the next deadline, or for a moment; without any, until there is one.
void WriteDeadlines::pause(std::unique_lock<std::mutex>& lock, int64_t wait_us) {
  if (stopping_ || wait_us == 0) return;
  if (!waiting_.empty()) {
    const int64_t left_us = waiting_.begin()->first.first - clock_.steady_us();
    wait_us = std::min(wait_us, std::clamp(left_us, kLookAtLeastUs, kLookUs));
  }
  asleep_ = waiting_.empty();
  changed_.wait_for(lock, std::chrono::microseconds(wait_us),
                    [this] { return stopping_ || (asleep_ && !waiting_.empty()); });
  asleep_ = false;
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
