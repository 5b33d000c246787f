#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <thread>

#include "sagitta/base/checksum.h"
#include "sagitta/base/limits.h"
#include "sagitta/base/memory_file.h"
#include "sagitta/log/local_log.h"
#include "sagitta/log/sim_log.h"

#include "record_frame.h"
#include "segment.h"

namespace sagitta::log {
namespace {

constexpr int64_t kLongUs = 10'000'000;

uint64_t chosen_seed(uint64_t otherwise) {
  const char* chosen = std::getenv("SAGITTA_SEED");
  return chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : otherwise;
}

Record record_of(Bytes payload) {
  Record record;
  record.kind = RecordKind::kMutation;
  record.payload = std::move(payload);
  return record;
}

std::future<Result<Offset>> append_later(Log& log, Bytes payload) {
  auto promise = std::make_shared<std::promise<Result<Offset>>>();
  log.append(0, record_of(std::move(payload)),
             [promise](Result<Offset> offset) { promise->set_value(std::move(offset)); });
  return promise->get_future();
}

Result<Offset> append(Log& log, Bytes payload) { return append_later(log, std::move(payload)).get(); }

/// All payloads from `from` on.
Result<std::vector<Bytes>> read_all(Log& log, Offset from, size_t max_bytes = 1000) {
  std::vector<Bytes> payloads;
  while (from < log.bounds(0).end) {
    SAGITTA_TRY(const auto entries, log.read(0, from, max_bytes, 0));
    for (const Entry& entry : entries) {
      if (entry.offset != from++) return fail(ErrorCode::kServer, "an offset is missing");
      payloads.push_back(entry.record.payload);
    }
  }
  return payloads;
}

class LocalLogTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Log>> try_open() { return open_local_log(*files_, clock_, metrics_, options_); }
  void open() {
    log_.reset();
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    log_ = *std::move(opened);
  }
  void append_numbers(int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_EQ(append(*log_, std::to_string(i)).value(), static_cast<Offset>(i));
  }
  void expect_numbers(Offset from, int to) {
    const auto payloads = read_all(*log_, from);
    ASSERT_TRUE(payloads) << payloads.error().to_string();
    ASSERT_EQ(payloads->size(), static_cast<size_t>(to) - from);
    for (size_t i = 0; i < payloads->size(); ++i) ASSERT_EQ((*payloads)[i], std::to_string(from + i));
  }
  std::string metric(const std::string& name) {
    const std::string text = "\n" + metrics_.render();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? ""
                                   : text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
  }
  std::string first_segment() const { return "/log/" + segment_name(0); }
  /// The file up to its last byte that is not zero; no record of these tests ends with one.
  Bytes written(const std::string& path) {
    Bytes content = read_file(*files_, path).value();
    content.resize(content.find_last_not_of('\0') + 1);
    return content;
  }
  void cut_power() {
    SeededRandom random(1);
    files_->crash(random, {.tear = false});
    log_.reset();
  }

  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  ManualClock clock_{1'000};
  MetricsRegistry metrics_;
  LocalOptions options_{.directory = "/log", .segment_bytes = 1000, .queue_bytes_max = 1 << 20, .tail_bytes = 300};
  std::unique_ptr<Log> log_;
};

TEST_F(LocalLogTest, KeepsRecordsAcrossReopening) {
  open();
  EXPECT_EQ(log_->bounds(0).end, 0u);
  append_numbers(0, 100);
  expect_numbers(0, 100);
  expect_numbers(99, 100);
  EXPECT_GT(files_->list("/log")->size(), 3u) << "several segments";
  open();
  EXPECT_EQ(log_->bounds(0).end, 100u);
  expect_numbers(0, 100);
  append_numbers(100, 110);
  expect_numbers(57, 110);
  EXPECT_EQ(log_->read(0, 0, 1000, 0)->front().record.log_time_us, 1000);
  EXPECT_EQ(metric("sagitta_log_append_total"), "110");
  EXPECT_EQ(metric("sagitta_log_torn_tail_total"), "0");
  EXPECT_NE(metrics_.render().find("sagitta_log_sync_seconds_count"), std::string::npos);
}

TEST_F(LocalLogTest, AReaderWaitsForTheNextRecord) {
  open();
  EXPECT_TRUE(log_->read(0, 0, 1000, 1000)->empty());
  auto reader = std::async(std::launch::async, [&] { return log_->read(0, 0, 1000, kLongUs); });
  ASSERT_TRUE(append(*log_, "x"));
  EXPECT_EQ(reader.get()->size(), 1u);
  auto stopped = std::async(std::launch::async, [&] { return log_->read(0, 1, 1000, kLongUs); });
  log_->stop();
  EXPECT_EQ(stopped.get().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(append(*log_, "y").error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(log_->read(0, 0, 1000, 0)->size(), 1u);
  log_->stop();
}

TEST_F(LocalLogTest, StopMakesQueuedRecordsDurable) {
  open();
  std::vector<std::future<Result<Offset>>> answers;
  for (int i = 0; i < 500; ++i) answers.push_back(append_later(*log_, std::to_string(i)));
  log_->stop();
  for (size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].get().value(), i);
  SeededRandom random(1);
  files_->crash(random, {.tear = false});
  open();
  expect_numbers(0, 500);
}

TEST_F(LocalLogTest, TrimFreesWholeSegmentsAndOffsetsGoOn) {
  open();
  append_numbers(0, 100);
  ASSERT_TRUE(log_->trim(0, 50));
  EXPECT_GT(log_->bounds(0).begin, 30u);
  EXPECT_LE(log_->bounds(0).begin, 50u);
  EXPECT_EQ(log_->read(0, 0, 1000, 0).error().code(), ErrorCode::kNotFound);
  expect_numbers(50, 100);
  ASSERT_TRUE(log_->trim(0, 100));
  EXPECT_EQ(files_->list("/log")->size(), 1u);
  open();
  EXPECT_EQ(log_->bounds(0).end, 100u);
  append_numbers(100, 130);
  ASSERT_TRUE(log_->trim(0, 10'000));
  expect_numbers(log_->bounds(0).begin, 130);
  open();
  EXPECT_EQ(log_->bounds(0).end, 130u);
}

TEST_F(LocalLogTest, RefusesWhatIsTooMuch) {
  open();
  EXPECT_EQ(append(*log_, Bytes(limits::kRecordBytesMax + 1, 'x')).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(append(*log_, Bytes(size_t{3} << 20, 'x')).value(), 0u) << "an empty queue takes any record";
  std::promise<void> entered, release;
  log_->append(0, record_of("blocks the writer"), [&](Result<Offset>) {
    entered.set_value();
    release.get_future().wait();
  });
  entered.get_future().wait();
  auto fits = append_later(*log_, Bytes(900'000, 'x'));
  auto refused = append_later(*log_, Bytes(900'000, 'x'));
  release.set_value();
  EXPECT_TRUE(fits.get());
  EXPECT_EQ(refused.get().error().code(), ErrorCode::kOverloaded);
  EXPECT_TRUE(append(*log_, Bytes(900'000, 'x'))) << "the queue is empty again";
}

TEST_F(LocalLogTest, AFailedSyncPoisonsTheLog) {
  open();
  append_numbers(0, 5);
  files_->fail_sync(1);
  EXPECT_EQ(append(*log_, "lost").error().code(), ErrorCode::kIo);
  EXPECT_EQ(append(*log_, "lost too").error().code(), ErrorCode::kIo) << "although the disk works again";
  EXPECT_EQ(log_->bounds(0).end, 5u);
  expect_numbers(0, 5);
  EXPECT_EQ(metric("sagitta_log_append_failed_total"), "2");
}

TEST_F(LocalLogTest, AFullDiskFailsAppendsAndKeepsTheRest) {
  options_.reserve_bytes = 0;
  open();
  append_numbers(0, 5);
  files_->limit_bytes(files_->file_size(first_segment()).value() + 10);
  EXPECT_EQ(append(*log_, "no room").error().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(append(*log_, "").error().code(), ErrorCode::kNoSpace);
  files_->limit_bytes(UINT64_MAX);
  open();
  EXPECT_EQ(metric("sagitta_log_torn_tail_total"), "1");
  append_numbers(5, 8);
  expect_numbers(0, 8);
}

TEST_F(LocalLogTest, AnAlmostFullDiskTakesWhatFits) {
  options_.segment_bytes = 1 << 20;
  files_->limit_bytes(1000);
  open();
  int fitting = 0;
  for (auto offset = append(*log_, "0"); offset; offset = append(*log_, std::to_string(fitting))) ++fitting;
  EXPECT_EQ(fitting, static_cast<int>(1000 / (kFrameHeaderBytes + kFixedBodyBytes + 1)));
  EXPECT_EQ(append(*log_, "").error().code(), ErrorCode::kNoSpace);
  files_->limit_bytes(UINT64_MAX);
  open();
  append_numbers(fitting, fitting + 5);
  expect_numbers(0, fitting + 5);
}

/// Each growth of the file is one more write of a sync.
TEST_F(LocalLogTest, TheFileDoesNotGrowWithEachRecord) {
  options_.segment_bytes = 1 << 20;
  for (const size_t reserve_bytes : {size_t{1} << 20, size_t{0}}) {
    files_ = MemoryFileSystem::make();
    options_.reserve_bytes = reserve_bytes;
    open();
    append_numbers(0, 1000);
    EXPECT_EQ(files_->size_changes(first_segment()).value(), reserve_bytes == 0 ? 1000u : 1u);
    EXPECT_EQ(metric("sagitta_log_reservations_total"), "1");
    log_.reset();
  }
}

TEST_F(LocalLogTest, RoomIsReservedAgainWhenItIsUsedUp) {
  options_.segment_bytes = 1 << 20;
  options_.reserve_bytes = 10'000;
  open();
  append_numbers(0, 1000);
  const uint64_t bytes = written(first_segment()).size();
  EXPECT_LE(files_->size_changes(first_segment()).value(), bytes / options_.reserve_bytes + 1);
  EXPECT_LE(files_->file_size(first_segment()).value(), bytes + options_.reserve_bytes);
}

TEST_F(LocalLogTest, LargeRecordsAreNotWrittenTwice) {
  options_.segment_bytes = 10 << 20;
  open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append(*log_, Bytes(100'000, 'x')));
  EXPECT_EQ(metric("sagitta_log_reservations_total"), "0");
  ASSERT_TRUE(append(*log_, "small"));
  EXPECT_EQ(metric("sagitta_log_reservations_total"), "1");
  EXPECT_EQ(read_all(*log_, 0)->size(), 21u);
}

TEST_F(LocalLogTest, ReservedRoomIsNoTornTail) {
  options_.segment_bytes = 1 << 20;
  open();
  append_numbers(0, 10);
  cut_power();
  EXPECT_EQ(files_->file_size(first_segment()).value(), options_.segment_bytes);
  open();
  EXPECT_EQ(metric("sagitta_log_torn_tail_total"), "0");
  expect_numbers(0, 10);
  append_numbers(10, 20);
  cut_power();
  open();
  expect_numbers(0, 20);
}

TEST_F(LocalLogTest, FullSegmentsAndAStoppedLogHaveNoReservedRoom) {
  open();
  append_numbers(0, 50);
  log_.reset();
  const auto names = files_->list("/log").value();
  EXPECT_GT(names.size(), 2u);
  for (const std::string& name : names) {
    EXPECT_EQ(files_->file_size("/log/" + name).value(), written("/log/" + name).size()) << name;
  }
  ASSERT_TRUE(files_->open_append(first_segment(), FileSystem::OpenMode::kAppend).value()->append(Bytes(1, '\0')));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption);
}

TEST_F(LocalLogTest, ZerosBeforeARecordAreCorruption) {
  options_.segment_bytes = 1 << 20;
  open();
  append_numbers(0, 10);
  cut_power();
  const size_t record_bytes = kFrameHeaderBytes + kFixedBodyBytes + 1;
  Bytes content = read_file(*files_, first_segment()).value();
  content.replace(8 * record_bytes, record_bytes, record_bytes, '\0');
  ASSERT_TRUE(write_file_atomically(*files_, first_segment(), content));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption);
  content.replace(9 * record_bytes, record_bytes, record_bytes, '\0');
  ASSERT_TRUE(write_file_atomically(*files_, first_segment(), content));
  open();
  expect_numbers(0, 8);
}

TEST_F(LocalLogTest, DamageBeforeTheTailIsCorruptionAndNamesThePlace) {
  options_.segment_bytes = 1 << 20;
  open();
  append_numbers(0, 10);
  log_.reset();
  const uint64_t record_bytes = kFrameHeaderBytes + kFixedBodyBytes + 1;
  ASSERT_TRUE(files_->flip_bit(first_segment(), (3 * record_bytes + 20) * 8));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kCorruption);
  EXPECT_NE(opened.error().message().find(first_segment()), std::string::npos);
  EXPECT_NE(opened.error().message().find("byte " + std::to_string(3 * record_bytes)), std::string::npos)
      << opened.error().message();
}

/// One write, one sync: without the mark of a clean stop, damage inside it could be a torn tail.
TEST_F(LocalLogTest, DamageWithinTheLastGroupOfAStoppedLogIsCorruption) {
  options_.segment_bytes = 1 << 20;
  open();
  std::vector<std::future<Result<Offset>>> answers;
  for (int i = 0; i < 300; ++i) answers.push_back(append_later(*log_, "xxxx"));
  for (auto& answer : answers) ASSERT_TRUE(answer.get());
  log_.reset();
  ASSERT_TRUE(files_->flip_bit(first_segment(), files_->file_size(first_segment()).value() / 2 * 8));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption);
}

TEST_F(LocalLogTest, ADamagedMarkBeforeRecordsIsCorruption) {
  options_.segment_bytes = 1 << 20;
  open();
  append_numbers(0, 1);
  open();
  append_numbers(1, 2);
  ASSERT_TRUE(files_->flip_bit(first_segment(), (kFrameHeaderBytes + kFixedBodyBytes + 1 + 30) * 8));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption);
}

TEST_F(LocalLogTest, ADamagedOrShortLastRecordIsATornTail) {
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

TEST_F(LocalLogTest, ATornSegmentThatIsNotTheLastIsCorruption) {
  open();
  append_numbers(0, 50);
  log_.reset();
  const uint64_t bytes = files_->file_size(first_segment()).value();
  ASSERT_TRUE(files_->truncate(first_segment(), bytes - 1));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption);
  ASSERT_TRUE(files_->remove("/log/" + files_->list("/log").value()[1]));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption) << "a missing segment";
}

TEST_F(LocalLogTest, DamageOnDiskUnderAnOpenLogIsCorruptionToAReader) {
  open();
  append_numbers(0, 50);
  ASSERT_TRUE(files_->flip_bit(first_segment(), 300 * 8));
  const auto payloads = read_all(*log_, 0, 1);
  ASSERT_FALSE(payloads);
  EXPECT_EQ(payloads.error().code(), ErrorCode::kCorruption);
  EXPECT_NE(payloads.error().message().find(first_segment()), std::string::npos);
}

TEST_F(LocalLogTest, AnUnknownKindStopsTheReaderAndANewerVersionTheOpening) {
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
  EXPECT_EQ(log_->read(0, 0, 1000, 0)->size(), 2u) << "what is before it comes first";
  EXPECT_EQ(log_->read(0, 2, 1000, 0).error().code(), ErrorCode::kFormat);
  log_.reset();
  Bytes newer = strange;
  newer[3] = 2;
  Bytes checksum;
  put_big(checksum, crc32c(BytesView(newer).substr(kFrameHeaderBytes), crc32c(BytesView(newer).substr(0, 8))));
  ASSERT_TRUE(file->append(newer.replace(8, 4, checksum)));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kFormat);
}

/// A killed process leaves what it wrote in the page cache; once it was served, a power cut must not take it back.
TEST_F(LocalLogTest, WhatIsFoundAtOpenIsMadeDurable) {
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

TEST_F(LocalLogTest, WorksOnTheRealFileSystem) {
  const auto files = make_real_file_system();
  options_.directory =
      (std::filesystem::temp_directory_path() / ("sagitta_log_test_" + std::to_string(::getpid()))).string();
  for (size_t round = 0; round < 3; ++round) {
    auto opened = open_local_log(*files, clock_, metrics_, options_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    for (size_t i = 0; i < 20; ++i) ASSERT_EQ(append(**opened, "x").value(), round * 20 + i);
    EXPECT_EQ(read_all(**opened, 0)->size(), round * 20 + 20);
  }
  std::filesystem::remove_all(options_.directory);
}

TEST_F(LocalLogTest, ManyWritersManyReadersOneOrder) {
  open();
  constexpr size_t kThreads = 4, kEach = 500;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < kEach; ++i) {
        log_->append(0, record_of(std::to_string(t) + " " + std::to_string(i)),
                     [](Result<Offset> r) { ASSERT_TRUE(r); });
      }
    });
  }
  auto reader = std::async(std::launch::async, [&] {
    std::map<char, size_t> next;
    for (Offset at = 0; at < kThreads * kEach;) {
      const auto entries = log_->read(0, at, 500, kLongUs);
      if (!entries) return false;
      for (const Entry& entry : *entries) {
        const Bytes& payload = entry.record.payload;
        if (entry.offset != at++ || payload.substr(2) != std::to_string(next[payload[0]]++)) return false;
      }
    }
    return true;
  });
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(reader.get());
}

/// Cuts the power at a random call, again and again. What was acknowledged is there, in order; of the rest, a prefix.
class CrashRun {
 public:
  /// Without reserved room, with room that groups outgrow, and with more than they need.
  explicit CrashRun(uint64_t seed) : random_(seed) {
    options_.reserve_bytes = std::array<size_t, 3>{0, 4000, size_t{1} << 20}[seed % 3];
  }

  void round() {
    if (random_.below(3) == 0) files_->stop_after(random_.below(60));
    if (auto log = open_local_log(*files_, clock_, metrics_, options_)) {
      check(**log);
      if (!testing::Test::HasFatalFailure()) write(**log);
      files_->crash(random_, {.tear = random_.below(4) != 0, .garble = random_.below(2) == 0});
    } else {
      ASSERT_EQ(log.error().code(), ErrorCode::kIo) << log.error().to_string();
      files_->crash(random_, {.tear = true, .garble = true});
    }
  }
  Offset acknowledged() const { return acknowledged_; }
  std::string torn_tails() { return metrics_.render(); }

 private:
  void check(Log& log) {
    ASSERT_GE(log.bounds(0).end, acknowledged_);
    ASSERT_LE(log.bounds(0).end, sent_.size());
    auto payloads = read_all(log, log.bounds(0).begin, 4000);
    if (!payloads && payloads.error().code() == ErrorCode::kIo) return;
    ASSERT_TRUE(payloads) << payloads.error().to_string();
    for (size_t i = 0; i < payloads->size(); ++i) ASSERT_EQ((*payloads)[i], sent_[log.bounds(0).begin + i]) << i;
    // What was found is served, and so must never go away again.
    acknowledged_ = log.bounds(0).end;
    sent_.resize(acknowledged_);
  }
  void write(Log& log) {
    std::vector<std::future<Result<Offset>>> answers;
    const uint64_t count = 1 + random_.below(60);
    for (uint64_t i = 0; i < count; ++i) {
      sent_.push_back(std::to_string(random_.next()) + Bytes(random_.below(200), 'p'));
      answers.push_back(append_later(log, sent_.back()));
      if (random_.below(3) == 0) answers.back().wait();
      if (random_.below(30) == 0) (void)log.trim(0, random_.below(acknowledged_ + 1));
    }
    if (random_.below(2) == 0) files_->crash(random_, {.tear = true, .garble = true});
    bool failed = false;
    for (auto& answer : answers) {
      const auto offset = answer.get();
      ASSERT_FALSE(failed && offset) << "a success after a failure";
      failed |= !offset;
      if (offset) {
        ASSERT_EQ(*offset, acknowledged_++);
      }
    }
  }

  SeededRandom random_;
  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  ManualClock clock_{1};
  MetricsRegistry metrics_;
  LocalOptions options_{.directory = "/log", .segment_bytes = 3000, .queue_bytes_max = 1 << 20, .tail_bytes = 2000};
  std::vector<Bytes> sent_;
  Offset acknowledged_ = 0;
};

TEST(LocalLogCrash, AcknowledgedRecordsSurviveAndTheRestIsAPrefix) {
  const uint64_t first = chosen_seed(1);
  Offset acknowledged = 0;
  for (uint64_t seed = first; seed < first + 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    CrashRun run(seed);
    for (int i = 0; i < 20; ++i) {
      SCOPED_TRACE(testing::Message() << "round " << i);
      run.round();
      if (testing::Test::HasFatalFailure()) return;
    }
    acknowledged += run.acknowledged();
  }
  EXPECT_GT(acknowledged, 1000u);
}

TEST(SimLog, IsAnHonestLogWithoutFaults) {
  ManualClock clock(5);
  const auto log = make_sim_log(clock);
  for (Offset i = 0; i < 10; ++i) EXPECT_EQ(append(*log, std::to_string(i)).value(), i);
  EXPECT_EQ(read_all(*log, 0, 20)->size(), 10u);
  EXPECT_EQ(log->read(0, 0, 1000, 0)->front().record.log_time_us, 5);
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
      EXPECT_EQ(entry.record.payload, std::to_string(seen++));
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
