// A log in segment files: what it keeps, refuses, and takes for damage.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <thread>

#include "sagitta/base/checksum.h"
#include "sagitta/base/limits.h"

#include "log_fixture.h"
#include "record_frame.h"

namespace sagitta::log {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

INSTANTIATE_TEST_SUITE_P(Partitions, LocalLogTest, testing::Values(1, 4));

TEST_P(LocalLogTest, KeepsRecordsAcrossReopening) {
  open();
  EXPECT_EQ(bounds().end, 0u);
  append_numbers(0, 100);
  expect_numbers(0, 100);
  expect_numbers(99, 100);
  EXPECT_GT(files_->list(folder())->size(), 3u) << "several segments";
  open();
  EXPECT_EQ(bounds().end, 100u);
  expect_numbers(0, 100);
  append_numbers(100, 110);
  expect_numbers(57, 110);
  EXPECT_EQ(read(0)->front().record->log_time_us, 1000);
  EXPECT_EQ(metric("sagitta_log_append_total"), "110");
  EXPECT_EQ(metric("sagitta_log_torn_tail_total"), "0");
  EXPECT_NE(metrics_.render().find("sagitta_log_sync_seconds_count"), std::string::npos);
}

TEST_P(LocalLogTest, AReaderWaitsForTheNextRecord) {
  open();
  EXPECT_TRUE(read(0, 1000)->empty());
  auto reader = std::async(std::launch::async, [&] { return read(0, kLongUs); });
  ASSERT_TRUE(append("x"));
  EXPECT_EQ(reader.get()->size(), 1u);
  auto stopped = std::async(std::launch::async, [&] { return read(1, kLongUs); });
  log_->stop();
  EXPECT_EQ(stopped.get().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(append("y").error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(read(0)->size(), 1u);
  log_->stop();
}

TEST_P(LocalLogTest, StopMakesQueuedRecordsDurable) {
  open();
  std::vector<std::future<Result<Offset>>> answers;
  for (int i = 0; i < 500; ++i) answers.push_back(append_later(std::to_string(i)));
  log_->stop();
  for (size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].get().value(), i);
  SeededRandom random(1);
  files_->crash(random, {.tear = false});
  open();
  expect_numbers(0, 500);
}

TEST_P(LocalLogTest, TrimFreesWholeSegmentsAndOffsetsGoOn) {
  open();
  append_numbers(0, 100);
  ASSERT_TRUE(log_->trim(last(), 50));
  EXPECT_GT(bounds().begin, 30u);
  EXPECT_LE(bounds().begin, 50u);
  EXPECT_EQ(read(0).error().code(), ErrorCode::kNotFound);
  expect_numbers(50, 100);
  ASSERT_TRUE(log_->trim(last(), 100));
  EXPECT_EQ(files_->list(folder())->size(), 1u);
  open();
  EXPECT_EQ(bounds().end, 100u);
  append_numbers(100, 130);
  ASSERT_TRUE(log_->trim(last(), 10'000));
  expect_numbers(bounds().begin, 130);
  open();
  EXPECT_EQ(bounds().end, 130u);
}

TEST_P(LocalLogTest, RefusesWhatIsTooMuch) {
  open();
  EXPECT_EQ(append(Bytes(limits::kRecordBytesMax + 1, 'x')).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(append(Bytes(size_t{3} << 20, 'x')).value(), 0u) << "an empty queue takes any record";
  std::promise<void> entered, release;
  log_->append(last(), record_of("blocks the writer"), [&](Result<Offset>) {
    entered.set_value();
    release.get_future().wait();
  });
  entered.get_future().wait();
  auto fits = append_later(Bytes(900'000, 'x'));
  auto refused = append_later(Bytes(900'000, 'x'));
  release.set_value();
  EXPECT_TRUE(fits.get());
  EXPECT_EQ(refused.get().error().code(), ErrorCode::kOverloaded);
  EXPECT_TRUE(append(Bytes(900'000, 'x'))) << "the queue is empty again";
}

TEST_P(LocalLogTest, AFailedSyncPoisonsTheLog) {
  open();
  append_numbers(0, 5);
  files_->fail_sync(1);
  EXPECT_EQ(append("lost").error().code(), ErrorCode::kIo);
  EXPECT_EQ(append("lost too").error().code(), ErrorCode::kIo) << "although the disk works again";
  EXPECT_EQ(bounds().end, 5u);
  expect_numbers(0, 5);
  EXPECT_EQ(metric("sagitta_log_append_failed_total"), "2");
}

TEST_P(LocalLogTest, AFullDiskFailsAppendsAndKeepsTheRest) {
  options_.reserve_bytes = 0;
  open();
  append_numbers(0, 5);
  files_->limit_bytes(files_->file_size(first_segment()).value() + 10);
  EXPECT_EQ(append("no room").error().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(append("").error().code(), ErrorCode::kNoSpace);
  files_->limit_bytes(UINT64_MAX);
  open();
  EXPECT_EQ(metric("sagitta_log_torn_tail_total"), "1");
  append_numbers(5, 8);
  expect_numbers(0, 8);
}

TEST_P(LocalLogTest, DamageBeforeTheTailIsCorruptionAndNamesThePlace) {
  options_.segment_bytes = 1 << 20;
  open();
  append_numbers(0, 10);
  log_.reset();
  const uint64_t record_bytes = kFrameHeaderBytes + kFixedBodyBytes + 1;
  ASSERT_TRUE(files_->flip_bit(first_segment(), (3 * record_bytes + 20) * 8));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kCorruption);
  EXPECT_THAT(opened.error().message(), StartsWith(fmt::format("log partition {}: {}: damaged at byte {}: ", last(),
                                                               first_segment(), 3 * record_bytes)));
  EXPECT_THAT(opened.error().message(), HasSubstr("; restore the data directory from a backup, or "));
}

/// One write, one sync: without the mark of a clean stop, damage inside it could be a torn tail.
TEST_P(LocalLogTest, DamageWithinTheLastGroupOfAStoppedLogIsCorruption) {
  options_.segment_bytes = 1 << 20;
  open();
  std::vector<std::future<Result<Offset>>> answers;
  for (int i = 0; i < 300; ++i) answers.push_back(append_later("xxxx"));
  for (auto& answer : answers) ASSERT_TRUE(answer.get());
  log_.reset();
  ASSERT_TRUE(files_->flip_bit(first_segment(), files_->file_size(first_segment()).value() / 2 * 8));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption);
}

TEST_P(LocalLogTest, ADamagedMarkBeforeRecordsIsCorruption) {
  options_.segment_bytes = 1 << 20;
  open();
  append_numbers(0, 1);
  open();
  append_numbers(1, 2);
  ASSERT_TRUE(files_->flip_bit(first_segment(), (kFrameHeaderBytes + kFixedBodyBytes + 1 + 30) * 8));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption);
}

TEST_P(LocalLogTest, ADamagedOrShortLastRecordIsATornTail) {
  options_.segment_bytes = 1 << 20;
  enum class Cut { kNot, kShort, kBeforeReserved };
  for (const Cut cut : {Cut::kNot, Cut::kShort, Cut::kBeforeReserved}) {
    files_ = MemoryFileSystem::make();
    open();
    append_numbers(0, 10);
    const uint64_t bytes = written(first_segment()).size();
    cut_power();
    if (cut != Cut::kNot) {
      ASSERT_TRUE(files_->truncate(first_segment(), bytes - 1));
    }
    if (cut == Cut::kBeforeReserved) {
      auto file = files_->open_append(first_segment(), FileSystem::OpenMode::kAppend).value();
      ASSERT_TRUE(file->append(Bytes(5000, '\0')));
    }
    if (cut == Cut::kNot) {
      ASSERT_TRUE(files_->flip_bit(first_segment(), bytes * 8 - 1));
    }
    open();
    expect_numbers(0, 9);
    append_numbers(9, 12);
    open();
    expect_numbers(0, 12);
    log_.reset();
  }
  EXPECT_EQ(metric("sagitta_log_torn_tail_total"), "3");
}

TEST_P(LocalLogTest, ATornSegmentThatIsNotTheLastIsCorruption) {
  open();
  append_numbers(0, 50);
  log_.reset();
  const uint64_t bytes = files_->file_size(first_segment()).value();
  ASSERT_TRUE(files_->truncate(first_segment(), bytes - 1));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption);
  ASSERT_TRUE(files_->remove(folder() + "/" + files_->list(folder()).value()[1]));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption) << "a missing segment";
}

TEST_P(LocalLogTest, DamageOnDiskUnderAnOpenLogIsCorruptionToAReader) {
  open();
  append_numbers(0, 50);
  ASSERT_TRUE(files_->flip_bit(first_segment(), 300 * 8));
  const auto payloads = read_all(*log_, last(), 0, 1);
  ASSERT_FALSE(payloads);
  EXPECT_EQ(payloads.error().code(), ErrorCode::kCorruption);
  EXPECT_THAT(payloads.error().message(), StartsWith(fmt::format("log partition {}: {}: ", last(), first_segment())));
  EXPECT_THAT(payloads.error().message(), HasSubstr("; restore the data directory from a backup, or "));
}

TEST_P(LocalLogTest, AnUnknownKindStopsTheReaderAndANewerVersionTheOpening) {
  options_.tail_bytes = 0;
  open();
  append_numbers(0, 2);
  log_.reset();
  Bytes strange;
  Record record = record_of("?");
  record.kind = static_cast<RecordKind>(99);
  encode_record(record, 2, strange);
  auto file = files_->open_append(first_segment(), FileSystem::OpenMode::kAppend).value();
  ASSERT_TRUE(file->append(strange));
  open();
  EXPECT_EQ(read(0)->size(), 2u) << "what is before it comes first";
  EXPECT_EQ(read(2).error().code(), ErrorCode::kFormat);
  log_.reset();
  Bytes newer = strange;
  newer[3] = 2;
  Bytes checksum;
  put_big(checksum, crc32c(BytesView(newer).substr(kFrameHeaderBytes), crc32c(BytesView(newer).substr(0, 8))));
  ASSERT_TRUE(file->append(newer.replace(8, 4, checksum)));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kFormat);
}

/// A killed process leaves what it wrote in the page cache; once it was served, a power cut must
/// not take it back.
TEST_P(LocalLogTest, WhatIsFoundAtOpenIsMadeDurable) {
  open();
  append_numbers(0, 2);
  log_.reset();
  Bytes unsynced;
  encode_record(record_of("2"), 2, unsynced);
  ASSERT_TRUE(files_->open_append(first_segment(), FileSystem::OpenMode::kAppend).value()->append(unsynced));
  open();
  expect_numbers(0, 3);
  SeededRandom random(1);
  files_->crash(random, {.tear = false});
  open();
  expect_numbers(0, 3);
}

TEST_P(LocalLogTest, WorksOnTheRealFileSystem) {
  const auto files = make_real_file_system();
  options_.directory =
      (std::filesystem::temp_directory_path() / ("sagitta_log_test_" + std::to_string(::getpid()))).string();
  for (size_t round = 0; round < 3; ++round) {
    auto opened = open_local_log(*files, clock_, metrics_, options_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    for (size_t i = 0; i < 20; ++i) ASSERT_EQ(log::append(**opened, last(), "x").value(), round * 20 + i);
    EXPECT_EQ(read_all(**opened, last(), 0)->size(), round * 20 + 20);
  }
  std::filesystem::remove_all(options_.directory);
}

TEST_P(LocalLogTest, ManyWritersManyReadersOneOrder) {
  open();
  constexpr size_t kThreads = 4, kEach = 500;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < kEach; ++i) {
        log_->append(last(), record_of(std::to_string(t) + " " + std::to_string(i)),
                     [](Result<Offset> r) { ASSERT_TRUE(r); });
      }
    });
  }
  auto reader = std::async(std::launch::async, [&] {
    std::map<char, size_t> next;
    for (Offset at = 0; at < kThreads * kEach;) {
      const auto entries = log_->read(last(), at, 500, kLongUs);
      if (!entries) return false;
      for (const Entry& entry : *entries) {
        const Bytes& payload = entry.record->payload;
        if (entry.offset != at++ || payload.substr(2) != std::to_string(next[payload[0]]++)) return false;
      }
    }
    return true;
  });
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(reader.get());
}

}  // namespace
}  // namespace sagitta::log
