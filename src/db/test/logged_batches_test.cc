/// The batch log, and what is done again from it.
#include "../logged_batches.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "sagitta/log/local_log.h"
#include "sagitta/replica/records.h"
#include "sagitta/types/value.h"

#include "../gather.h"
#include "harness.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Gather, TellsWhenAllIsThere) {
  std::vector<std::string> told;
  const auto note = [&](const Gathered& all) {
    told.push_back(fmt::format("{} {}", all.done, all.status ? "ok" : all.status.error().message()));
  };
  const Status wrong = fail(ErrorCode::kInvalid, "wrong"), open = fail(ErrorCode::kWriteTimeout, "open");
  Gather one(1, note);
  one.tell({});
  EXPECT_THAT(told, ElementsAre("1 ok"));
  Gather three(3, note);
  three.tell({});
  three.tell(wrong);
  EXPECT_THAT(told, testing::SizeIs(1));
  three.tell(fail(ErrorCode::kConfig, "later"));
  EXPECT_EQ(told.back(), "1 wrong");
  // What is open is not hidden by what is decided, whichever comes first.
  for (const auto& [first, second] : {std::pair(wrong, open), std::pair(open, wrong)}) {
    Gather two(2, note);
    two.tell(first);
    two.tell(second);
    EXPECT_EQ(told.back(), "0 open");
  }
  // Nor by what is not done, which hides a refusal.
  const Status not_done = fail(ErrorCode::kUnavailable, "not done");
  for (const auto& [first, second, expected] : {std::tuple(not_done, open, "0 open"),
                                                {open, not_done, "0 open"},
                                                {wrong, not_done, "0 not done"},
                                                {not_done, wrong, "0 not done"}}) {
    Gather two(2, note);
    two.tell(first);
    two.tell(second);
    EXPECT_EQ(told.back(), expected);
  }
}

class BatchLogTest : public testing::Test {
 protected:
  BatchLogTest() { open(); }
  ~BatchLogTest() override { close(); }

  void open() {
    batches_.emplace(environment_);
    ASSERT_TRUE(batches_->open(directory_));
  }
  void close() {
    batches_->stop();
    batches_->close();
  }
  void reopen() {
    close();
    open();
  }
  log::Offset append(const std::string& payload) {
    std::promise<log::Offset> done;
    batches_->append({.kind = log::RecordKind::kBatch, .payload = payload},
                     [&](const Result<log::Offset>& offset) { done.set_value(offset.value()); });
    return done.get_future().get();
  }
  std::vector<std::string> unfinished() {
    std::vector<std::string> payloads;
    const auto entries = batches_->unfinished().value();
    for (const log::Entry& entry : entries) payloads.push_back(entry.record->payload);
    return payloads;
  }

  Machine machine_{1};
  const Environment environment_{*machine_.files, machine_.clock, machine_.random, machine_.metrics, machine_.workers};
  const DataDirectory directory_ = open_data_directory(*machine_.files, "/data", machine_.random, 4).value();
  std::optional<BatchLog> batches_;
};

TEST_F(BatchLogTest, WhatIsNotFinishedIsThereAtTheNextStart) {
  EXPECT_THAT(unfinished(), IsEmpty());
  const log::Offset a = append("a");
  append("b");
  const log::Offset c = append("c");
  batches_->finish(c);
  batches_->finish(a);
  reopen();
  EXPECT_THAT(unfinished(), ElementsAre("b"));
  // Also where the trim behind the oldest has taken what was before it.
  append("d");
  reopen();
  EXPECT_THAT(unfinished(), ElementsAre("b", "d"));
}

TEST_F(BatchLogTest, WhatIsFinishedLeavesTheDisk) {
  const Bytes large(size_t{1} << 20, 'x');
  for (int i = 0; i < 40; ++i) batches_->finish(append(large));
  reopen();  // behind the last finish
  EXPECT_THAT(unfinished(), IsEmpty());
  uint64_t bytes = 0;
  const std::string folder = directory_.batch_path() + "/0/";
  const auto names = machine_.files->list(folder).value();
  for (const std::string& name : names) {
    bytes += machine_.files->file_size(folder + name).value();
  }
  EXPECT_LT(bytes, uint64_t{20} << 20) << "of 40 MiB";
}

