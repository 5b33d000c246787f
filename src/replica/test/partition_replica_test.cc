/// A partition replica without a thread, and a lane that is stepped.
#include "partition_replica.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <future>
#include <random>
#include <set>

#include "sagitta/base/memory_file.h"
#include "sagitta/log/local_log.h"
#include "sagitta/log/sim_log.h"
#include "sagitta/replica/records.h"
#include "sagitta/testing/index_search.h"
#include "sagitta/types/value.h"

#include "lane.h"

namespace sagitta::replica {
namespace {

using types::DataType;
using types::Kind;

/// The records of a log that creates k.t (id int, n int, v vector<float, 2>, indexed) and then
/// changes its rows.
class Records {
 public:
  explicit Records(uint64_t seed) : random_(seed), ids_(seed) {
    change(schema::CreateKeyspace{.keyspace = "k", .replication = {{"class", "SimpleStrategy"}}});
    schema::TableDef def;
    def.keyspace = "k";
    def.name = "t";
    def.columns = {{.name = "id", .type = DataType::native(Kind::kInt), .kind = schema::ColumnKind::kPartitionKey},
                   {.name = "c", .type = DataType::native(Kind::kInt), .kind = schema::ColumnKind::kClustering},
                   {.name = "n", .type = DataType::native(Kind::kInt)},
                   {.name = "v", .type = DataType::vector(DataType::native(Kind::kFloat), 2)}};
    change(schema::CreateTable{.table = def});
    schema::CreateIndex index{.keyspace = "k", .table = "t", .column = "v"};
    index.index.class_name = "vector_index";
    change(index);
  }

  /// Rows written, changed and removed, some on conditions; records that are late, repeated or
  /// refused; barriers; a table that is emptied.
  void add_random() {
    clock_us_ += 1000;
    switch (pick(24)) {
      case 0: return add({.kind = log::RecordKind::kBarrier, .schema_version = schema_->version});
      case 1: return add(truncate_record(*schema_, table()->id));
      case 2: {
        log::Record late = rows_record();
        late.not_after_us = clock_us_ - 1;
        return add(std::move(late));
      }
      case 3: return add(truncate_record(*schema_, 999));
      case 4:
      case 5: {
        log::Record again = *entries_[static_cast<size_t>(pick(static_cast<int>(entries_.size())))].record;
        return add_as_is(std::move(again));
      }
      case 6: {
        // Changes a row and is refused then.
        std::array<rows::Mutation, 2> mutations = {mutation(), mutation()};
        mutations[1].table_id = 999;
        return add(mutation_record(*schema_, mutations));
      }
      case 7:
        return change(schema::AlterTableOptions{
            .keyspace = "k", .table = "t", .options = {{"comment", std::to_string(pick(9))}}});
      case 8:
      case 9:
      case 10: return add(conditional_record(*schema_, conditional()));
      default: return add(rows_record());
    }
  }
  void add_row(int32_t id) {
    clock_us_ += 1000;
    rows::Mutation out{.table_id = table()->id, .partition_key = types::from_int32(id), .timestamp_us = clock_us_};
    out.rows.push_back({.clustering = {types::from_int32(0)}, .insert_marker = true});
    add(mutation_record(*schema_, std::span(&out, 1)));
  }
  void add(log::Record record) {
    record.request_id = Uuid::random(ids_);
    if (record.not_after_us == 0) record.not_after_us = clock_us_ + 50'000;
    add_as_is(std::move(record));
  }
  void add_as_is(log::Record record) {
    record.log_time_us = clock_us_;
    offset_ += static_cast<log::Offset>(pick(5) == 0 ? 2 : 1);
    entries_.push_back({.offset = offset_, .record = std::make_shared<const log::Record>(std::move(record))});
  }
  std::span<const log::Entry> entries() const { return entries_; }
  int pick(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

 private:
  schema::TableDefPtr table() const { return schema_->find_table("k", "t"); }
  void change(const schema::SchemaChange& change) {
    add(schema_record(*schema_, change));
    schema_ = schema::apply(schema_, change)->schema;
  }
  log::Record rows_record() {
    std::vector<rows::Mutation> mutations;
    for (int i = pick(3); i >= 0; --i) mutations.push_back(mutation());
    return mutation_record(*schema_, mutations);
  }
  /// That there is a row, or none, or that it has a number.
  rows::ConditionalWrite conditional() {
    rows::Mutation change = mutation();
    rows::RowCondition condition{.clustering = {types::from_int32(pick(4))}};
    condition.existence = static_cast<rows::RowCondition::Existence>(1 + pick(3));
    if (condition.existence == rows::RowCondition::Existence::kAny)
      condition.columns.push_back({.column_id = table()->find_column("n")->id,
                                   .op = rows::ColumnCondition::Operator::kLt,
                                   .operands = {types::from_int32(pick(100))}});
    return {change.table_id, change.partition_key, {condition}, {change}};
  }
  rows::Mutation mutation() {
    rows::Mutation out{.table_id = table()->id,
                       .partition_key = types::from_int32(pick(5)),
                       .timestamp_us = clock_us_,
                       .stamp = pick(2) == 0 ? rows::Mutation::Stamp::kProposed : rows::Mutation::Stamp::kClient};
    if (pick(6) == 0) {
      out.delete_partition = true;
      return out;
    }
    if (pick(6) == 0) {
      out.deletions.push_back({{types::from_int32(pick(4))}, {types::from_int32(pick(4))}, true, true});
      return out;
    }
    rows::RowMutation row{.clustering = {types::from_int32(pick(4))}, .insert_marker = pick(2) == 0};
    row.cells.push_back({.column_id = table()->find_column("n")->id, .value = types::from_int32(pick(100))});
    const std::vector<float> vector = {static_cast<float>(pick(9)), 1};
    if (pick(2) == 0)
      row.cells.push_back({.column_id = table()->find_column("v")->id, .value = types::from_floats(vector)});
    out.rows.push_back(std::move(row));
    return out;
  }

  std::mt19937_64 random_;
  SeededRandom ids_;
  schema::SchemaPtr schema_ = std::make_shared<const schema::Schema>();
  std::vector<log::Entry> entries_;
  log::Offset offset_ = 0;
  int64_t clock_us_ = 1'700'000'000'000'000;
};

/// A store and what a replica over it needs. Its log is not read.
struct Home {
  /// All entries; of row numbers whose they are, for each replica gives its own.
  std::vector<std::array<Bytes, 3>> content() const {
    std::vector<std::array<Bytes, 3>> all;
    for (uint8_t family = 0; family < kv::kFamilyCount; ++family) {
      const auto it = store->iterate(static_cast<kv::Family>(family), {}, {}, kv::ReadMode::kBlocking);
      for (it->seek_to_first(); it->valid(); it->next()) {
        const bool is_number = static_cast<kv::Family>(family) == kv::Family::kRowNumbers;
        all.push_back(
            {Bytes(1, static_cast<char>('0' + family)), is_number ? Bytes() : Bytes(it->key()), Bytes(it->value())});
      }
    }
    std::ranges::sort(all);
    return all;
  }
  /// The rows that the index finds.
  std::set<Bytes> indexed() const {
    std::set<Bytes> keys;
    const auto set = partition->indexes();
    for (const auto& [id, index] : set->indexes) {
      const auto hits = index::find_nearest(*index, std::vector{1.0F, 1.0F}, 1000, 0, nullptr, {});
      EXPECT_TRUE(hits) << hits.error().to_string();
      for (const auto& hit : *hits) keys.insert(hit.row_key);
    }
    return keys;
  }

