#include "sagitta/replica/replica.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "sagitta/base/memory_file.h"
#include "sagitta/log/local_log.h"
#include "sagitta/log/sim_log.h"
#include "sagitta/replica/records.h"
#include "sagitta/testing/index_search.h"
#include "sagitta/types/value.h"

namespace sagitta::replica {
namespace {

using types::DataType;
using types::Kind;

/// Of a BlindLog: while that is blind, it shows nothing.
class BlindFeed final : public log::Feed {
 public:
  BlindFeed(std::unique_ptr<log::Feed> feed, const std::atomic<bool>& is_blind)
      : feed_(std::move(feed)), is_blind_(is_blind) {}
  Status follow(log::Partition partition, log::Offset from) override { return feed_->follow(partition, from); }
  void leave(log::Partition partition) override { feed_->leave(partition); }
  Result<std::vector<log::Entry>> read(size_t max_bytes, int64_t wait_us) override {
    auto entries = feed_->read(max_bytes, wait_us);
    if (is_blind_ && entries) entries->clear();
    return entries;
  }
  std::optional<log::Partition> failed() const override { return feed_->failed(); }

 private:
  std::unique_ptr<log::Feed> feed_;
  const std::atomic<bool>& is_blind_;
};

/// A log that takes records and, while blind, shows none of them.
class BlindLog final : public log::Log {
 public:
  explicit BlindLog(std::unique_ptr<log::Log> log) : log_(std::move(log)) {}
  log::Partition partitions() const override { return log_->partitions(); }
  void append(log::Partition partition, log::Record record, log::AppendDone done) override {
    log_->append(partition, std::move(record), std::move(done));
  }
  Result<std::vector<log::Entry>> read(log::Partition partition, log::Offset from, size_t max_bytes,
                                       int64_t wait_us) override {
    return log_->read(partition, from, max_bytes, wait_us);
  }
  std::unique_ptr<log::Feed> feed() override { return std::make_unique<BlindFeed>(log_->feed(), is_blind); }
  log::Bounds bounds(log::Partition partition) const override { return log_->bounds(partition); }
  Status trim(log::Partition partition, log::Offset before) override { return log_->trim(partition, before); }
  void stop() override { log_->stop(); }

  std::atomic<bool> is_blind{false};

 private:
  std::unique_ptr<log::Log> log_;
};

/// A store and a log that outlive the replica, as disks do.
class ReplicaTest : public testing::Test {
 protected:
  ReplicaTest() { open_log(); }

  void open_log() {
    auto opened = log::open_local_log(*files_, clock_, metrics_, {.directory = "log"});
    ASSERT_TRUE(opened) << opened.error().to_string();
    log_ = std::move(*opened);
  }

