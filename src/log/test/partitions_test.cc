// Partitions of one local log: what each has for itself, and what they share.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>

#include "local_limits.h"
#include "log_fixture.h"
#include "record_frame.h"

namespace sagitta::log {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kRecordBytes = kFrameHeaderBytes + kFixedBodyBytes;

class LogPartitionsTest : public LocalLogTest {
 protected:
  Result<Offset> append_to(Partition partition, Bytes payload) {
    return log::append(*log_, partition, std::move(payload));
  }
  std::vector<std::string> segments_of(Partition partition) {
    std::vector<std::string> paths = files_->list(folder_of(partition)).value();
    for (std::string& path : paths) path = folder_of(partition) + "/" + path;
    return paths;
  }
  /// Its segments hold what can no longer be read: only the tail gives records.
  void damage_segments(Partition partition) {
    for (const std::string& path : segments_of(partition)) {
      for (uint64_t at = 0; at < files_->file_size(path).value(); at += kRecordBytes) {
        ASSERT_TRUE(files_->flip_bit(path, at * 8));
      }
    }
  }
  bool is_in_tail(Partition partition, Offset offset) { return log_->read(partition, offset, 1, 0).has_value(); }
};
INSTANTIATE_TEST_SUITE_P(Four, LogPartitionsTest, testing::Values(4));

TEST_P(LogPartitionsTest, EachHasAFolderAndOffsetsOfItsOwn) {
  open();
  EXPECT_THAT(files_->list("/log").value(), ElementsAre("0", "1", "2", "3"));
  for (Partition p = 0; p < 4; ++p) {
    for (Offset i = 0; i < 10u * p; ++i) EXPECT_EQ(append_to(p, fmt::format("{} {}", p, i)).value(), i);
  }
  ASSERT_TRUE(log_->trim(3, 30));
  open();
  for (Partition p = 0; p < 4; ++p) {
    EXPECT_EQ(log_->bounds(p).end, 10u * p);
    const Offset begin = log_->bounds(p).begin;
    EXPECT_EQ(begin > 0, p == 3);
    const auto payloads = read_all(*log_, p, begin).value();
    ASSERT_EQ(payloads.size(), 10u * p - begin);
    for (size_t i = 0; i < payloads.size(); ++i) EXPECT_EQ(payloads[i], fmt::format("{} {}", p, begin + i));
  }
}

TEST_P(LogPartitionsTest, OneFailsAndTheOthersGoOn) {
  open();
  files_->fail_sync(1);
  EXPECT_EQ(append_to(1, "lost").error().code(), ErrorCode::kIo);
  for (Partition p = 0; p < 4; ++p) EXPECT_EQ(append_to(p, "x").has_value(), p != 1);
  EXPECT_EQ(metric("sagitta_log_append_total"), "3");
  EXPECT_EQ(metric("sagitta_log_append_failed_total"), "2");
  open();
  for (Partition p = 0; p < 4; ++p) EXPECT_TRUE(append_to(p, "y")) << p;
}

TEST_P(LogPartitionsTest, DamageOfOneIsNotOpenedAndSaysWhichOne) {
  open();
  for (Partition p = 0; p < 4; ++p) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(append_to(p, "x"));
  }
  log_.reset();
  const std::string path = folder_of(2) + "/" + segment_name(0);
  ASSERT_TRUE(files_->flip_bit(path, (kRecordBytes + 20) * 8));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kCorruption);
  EXPECT_THAT(opened.error().message(),
              StartsWith(fmt::format("log partition 2: {}: damaged at byte {}: ", path, kRecordBytes + 1)));
  EXPECT_THAT(opened.error().message(), HasSubstr("; restore the data directory from a backup, or "));
}

