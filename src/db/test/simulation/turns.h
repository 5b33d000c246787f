/// Everything that goes on in a simulated process, one turn at a time on one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "sagitta/base/executor.h"
#include "sagitta/base/loops.h"

namespace sagitta::db::test {

/// The loops and the executor of a simulation.
class Turns final : public Loops, public Executor {
 public:
  /// Does the next thing of all that could come next, in the whole simulation; false when it may
  /// have done nothing.
  std::function<bool()> step;

  std::unique_ptr<Loop> start(std::function<bool(int64_t wait_us)> turn) override;
  /// Takes steps meanwhile. Gives up once many of them in a row found nothing to do; when there is
  /// no way on for one who waits for ever, ends the process.
  bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, int64_t timeout_us,
            const std::function<bool()>& is_over) override;

  void post(std::function<void()> work) override;
  void post_slices(std::function<bool()> slice) override;

  /// Work is done as soon as it is posted, from now on or no longer.
  void set_at_once(bool at_once) { at_once_ = at_once; }

  size_t loop_count() const { return loops_.size(); }
  /// One turn of a loop.
  void turn(size_t loop);
  size_t work_count() const { return work_.size(); }
  /// One piece of the work that waits, or one slice of it.
  void do_work(size_t piece);
  /// All of it, and what comes of it.
  void do_all_work();

 private:
  class StepLoop;

  std::vector<StepLoop*> loops_;
  /// Each is done once it returns true.
  std::deque<std::function<bool()>> work_;
  bool at_once_ = false;
};

}  // namespace sagitta::db::test
