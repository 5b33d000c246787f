/// Whose turn it is.
#include "turns.h"

#include <utility>

#include "sagitta/base/assert.h"

namespace sagitta::db::test {
namespace {

/// More than any loop goes without a turn.
constexpr int kIdleStepsMax = 6000;

}  // namespace

class Turns::StepLoop final : public Loop {
 public:
  StepLoop(Turns& turns, std::function<bool(int64_t)> turn) : turns_(turns), turn_(std::move(turn)) {
    turns_.loops_.push_back(this);
  }
  ~StepLoop() override { std::erase(turns_.loops_, this); }
  void turn() {
    if (runs_) runs_ = turn_(0);
  }

 private:
  Turns& turns_;
  const std::function<bool(int64_t)> turn_;
  bool runs_ = true;
};

std::unique_ptr<Loop> Turns::start(std::function<bool(int64_t wait_us)> turn) {
  return std::make_unique<StepLoop>(*this, std::move(turn));
}

bool Turns::wait(std::unique_lock<std::mutex>& lock, std::condition_variable&, int64_t timeout_us,
                 const std::function<bool()>& is_over) {
  for (int idle = 0; !is_over();) {
    if (idle > kIdleStepsMax) {
      SAGITTA_ASSERT(timeout_us < kForeverUs);
      return false;
    }
    lock.unlock();
    idle = step() ? 0 : idle + 1;
    lock.lock();
  }
  return true;
}

void Turns::post(std::function<void()> work) {
  if (at_once_) return work();
  work_.push_back([work = std::move(work)] {
    work();
    return true;
  });
}

void Turns::post_slices(std::function<bool()> slice) {
  if (!at_once_) return work_.push_back(std::move(slice));
  while (!slice()) {
  }
}

void Turns::turn(size_t loop) { loops_[loop]->turn(); }

void Turns::do_work(size_t piece) {
  auto next = std::move(work_[piece]);
  work_.erase(work_.begin() + static_cast<std::ptrdiff_t>(piece));
  if (!next()) work_.push_back(std::move(next));
}

void Turns::do_all_work() {
  while (!work_.empty()) do_work(0);
}

}  // namespace sagitta::db::test
