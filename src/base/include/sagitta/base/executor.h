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
  /// The same for work that may take minutes, such as an index build: an executor with few threads
  /// keeps it apart, so that what was posted does not wait for it.
  virtual void post_long(std::function<void()> work) { post(std::move(work)); }
  /// The same for work that can be left and taken up again: `slice` is called, by one thread at a
  /// time, until it returns true. Between its slices others have their turn.
  virtual void post_slices(std::function<bool()> slice) {
    post([this, slice = std::move(slice)]() mutable {
      if (!slice()) post_slices(std::move(slice));
    });
  }
};

class InlineExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { work(); }
  void post_slices(std::function<bool()> slice) override {
    while (!slice()) {
    }
  }
};

}  // namespace sagitta
