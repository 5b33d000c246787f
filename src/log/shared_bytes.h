/// Bytes that several users hold under one limit.
#pragma once

#include <atomic>
#include <cstddef>

namespace sagitta::log {

/// Thread-safe.
class SharedBytes {
 public:
  explicit SharedBytes(size_t max) : max_(max) {}

  /// Takes `bytes` unless there are others and it would be more than the limit with them.
  bool take(size_t bytes) {
    size_t held = held_.load(std::memory_order_relaxed);
    do {
      if (held != 0 && held + bytes > max_) return false;
    } while (!held_.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed));
    return true;
  }
  /// Takes them in any case.
  void add(size_t bytes) { held_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(size_t bytes) { held_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t held() const { return held_.load(std::memory_order_relaxed); }
  size_t max() const { return max_; }
  bool is_over() const { return held() > max_; }

 private:
  const size_t max_;
  std::atomic<size_t> held_{0};
};

}  // namespace sagitta::log
