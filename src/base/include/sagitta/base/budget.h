/// A tree of memory limits. A charge counts against its budget and all budgets above it, and is
/// refused when any is full: memory is admitted before it is allocated.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

#include "sagitta/base/result.h"

namespace sagitta {

/// Thread-safe. A budget must outlive its children and its charges.
class MemoryBudget {
 public:
  /// A root, or a child of `parent` when given. `limit_bytes` may exceed the parent's: then the
  /// parent decides.
  MemoryBudget(std::string name, size_t limit_bytes, MemoryBudget* parent = nullptr);
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;
  ~MemoryBudget();

  /// Takes `bytes`, or returns kOverloaded naming the budget that is full, its limit and its use.
  Status charge(size_t bytes);
  /// Takes `bytes` though the budget may be full: for what a charge that is about to end stands
  /// for.
  void overdraw(size_t bytes);
  /// Gives back what `charge` or `overdraw` took.
  void release(size_t bytes);

  const std::string& name() const { return name_; }
  size_t limit_bytes() const { return limit_bytes_; }
  size_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  /// Of this budget and those above it the fullest: the part that is in use, 1 when it is full.
  double used_part() const;

 private:
  bool try_take(size_t bytes);

  const std::string name_;
  const size_t limit_bytes_;
  MemoryBudget* const parent_;
  std::atomic<size_t> used_bytes_{0};
};

/// A charge that gives itself back. Movable; not thread-safe.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  static Result<MemoryCharge> take(MemoryBudget& budget, size_t bytes);
  MemoryCharge(MemoryCharge&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryCharge() {
    if (budget_ != nullptr) budget_->release(bytes_);
  }
  size_t bytes() const { return bytes_; }

 private:
  MemoryCharge(MemoryBudget& budget, size_t bytes) : budget_(&budget), bytes_(bytes) {}
  MemoryBudget* budget_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace sagitta
