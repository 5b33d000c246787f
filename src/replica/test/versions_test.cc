/// Partitions take on versions of the schema as they meet records that were written with them: what
/// a partition has is a function of its own log, wherever it was left in between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "sagitta/base/random.h"
#include "sagitta/log/sim_log.h"
#include "sagitta/replica/records.h"
#include "sagitta/replica/schema_source.h"
#include "sagitta/types/value.h"

#include "partition_replica.h"

namespace sagitta::replica {
namespace {

using testing::HasSubstr;
using types::DataType;
using types::Kind;

/// Versions that a test makes: the meta log as partitions see it.
class Versions final : public SchemaSource {
 public:
  Result<log::RecordPtr> change(uint64_t version) const override {
    if (version == 0 || version > std::min<uint64_t>(known, changes_.size()))
      return fail(ErrorCode::kCorruption, "no such version");
    return changes_[version - 1];
  }

  void add(const schema::SchemaChange& change) {
    const auto outcome = schema::apply(schema_, change);
    ASSERT_TRUE(outcome) << outcome.error().to_string();
    keep(schema_record(*schema_, change), outcome->schema);
  }
  void add_truncation(uint32_t table_id) { keep(truncate_record(*schema_, table_id), schema::next_version(*schema_)); }
  const schema::SchemaPtr& newest() const { return schema_; }

  /// Further ones are not to be had: whoever asks ends there.
  uint64_t known = UINT64_MAX;

 private:
  void keep(log::Record record, schema::SchemaPtr after) {
    changes_.push_back(std::make_shared<const log::Record>(std::move(record)));
    schema_ = std::move(after);
  }

  std::vector<log::RecordPtr> changes_;
  schema::SchemaPtr schema_ = std::make_shared<const schema::Schema>();
};

schema::CreateTable table_named(const std::string& name) {
  schema::TableDef def;
  def.keyspace = "k";
  def.name = name;
  def.columns = {{.name = "id", .type = DataType::native(Kind::kInt), .kind = schema::ColumnKind::kPartitionKey},
                 {.name = "v", .type = DataType::vector(DataType::native(Kind::kFloat), 2)}};
  return {.table = def};
}

constexpr int kRecordsMax = 200;

/// A store, and a replica over it for as long as it is not left.
class Partition {
 public:
  explicit Partition(const Versions& versions) : versions_(versions) {
    // The records come from elsewhere; a position beyond the log's end is refused all the same.
    for (int i = 0; i < kRecordsMax; ++i) log_->append(0, {.kind = log::RecordKind::kBarrier}, [](const auto&) {});
    while (log_->settle(0)) {
    }
    open();
  }

  void open() {
    replica_.reset();
    indexes_ = std::make_unique<index::SharedIndexes>(
        index::SharedIndexes::Environment{workers_, memory_, metrics_, clock_}, index::SnapshotPlace{});
    Environment environment{*store_, *log_, clock_, metrics_, workers_, memory_};
    environment.indexes = indexes_.get();
    environment.schemas = &versions_;
    replica_ = std::make_unique<PartitionReplica>(environment, Options{});
    ASSERT_TRUE(replica_->load());
  }
  PartitionReplica& operator*() { return *replica_; }
  PartitionReplica* operator->() { return replica_.get(); }

  /// All entries of the store but for row numbers, whose keys are a replica's own.
  std::vector<std::array<Bytes, 3>> content() const {
    std::vector<std::array<Bytes, 3>> all;
    for (uint8_t family = 0; family < kv::kFamilyCount; ++family) {
      if (static_cast<kv::Family>(family) == kv::Family::kRowNumbers) continue;
      const auto it = store_->iterate(static_cast<kv::Family>(family), {}, {}, kv::ReadMode::kBlocking);
      for (it->seek_to_first(); it->valid(); it->next()) {
        all.push_back({Bytes(1, static_cast<char>('0' + family)), Bytes(it->key()), Bytes(it->value())});
      }
    }
    return all;
  }
  size_t row_count() const {
    const auto set = content();
    return static_cast<size_t>(std::ranges::count(set, Bytes("1"), [](const auto& entry) { return entry[0]; }));
  }

