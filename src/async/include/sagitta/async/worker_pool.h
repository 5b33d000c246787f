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

/// Thread-safe. Work runs in the order posted, `threads` pieces at a time; long work one piece at a time, on a thread
/// of its own. What bounds the queue is the admission of requests: each holds at most one place.
class WorkerPool final : public Executor {
 public:
  WorkerPool(int threads, MetricsRegistry& metrics);
  ~WorkerPool() override;

  void post(std::function<void()> work) override;
  void post_long(std::function<void()> work) override;
  /// Runs what is queued, then joins the threads. Work posted later runs on the caller. Idempotent.
  void stop();

 private:
  struct Lane {
    std::deque<std::function<void()>> queue;
    std::condition_variable wake;
    Gauge& waiting;
  };

  void post_to(Lane& lane, std::function<void()> work);
  void run(Lane& lane);

  std::mutex mutex_;
  Lane short_, long_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sagitta::async
