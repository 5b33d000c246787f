// Room that a log reserves ahead of its records.
#include "log_fixture.h"
#include "record_frame.h"

namespace sagitta::log {
namespace {

TEST_P(LocalLogTest, AnAlmostFullDiskTakesWhatFits) {
  options_.segment_bytes = 1 << 20;
  files_->limit_bytes(1000);
  open();
  int fitting = 0;
  for (auto offset = append("0"); offset; offset = append(std::to_string(fitting))) ++fitting;
  EXPECT_EQ(fitting, static_cast<int>(1000 / (kFrameHeaderBytes + kFixedBodyBytes + 1)));
  EXPECT_EQ(append("").error().code(), ErrorCode::kNoSpace);
  files_->limit_bytes(UINT64_MAX);
  open();
  append_numbers(fitting, fitting + 5);
  expect_numbers(0, fitting + 5);
}

/// Each growth of the file is one more write of a sync.
TEST_P(LocalLogTest, TheFileDoesNotGrowWithEachRecord) {
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

TEST_P(LocalLogTest, RoomIsReservedAgainWhenItIsUsedUp) {
  options_.segment_bytes = 1 << 20;
  options_.reserve_bytes = 10'000;
  open();
  append_numbers(0, 1000);
  const uint64_t bytes = written(first_segment()).size();
  EXPECT_LE(files_->size_changes(first_segment()).value(), bytes / options_.reserve_bytes + 1);
  EXPECT_LE(files_->file_size(first_segment()).value(), bytes + options_.reserve_bytes);
}

TEST_P(LocalLogTest, LargeRecordsAreNotWrittenTwice) {
  options_.segment_bytes = 10 << 20;
  open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append(Bytes(100'000, 'x')));
  EXPECT_EQ(metric("sagitta_log_reservations_total"), "0");
  ASSERT_TRUE(append("small"));
  EXPECT_EQ(metric("sagitta_log_reservations_total"), "1");
  EXPECT_EQ(read_all(*log_, last(), 0)->size(), 21u);
}

TEST_P(LocalLogTest, ReservedRoomIsNoTornTail) {
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

TEST_P(LocalLogTest, FullSegmentsAndAStoppedLogHaveNoReservedRoom) {
  open();
  append_numbers(0, 50);
  log_.reset();
  const auto names = files_->list(folder()).value();
  EXPECT_GT(names.size(), 2u);
  for (const std::string& name : names) {
    EXPECT_EQ(files_->file_size(folder() + "/" + name).value(), written(folder() + "/" + name).size()) << name;
  }
  ASSERT_TRUE(files_->open_append(first_segment(), FileSystem::OpenMode::kAppend).value()->append(Bytes(1, '\0')));
  EXPECT_EQ(try_open().error().code(), ErrorCode::kCorruption);
}

TEST_P(LocalLogTest, ZerosBeforeARecordAreCorruption) {
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

}  // namespace
}  // namespace sagitta::log