 private:
  const Versions& versions_;
  ManualClock clock_{1};
  MetricsRegistry metrics_;
  InlineExecutor workers_;
  MemoryBudget memory_{"all", size_t{1} << 30};
  std::unique_ptr<kv::Store> store_ = kv::make_memory_store();
  std::unique_ptr<log::SimLog> log_ = log::make_sim_log(clock_, {.is_stepped = true});
  std::unique_ptr<index::SharedIndexes> indexes_;
  std::unique_ptr<PartitionReplica> replica_;
};

/// The log of a partition, beside versions that come up meanwhile.
class History {
 public:
  explicit History(uint64_t seed) : random_(seed), ids_(seed) {
    add({.kind = log::RecordKind::kBarrier});
    versions.add(schema::CreateKeyspace{.keyspace = "k", .replication = {{"class", "SimpleStrategy"}}});
  }
  void add(log::Record record) {
    record.log_time_us = clock_us_ += 1000;
    record.request_id = Uuid::random(ids_);
    entries.push_back({.offset = offset_++, .record = std::make_shared<const log::Record>(std::move(record))});
  }
  void add_row(const std::string& table, int32_t id) {
    const schema::SchemaPtr& schema = versions.newest();
    const auto def = schema->find_table("k", table);
    rows::Mutation out{.table_id = def->id, .partition_key = types::from_int32(id), .timestamp_us = clock_us_};
    out.rows.push_back({.insert_marker = true});
    const std::vector<float> vector = {static_cast<float>(id), 1};
    out.rows[0].cells.push_back({.column_id = def->find_column("v")->id, .value = types::from_floats(vector)});
    add(mutation_record(*schema, std::span(&out, 1)));
  }
  /// Rows, and now and then a table, an index, a truncation or a drop.
  void add_random() {
    const schema::SchemaPtr& schema = versions.newest();
    const std::string name = "t" + std::to_string(pick(3));
    const auto table = schema->find_table("k", name);
    if (table == nullptr) return versions.add(table_named(name));
    switch (pick(12)) {
      case 0: return versions.add_truncation(table->id);
      case 1: return versions.add(schema::DropTable{.keyspace = "k", .table = name});
      case 2: {
        if (!table->indexes.empty()) return;
        schema::CreateIndex index{.keyspace = "k", .table = name, .column = "v"};
        index.index.class_name = "vector_index";
        return versions.add(index);
      }
      default: add_row(name, pick(6));
    }
  }
  int pick(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  Versions versions;
  std::vector<log::Entry> entries;

 private:
  std::mt19937_64 random_;
  SeededRandom ids_;
  int64_t clock_us_ = 1'700'000'000'000'000;
  log::Offset offset_ = 0;
};

TEST(Versions, ARecordBringsThePartitionUpToTheVersionOfItsWriter) {
  History history(1);
  history.versions.add(table_named("t"));
  history.add_row("t", 1);
  history.versions.add(table_named("u"));
  Partition partition(history.versions);
  ASSERT_TRUE(partition->apply(std::span(history.entries).first(1)));
  EXPECT_EQ(partition->schema()->version, 0U) << "nothing has needed one yet";
  ASSERT_TRUE(partition->apply(std::span(history.entries).subspan(1)));
  EXPECT_EQ(partition->schema()->version, 2U) << "not further than the record needs";
  EXPECT_EQ(partition.row_count(), 1U);
  EXPECT_EQ(partition->position(), 2U);
}

TEST(Versions, ATruncationTakesWhatWasThereBeforeItIsMet) {
  History history(1);
  history.versions.add(table_named("t"));
  history.add_row("t", 1);
  history.add_row("t", 2);
  history.versions.add_truncation(history.versions.newest()->find_table("k", "t")->id);
  Partition partition(history.versions);
  ASSERT_TRUE(partition->apply(history.entries));
  EXPECT_EQ(partition.row_count(), 2U) << "its log has nothing of the truncation yet";
  const size_t met = history.entries.size();
  history.add_row("t", 3);
  ASSERT_TRUE(partition->apply(std::span(history.entries).subspan(met)));
  EXPECT_EQ(partition.row_count(), 1U);
  EXPECT_EQ(partition->schema()->version, 3U);
  partition.open();
  EXPECT_EQ(partition->schema()->version, 3U);
}

TEST(Versions, AVersionThatIsNotToBeHadHaltsBeforeTheRecord) {
  History history(1);
  history.versions.add(table_named("t"));
  history.add_row("t", 1);
  history.versions.known = 1;
  Partition partition(history.versions);
  const Status applied = partition->apply(history.entries);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(partition->position(), 1U);
  history.versions.known = UINT64_MAX;
  ASSERT_TRUE(partition->apply(std::span(history.entries).subspan(1)));
  EXPECT_EQ(partition.row_count(), 1U);
}

TEST(Versions, ARecordOfTheMetaLogIsNoneOfAPartition) {
  History history(1);
  history.add(schema_record(*history.versions.newest(), schema::DropKeyspace{.keyspace = "k"}));
  Partition partition(history.versions);
  const Status applied = partition->apply(history.entries);
  ASSERT_FALSE(applied);
  EXPECT_THAT(applied.error().message(), HasSubstr("record 1 is one of the meta log"));
}

TEST(Versions, WhatAPartitionHasIsAFunctionOfItsLog) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    History history(seed);
    for (int i = 0; i < 150; ++i) history.add_random();
    history.add({.kind = log::RecordKind::kBarrier, .schema_version = history.versions.newest()->version});
    Partition at_once(history.versions), left(history.versions);
    ASSERT_TRUE(at_once->apply(history.entries));
    // Left between records, and between a version and the record that needs it.
    for (auto rest = std::span<const log::Entry>(history.entries); !rest.empty();) {
      const auto some = rest.first(std::min<size_t>(rest.size(), static_cast<size_t>(1 + history.pick(20))));
      const bool is_cut = history.pick(2) == 0;
      history.versions.known = is_cut ? left->schema()->version + static_cast<uint64_t>(history.pick(4)) : UINT64_MAX;
      (void)left->apply(some);
      if (history.pick(3) == 0 || is_cut) left.open();
      rest = std::span<const log::Entry>(history.entries).subspan(left->position());
    }
    ASSERT_EQ(left.content(), at_once.content());
    ASSERT_EQ(left->schema()->version, history.versions.newest()->version);
  }
}

}  // namespace
}  // namespace sagitta::replica
