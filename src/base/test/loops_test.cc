/// Loops on threads.
#include "sagitta/base/loops.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "sagitta/base/awaited.h"

namespace sagitta {
namespace {

TEST(Loops, ATurnComesAgainUntilItSaysNo) {
  std::atomic<int> turns = 0;
  auto loop = thread_loops().start([&](int64_t wait_us) {
    EXPECT_GT(wait_us, 0);
    return ++turns < 5;
  });
  loop.reset();
  EXPECT_EQ(turns, 5);
}

TEST(Loops, AWaitEndsWithWhatItWaitsForOrItsTime) {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_over = false;
  std::unique_lock lock(mutex);
  EXPECT_FALSE(thread_loops().wait(lock, changed, 1000, [&] { return is_over; }));
  std::jthread other([&] {
    std::lock_guard guard(mutex);
    is_over = true;
    changed.notify_all();
  });
  EXPECT_TRUE(thread_loops().wait(lock, changed, kForeverUs, [&] { return is_over; }));
}

TEST(Awaited, GivesWhatAnotherThreadGave) {
  Awaited<int> number;
  std::jthread other([&] { number.give(7); });
  EXPECT_EQ(number.wait(thread_loops()), 7);
}

}  // namespace
}  // namespace sagitta