TEST_F(BatchLogTest, ARecordThatIsNoneOfItIsRefused) {
  close();
  {
    const auto log =
        log::open_local_log(*machine_.files, machine_.clock, machine_.metrics, {.directory = directory_.batch_path()})
            .value();
    std::promise<void> done;
    log->append(0, {.kind = log::RecordKind::kTick}, [&](const auto&) { done.set_value(); });
    done.get_future().wait();
    log->stop();
  }
  open();
  const auto read = batches_->unfinished();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kCorruption);
}

/// A batch in the log of a database that is closed: as one that was left there.
class LeftBatchTest : public testing::Test {
 protected:
  LeftBatchTest() {
    machine_.partitions = 4;
    const auto database = machine_.open().value();
    for (const char* text :
         {"CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
          "CREATE TABLE k.t (k int PRIMARY KEY, a int)", "INSERT INTO k.t (k, a) VALUES (0, 0)"}) {
      EXPECT_EQ(outcome(ask(*database, text)), "ok");
    }
    EXPECT_TRUE(database->stop());
  }
  void leave(std::span<const rows::Mutation> mutations, const Uuid& id) {
    const Environment environment{*machine_.files, machine_.clock, machine_.random, machine_.metrics, machine_.workers};
    const auto directory = open_data_directory(*machine_.files, "/data", machine_.random).value();
    BatchLog batches(environment);
    ASSERT_TRUE(batches.open(directory));
    log::Record record{.kind = log::RecordKind::kBatch, .schema_version = 2, .request_id = id};
    rows::encode(mutations, record.payload);
    std::promise<void> done;
    batches.append(std::move(record), [&](const auto&) { done.set_value(); });
    done.get_future().wait();
    batches.stop();
  }
  /// Of k.t, whose columns are 1 and 2: a = `value` for the keys 0 to 11.
  std::vector<rows::Mutation> values(int value, int64_t timestamp_us) const {
    std::vector<rows::Mutation> all;
    for (int k = 0; k < 12; ++k) {
      rows::Mutation one{.table_id = 1,
                         .partition_key = types::from_int32(k),
                         .timestamp_us = timestamp_us,
                         .stamp = rows::Mutation::Stamp::kServer};
      one.rows.push_back({.insert_marker = true, .cells = {{.column_id = 2, .value = types::from_int32(value)}}});
      all.push_back(std::move(one));
    }
    return all;
  }
  static int32_t sum(Database& database) {
    return get_big<int32_t>(select(database, "SELECT sum(a) FROM k.t")[0][0].value().data());
  }

  Machine machine_{1};
};

TEST_F(LeftBatchTest, IsCompletedOnceAndChangesNothingWhenItIsDoneAgain) {
  const int64_t stamp_us = machine_.clock.now_us() + 1000;
  const Uuid id = Uuid::random(machine_.random);
  leave(values(5, stamp_us), id);
  {
    const auto database = machine_.open().value();
    EXPECT_EQ(sum(*database), 60);
    // The clock of each partition follows the batch: what comes later wins.
    EXPECT_EQ(outcome(ask(*database, "INSERT INTO k.t (k, a) VALUES (3, 7)")), "ok");
    EXPECT_EQ(sum(*database), 62);
    EXPECT_TRUE(database->stop());
  }
  machine_.clock.advance_us(3'600'000'000);  // its requests are forgotten
  leave(values(5, stamp_us), id);
  const auto database = machine_.open().value();
  EXPECT_EQ(sum(*database), 62);
}

TEST_F(LeftBatchTest, OneThatIsWrongForGoodIsNotTriedForEver) {
  auto wrong = values(5, machine_.clock.now_us());
  for (rows::Mutation& mutation : wrong) mutation.table_id = 99;
  leave(wrong, Uuid::random(machine_.random));
  for (int start = 0; start < 2; ++start) {
    const auto opened = machine_.open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_EQ(sum(**opened), 0);
    EXPECT_TRUE((*opened)->stop());
  }
  const Environment environment{*machine_.files, machine_.clock, machine_.random, machine_.metrics, machine_.workers};
  BatchLog batches(environment);
  ASSERT_TRUE(batches.open(open_data_directory(*machine_.files, "/data", machine_.random).value()));
  EXPECT_THAT(batches.unfinished().value(), IsEmpty());
  batches.stop();
}

}  // namespace
}  // namespace sagitta::db::test
