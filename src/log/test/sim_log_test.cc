// The log of tests, with and without its faults.
#include "sagitta/log/sim_log.h"

#include <algorithm>
#include <map>

#include "log_fixture.h"

namespace sagitta::log {
namespace {

/// Of so many partitions the last one is used.
class SimLogTest : public testing::TestWithParam<Partition> {
 protected:
  std::unique_ptr<SimLog> make(uint64_t seed, const SimFaults& faults, bool is_stepped = false) {
    return make_sim_log(clock_,
                        {.seed = seed, .faults = std::vector<SimFaults>(GetParam(), faults), .is_stepped = is_stepped});
  }
  Partition last() const { return static_cast<Partition>(GetParam() - 1); }

  std::vector<Bytes> faulty_run(uint64_t seed, std::map<ErrorCode, int>& errors) {
    const auto log = make(seed, kFaults);
    for (int i = 0; i < 200; ++i) {
      if (const auto offset = append(*log, last(), std::to_string(i)); !offset) ++errors[offset.error().code()];
    }
    return read_all(*log, last(), 0).value();
  }

  static constexpr SimFaults kFaults{
      .fail_one_in = 5, .lose_answer_one_in = 5, .duplicate_one_in = 5, .delay_us_max = 20};
  ManualClock clock_{5};
};
INSTANTIATE_TEST_SUITE_P(Partitions, SimLogTest, testing::Values(1, 4));

TEST_P(SimLogTest, IsAnHonestLogWithoutFaults) {
  const auto log = make(1, {});
  EXPECT_EQ(log->partitions(), GetParam());
  for (Offset i = 0; i < 10; ++i) EXPECT_EQ(append(*log, last(), std::to_string(i)).value(), i);
  EXPECT_EQ(read_all(*log, last(), 0, 20)->size(), 10u);
  EXPECT_EQ(log->read(last(), 0, 1000, 0)->front().record->log_time_us, 5);
  ASSERT_TRUE(log->trim(last(), 4));
  EXPECT_EQ(log->bounds(last()).begin, 4u);
  EXPECT_EQ(log->read(last(), 3, 1000, 0).error().code(), ErrorCode::kNotFound);
  auto waiting = std::async(std::launch::async, [&] { return log->read(last(), 10, 1000, kLongUs); });
  log->stop();
  EXPECT_EQ(waiting.get().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(append(*log, last(), "x").error().code(), ErrorCode::kUnavailable);
}

TEST_P(SimLogTest, LeavesOutOffsetsAndLosesNoRecord) {
  const auto log = make(1, {.skip_one_in = 3});
  std::vector<Offset> given;
  for (int i = 0; i < 100; ++i) given.push_back(append(*log, last(), std::to_string(i)).value());
  EXPECT_GT(given.back(), 150u);
  EXPECT_EQ(log->bounds(last()).end, given.back() + 1);
  size_t seen = 0;
  for (Offset from = 0; from < log->bounds(last()).end;) {
    const auto entries = log->read(last(), from, 20, 0).value();
    ASSERT_FALSE(entries.empty()) << "from " << from;
    for (const Entry& entry : entries) {
      EXPECT_EQ(entry.offset, given[seen]);
      EXPECT_EQ(entry.record->payload, std::to_string(seen++));
      from = entry.offset + 1;
    }
  }
  EXPECT_EQ(seen, 100u);
  ASSERT_TRUE(log->trim(last(), given[50] + 1));
  EXPECT_EQ(log->bounds(last()).begin, given[50] + 1);
  EXPECT_EQ(log->read(last(), given[50] + 1, 20, 0)->front().offset, given[51]);
  EXPECT_EQ(log->read(last(), given[50], 20, 0).error().code(), ErrorCode::kNotFound);
}

TEST_P(SimLogTest, FaultsFollowTheSeed) {
  std::map<ErrorCode, int> errors, again, other;
  const auto payloads = faulty_run(1, errors);
  EXPECT_EQ(payloads, faulty_run(1, again));
  EXPECT_NE(payloads, faulty_run(2, other));
  EXPECT_EQ(errors, again);
  EXPECT_GT(errors[ErrorCode::kIo], 10);
  EXPECT_GT(errors[ErrorCode::kWriteTimeout], 10);
  std::map<Bytes, int> times;
  for (const Bytes& payload : payloads) ++times[payload];
  EXPECT_EQ(times.size(), 200u - static_cast<size_t>(errors[ErrorCode::kIo])) << "only refused ones are missing";
  EXPECT_GT(std::ranges::count_if(times, [](const auto& entry) { return entry.second == 2; }), 10);
}

TEST_P(SimLogTest, ASteppedLogDoesNothingByItself) {
  const auto log = make(1, {.delay_us_max = 1'000'000'000}, true);
  const auto feed = log->feed();
  ASSERT_TRUE(feed->follow(last(), 0));
  auto first = append_later(*log, last(), "0");
  auto second = append_later(*log, last(), "1");
  EXPECT_EQ(log->bounds(last()).end, 0u);
  EXPECT_TRUE(feed->read(1000, 0)->empty());
  EXPECT_TRUE(log->settle(last()));
  EXPECT_EQ(first.get().value(), 0u) << "answered within the call";
  EXPECT_EQ(feed->read(1000, 0)->size(), 1u);
  EXPECT_EQ(log->bounds(last()).end, 1u);
  log->stop();
  EXPECT_EQ(second.get().value(), 1u) << "a stop settles what waits";
  EXPECT_FALSE(log->settle(last()));
}

TEST_P(SimLogTest, WhatALostWriterHadUnderWayNeverGetsThere) {
  const auto log = make(1, {}, true);
  bool is_told = false;
  for (int i = 0; i < 3; ++i) log->append(last(), {.payload = "x"}, [&](const auto&) { is_told = true; });
  EXPECT_TRUE(log->settle(last()));
  is_told = false;
  log->lose(last());
  EXPECT_FALSE(log->settle(last()));
  log->stop();
  EXPECT_FALSE(is_told);
  EXPECT_EQ(log->bounds(last()).end, 1u);
}

/// What happens in each of `partitions` when a hundred records are appended to each in the order
/// that `next` gives; outcomes and payloads by offset.
std::vector<Bytes> what_happened(Partition partitions, const std::function<Partition(int)>& next) {
  ManualClock clock(5);
  const SimFaults faults{.fail_one_in = 5, .lose_answer_one_in = 5, .duplicate_one_in = 5, .skip_one_in = 5};
  const auto log = make_sim_log(clock, {.seed = 7, .faults = std::vector<SimFaults>(partitions, faults)});
  std::vector<Bytes> happened(partitions);
  std::vector<int> count(partitions);
  for (int i = 0; i < 100 * partitions; ++i) {
    const Partition p = next(i);
    const auto offset = append(*log, p, std::to_string(count[p]++));
    happened[p] += offset ? std::to_string(*offset) + " " : offset.error().to_string() + " ";
  }
  for (Partition p = 0; p < partitions; ++p) {
    const auto entries = log->read(p, 0, size_t{1} << 20, 0).value();
    for (const Entry& entry : entries) happened[p] += std::to_string(entry.offset) + "=" + entry.record->payload + " ";
  }
  return happened;
}

TEST(SimLogPartitions, WhatHappensInOneDoesNotDependOnTheOthers) {
  const auto in_turns = what_happened(4, [](int i) { return static_cast<Partition>(i % 4); });
  const auto one_by_one = what_happened(4, [](int i) { return static_cast<Partition>(i / 100); });
  EXPECT_EQ(in_turns, one_by_one);
  EXPECT_EQ(what_happened(1, [](int) { return Partition{0}; })[0], in_turns[0]);
  EXPECT_NE(in_turns[0], in_turns[1]) << "each has faults of its own";
}

TEST(SimLogPartitions, EachHasItsOwnKindsOfFaults) {
  ManualClock clock(5);
  const auto log = make_sim_log(clock, {.faults = {{}, {.fail_one_in = 1}, {.lose_answer_one_in = 1}}});
  ASSERT_EQ(log->partitions(), 3);
  EXPECT_TRUE(append(*log, 0, "x"));
  EXPECT_EQ(append(*log, 1, "x").error().code(), ErrorCode::kIo);
  EXPECT_EQ(append(*log, 2, "x").error().code(), ErrorCode::kWriteTimeout);
  EXPECT_EQ(log->bounds(1).end, 0u);
  EXPECT_EQ(log->bounds(2).end, 1u);
}

}  // namespace
}  // namespace sagitta::log
