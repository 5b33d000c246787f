/// The list of partitions: what opening it replays, whom it chooses, and what it says of all of
/// them.
#include "../partitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "sagitta/replica/records.h"
#include "sagitta/types/value.h"

#include "harness.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class PartitionsTest : public testing::Test {
 protected:
  PartitionsTest() {
    options_.data_dir = "/data";
    options_.memory_store = true;  // nothing but the log outlives a process
    options_.on_replay = [this](uint64_t applied, uint64_t all) { replayed_.emplace_back(applied, all); };
    open();
  }
  ~PartitionsTest() override { close(); }

  void open() {
    partitions_.emplace(options_, environment_, budgets_);
    const Status opened = partitions_->open(directory_);
    ASSERT_TRUE(opened) << opened.error().to_string();
  }
  void close() {
    EXPECT_TRUE(partitions_->stop());
    partitions_->close();
  }
  std::string create_keyspace(const std::string& name) {
    const schema::CreateKeyspace change{.keyspace = name,
                                        .replication = {{"class", "SimpleStrategy"}, {"replication_factor", "1"}}};
    std::promise<Status> done;
    replica::Replica& replica = *partitions_->all().front().replica;
    replica.submit(replica::schema_record(*replica.schema(), change), [&](const Result<replica::ApplyResult>& applied) {
      done.set_value(applied ? Status() : Status(fail(applied)));
    });
    const Status status = done.get_future().get();
    return status ? "ok" : status.error().to_string();
  }

  Machine machine_{1};
  Options options_;
  const Environment environment_{*machine_.files, machine_.clock, machine_.random, machine_.metrics, machine_.workers};
  Budgets budgets_{options_.budgets};
  const DataDirectory directory_ = open_data_directory(*machine_.files, "/data", machine_.random).value();
  std::vector<std::pair<uint64_t, uint64_t>> replayed_;
  std::optional<Partitions> partitions_;
};

TEST_F(PartitionsTest, OneIsOpenAndIsChosenForEverything) {
  ASSERT_EQ(partitions_->all().size(), 1U);
  const Partition& only = partitions_->all().front();
  EXPECT_EQ(only.number, 0U);
  EXPECT_EQ(&partitions_->of_key(types::from_int32(1)), &only);
  std::vector<rows::Mutation> mutations(2);
  mutations[0].partition_key = types::from_int32(1);
  mutations[1].partition_key = types::from_int32(2);
  EXPECT_EQ(partitions_->of_write(mutations), &only);
}

TEST_F(PartitionsTest, OpeningReplaysWhatTheStoresLack) {
  EXPECT_TRUE(replayed_.empty());
  EXPECT_EQ(partitions_->offsets(), "0");
  EXPECT_EQ(create_keyspace("a"), "ok");
  EXPECT_EQ(create_keyspace("b"), "ok");
  EXPECT_EQ(partitions_->offsets(), "2");
  const int64_t clock_us = partitions_->log_clock_us();
  EXPECT_EQ(clock_us, machine_.clock.now_us());
  close();
  machine_.clock.advance_us(1'000'000);
  open();
  EXPECT_THAT(replayed_, ElementsAre(Pair(0, 2), Pair(2, 2)));
  EXPECT_EQ(partitions_->offsets(), "2");
  EXPECT_EQ(partitions_->log_clock_us(), clock_us);
  EXPECT_NE(partitions_->meta().schema()->find_keyspace("b"), nullptr);
}

TEST_F(PartitionsTest, TheySayWhetherTheyServe) {
  EXPECT_TRUE(partitions_->indexes_ready());
  EXPECT_FALSE(partitions_->halted());
  EXPECT_EQ(partitions_->count_indexes().all, 0U);
  EXPECT_EQ(partitions_->count_indexes().building, 0U);
}

TEST_F(PartitionsTest, AStopEndsThemAndTheLog) {
  EXPECT_TRUE(partitions_->stop());
  EXPECT_TRUE(partitions_->stop());
  EXPECT_THAT(create_keyspace("a"), HasSubstr("Unavailable"));
  EXPECT_TRUE(partitions_->halted());
}

TEST_F(PartitionsTest, ALogThatIsDamagedIsNotOpened) {
  EXPECT_EQ(create_keyspace("a"), "ok");
  EXPECT_EQ(create_keyspace("b"), "ok");
  close();
  const std::string folder = directory_.log_path() + "/0";
  const auto names = machine_.files->list(folder).value();
  ASSERT_FALSE(names.empty());
  const std::string path = folder + "/" + names[0];
  Bytes bytes = read_file(*machine_.files, path, 1 << 20).value();
  bytes[bytes.find("SimpleStrategy")] = 'X';
  ASSERT_TRUE(write_file_atomically(*machine_.files, path, bytes));
  Partitions damaged(options_, environment_, budgets_);
  const Status opened = damaged.open(directory_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kCorruption);
  EXPECT_TRUE(damaged.stop());  // also when it is half open
  damaged.close();
}

}  // namespace
}  // namespace sagitta::db::test
