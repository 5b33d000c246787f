#include "sagitta/async/worker_pool.h"

#include <sys/resource.h>
#include <unistd.h>

namespace sagitta::async {
namespace {

Gauge& waiting_gauge(MetricsRegistry& metrics, const char* lane) {
  return metrics.gauge("sagitta_worker_queue_length", "Pieces of work waiting for a worker thread.", {{"lane", lane}});
}

/// Of threads that work in slices: where processors are few, session cores and short work come
/// first.
constexpr int kSliceNiceness = 10;

void lower_priority() { ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kSliceNiceness); }

}  // namespace

WorkerPool::WorkerPool(int threads, MetricsRegistry& metrics)
    : short_{.waiting = waiting_gauge(metrics, "short")},
      long_{.waiting = waiting_gauge(metrics, "long")},
      slices_{.waiting_gauge = waiting_gauge(metrics, "slices")} {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(short_); });
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run_slices(); });
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

void WorkerPool::post_slices(std::function<bool()> slice) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_) {
      slices_.waiting.push_back(std::move(slice));
      slices_.waiting_gauge.set(static_cast<double>(slices_.waiting.size()));
      slices_.wake.notify_one();
      return;
    }
  }
  while (!slice()) {
  }
}

void WorkerPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    short_.wake.notify_all();
    long_.wake.notify_all();
    slices_.wake.notify_all();
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

/// What has waited longest comes first, as long as not too much has begun.
std::function<bool()> WorkerPool::SliceLane::take() {
  auto& queue = !waiting.empty() && begun_count < kSlicedWorkMax ? waiting : begun;
  begun_count += static_cast<size_t>(&queue == &waiting);
  auto slice = std::move(queue.front());
  queue.pop_front();
  waiting_gauge.set(static_cast<double>(waiting.size()));
  return slice;
}

void WorkerPool::run_slices() {
  lower_priority();
  std::unique_lock lock(mutex_);
  for (;;) {
    slices_.wake.wait(lock, [&] { return slices_.has_work() || (stopping_ && slices_.begun_count == 0); });
    if (!slices_.has_work()) return;
    auto slice = slices_.take();
    lock.unlock();
    const bool done = slice();
    if (done) slice = nullptr;
    lock.lock();
    if (done) {
      --slices_.begun_count;
    } else {
      slices_.begun.push_back(std::move(slice));
    }
    // One that waits may begin, or the lane has come to its end.
    if (done) slices_.wake.notify_all();
  }
}

}  // namespace sagitta::async
