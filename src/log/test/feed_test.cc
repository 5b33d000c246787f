// Feeds: whose turn it is, who is waited for, and whose error it is.
#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "sagitta/log/sim_log.h"

#include "log_fixture.h"

namespace sagitta::log {
namespace {

using testing::ElementsAre;

constexpr Partition kPartitions = 3;

/// In turns with a log in files and with the one of tests.
class FeedTest : public testing::TestWithParam<bool> {
 protected:
  FeedTest() {
    if (GetParam()) {
      log_ = open_local_log(*files_, clock_, metrics_,
                            {.directory = "/log", .partitions = kPartitions, .segment_bytes = 1000, .tail_bytes = 300})
                 .value();
    } else {
      log_ = make_sim_log(clock_, {.faults = std::vector<SimFaults>(kPartitions)});
    }
    feed_ = log_->feed();
  }

  void append_many(Partition partition, int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_TRUE(append(*log_, partition, std::to_string(i)));
  }
  /// The partition and the offsets that one call gives.
  std::vector<Offset> read_one(Partition& partition, size_t max_bytes = 1000) {
    const auto entries = feed_->read(max_bytes, 0).value();
    std::vector<Offset> offsets;
    for (const Entry& entry : entries) {
      partition = entry.partition;
      offsets.push_back(entry.offset);
      EXPECT_EQ(entry.record->payload, std::to_string(entry.offset));
    }
    EXPECT_TRUE(std::ranges::all_of(entries, [&](const Entry& entry) { return entry.partition == partition; }));
    return offsets;
  }

  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  ManualClock clock_{1'000};
  MetricsRegistry metrics_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Feed> feed_;
};
INSTANTIATE_TEST_SUITE_P(Logs, FeedTest, testing::Bool(), [](const auto& of) { return of.param ? "local" : "sim"; });

TEST_P(FeedTest, GivesTheRecordsOfThoseThatAreFollowed) {
  for (Partition p = 0; p < kPartitions; ++p) append_many(p, 0, 3);
  ASSERT_TRUE(feed_->follow(1, 0));
  ASSERT_TRUE(feed_->follow(2, 1));
  Partition partition = 0;
  EXPECT_THAT(read_one(partition), ElementsAre(0, 1, 2));
  EXPECT_EQ(partition, 1);
  EXPECT_THAT(read_one(partition), ElementsAre(1, 2));
  EXPECT_EQ(partition, 2);
  EXPECT_THAT(read_one(partition), ElementsAre());
  for (Partition p = 0; p < kPartitions; ++p) append_many(p, 3, 4);
  EXPECT_THAT(read_one(partition), ElementsAre(3));
  EXPECT_THAT(read_one(partition), ElementsAre(3));
  EXPECT_THAT(read_one(partition), ElementsAre());
}

TEST_P(FeedTest, TakesTurns) {
  append_many(0, 0, 100);
  append_many(1, 0, 2);
  for (Partition p = 0; p < 2; ++p) ASSERT_TRUE(feed_->follow(p, 0));
  std::vector<Partition> turns;
  for (int i = 0; i < 6; ++i) {
    Partition partition = kPartitions;
    EXPECT_EQ(read_one(partition, 1).size(), 1u);
    turns.push_back(partition);
  }
  EXPECT_THAT(turns, ElementsAre(0, 1, 0, 1, 0, 0));
  append_many(2, 0, 1);
  ASSERT_TRUE(feed_->follow(2, 0));
  Partition partition = 0;
  EXPECT_THAT(read_one(partition, 1), ElementsAre(0));
  EXPECT_EQ(partition, 2) << "one that comes late waits for no more than a turn";
}

TEST_P(FeedTest, GoesWhereItIsToldAndLeaves) {
  append_many(0, 0, 5);
  ASSERT_TRUE(feed_->follow(0, 3));
  Partition partition = 0;
  EXPECT_THAT(read_one(partition), ElementsAre(3, 4));
  ASSERT_TRUE(feed_->follow(0, 4));
  EXPECT_THAT(read_one(partition), ElementsAre(4));
  feed_->leave(0);
  feed_->leave(1);
  append_many(0, 5, 6);
  EXPECT_THAT(read_one(partition), ElementsAre());
  ASSERT_TRUE(feed_->follow(0, 5));
  EXPECT_THAT(read_one(partition), ElementsAre(5));
}

TEST_P(FeedTest, WaitsForTheNextRecordOfAny) {
  for (Partition p = 0; p < kPartitions; ++p) ASSERT_TRUE(feed_->follow(p, 0));
  EXPECT_TRUE(feed_->read(1000, 1000)->empty());
  for (Partition p = 0; p < kPartitions; ++p) {
    auto waiting = std::async(std::launch::async, [&] { return feed_->read(1000, kLongUs); });
    ASSERT_TRUE(append(*log_, p, "x"));
    const auto entries = waiting.get();
    ASSERT_EQ(entries->size(), 1u);
    EXPECT_EQ(entries->front().partition, p);
  }
}

TEST_P(FeedTest, AStopFreesItOnceAllIsRead) {
  ASSERT_TRUE(feed_->follow(1, 0));
  auto waiting = std::async(std::launch::async, [&] { return feed_->read(1000, kLongUs); });
  append_many(1, 0, 1);
  EXPECT_EQ(waiting.get()->size(), 1u);
  waiting = std::async(std::launch::async, [&] { return feed_->read(1000, kLongUs); });
  const auto idle = log_->feed();
  auto idling = std::async(std::launch::async, [&] { return idle->read(1000, kLongUs); });
  log_->stop();
  EXPECT_EQ(waiting.get().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(feed_->failed(), std::nullopt) << "it is no partition's error";
  EXPECT_EQ(idling.get().error().code(), ErrorCode::kUnavailable) << "though it follows nothing";
  const auto late = log_->feed();
  ASSERT_TRUE(late->follow(1, 0));
  EXPECT_EQ(late->read(1000, kLongUs)->size(), 1u);
  EXPECT_EQ(late->read(1000, kLongUs).error().code(), ErrorCode::kUnavailable);
}

TEST_P(FeedTest, AnErrorIsOfOnePartitionAndTheOthersGoOn) {
  for (Partition p = 0; p < 2; ++p) {
    append_many(p, 0, 50);
    ASSERT_TRUE(feed_->follow(p, 0));
  }
  ASSERT_TRUE(log_->trim(0, 50));
  EXPECT_EQ(feed_->read(1, 0).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(feed_->failed(), Partition{0});
  Partition partition = 0;
  EXPECT_THAT(read_one(partition, 1), ElementsAre(0));
  EXPECT_EQ(partition, 1);
  EXPECT_EQ(feed_->failed(), std::nullopt);
  const auto again = feed_->read(1, 0);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), testing::StartsWith("log partition 0: offset 0 is trimmed, it begins at "));
  feed_->leave(0);
  for (Offset i = 1; i < 50; ++i) EXPECT_THAT(read_one(partition, 1), ElementsAre(i));
  EXPECT_THAT(read_one(partition), ElementsAre());
}

TEST_P(FeedTest, FeedsDoNotTakeRecordsFromEachOther) {
  const auto other = log_->feed();
  ASSERT_TRUE(feed_->follow(1, 0));
  ASSERT_TRUE(other->follow(1, 0));
  append_many(1, 0, 1);
  EXPECT_EQ(feed_->read(1000, kLongUs)->size(), 1u);
  EXPECT_EQ(other->read(1000, kLongUs)->size(), 1u);
}

/// Every record wakes whoever waits for it: a wake that is lost would end in an empty list.
TEST_P(FeedTest, ManyWritersAndNoRecordIsMissed) {
  constexpr Offset kEach = 1000;
  for (Partition p = 0; p < kPartitions; ++p) ASSERT_TRUE(feed_->follow(p, 0));
  std::vector<std::thread> writers;
  for (Partition p = 0; p < kPartitions; ++p) {
    writers.emplace_back([&, p] {
      for (Offset i = 0; i < kEach; ++i) {
        if (i % 50 == 0) std::this_thread::yield();
        log_->append(p, record_of(std::to_string(i)), [](Result<Offset> done) { ASSERT_TRUE(done); });
      }
    });
  }
  std::vector<Offset> next(kPartitions, 0);
  for (Offset seen = 0; seen < kPartitions * kEach;) {
    const auto entries = feed_->read(2000, kLongUs).value();
    ASSERT_FALSE(entries.empty()) << "after " << seen;
    for (const Entry& entry : entries) ASSERT_EQ(entry.offset, next[entry.partition]++);
    seen += entries.size();
  }
  for (std::thread& writer : writers) writer.join();
}

/// Only files can be damaged. A small tail makes it read them.
TEST(LocalFeed, DamageNamesItsPartition) {
  const auto files = MemoryFileSystem::make();
  ManualClock clock(1);
  MetricsRegistry metrics;
  const auto log =
      open_local_log(*files, clock, metrics, {.directory = "/log", .partitions = 2, .tail_bytes = 0}).value();
  const auto feed = log->feed();
  for (Partition p = 0; p < 2; ++p) {
    ASSERT_TRUE(append(*log, p, "x"));
    ASSERT_TRUE(feed->follow(p, 0));
  }
  ASSERT_TRUE(files->flip_bit("/log/1/" + segment_name(0), 160));
  EXPECT_EQ(feed->read(1000, 0)->front().partition, 0);
  const auto damaged = feed->read(1000, 0);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(feed->failed(), Partition{1});
  EXPECT_THAT(damaged.error().message(), testing::StartsWith("log partition 1: /log/1/"));
}

}  // namespace
}  // namespace sagitta::log
