#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/base/bytes.h"
#include "sagitta/base/checksum.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/random.h"
#include "sagitta/base/uuid.h"

namespace sagitta {
namespace {

TEST(Bytes, VarintsComeBackAndRefuseTruncation) {
  for (const uint64_t v : {uint64_t{0}, uint64_t{127}, uint64_t{128}, UINT64_MAX}) {
    Bytes out;
    put_varint(out, v);
    EXPECT_EQ(ByteReader(out).varint(), v);
    EXPECT_FALSE(ByteReader(BytesView(out).substr(0, out.size() - 1)).varint());
  }
  EXPECT_FALSE(ByteReader(Bytes(11, '\xff')).varint());
}

TEST(Bytes, ABlobNeverExceedsWhatIsLeft) {
  Bytes out;
  put_varint(out, 1000);
  out += "short";
  EXPECT_FALSE(ByteReader(out).blob());
}

TEST(Checksum, KnownAnswers) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), crc32c("123456789"));
}

TEST(Uuid, TextAndTimeComeBack) {
  const auto uuid = Uuid::parse("123e4567-e89b-12d3-a456-426614174000");
  ASSERT_TRUE(uuid);
  EXPECT_EQ(to_string(*uuid), "123e4567-e89b-12d3-a456-426614174000");
  EXPECT_FALSE(Uuid::parse("123e4567-e89b-12d3-a456-42661417400"));
  ManualClock clock(1'700'000'000'123'456);
  SeededRandom random(1);
  TimeUuidSource source(clock, random);
  const Uuid first = source.next(), second = source.next();
  EXPECT_EQ(first.version(), 1);
  EXPECT_EQ(timeuuid_us(first), clock.now_us());
  EXPECT_NE(first, second);
}

TEST(Uuid, OrderedOnesAreInTheOrderOfTheirTimes) {
  SeededRandom random(1);
  const int64_t begin_us = 1'645'557'742'000'000;
  EXPECT_EQ(to_string(Uuid::ordered(begin_us, random)).substr(0, 18), "017f22e2-79b0-7000");
  std::vector<Uuid> ids;
  for (int64_t us = begin_us - 1'500; us < begin_us + 1'500; ++us) ids.push_back(Uuid::ordered(us, random));
  EXPECT_TRUE(std::ranges::is_sorted(ids));
  EXPECT_TRUE(std::ranges::all_of(ids, [](const Uuid& id) { return id.version() == 7 && id.octets[8] >> 6 == 2; }));
  EXPECT_NE(Uuid::ordered(begin_us, random), Uuid::ordered(begin_us, random));
}

TEST(Uuid, TimeUuidsGoOnBehindTheTimeTheyStartAt) {
  ManualClock clock(1'700'000'000'000'000);
  SeededRandom random(1);
  TimeUuidSource source(clock, random);
  const Uuid first = source.next();
  EXPECT_EQ(timeuuid_us(first), clock.now_us());
  source.start_at(clock.now_us() + 5);
  const Uuid second = source.next();
  EXPECT_EQ(timeuuid_us(second), clock.now_us() + 5);
  EXPECT_GT(timeuuid_ticks(second), timeuuid_ticks(first) + 40);
  source.start_at(clock.now_us() - 1'000'000);
  EXPECT_EQ(timeuuid_ticks(source.next()), timeuuid_ticks(second) + 1);
  clock.advance_us(1'000);
  EXPECT_EQ(timeuuid_us(source.next()), clock.now_us());
}

TEST(MemoryBudget, AFullParentRefusesAndTakesNothing) {
  MemoryBudget root("root", 100);
  MemoryBudget child("child", 1000, &root);
  auto first = MemoryCharge::take(child, 60);
  ASSERT_TRUE(first);
  const auto second = MemoryCharge::take(child, 60);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kOverloaded);
  EXPECT_EQ(child.used_bytes(), 60u);
  *first = MemoryCharge();
  EXPECT_EQ(root.used_bytes(), 0u);
}

TEST(Metrics, RendersWhatWasCounted) {
  MetricsRegistry registry;
  registry.counter("sagitta_test_total", "A test.", {{"kind", "a"}}).add(3);
  EXPECT_EQ(&registry.counter("sagitta_test_total", "A test.", {{"kind", "a"}}),
            &registry.counter("sagitta_test_total", "A test.", {{"kind", "a"}}));
  EXPECT_NE(registry.render().find("sagitta_test_total{kind=\"a\"} 3"), std::string::npos);
}

}  // namespace
}  // namespace sagitta
