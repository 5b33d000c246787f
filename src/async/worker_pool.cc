#include "sagitta/async/worker_pool.h"

namespace sagitta::async {

WorkerPool::WorkerPool(int threads, MetricsRegistry& metrics)
    : waiting_(metrics.gauge("sagitta_worker_queue_length", "Pieces of work waiting for a worker thread.")) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(work));
      waiting_.set(static_cast<double>(queue_.size()));
      wake_.notify_one();
      return;
    }
  }
  work();
}

void WorkerPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto work = std::move(queue_.front());
    queue_.pop_front();
    waiting_.set(static_cast<double>(queue_.size()));
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace sagitta::async
