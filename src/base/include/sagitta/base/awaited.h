/// An outcome that one thread waits for and another gives.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "sagitta/base/loops.h"

namespace sagitta {

/// Thread-safe. Given once, waited for once.
template <class T>
class Awaited {
 public:
  void give(T outcome) {
    // Notified under the lock: whoever waits may end this object's life.
    std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    changed_.notify_all();
  }
  T wait(Loops& loops) {
    std::unique_lock lock(mutex_);
    while (!loops.wait(lock, changed_, kForeverUs, [this] { return outcome_.has_value(); })) {
    }
    return *std::move(outcome_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> outcome_;
};

}  // namespace sagitta
