/// Time. Everything that asks for the time asks a Clock, so that tests can turn it.
#pragma once

#include <atomic>
#include <cstdint>

namespace sagitta {

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Microseconds since the Unix epoch.
  virtual int64_t now_us() const = 0;
  /// Microseconds since some fixed point; never goes back.
  virtual int64_t steady_us() const = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t now_us() const override;
  int64_t steady_us() const override;
};

/// Stands still until it is told to move.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t now_us) : now_us_(now_us) {}
  int64_t now_us() const override { return now_us_; }
  int64_t steady_us() const override { return now_us_; }
  void advance_us(int64_t us) { now_us_ += us; }

 private:
  std::atomic<int64_t> now_us_;
};

/// When an operation stops being worth its work, on a clock's steady time. Default: never.
struct Deadline {
  int64_t at_us = INT64_MAX;

  static Deadline in_us(const Clock& clock, int64_t us) { return {clock.steady_us() + us}; }
  bool passed(const Clock& clock) const { return at_us != INT64_MAX && clock.steady_us() >= at_us; }
};

/// A deadline that may come nearer while it is looked at. Thread-safe. Default: never.
class MovingDeadline {
 public:
  /// Steady time. It never moves away again.
  void bring_to(int64_t at_us) {
    int64_t known = at_us_.load(std::memory_order_relaxed);
    while (at_us < known && !at_us_.compare_exchange_weak(known, at_us, std::memory_order_relaxed)) {
    }
  }
  bool passed(const Clock& clock) const { return Deadline{at_us_.load(std::memory_order_relaxed)}.passed(clock); }

 private:
  std::atomic<int64_t> at_us_{INT64_MAX};
};

}  // namespace sagitta
