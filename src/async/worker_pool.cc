#include "sagitta/async/worker_pool.h"

namespace sagitta::async {
namespace {

Gauge& waiting_gauge(MetricsRegistry& metrics, const char* lane) {
  return metrics.gauge("sagitta_worker_queue_length", "Pieces of work waiting for a worker thread.", {{"lane", lane}});
}

}  // namespace

WorkerPool::WorkerPool(int threads, MetricsRegistry& metrics)
    : short_{.waiting = waiting_gauge(metrics, "short")}, long_{.waiting = waiting_gauge(metrics, "long")} {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(short_); });
  threads_.emplace_back([this] { run(long_); });
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::post(std::function<void()> work) { post_to(short_, std::move(work)); }

void WorkerPool::post_long(std::function<void()> work) { post_to(long_, std::move(work)); }

void WorkerPool::post_to(Lane& lane, std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_) {
      lane.queue.push_back(std::move(work));
      lane.waiting.set(static_cast<double>(lane.queue.size()));
      lane.wake.notify_one();
      return;
    }
  }
  work();
}

void WorkerPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    short_.wake.notify_all();
    long_.wake.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::run(Lane& lane) {
  std::unique_lock lock(mutex_);
  for (;;) {
    lane.wake.wait(lock, [&] { return stopping_ || !lane.queue.empty(); });
    if (lane.queue.empty()) return;
    auto work = std::move(lane.queue.front());
    lane.queue.pop_front();
    lane.waiting.set(static_cast<double>(lane.queue.size()));
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace sagitta::async
