/// The meta log: what makes a version, what is refused, and what a restart finds.
#include "sagitta/replica/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "sagitta/base/random.h"
#include "sagitta/log/sim_log.h"
#include "sagitta/replica/records.h"

namespace sagitta::replica {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using types::DataType;
using types::Kind;

class CatalogTest : public testing::Test {
 protected:
  CatalogTest() { open(); }
  ~CatalogTest() override { close(); }

  void open() {
    auto opened = Catalog::open(*log_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    catalog_ = *std::move(opened);
    events_ = catalog_->on_schema_change([this](const schema::SchemaOutcome& outcome) {
      told_.push_back(outcome.event.change + " " + outcome.event.name);
    });
  }
  void close() {
    if (catalog_ == nullptr) return;
    events_.reset();
    catalog_->stop();
    catalog_.reset();
  }

  Result<ApplyResult> submit(log::Record record) {
    if (record.request_id.is_nil()) record.request_id = Uuid::random(random_);
    std::promise<Result<ApplyResult>> done;
    catalog_->submit(std::move(record), [&](Result<ApplyResult> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }
  Result<ApplyResult> change(const schema::SchemaChange& change) {
    return submit(schema_record(*catalog_->schema(), change));
  }
  Result<ApplyResult> truncate(uint32_t table) { return submit(truncate_record(*catalog_->schema(), table)); }
  static schema::CreateKeyspace keyspace(const std::string& name, bool if_not_exists = false) {
    return {.keyspace = name, .replication = {{"class", "SimpleStrategy"}}, .if_not_exists = if_not_exists};
  }
  static schema::CreateTable table(const std::string& name) {
    schema::TableDef def;
    def.keyspace = "k";
    def.name = name;
    def.columns = {{.name = "id", .type = DataType::native(Kind::kInt), .kind = schema::ColumnKind::kPartitionKey}};
    return {.table = def};
  }
  log::RecordKind kind_of(uint64_t version) {
    const auto record = catalog_->change(version);
    EXPECT_TRUE(record) << version;
    return record ? (*record)->kind : log::RecordKind::kBarrier;
  }

  ManualClock clock_{1'700'000'000'000'000};
  SeededRandom random_{1};
  std::unique_ptr<log::Log> log_ = log::make_sim_log(clock_);
  std::vector<std::string> told_;
  std::unique_ptr<Catalog> catalog_;
  std::shared_ptr<void> events_;
};

TEST_F(CatalogTest, EachChangeAndEachTruncationIsAVersion) {
  EXPECT_EQ(change(keyspace("k"))->schema->schema->version, 1U);
  EXPECT_EQ(change(table("t"))->schema->schema->version, 2U);
  const schema::SchemaPtr before = catalog_->schema();
  const auto truncated = truncate(before->find_table("k", "t")->id);
  ASSERT_TRUE(truncated) << truncated.error().to_string();
  EXPECT_EQ(truncated->schema->schema->version, 3U);
  EXPECT_FALSE(truncated->schema->changed);
  EXPECT_EQ(catalog_->schema()->version_uuid, before->version_uuid) << "clients see the same schema";
  EXPECT_EQ(kind_of(1), log::RecordKind::kSchema);
  EXPECT_EQ(kind_of(3), log::RecordKind::kTruncate);
  EXPECT_THAT(told_, ElementsAre("CREATED ", "CREATED t"));
  for (const uint64_t absent : {uint64_t{0}, uint64_t{4}, UINT64_MAX}) {
    const auto none = catalog_->change(absent);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), ErrorCode::kCorruption);
    EXPECT_THAT(none.error().message(), HasSubstr("ends at 3"));
  }
}

TEST_F(CatalogTest, WhatIsRefusedOrChangesNothingIsNone) {
  ASSERT_TRUE(change(keyspace("k")));
  EXPECT_EQ(change(keyspace("k")).error().code(), ErrorCode::kAlreadyExists);
  const auto again = change(keyspace("k", true));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_FALSE(again->schema->changed);
  EXPECT_EQ(truncate(99).error().code(), ErrorCode::kInvalid);
  log::Record late = schema_record(*catalog_->schema(), keyspace("late"));
  late.not_after_us = clock_.now_us() - 1;
  EXPECT_EQ(submit(late).error().code(), ErrorCode::kWriteTimeout);
  EXPECT_EQ(catalog_->schema()->version, 1U);
  EXPECT_FALSE(catalog_->halted());
}

TEST_F(CatalogTest, ARepeatedRequestHasItsFirstOutcome) {
  log::Record record = schema_record(*catalog_->schema(), keyspace("k"));
  record.request_id = Uuid::random(random_);
  ASSERT_TRUE(submit(record));
  ASSERT_TRUE(change(keyspace("l")));
  const auto repeated = submit(record);
  ASSERT_TRUE(repeated) << repeated.error().to_string();
  EXPECT_EQ(repeated->offset, 0U);
  EXPECT_TRUE(repeated->schema->changed);
  EXPECT_EQ(repeated->schema->schema, catalog_->schema()) << "with the schema of now";
  // Beyond ten minutes of the log's clock it is a new one.
  clock_.advance_us(601'000'000);
  ASSERT_TRUE(change(keyspace("m")));
  EXPECT_EQ(submit(record).error().code(), ErrorCode::kAlreadyExists);
}

TEST_F(CatalogTest, ARestartFindsTheSameVersions) {
  ASSERT_TRUE(change(keyspace("k")));
  ASSERT_FALSE(change(keyspace("k")));
  ASSERT_TRUE(change(table("t")));
  ASSERT_TRUE(truncate(catalog_->schema()->find_table("k", "t")->id));
  Bytes before, after;
  catalog_->schema()->encode(before);
  // The log goes on beside a catalog that ends.
  std::vector<log::Record> records;
  const auto entries = log_->read(0, 0, 1 << 20, 0).value();
  for (const log::Entry& entry : entries) records.push_back(*entry.record);
  close();
  log_ = log::make_sim_log(clock_);
  for (log::Record& record : records) {
    std::promise<void> done;
    log_->append(0, std::move(record), [&](const auto&) { done.set_value(); });
    done.get_future().wait();
  }
  open();
  catalog_->schema()->encode(after);
  EXPECT_EQ(after, before);
  EXPECT_EQ(kind_of(3), log::RecordKind::kTruncate);
  EXPECT_EQ(change(keyspace("l"))->schema->schema->version, 4U);
}

TEST_F(CatalogTest, ARecordThatIsNoneOfTheMetaLogHaltsIt) {
  EXPECT_EQ(submit({.kind = log::RecordKind::kMutation}).error().code(), ErrorCode::kWriteTimeout);
  ASSERT_TRUE(catalog_->halted());
  EXPECT_THAT(catalog_->halted()->message(), HasSubstr("kind 1 is none of the meta log"));
  EXPECT_EQ(change(keyspace("k")).error().code(), ErrorCode::kUnavailable);
}

TEST_F(CatalogTest, ALogThatWasTrimmedIsRefused) {
  ASSERT_TRUE(change(keyspace("k")));
  ASSERT_TRUE(change(keyspace("l")));
  ASSERT_TRUE(log_->trim(0, 1));
  const auto opened = Catalog::open(*log_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kCorruption);
  EXPECT_THAT(opened.error().message(), HasSubstr("begins at 1, not at 0"));
}

/// Turns come when a test says so.
class OneLoop final : public Loops {
 public:
  std::unique_ptr<Loop> start(std::function<bool(int64_t wait_us)> turn) override {
    next = std::move(turn);
    return std::make_unique<Loop>();
  }
  bool wait(std::unique_lock<std::mutex>&, std::condition_variable&, int64_t, const std::function<bool()>&) override {
    return false;
  }
  std::function<bool(int64_t wait_us)> next;
};

TEST_F(CatalogTest, GoesOnATurnAtATime) {
  close();
  OneLoop loop;
  const auto catalog = Catalog::open(*log_, loop).value();
  log::Record record = schema_record(*catalog->schema(), keyspace("k"));
  record.request_id = Uuid::random(random_);
  std::promise<log::Offset> appended;
  log_->append(0, record, [&](const Result<log::Offset>& offset) { appended.set_value(offset.value()); });
  appended.get_future().wait();
  EXPECT_EQ(catalog->schema()->version, 0U);
  EXPECT_TRUE(loop.next(0));
  EXPECT_EQ(catalog->schema()->version, 1U);
  catalog->begin_stop();
  EXPECT_FALSE(loop.next(0));
}

TEST_F(CatalogTest, AStopFailsWhatComesAfterIt) {
  catalog_->begin_stop();
  log_->stop();
  catalog_->stop();
  catalog_->stop();
  EXPECT_EQ(change(keyspace("k")).error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace sagitta::replica
