/// Threads for work that blocks or runs long, away from the session cores.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "sagitta/base/executor.h"
#include "sagitta/base/metrics.h"

namespace sagitta::async {

/// Work in slices that has begun and is not done, in all: what it holds in between is bounded by
/// this.
inline constexpr size_t kSlicedWorkMax = 16;

/// Thread-safe. Work runs in the order posted, `threads` pieces at a time; long work one piece at a
/// time, on a thread of its own; work in slices on `threads` more, in turns, at a lower priority.
/// What bounds the queues is the admission of requests: each holds at most one place.
class WorkerPool final : public Executor {
 public:
  WorkerPool(int threads, MetricsRegistry& metrics);
  ~WorkerPool() override;

  void post(std::function<void()> work) override;
  void post_long(std::function<void()> work) override;
  void post_slices(std::function<bool()> slice) override;
  /// Runs what is queued, then joins the threads. Work posted later runs on the caller. Idempotent.
  void stop();

 private:
  struct Lane {
    std::deque<std::function<void()>> queue;
    std::condition_variable wake;
    Gauge& waiting;
  };

  struct SliceLane {
    std::deque<std::function<bool()>> waiting, begun;
    /// With those that a thread is at.
    size_t begun_count = 0;
    std::condition_variable wake;
    Gauge& waiting_gauge;

    bool has_work() const { return !begun.empty() || (!waiting.empty() && begun_count < kSlicedWorkMax); }
    std::function<bool()> take();
  };

  void post_to(Lane& lane, std::function<void()> work);
  void run(Lane& lane);
  void run_slices();

  std::mutex mutex_;
  Lane short_, long_;
  SliceLane slices_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sagitta::async
