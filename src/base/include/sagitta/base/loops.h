/// Work that goes on as long as its owner lives, turn by turn: on a thread of its own, or, in a
/// simulation, when somebody says whose turn it is.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace sagitta {

/// Ends with its owner, who first makes its turns return false: the destructor waits for that.
class Loop {
 public:
  virtual ~Loop() = default;
};

/// Thread-safe.
class Loops {
 public:
  virtual ~Loops() = default;
  /// Calls `turn` again and again, until it returns false. A turn that finds nothing to do waits up
  /// to `wait_us` for something.
  [[nodiscard]] virtual std::unique_ptr<Loop> start(std::function<bool(int64_t wait_us)> turn) = 0;
  /// Waits until `is_over`, which is called under the lock and changes only with a notification of
  /// `changed`. False when that has not come after `timeout_us`.
  virtual bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, int64_t timeout_us,
                    const std::function<bool()>& is_over) = 0;
};

/// As good as for ever.
inline constexpr int64_t kForeverUs = int64_t{24} * 3600 * 1'000'000;

/// A thread a loop.
class ThreadLoops final : public Loops {
 public:
  std::unique_ptr<Loop> start(std::function<bool(int64_t wait_us)> turn) override;
  bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, int64_t timeout_us,
            const std::function<bool()>& is_over) override;
};

/// Those of the process.
Loops& thread_loops();

}  // namespace sagitta
