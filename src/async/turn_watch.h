/// Measures the CPU time that turns of an event loop take, at the price of two looks at a cheap
/// clock each.
///
/// The thread's CPU clock is a system call. It is read only after kSyncUs of turns, so that one
/// turn's CPU time is known as an upper bound: no more than what the thread used since the last
/// reading, and no more than the turn lasted.
#pragma once

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "sagitta/async/runtime.h"
#include "sagitta/base/metrics.h"

namespace sagitta::async {

/// What the cores' watches found. Thread-safe.
class TurnStats {
 public:
  explicit TurnStats(MetricsRegistry& metrics)
      : longest_gauge_(
            metrics.gauge("sagitta_turn_longest_seconds", "CPU time of the longest turn of a session core.")),
        long_turns_(metrics.counter("sagitta_turns_long_total", "Turns of session cores that took over 2 ms of CPU.")) {
  }

  void note(int64_t cpu_ns) {
    if (cpu_ns > kTurnCpuMaxUs * 1000) long_turns_.add();
    int64_t longest = longest_ns_.load(std::memory_order_relaxed);
    while (cpu_ns > longest) {
      if (longest_ns_.compare_exchange_weak(longest, cpu_ns, std::memory_order_relaxed)) {
        longest_gauge_.set(static_cast<double>(cpu_ns) * 1e-9);
        return;
      }
    }
  }
  int64_t longest_us() const { return longest_ns_.load(std::memory_order_relaxed) / 1000; }

 private:
  Gauge& longest_gauge_;
  Counter& long_turns_;
  std::atomic<int64_t> longest_ns_{0};
};

/// Of one loop; its thread alone uses it.
class TurnWatch {
 public:
  explicit TurnWatch(TurnStats& stats) : stats_(stats) {}

  /// One turn, from its construction to its end.
  class Turn {
   public:
    explicit Turn(TurnWatch& watch) : watch_(watch), begin_ns_(read(CLOCK_MONOTONIC)) {}
    ~Turn() { watch_.end_turn(read(CLOCK_MONOTONIC) - begin_ns_); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    TurnWatch& watch_;
    const int64_t begin_ns_;
  };

 private:
  static constexpr int64_t kSyncNs = 100'000;

  static int64_t read(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  }

  void end_turn(int64_t lasted_ns) {
    since_sync_ns_ += lasted_ns;
    if (since_sync_ns_ < kSyncNs) return;
    const int64_t cpu_ns = read(CLOCK_THREAD_CPUTIME_ID);
    stats_.note(std::min(lasted_ns, cpu_ns - synced_cpu_ns_));
    synced_cpu_ns_ = cpu_ns;
    since_sync_ns_ = 0;
  }

  TurnStats& stats_;
  int64_t since_sync_ns_ = 0, synced_cpu_ns_ = 0;
};

}  // namespace sagitta::async
