/// Replicas of two log partitions of one process, which share their indexes.
#include <gtest/gtest.h>

#include <array>

#include "sagitta/base/random.h"
#include "sagitta/log/sim_log.h"
#include "sagitta/replica/records.h"
#include "sagitta/testing/index_search.h"
#include "sagitta/types/value.h"

#include "partition_replica.h"

namespace sagitta::replica {
namespace {

using types::DataType;
using types::Kind;

class SharedIndexesTest : public testing::Test {
 protected:
  struct Part {
    std::unique_ptr<kv::Store> store = kv::make_memory_store();
    std::unique_ptr<PartitionReplica> replica;
    log::Offset next = 1;
  };

  SharedIndexesTest() {
    for (log::Partition p = 0; p < 2; ++p) {
      parts_[p].replica = std::make_unique<PartitionReplica>(
          Environment{*parts_[p].store, *log_, clock_, metrics_, workers_, vectors_, nullptr, {}, p, &indexes_},
          Options{});
      EXPECT_TRUE(parts_[p].replica->load());
    }
  }
  ~SharedIndexesTest() override { indexes_.stop(false); }

  void apply(log::Partition p, log::Record record) {
    Part& part = parts_[p];
    record.request_id = Uuid::random(ids_);
    const log::Entry entry{
        .partition = p, .offset = part.next++, .record = std::make_shared<const log::Record>(std::move(record))};
    ASSERT_TRUE(part.replica->apply(std::span(&entry, 1)));
  }
  void change(log::Partition p, const schema::SchemaChange& change) {
    apply(p, schema_record(*parts_[p].replica->schema(), change));
  }
  void create_table(log::Partition p) {
    change(p, schema::CreateKeyspace{.keyspace = "k", .replication = {{"class", "SimpleStrategy"}}});
    schema::TableDef def;
    def.keyspace = "k";
    def.name = "t";
    def.columns = {{.name = "id", .type = DataType::native(Kind::kInt), .kind = schema::ColumnKind::kPartitionKey},
                   {.name = "v", .type = DataType::vector(DataType::native(Kind::kFloat), 2)}};
    change(p, schema::CreateTable{.table = def});
  }
  void create_index(log::Partition p) {
    schema::CreateIndex index{.keyspace = "k", .table = "t", .column = "v"};
    index.index.class_name = "vector_index";
    change(p, index);
  }
  void put(log::Partition p, int32_t id) {
    const schema::SchemaPtr schema = parts_[p].replica->schema();
    const schema::TableDefPtr table = schema->find_table("k", "t");
    rows::Mutation out{.table_id = table->id, .partition_key = types::from_int32(id), .timestamp_us = id};
    const Bytes vector = types::from_floats(std::vector{1.0F, static_cast<float>(id)});
    out.rows.push_back({.cells = {{.column_id = table->find_column("v")->id, .value = vector}}});
    apply(p, mutation_record(*schema, std::span(&out, 1)));
  }
  size_t found() {
    const auto set = indexes_.published();
    EXPECT_EQ(set->indexes.size(), 1U);
    const auto hits = index::find_nearest(*set->indexes.begin()->second, std::vector{1.0F, 1.0F}, 1000, 0);
    return hits ? hits->size() : SIZE_MAX;
  }

  ManualClock clock_{1};
  MetricsRegistry metrics_;
  InlineExecutor workers_;
  MemoryBudget vectors_{"vectors", size_t{1} << 30};
  SeededRandom ids_{1};
  std::unique_ptr<log::Log> log_ = log::make_sim_log(clock_, {.faults = std::vector<log::SimFaults>(2)});
  index::SharedIndexes indexes_{{workers_, vectors_, metrics_, clock_}, {}, 2};
  std::array<Part, 2> parts_;
};

TEST_F(SharedIndexesTest, OneIndexHasTheRowsOfBoth) {
  create_table(0);
  create_table(1);
  for (int32_t id = 0; id < 10; ++id) put(static_cast<log::Partition>(id % 2), id);
  create_index(0);
  EXPECT_FALSE(parts_[0].replica->indexes_ready()) << "the other has not crossed it";
  EXPECT_EQ(found(), SIZE_MAX);
  create_index(1);
  EXPECT_TRUE(parts_[0].replica->indexes_ready());
  EXPECT_EQ(found(), 10U);
  for (int32_t id = 10; id < 20; ++id) put(static_cast<log::Partition>(id % 2), id);
  EXPECT_EQ(found(), 20U);
  EXPECT_EQ(parts_[0].replica->indexes(), parts_[1].replica->indexes());
  // Of one partition, until the other has crossed it too.
  const schema::SchemaPtr schema = parts_[1].replica->schema();
  apply(1, truncate_record(*schema, schema->find_table("k", "t")->id));
  EXPECT_EQ(found(), 10U);
}

TEST_F(SharedIndexesTest, AReplicaDoesNotStopIndexesThatAreNotItsOwn) {
  create_table(0);
  create_table(1);
  create_index(0);
  parts_[0].replica->stop_indexes(true);
  create_index(1);
  put(1, 1);
  EXPECT_EQ(found(), 1U);
}

}  // namespace
}  // namespace sagitta::replica
