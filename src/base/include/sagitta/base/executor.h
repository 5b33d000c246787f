/// Where work runs. `async` has the real ones; `InlineExecutor` runs at once, for tests and tools.
#pragma once

#include <functional>

namespace sagitta {

/// Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs `work` later, once, on a thread of this executor. Work must not throw.
  virtual void post(std::function<void()> work) = 0;
};

class InlineExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { work(); }
};

}  // namespace sagitta
