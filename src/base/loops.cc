/// Threads for loops.
#include "sagitta/base/loops.h"

#include <chrono>
#include <thread>
#include <utility>

namespace sagitta {
namespace {

class ThreadLoop final : public Loop {
 public:
  explicit ThreadLoop(std::function<bool(int64_t wait_us)> turn)
      : thread_([turn = std::move(turn)] {
          while (turn(kForeverUs)) {
          }
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace

std::unique_ptr<Loop> ThreadLoops::start(std::function<bool(int64_t wait_us)> turn) {
  return std::make_unique<ThreadLoop>(std::move(turn));
}

bool ThreadLoops::wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, int64_t timeout_us,
                       const std::function<bool()>& is_over) {
  return changed.wait_for(lock, std::chrono::microseconds(timeout_us), is_over);
}

Loops& thread_loops() {
  static ThreadLoops loops;
  return loops;
}

}  // namespace sagitta
