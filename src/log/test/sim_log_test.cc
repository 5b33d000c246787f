// The log of tests, with and without its faults.
#include "sagitta/log/sim_log.h"

#include <algorithm>
#include <map>

#include "log_fixture.h"

namespace sagitta::log {
namespace {

TEST(SimLog, IsAnHonestLogWithoutFaults) {
  ManualClock clock(5);
  const auto log = make_sim_log(clock);
  for (Offset i = 0; i < 10; ++i) EXPECT_EQ(append(*log, std::to_string(i)).value(), i);
  EXPECT_EQ(read_all(*log, 0, 20)->size(), 10u);
  EXPECT_EQ(log->read(0, 0, 1000, 0)->front().record->log_time_us, 5);
  ASSERT_TRUE(log->trim(0, 4));
  EXPECT_EQ(log->bounds(0).begin, 4u);
  EXPECT_EQ(log->read(0, 3, 1000, 0).error().code(), ErrorCode::kNotFound);
  auto waiting = std::async(std::launch::async, [&] { return log->read(0, 10, 1000, kLongUs); });
  log->stop();
  EXPECT_EQ(waiting.get().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(append(*log, "x").error().code(), ErrorCode::kUnavailable);
}

std::vector<Bytes> faulty_run(uint64_t seed, std::map<ErrorCode, int>& errors) {
  ManualClock clock(5);
  const auto log = make_sim_log(
      clock, {.seed = seed, .fail_one_in = 5, .lose_answer_one_in = 5, .duplicate_one_in = 5, .delay_us_max = 20});
  for (int i = 0; i < 200; ++i) {
    if (const auto offset = append(*log, std::to_string(i)); !offset) ++errors[offset.error().code()];
  }
  return read_all(*log, 0).value();
}

TEST(SimLog, LeavesOutOffsetsAndLosesNoRecord) {
  ManualClock clock(5);
  const auto log = make_sim_log(clock, {.skip_one_in = 3});
  std::vector<Offset> given;
  for (int i = 0; i < 100; ++i) given.push_back(append(*log, std::to_string(i)).value());
  EXPECT_GT(given.back(), 150u);
  EXPECT_EQ(log->bounds(0).end, given.back() + 1);
  size_t seen = 0;
  for (Offset from = 0; from < log->bounds(0).end;) {
    const auto entries = log->read(0, from, 20, 0).value();
    ASSERT_FALSE(entries.empty()) << "from " << from;
    for (const Entry& entry : entries) {
      EXPECT_EQ(entry.offset, given[seen]);
      EXPECT_EQ(entry.record->payload, std::to_string(seen++));
      from = entry.offset + 1;
    }
  }
  EXPECT_EQ(seen, 100u);
  ASSERT_TRUE(log->trim(0, given[50] + 1));
  EXPECT_EQ(log->bounds(0).begin, given[50] + 1);
  EXPECT_EQ(log->read(0, given[50] + 1, 20, 0)->front().offset, given[51]);
  EXPECT_EQ(log->read(0, given[50], 20, 0).error().code(), ErrorCode::kNotFound);
}

TEST(SimLog, FaultsFollowTheSeed) {
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

}  // namespace
}  // namespace sagitta::log
