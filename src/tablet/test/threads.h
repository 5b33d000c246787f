/// An Executor for tests of what goes on beside the applier.
#pragma once

#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "sagitta/base/executor.h"

namespace sagitta::tablet {

/// Each piece of work gets a thread of its own.
class Threads final : public Executor {
 public:
  void post(std::function<void()> work) override {
    std::lock_guard lock(mutex_);
    threads_.emplace_back(std::move(work));
  }

 private:
  std::mutex mutex_;
  std::vector<std::jthread> threads_;
};

}  // namespace sagitta::tablet
