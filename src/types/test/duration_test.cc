/// Durations added to moments, and moments rounded down to durations.
#include "sagitta/types/duration.h"

#include <gtest/gtest.h>

#include <limits>

#include "sagitta/types/value.h"

#include "random_value.h"

namespace sagitta::types {
namespace {

const DataType& timestamp() { return *DataType::native(Kind::kTimestamp); }

int64_t ms(std::string_view text) { return to_int64(*from_text(timestamp(), text)); }

std::string text(std::optional<int64_t> moment) {
  return moment ? to_text(timestamp(), from_int64(*moment)) : "out of range";
}

std::string sum(std::string_view moment, std::string_view duration, int64_t sign = 1) {
  return text(add_to_ms(ms(moment), *duration_from_text(duration), sign));
}

TEST(Durations, MonthsEndWithTheMonth) {
  EXPECT_EQ(sum("2020-01-31T04:05:06.789Z", "1mo"), "2020-02-29T04:05:06.789Z");
  EXPECT_EQ(sum("2020-01-31", "1mo1d"), "2020-03-01T00:00:00.000Z");
  EXPECT_EQ(sum("2020-02-29", "1y"), "2021-02-28T00:00:00.000Z");
  EXPECT_EQ(sum("2020-03-31", "1mo", -1), "2020-02-29T00:00:00.000Z");
  EXPECT_EQ(sum("2020-01-31", "1y2mo3d4h5m6s7ms"), "2021-04-03T04:05:06.007Z");
  EXPECT_EQ(sum("1969-12-31T23:00:00Z", "2h"), "1970-01-01T01:00:00.000Z");
  EXPECT_EQ(sum("0001-01-01", "12mo", -1), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(text(add_to_ms(std::numeric_limits<int64_t>::max(), {.days = 1}, 1)), "out of range");
}

TEST(Durations, AFloorIsAMultipleFromTheStart) {
  const auto floor = [](std::string_view moment, std::string_view duration, std::string_view start = "1970-01-01") {
    return text(floor_ms(ms(moment), *duration_from_text(duration), ms(start)));
  };
  EXPECT_EQ(floor("2020-02-03T04:05:06Z", "1h"), "2020-02-03T04:00:00.000Z");
  EXPECT_EQ(floor("2020-02-03T04:05:06Z", "1mo"), "2020-02-01T00:00:00.000Z");
  EXPECT_EQ(floor("2020-02-03T04:05:06Z", "1mo", "2019-01-15"), "2020-01-15T00:00:00.000Z");
  EXPECT_EQ(floor("2020-02-29", "1mo", "2020-01-31"), "2020-02-29T00:00:00.000Z");
  EXPECT_EQ(floor("2020-02-28", "1mo", "2020-01-31"), "2020-01-31T00:00:00.000Z");
}

TEST(Durations, FloorsAgreeWithStepsOneByOne) {
  RandomValues random(test_seed());
  for (int round = 0; round < 300; ++round) {
    const Duration step{static_cast<int32_t>(random.below(14)), static_cast<int32_t>(random.below(3)),
                        static_cast<int64_t>(1 + random.below(1000)) * 1'000'000};
    const int64_t start = static_cast<int64_t>(random.below(4'000'000'000'000)) - 2'000'000'000'000;
    const auto nth = [&](int64_t n) {
      const auto times = [n](auto part) { return static_cast<decltype(part)>(part * n); };
      return *add_to_ms(start, {times(step.months), times(step.days), times(step.ns)}, 1);
    };
    const auto count = static_cast<int64_t>(random.below(400));
    const int64_t before = nth(count), after = nth(count + 1);
    ASSERT_LT(before, after);
    for (const int64_t moment : {before, before + (after - before) / 2, after - 1}) {
      ASSERT_EQ(floor_ms(moment, step, start), before) << duration_to_text(step) << " " << start << " " << moment;
    }
  }
}

}  // namespace
}  // namespace sagitta::types
