/// Disks that fail or hang under the log: what clients and /readyz are told.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "hanging_disk.h"
#include "harness.h"

namespace sagitta::db::test {
namespace {

using testing::HasSubstr;

class DiskTest : public testing::Test {
 protected:
  DiskTest() {
    auto opened = Database::open({.data_dir = "/data", .memory_store = true},
                                 {disk_, machine_.clock, machine_.random, machine_.metrics, machine_.workers});
    EXPECT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
    for (const char* text :
         {"CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
          "CREATE TABLE ks.t (k int PRIMARY KEY)"}) {
      const auto answer = ask(*database_, text);
      EXPECT_TRUE(answer) << answer.error().to_string();
    }
  }

  Machine machine_{1};
  HangingDisk disk_{*machine_.files};
  std::unique_ptr<Database> database_;
};

TEST_F(DiskTest, AFailedAppendMakesTheDatabaseNotReadyAndSaysWhy) {
  EXPECT_TRUE(database_->ready());
  machine_.files->fail_sync(1);
  ASSERT_FALSE(ask(*database_, "INSERT INTO ks.t (k) VALUES (1)"));
  EXPECT_FALSE(database_->ready());
  EXPECT_THAT(database_->state()["log"], HasSubstr("takes no writes until a restart: Io"));
  EXPECT_TRUE(ask(*database_, "SELECT * FROM ks.t"));
}

TEST_F(DiskTest, AWriteOnADiskThatHangsTimesOutAtItsDeadlineWithAnOpenOutcome) {
  disk_.gate.shut(true);
  RequestOptions options;
  options.deadline = Deadline::in_us(machine_.clock, 1'000'000);
  std::promise<Result<Answer>> done;
  auto answered = done.get_future();
  database_->query("INSERT INTO ks.t (k) VALUES (1)", options,
                   [&](Result<Answer> answer) { done.set_value(std::move(answer)); });
  EXPECT_EQ(answered.wait_for(std::chrono::milliseconds(150)), std::future_status::timeout);
  machine_.clock.advance_us(1'000'000);
  const bool in_time = answered.wait_for(std::chrono::seconds(5)) == std::future_status::ready;
  disk_.gate.shut(false);
  EXPECT_TRUE(in_time);
  EXPECT_THAT(outcome(answered.get()), HasSubstr("WriteTimeout"));
  // It did take effect, as the next write finds.
  ASSERT_TRUE(ask(*database_, "INSERT INTO ks.t (k) VALUES (2)"));
  EXPECT_EQ(select(*database_, "SELECT * FROM ks.t").size(), 2U);
}

}  // namespace
}  // namespace sagitta::db::test
