#include "sagitta/load/loops.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "sagitta/base/assert.h"

namespace sagitta::load {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

/// The pacer sleeps no longer than this, and sends what has become due together.
constexpr auto kPace = std::chrono::microseconds(100);

/// After another error the next request would fail too, and perhaps within the call that sends it.
bool is_passing(ErrorCode code) {
  return code == ErrorCode::kOverloaded || code == ErrorCode::kReadTimeout || code == ErrorCode::kWriteTimeout;
}

/// What all connections of a run share.
class Run {
 public:
  Run(Workload& workload, const LoopOptions& options)
      : workload_(workload),
        options_(options),
        begin_(Clock::now()),
        until_(begin_ + std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(options.seconds))) {}

  Clock::time_point begin() const { return begin_; }
  Clock::time_point until() const { return until_; }

  /// The number of the next request of the closed loop; nothing when it is over.
  std::optional<uint64_t> next_number() {
    if (broken_ || Clock::now() >= until_) return std::nullopt;
    const uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
    return number < options_.requests ? std::optional(number) : std::nullopt;
  }

  /// `after` follows the answer.
  template <class After>
  void ask(Client& client, uint64_t number, Clock::time_point due, After after) {
    workload_.ask(client, number, [this, due, after](Result<wire::Response> response) {
      note(due, response);
      after();
    });
  }

  void opened(uint64_t count) {
    const std::lock_guard lock(mutex_);
    open_ += count;
  }
  void closed() {
    const std::lock_guard lock(mutex_);
    if (--open_ == 0) over_.notify_all();
  }
  LoopResult wait() {
    std::unique_lock lock(mutex_);
    over_.wait(lock, [this] { return open_ == 0; });
    result_.seconds = std::chrono::duration<double>(last_ - begin_).count();
    return std::move(result_);
  }

 private:
  void note(Clock::time_point due, const Result<wire::Response>& response) {
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    last_ = std::max(last_, now);
    if (response) {
      ++result_.answered;
      result_.latencies.add(static_cast<uint64_t>(std::max(nanoseconds(now - due).count(), int64_t{0})));
      return;
    }
    ++result_.failed;
    broken_ = broken_ || !is_passing(response.error().code());
    if (!result_.first_error) result_.first_error = response.error();
  }

  Workload& workload_;
  const LoopOptions options_;
  const Clock::time_point begin_, until_;
  std::atomic<uint64_t> next_{0};
  std::atomic<bool> broken_{false};
  std::mutex mutex_;  // guards what follows
  std::condition_variable over_;
  uint64_t open_ = 0;
  Clock::time_point last_ = begin_;
  LoopResult result_;
};

/// One place in flight of the closed loop: asks, and asks again when answered.
void ask_on(const std::shared_ptr<Run>& run, const ClientPtr& client) {
  const auto number = run->next_number();
  if (!number) return run->closed();
  run->ask(*client, *number, Clock::now(), [run, client] { ask_on(run, client); });
}

LoopResult closed_loop(const std::shared_ptr<Run>& run, std::span<const ClientPtr> clients, uint32_t depth) {
  run->opened(clients.size() * depth);
  for (const ClientPtr& client : clients) {
    client->on_core([run, client, depth] {
      for (uint32_t i = 0; i < depth; ++i) ask_on(run, client);
    });
  }
  return run->wait();
}

/// Sends the requests [first, end) of the open loop, dealt out to the connections in turns.
void send_due(const std::shared_ptr<Run>& run, std::span<const ClientPtr> clients, uint64_t first, uint64_t end,
              nanoseconds interval) {
  for (size_t at = 0; at < std::min<uint64_t>(clients.size(), end - first); ++at) {
    const ClientPtr& client = clients[(first + at) % clients.size()];
    client->on_core([run, client, first = first + at, end, step = clients.size(), interval] {
      for (uint64_t number = first; number < end; number += step) {
        const auto due = run->begin() + interval * static_cast<int64_t>(number);
        run->ask(*client, number, due, [run] { run->closed(); });
      }
    });
  }
}

LoopResult open_loop(const std::shared_ptr<Run>& run, std::span<const ClientPtr> clients, const LoopOptions& options) {
  const nanoseconds interval(std::max(int64_t{1}, static_cast<int64_t>(1e9 / options.rate)));
  const auto whole = static_cast<uint64_t>((run->until() - run->begin()) / interval);
  const uint64_t count = std::min(options.requests, whole);
  run->opened(count + 1);
  for (uint64_t sent = 0; sent < count;) {
    const auto due = static_cast<uint64_t>((Clock::now() - run->begin()) / interval) + 1;
    if (const uint64_t end = std::min(due, count); end > sent) {
      send_due(run, clients, sent, end, interval);
      sent = end;
    }
    const auto next = run->begin() + interval * static_cast<int64_t>(sent);
    std::this_thread::sleep_until(std::max(next, Clock::now() + kPace));
  }
  run->closed();
  return run->wait();
}

}  // namespace

LoopResult run_loop(std::span<const ClientPtr> clients, Workload& workload, const LoopOptions& options) {
  SAGITTA_ASSERT(!clients.empty() && options.depth > 0);
  const auto run = std::make_shared<Run>(workload, options);
  return options.rate > 0 ? open_loop(run, clients, options) : closed_loop(run, clients, options.depth);
}

}  // namespace sagitta::load
