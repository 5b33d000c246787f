/// Brings a partition replica up to its log: at a start as fast as it can, then as records come, on
/// a thread of its own or step by step.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "partition_replica.h"

namespace sagitta::replica {

/// One thread steps; `start` makes that thread.
class Lane {
 public:
  /// Both must outlive it.
  Lane(PartitionReplica& partition, const Environment& environment, const Options& options)
      : partition_(partition), env_(environment), options_(options) {}
  /// Stops.
  ~Lane() { stop(); }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Applies what the log has now, says how far it is, and flushes it: so the next start need not
  /// do it again. An error as PartitionReplica::apply.
  Status replay();
  /// Waits up to `wait_us` for records, applies those that it gets, and begins a flush when one is
  /// due. Returns how many records it got.
  Result<size_t> step(int64_t wait_us);
  /// Steps on a thread of its own until `stop`, or until an error halts the partition.
  void start();
  /// The thread is to end: the log may be stopped from now on.
  void begin_stop() { stopping_ = true; }
  /// Ends the thread. Idempotent.
  void stop();
  /// Until no flush that a step began is under way.
  void wait_for_flush();

 private:
  void run();
  void flush_when_due();

  PartitionReplica& partition_;
  const Environment env_;
  const Options options_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable flushed_;
  bool flushing_ = false;  ///< guarded by mutex_
  int64_t last_flush_us_ = 0;
  std::thread thread_;
  /// Who steps: the thread that replays, then thread_. None: any one thread, step by step.
  std::atomic<std::thread::id> stepper_{};
};

}  // namespace sagitta::replica