TEST_P(LogPartitionsTest, TheQueueIsTheirCommonLimit) {
  open();
  std::promise<void> release;
  const auto released = release.get_future().share();
  std::array<std::promise<void>, 4> entered;
  for (Partition p = 0; p < 4; ++p) {
    log_->append(p, record_of("blocks the writer"), [&entered, released, p](Result<Offset>) {
      entered[p].set_value();
      released.wait();
    });
    entered[p].get_future().wait();
  }
  auto first = log::append_later(*log_, 0, Bytes(500'000, 'x'));
  auto second = log::append_later(*log_, 1, Bytes(500'000, 'x'));
  auto third = log::append_later(*log_, 2, Bytes(500'000, 'x'));
  release.set_value();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  const auto refused = third.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverloaded);
  EXPECT_EQ(refused.error().message(), fmt::format("log: {} bytes wait to be written, at most {} allowed",
                                                   2 * (500'000 + kRecordBytes), options_.queue_bytes_max));
  EXPECT_TRUE(append_to(2, Bytes(900'000, 'x'))) << "the queue is empty again";
}

TEST_P(LogPartitionsTest, ATailTakesWhatOthersLeaveAndKeepsItsShare) {
  constexpr size_t kPayload = 100 - kRecordBytes;
  options_.tail_bytes = 4000;
  options_.segment_bytes = 1 << 20;
  open();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(append_to(0, Bytes(kPayload, 'x')));
  ASSERT_NO_FATAL_FAILURE(damage_segments(0));
  EXPECT_TRUE(is_in_tail(0, 0)) << "nobody else wants room";
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append_to(1, Bytes(kPayload, 'x')));
  ASSERT_NO_FATAL_FAILURE(damage_segments(1));
  EXPECT_FALSE(is_in_tail(0, 9)) << "what another's share needs is given back";
  EXPECT_TRUE(is_in_tail(0, 10));
  EXPECT_TRUE(is_in_tail(1, 0));
  for (Partition p = 1; p < 4; ++p) {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(append_to(p, Bytes(kPayload, 'x')));
  }
  EXPECT_TRUE(is_in_tail(0, 30)) << "its share is a quarter";
  EXPECT_FALSE(is_in_tail(0, 29));
}

TEST_P(LogPartitionsTest, TheSizeIsThatOfAllSegments) {
  open();
  for (Partition p = 0; p < 4; ++p) {
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(append_to(p, std::to_string(i)));
  }
  ASSERT_TRUE(log_->trim(1, 20));
  const auto size_of_files = [&] {
    uint64_t bytes = 0;
    for (Partition p = 0; p < 4; ++p) {
      for (const std::string& path : segments_of(p)) bytes += written(path).size();
    }
    return std::to_string(bytes);
  };
  EXPECT_EQ(metric("sagitta_log_size_bytes"), size_of_files());
  open();
  EXPECT_EQ(metric("sagitta_log_size_bytes"), size_of_files());
  log_.reset();
  EXPECT_EQ(metric("sagitta_log_size_bytes"), "0");
}

TEST_P(LogPartitionsTest, AStopMakesWhatIsQueuedDurableInAll) {
  open();
  std::vector<std::future<Result<Offset>>> answers;
  for (int i = 0; i < 400; ++i) {
    answers.push_back(log::append_later(*log_, static_cast<Partition>(i % 4), std::to_string(i)));
  }
  log_->stop();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  cut_power();
  open();
  for (Partition p = 0; p < 4; ++p) EXPECT_EQ(log_->bounds(p).end, 100u);
}

TEST(LocalLimits, OnePartitionHasAllThatTheOptionsSay) {
  const LocalOptions options;
  const LocalLimits limits = limits_of(options);
  EXPECT_EQ(limits.segment_bytes, options.segment_bytes);
  EXPECT_EQ(limits.reserve_bytes, options.reserve_bytes);
  EXPECT_EQ(limits.tail_bytes, options.tail_bytes);
  EXPECT_EQ(limits.group_bytes_max, size_t{8} << 20);
}

TEST(LocalLimits, ManyPartitionsTakeLittleMoreThanOne) {
  for (Partition partitions = 2; partitions <= 256; partitions = static_cast<Partition>(partitions * 2)) {
    SCOPED_TRACE(partitions);
    const LocalLimits limits = limits_of({.partitions = partitions});
    EXPECT_LE(partitions * limits.segment_bytes, std::max(size_t{64} << 20, partitions * (size_t{4} << 20)));
    EXPECT_LE(partitions * limits.reserve_bytes, size_t{16} << 20);
    EXPECT_LE(partitions * limits.tail_bytes, size_t{32} << 20);
    EXPECT_LE(partitions * limits.group_bytes_max, std::max(size_t{8} << 20, partitions * (size_t{256} << 10)));
    EXPECT_LE(partitions * limits.group_bytes_kept, std::max(size_t{1} << 20, partitions * (size_t{16} << 10)));
    EXPECT_GE(limits.segment_bytes, limits.reserve_bytes);
    EXPECT_GE(limits.reserve_bytes, size_t{64} << 10);
  }
}

}  // namespace
}  // namespace sagitta::log
