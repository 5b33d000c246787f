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

/// Thread-safe. Work runs in the order posted, `threads` pieces at a time. What bounds the queue is the admission of
/// requests: each holds at most one place.
class WorkerPool final : public Executor {
 public:
  WorkerPool(int threads, MetricsRegistry& metrics);
  ~WorkerPool() override;

  void post(std::function<void()> work) override;
  /// Runs what is queued, then joins the threads. Work posted later runs on the caller. Idempotent.
  void stop();

 private:
  void run();

  Gauge& waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sagitta::async
