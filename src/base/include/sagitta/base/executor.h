/// Where work runs. `async` has the real ones; `InlineExecutor` runs at once, for tests and tools.
#pragma once

#include <functional>
#include <utility>

namespace sagitta {

/// Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs `work` later, once, on a thread of this executor. Work must not throw.
  virtual void post(std::function<void()> work) = 0;
  /// The same for work that may take minutes, such as an index build: an executor with few threads keeps it apart, so
  /// that what was posted does not wait for it.
  virtual void post_long(std::function<void()> work) { post(std::move(work)); }
};

class InlineExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { work(); }
};

}  // namespace sagitta
