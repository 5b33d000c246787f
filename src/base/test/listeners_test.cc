#include "sagitta/base/listeners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

namespace sagitta {
namespace {

TEST(Listeners, AreCalledInTheirOrderUntilTheirHandleGoes) {
  Listeners<int> listeners;
  std::vector<int> heard;
  auto first = listeners.add([&](int n) { heard.push_back(10 + n); });
  auto second = listeners.add([&](int n) { heard.push_back(20 + n); });
  listeners.call(1);
  first.reset();
  listeners.call(2);
  EXPECT_THAT(heard, testing::ElementsAre(11, 21, 22));
}

TEST(Listeners, AHandleOutlivesTheList) {
  auto listeners = std::make_unique<Listeners<>>();
  auto handle = listeners->add([] {});
  listeners.reset();
  handle.reset();
}

TEST(Listeners, AListenerMayStopItselfAndAddAnother) {
  Listeners<> listeners;
  int own = 0, later = 0;
  std::shared_ptr<void> handle, added;
  handle = listeners.add([&] {
    ++own;
    handle.reset();
    added = listeners.add([&] { ++later; });
  });
  listeners.call();
  listeners.call();
  EXPECT_EQ(own, 1);
  EXPECT_EQ(later, 1);
}

TEST(Listeners, DestroyingAHandleWaitsForTheCallUnderWay) {
  Listeners<> listeners;
  std::latch inside(1), leave(1);
  std::atomic<bool> returned{false};
  auto handle = listeners.add([&] {
    inside.count_down();
    leave.wait();
    returned = true;
  });
  std::jthread caller([&] { listeners.call(); });
  inside.wait();
  std::atomic<bool> destroyed{false};
  std::jthread destroyer([&] {
    handle.reset();
    EXPECT_TRUE(returned);
    destroyed = true;
  });
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_FALSE(destroyed);
  leave.count_down();
  destroyer.join();
  EXPECT_TRUE(destroyed);
}

TEST(Listeners, NoCallReachesWhatIsGone) {
  constexpr int kRounds = 2000;
  Listeners<> listeners;
  std::atomic<bool> stop{false};
  std::atomic<int> late{0};
  std::atomic<uint64_t> calls{0};
  std::vector<std::jthread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      while (!stop) listeners.call();
    });
  }
  for (int round = 0; round < kRounds || calls == 0; ++round) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    auto handle = listeners.add([&late, &calls, alive = alive.get()] {
      ++calls;
      if (!*alive) ++late;
    });
    std::this_thread::yield();
    handle.reset();
    *alive = false;  // and freed: the sanitizers see a call that comes after
  }
  stop = true;
  callers.clear();
  EXPECT_EQ(late, 0);
  EXPECT_GT(calls, 0u);
}

}  // namespace
}  // namespace sagitta