  ManualClock clock{1};
  MetricsRegistry metrics;
  InlineExecutor workers;
  MemoryBudget vectors{"vectors", size_t{1} << 30};
  std::unique_ptr<kv::Store> store = kv::make_memory_store();
  std::unique_ptr<log::Log> log = log::make_sim_log(clock);
  std::unique_ptr<PartitionReplica> partition = std::make_unique<PartitionReplica>(
      Environment{*store, *log, clock, metrics, workers, vectors, nullptr, {}}, Options{});
};

TEST(PartitionReplica, AGroupOfRecordsLeavesWhatTheyLeaveOneByOne) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Records records(seed);
    for (int i = 0; i < 200; ++i) records.add_random();
    Home one_by_one, in_groups;
    ASSERT_TRUE(one_by_one.partition->load());
    for (const log::Entry& entry : records.entries()) ASSERT_TRUE(one_by_one.partition->apply(std::span(&entry, 1)));
    ASSERT_TRUE(in_groups.partition->load());
    in_groups.partition->set_replaying(records.pick(2) == 0);
    for (auto rest = records.entries(); !rest.empty();) {
      const size_t count = std::min<size_t>(rest.size(), static_cast<size_t>(1 + records.pick(60)));
      ASSERT_TRUE(in_groups.partition->apply(rest.first(count)));
      rest = rest.subspan(count);
    }
    ASSERT_EQ(in_groups.content(), one_by_one.content());
    ASSERT_EQ(in_groups.indexed(), one_by_one.indexed());
    ASSERT_EQ(in_groups.partition->position(), one_by_one.partition->position());
    ASSERT_EQ(in_groups.partition->log_clock_us(), one_by_one.partition->log_clock_us());
  }
}

TEST(PartitionReplica, WhatStandsBeforeARecordThatHaltsIsApplied) {
  Records records(1);
  for (int32_t id = 0; id < 10; ++id) records.add_row(id);
  Home before;
  ASSERT_TRUE(before.partition->load());
  ASSERT_TRUE(before.partition->apply(records.entries()));
  records.add({.kind = static_cast<log::RecordKind>(77)});
  records.add_row(10);
  Home home;
  ASSERT_TRUE(home.partition->load());
  EXPECT_EQ(home.partition->apply(records.entries()).error().code(), ErrorCode::kFormat);
  EXPECT_EQ(home.content(), before.content());
  EXPECT_EQ(home.partition->position(), before.partition->position());
}

/// A machine that loses power: what was not flushed is gone, and the log is not.
class RestartTest : public testing::Test {
 protected:
  void open() {
    store_ =
        kv::open_rocks_store(kv::share_rocks(*files_, {.block_cache_bytes = 1 << 20}, memory_).value(), "/db").value();
    log_ = log::open_local_log(*files_, clock_, metrics_, {.directory = "/log"}).value();
    const Options options{.on_replay = [this](const ReplayProgress& progress) { progress_.push_back(progress); }};
    auto opened = Replica::open({*store_, *log_, clock_, metrics_, workers_, memory_}, options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    replica_ = *std::move(opened);
  }
  void kill() {
    SeededRandom random(1);
    files_->crash(random, {.tear = false});
    replica_.reset();
    log_.reset();
    store_.reset();
    progress_.clear();
  }
  double value(const std::string& name) {
    const std::string text = "\n" + metrics_.render();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
  }
  void append(const log::Entry& entry) {
    std::promise<Result<log::Offset>> done;
    log_->append(0, *entry.record, [&](Result<log::Offset> offset) { done.set_value(std::move(offset)); });
    ASSERT_TRUE(done.get_future().get());
  }

  const std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  ManualClock clock_{1'700'000'000'000'000};
  MetricsRegistry metrics_;
  InlineExecutor workers_;
  MemoryBudget memory_{"all", size_t{1} << 30};
  std::vector<ReplayProgress> progress_;
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<Replica> replica_;
};

TEST_F(RestartTest, AReplayTakesFewBatchesIsFlushedAndIsNotRepeated) {
  Records records(1);
  for (int32_t id = 0; id < 1000; ++id) records.add_row(id);
  log_ = log::open_local_log(*files_, clock_, metrics_, {.directory = "/log"}).value();
  for (const log::Entry& entry : records.entries()) append(entry);
  log_.reset();
  const auto all = static_cast<double>(records.entries().size());

  open();
  EXPECT_EQ(value("sagitta_replica_applied_total"), all);
  EXPECT_LE(value("sagitta_replica_batches_total"), 5) << "one for each schema change, one for the rows";
  EXPECT_EQ(value("sagitta_replica_flush_seconds_count"), 1);
  ASSERT_GE(progress_.size(), 2u);
  EXPECT_EQ(progress_.front().applied, 0u);
  EXPECT_EQ(progress_.back().applied, records.entries().size());
  EXPECT_EQ(progress_.back().all, records.entries().size());

  for (int kills = 0; kills < 3; ++kills) {
    kill();
    open();
    EXPECT_EQ(value("sagitta_replica_applied_total"), all) << "the second start applies nothing again";
    EXPECT_EQ(value("sagitta_replica_flush_seconds_count"), 1) << "and has nothing to flush";
    EXPECT_TRUE(progress_.empty());
    const auto table = replica_->schema()->find_table("k", "t");
    const auto last = replica_->read_view(0, kv::ReadMode::kBlocking)
                          .get(*table, types::from_int32(999), std::vector<Bytes>{types::from_int32(0)});
    EXPECT_TRUE(last && *last);
  }
  kill();
}

TEST(Lane, StepsAsFarAsTheLogGoes) {
  Records records(1);
  for (int32_t id = 0; id < 100; ++id) records.add_row(id);
  Home home;
  const Environment environment{*home.store,  *home.log,    home.clock, home.metrics,
                                home.workers, home.vectors, nullptr,    {}};
  PartitionReplica partition(environment, {});
  Lane lane({*home.log, home.clock, home.workers}, {});
  ASSERT_TRUE(partition.load());
  ASSERT_TRUE(lane.add(partition, {}));
  EXPECT_EQ(lane.step(0).value(), 0u);
  for (const log::Entry& entry : records.entries()) {
    std::promise<void> done;
    home.log->append(0, *entry.record, [&](const auto&) { done.set_value(); });
    done.get_future().wait();
    EXPECT_EQ(lane.step(0).value(), 1u);
    EXPECT_EQ(partition.position(), home.log->bounds(0).end);
  }
}

}  // namespace
}  // namespace sagitta::replica
