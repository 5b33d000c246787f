/// Brings partition replicas up to their log: each at a start as fast as it can, then all of them
/// as records come, turn by turn.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "sagitta/log/feed.h"
#include "sagitta/replica/lanes.h"

#include "partition_replica.h"

namespace sagitta::replica {

/// One thread at a time steps; `start` makes a loop of it.
class Lane {
 public:
  Lane(const Lanes::Environment& environment, const Options& options);
  /// Stops.
  ~Lane() { stop(); }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Applies what the log has now, says how far it is, and flushes it: so the next start need not
  /// do it again. From then on the partition, which must outlive the lane's steps, goes with the
  /// lane. Before `start`. An error as PartitionReplica::apply.
  Status add(PartitionReplica& partition, const std::function<void(const ReplayProgress&)>& on_replay);
  /// Waits up to `wait_us` for records, applies those of one partition, and begins a flush when one
  /// is due. Returns how many records it got. An error in a partition halts that; one of the whole
  /// log is returned.
  Result<size_t> step(int64_t wait_us);
  /// Steps as a loop until `stop`, or until every partition is halted.
  void start();
  /// The loop is to end: the log may be stopped from now on.
  void begin_stop() { stopping_ = true; }
  /// Ends the loop. Idempotent.
  void stop();
  /// Until no flush of the partition that a step began is under way.
  void wait_for_flush(const PartitionReplica& partition);

 private:
  struct Member {
    PartitionReplica* partition;
    int64_t last_flush_us;
    bool flushing = false;  ///< guarded by mutex_
  };

  bool turn(int64_t wait_us);
  Status replay(Member& member, const std::function<void(const ReplayProgress&)>& on_replay);
  Member& member(log::Partition number);
  void halt(Member& member, const Error& error);
  void halt_all(const Error& error);
  void go_on(Member& member);
  void flush_when_due(Member& member);

  const Lanes::Environment env_;
  const Options options_;
  const std::unique_ptr<log::Feed> feed_;
  std::vector<std::unique_ptr<Member>> members_;
  int64_t all_went_on_us_ = 0;
  size_t serving_ = 0;  ///< members that are not halted
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable flushed_;
  std::unique_ptr<Loop> loop_;
  /// The loop's. None: any one thread, step by step.
  std::atomic<std::thread::id> stepper_{};
};

}  // namespace sagitta::replica