  void start(Options options = {}) {
    auto opened = Replica::open({*store_, *log_, clock_, metrics_, workers_, vectors_, horizon_.get()}, options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    replica_ = std::move(*opened);
  }

  void restart_with_empty_store() {
    replica_.reset();
    store_ = kv::make_memory_store();
    start();
  }

  Result<ApplyResult> submit(log::Record record) {
    std::promise<Result<ApplyResult>> done;
    replica_->submit(std::move(record), [&](Result<ApplyResult> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }

  void create_table() {
    schema::CreateKeyspace keyspace{.keyspace = "k", .replication = {{"class", "SimpleStrategy"}}};
    ASSERT_TRUE(submit(schema_record(*replica_->schema(), keyspace)));
    schema::TableDef def;
    def.keyspace = "k";
    def.name = "t";
    def.columns = {{.name = "id", .type = DataType::native(Kind::kInt), .kind = schema::ColumnKind::kPartitionKey},
                   {.name = "v", .type = DataType::vector(DataType::native(Kind::kFloat), 2)}};
    const auto created = submit(schema_record(*replica_->schema(), schema::CreateTable{.table = def}));
    ASSERT_TRUE(created) << created.error().to_string();
  }

  void create_index() {
    schema::CreateIndex change{.keyspace = "k", .table = "t", .column = "v"};
    change.index.class_name = "vector_index";
    const auto created = submit(schema_record(*replica_->schema(), change));
    ASSERT_TRUE(created) << created.error().to_string();
  }

  schema::TableDefPtr table() const { return replica_->schema()->find_table("k", "t"); }

  rows::Mutation row(int32_t id, std::vector<float> vector) const {
    rows::Mutation mutation{.table_id = table()->id,
                            .partition_key = types::from_int32(id),
                            .timestamp_us = clock_.now_us(),
                            .stamp = rows::Mutation::Stamp::kProposed};
    rows::RowMutation change{.insert_marker = true};
    change.cells.push_back({.column_id = table()->find_column("v")->id, .value = types::from_floats(vector)});
    mutation.rows.push_back(std::move(change));
    return mutation;
  }

  Result<ApplyResult> write(const rows::Mutation& mutation) {
    return submit(mutation_record(*replica_->schema(), std::span(&mutation, 1)));
  }

  bool exists(int32_t id) const {
    const auto found = replica_->read_view(0, kv::ReadMode::kBlocking).get(*table(), types::from_int32(id), {});
    return found && *found;
  }

  std::vector<index::FoundRow> nearest(std::vector<float> query, size_t k) const {
    const auto set = replica_->indexes();
    const auto hits = index::find_nearest(*set->indexes.begin()->second, query, k, 0, nullptr, {});
    EXPECT_TRUE(hits) << hits.error().to_string();
    return hits.value_or(std::vector<index::FoundRow>());
  }

  const std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  ManualClock clock_{1'700'000'000'000'000};
  MetricsRegistry metrics_;
  InlineExecutor workers_;
  MemoryBudget vectors_{"vectors", size_t{1} << 30};
  const std::shared_ptr<rows::PurgeHorizon> horizon_ = std::make_shared<rows::PurgeHorizon>();
  std::unique_ptr<kv::Store> store_ = kv::make_memory_store([horizon = horizon_] { return horizon->filter(); });
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<Replica> replica_;
};

/// So that a stop need not wait until the applier looks up from the log.
TEST_F(ReplicaTest, AnApplierThatIsToStopIsNotHaltedByItsLogsEnd) {
  start();
  log_->stop();
  while (!replica_->halted()) std::this_thread::yield();
  EXPECT_THAT(replica_->halted()->message(), testing::HasSubstr("log: stopped"));
  ASSERT_TRUE(replica_->stop());
  open_log();
  start();
  replica_->begin_stop();
  log_->stop();
  ASSERT_TRUE(replica_->stop());
  EXPECT_THAT(replica_->halted()->message(), testing::HasSubstr("the server is stopping"));
}

TEST_F(ReplicaTest, AnAcknowledgedRowIsReadAndFoundAtOnce) {
  start();
  create_table();
  create_index();
  ASSERT_TRUE(write(row(1, {1, 0})));
  ASSERT_TRUE(write(row(2, {0, 1})));
  EXPECT_TRUE(exists(1));
  const auto hits = nearest({0.9F, 0.1F}, 2);
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].row_key, rows::row_key(*table(), types::from_int32(1), {}));
}

TEST_F(ReplicaTest, TheLogAloneGivesTheStateBack) {
  start();
  create_table();
  ASSERT_TRUE(write(row(1, {1, 0})));
  create_index();
  ASSERT_TRUE(write(row(2, {0, 1})));
  const auto version = replica_->schema()->version;
  restart_with_empty_store();
  EXPECT_EQ(replica_->schema()->version, version);
  EXPECT_TRUE(exists(1));
  EXPECT_EQ(nearest({1, 0}, 5).size(), 2u);
}

TEST_F(ReplicaTest, AnIndexOnAFilledTableIsBuiltFromItsRows) {
  start();
  create_table();
  for (int32_t id = 0; id < 100; ++id) ASSERT_TRUE(write(row(id, {1, static_cast<float>(id)})));
  create_index();
  EXPECT_TRUE(replica_->indexes_ready());
  EXPECT_EQ(nearest({1, 0}, 1000).size(), 100u);
}

TEST_F(ReplicaTest, ARefusedVectorStaysARowAndIsCounted) {
  start();
  create_table();
  ASSERT_TRUE(write(row(1, {0, 0})));
  create_index();
  EXPECT_TRUE(exists(1));
  EXPECT_TRUE(nearest({1, 0}, 10).empty());
  EXPECT_EQ(replica_->indexes()->indexes.begin()->second->stats().refused, 1u);
}

TEST_F(ReplicaTest, TruncateEmptiesRowsAndIndex) {
  start();
  create_table();
  create_index();
  ASSERT_TRUE(write(row(1, {1, 0})));
  ASSERT_TRUE(submit(truncate_record(*replica_->schema(), table()->id)));
  EXPECT_FALSE(exists(1));
  EXPECT_TRUE(nearest({1, 0}, 10).empty());
}

TEST_F(ReplicaTest, ALateRecordChangesNothing) {
  start();
  create_table();
  auto mutation = row(1, {1, 0});
  log::Record record = mutation_record(*replica_->schema(), std::span(&mutation, 1));
  record.not_after_us = clock_.now_us() - 1;
  const auto result = submit(std::move(record));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kWriteTimeout);
  EXPECT_FALSE(exists(1));
}

TEST_F(ReplicaTest, ARepeatedRequestIsAppliedOnceAlsoAfterARestart) {
  start();
  create_table();
  SeededRandom random(1);
  const Uuid id = Uuid::random(random);
  auto first = row(1, {1, 0}), second = row(2, {1, 0});
  log::Record record = mutation_record(*replica_->schema(), std::span(&first, 1));
  record.request_id = id;
  const auto applied = submit(std::move(record));
  replica_.reset();
  start();
  log::Record again = mutation_record(*replica_->schema(), std::span(&second, 1));
  again.request_id = id;
  const auto repeated = submit(std::move(again));
  ASSERT_TRUE(applied && repeated);
  EXPECT_EQ(repeated->offset, applied->offset);
  EXPECT_FALSE(exists(2));
}

TEST_F(ReplicaTest, ARepeatedConditionalWriteGetsTheFirstDecisionAlsoAfterARestart) {
  start();
  create_table();
  SeededRandom random(4);
  const auto if_absent = [&] {
    const rows::RowCondition absent{.existence = rows::RowCondition::Existence::kNotExists};
    log::Record record =
        conditional_record(*replica_->schema(), {table()->id, types::from_int32(1), {absent}, {row(1, {1, 0})}});
    record.request_id = Uuid::random(random);
    return record;
  };
  const log::Record first = if_absent(), second = if_absent();
  const auto expect_decisions = [&](size_t rows_shown) {
    const auto applied = submit(first), refused = submit(second);
    ASSERT_TRUE(applied && applied->decision && refused && refused->decision);
    EXPECT_LT(applied->offset, refused->offset);
    EXPECT_TRUE(applied->decision->applied);
    EXPECT_FALSE(refused->decision->applied);
    EXPECT_EQ(refused->decision->rows.size(), rows_shown);
  };
  expect_decisions(1);
  rows::Mutation deletion = row(1, {1, 0});
  deletion.rows.clear();
  deletion.delete_partition = true;
  ASSERT_TRUE(write(deletion));
  expect_decisions(1);
  EXPECT_FALSE(exists(1));
  // Of what a start reads back the rows are not remembered.
  replica_.reset();
  start();
  expect_decisions(0);
  EXPECT_FALSE(exists(1));
  restart_with_empty_store();
  expect_decisions(0);
  EXPECT_FALSE(exists(1));
}

TEST_F(ReplicaTest, ARepeatedSchemaChangeGetsTheFirstAnswerAlsoAfterARestart) {
  start();
  create_table();
  int told = 0;
  const auto listener = replica_->on_schema_change([&](const schema::SchemaOutcome&) { ++told; });
  SeededRandom random(3);
  log::Record wanted = schema_record(*replica_->schema(), schema::DropTable{.keyspace = "k", .table = "t"});
  wanted.request_id = Uuid::random(random);
  const auto first = submit(wanted);
  ASSERT_TRUE(first && first->schema);
  const auto expect_same = [&] {
    const auto again = submit(wanted);
    ASSERT_TRUE(again && again->schema);
    EXPECT_EQ(again->offset, first->offset);
    EXPECT_TRUE(again->schema->changed);
    EXPECT_EQ(again->schema->event.change, "DROPPED");
    EXPECT_EQ(again->schema->event.target, "TABLE");
    EXPECT_EQ(again->schema->event.keyspace, "k");
    EXPECT_EQ(again->schema->event.name, "t");
    EXPECT_EQ(again->schema->schema, replica_->schema());
  };
  expect_same();
  EXPECT_EQ(told, 1);
  replica_.reset();
  start();
  expect_same();
}

TEST_F(ReplicaTest, ASchemaErrorIsTheRecordsOwnAndTheReplicaLives) {
  start();
  create_table();
  const auto again = submit(schema_record(
      *replica_->schema(), schema::CreateKeyspace{.keyspace = "k", .replication = {{"class", "SimpleStrategy"}}}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(write(row(1, {1, 0})));
}

TEST_F(ReplicaTest, AnUnknownKindHaltsRatherThanBeSkipped) {
  start();
  create_table();
  log::Record unknown{.kind = static_cast<log::RecordKind>(77)};
  EXPECT_FALSE(submit(std::move(unknown)));
  while (!replica_->halted()) std::this_thread::yield();
  const auto after = write(row(1, {1, 0}));
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code(), ErrorCode::kUnavailable);
}

TEST_F(ReplicaTest, ARepeatedRequestThatWasRefusedIsRefusedAgainAlsoAfterARestart) {
  start();
  create_table();
  SeededRandom random(2);
  const Uuid id = Uuid::random(random);
  log::Record wrong = schema_record(*replica_->schema(), schema::DropTable{.keyspace = "k", .table = "nowhere"});
  wrong.request_id = id;
  const auto refused = submit(wrong);
  ASSERT_FALSE(refused);
  replica_.reset();
  start();
  const auto again = submit(wrong);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), refused.error().code());
  EXPECT_EQ(again.error().message(), "Table 'k.nowhere' doesn't exist");
}

TEST_F(ReplicaTest, AfterAStopEverySubmitIsAnswered) {
  start();
  create_table();
  ASSERT_TRUE(replica_->stop());
  const auto late = write(row(1, {1, 0}));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
}

TEST_F(ReplicaTest, AWriteThatIsDurableAndNotAppliedAtAStopHasAnOpenOutcome) {
  BlindLog blind(std::move(log_));
  auto opened = Replica::open({*store_, blind, clock_, metrics_, workers_, vectors_});
  ASSERT_TRUE(opened);
  replica_ = std::move(*opened);
  blind.is_blind = true;
  std::promise<Result<ApplyResult>> done;
  replica_->submit({}, [&](Result<ApplyResult> result) { done.set_value(std::move(result)); });
  while (blind.bounds(0).end == 0) std::this_thread::yield();
  ASSERT_TRUE(replica_->stop());
  const auto result = done.get_future().get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kWriteTimeout) << result.error().message();
  replica_.reset();
}

TEST_F(ReplicaTest, AFlushTrimsTheLogAndTheStoreGoesOnFromThere) {
  start();
  create_table();
  ASSERT_TRUE(write(row(1, {1, 0})));
  ASSERT_TRUE(replica_->flush());
  replica_.reset();
  start();
  EXPECT_TRUE(exists(1));
  EXPECT_TRUE(write(row(2, {1, 0})));
}

TEST_F(ReplicaTest, ADeletionLeavesTheStoreOnceRecordsAfterItsGraceAreFlushed) {
  start({.flush_interval_us = INT64_MAX});
  create_table();
  rows::Mutation gone{.table_id = table()->id, .partition_key = types::from_int32(1)};
  gone.timestamp_us = clock_.now_us();
  gone.delete_partition = true;
  ASSERT_TRUE(write(gone));
  const auto entries = [&] {
    EXPECT_TRUE(store_->compact());
    size_t count = 0;
    const auto it = store_->iterate(kv::Family::kRows, {}, {}, kv::ReadMode::kBlocking);
    for (it->seek_to_first(); it->valid(); it->next()) ++count;
    return count;
  };
  ASSERT_TRUE(replica_->flush());
  clock_.advance_us(2 * table()->gc_grace_s() * 1'000'000);
  ASSERT_TRUE(write(row(2, {1, 0})));
  EXPECT_EQ(entries(), 2u) << "a crash now would apply the last record again, and what is behind it";
  ASSERT_TRUE(replica_->flush());
  EXPECT_EQ(entries(), 1u);
  EXPECT_TRUE(exists(2));
}

TEST_F(ReplicaTest, WhatWasReplayedIsFlushedAndNotReplayedAgain) {
  MemoryBudget memory("kv", size_t{64} << 20);
  const kv::RocksOptions options{.block_cache_bytes = 1 << 20, .memtable_bytes = 4 << 20};
  const auto open_store = [&] {
    store_ = kv::open_rocks_store(kv::share_rocks(*files_, options, memory).value(), "/db").value();
  };
  const auto kill = [&] {
    SeededRandom random(1);
    files_->crash(random, {.tear = false});
    replica_.reset();
    log_.reset();
    store_.reset();
  };
  const auto value = [&](const std::string& name) {
    const std::string text = "\n" + metrics_.render();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
  };
  open_store();
  start();
  create_table();
  for (int32_t id = 0; id < 100; ++id) ASSERT_TRUE(write(row(id, {1, 0})));
  const double applied = value("sagitta_replica_applied_total");
  for (int kills = 0; kills < 4; ++kills) {
    kill();
    open_log();
    open_store();
    start();
    EXPECT_TRUE(exists(99));
    EXPECT_EQ(value("sagitta_replica_applied_total"), 2 * applied) << "only the first start replays";
    EXPECT_EQ(value("sagitta_replica_flush_seconds_count"), 1) << "and flushes";
  }
  kill();
  open_log();
  store_ = kv::make_memory_store();
}

/// A broker's log has offsets that hold no record. Applying, flushing, index builds and restarts go
/// on across them.
TEST_F(ReplicaTest, OffsetsThatTheLogLeavesOutAreNoHole) {
  const auto sim = log::make_sim_log(clock_, {.seed = 3, .faults = {{.duplicate_one_in = 4, .skip_one_in = 2}}});
  const auto start = [&] {
    auto opened = Replica::open({*store_, *sim, clock_, metrics_, workers_, vectors_, horizon_.get()});
    ASSERT_TRUE(opened) << opened.error().to_string();
    replica_ = std::move(*opened);
    ASSERT_EQ(replica_->applied(), sim->bounds(0).end);
  };
  start();
  create_table();
  create_index();
  int32_t rows = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 30; ++i, ++rows) ASSERT_TRUE(write(row(rows, {1, static_cast<float>(rows)})));
    if (round == 1) {
      ASSERT_TRUE(replica_->flush());
    }
    replica_.reset();
    start();
    EXPECT_EQ(nearest({1, 0}, 1000).size(), static_cast<size_t>(rows));
    EXPECT_TRUE(exists(rows - 1));
  }
  EXPECT_GT(sim->bounds(0).end, 150u);
  EXPECT_GT(sim->bounds(0).begin, 0u) << "the flush has trimmed";
  replica_.reset();
}

TEST_F(ReplicaTest, ServerTimestampsFollowTheLogWhateverTheClockSays) {
  start();
  create_table();
  auto first = row(1, {1, 0}), second = row(1, {0, 1});
  second.timestamp_us = first.timestamp_us - 1'000'000;
  ASSERT_TRUE(write(first));
  ASSERT_TRUE(write(second));
  const auto found = replica_->read_view(0, kv::ReadMode::kBlocking).get(*table(), types::from_int32(1), {});
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->cells[0].value, types::from_floats(std::vector<float>{0, 1}));
}

}  // namespace
}  // namespace sagitta::replica
