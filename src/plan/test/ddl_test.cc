#include "fixture.h"

namespace sagitta::plan {
namespace {

class DdlTest : public PlanTest {
 protected:
  template <class Change>
  Change change_of(std::string_view text) const {
    PlanPtr made = plan(text);
    if (made == nullptr) return {};
    auto change = make_schema_change(*made, context({}));
    EXPECT_TRUE(change.has_value());
    return std::get<Change>(*change);
  }
};

TEST_F(DdlTest, Table) {
  const auto made = change_of<schema::CreateTable>(
      "CREATE TABLE IF NOT EXISTS x (b text, k int, c int, a frozen<address>, PRIMARY KEY (k, c)) WITH CLUSTERING "
      "ORDER "
      "BY (c DESC) AND comment = 'hi' AND compaction = {'class': 'LeveledCompactionStrategy'}");
  EXPECT_TRUE(made.if_not_exists);
  EXPECT_FALSE(made.table.uuid.is_nil());
  EXPECT_EQ(made.table.partition_key_count, 1U);
  EXPECT_TRUE(made.table.find_column("c")->descending);
  EXPECT_TRUE(made.table.find_column("a")->type->is_frozen());
  EXPECT_EQ(std::get<std::string>(made.table.options.at("comment")), "hi");
}

TEST_F(DdlTest, AKeyspaceWithoutReplicationTakesTheDefault) {
  const auto plain = change_of<schema::CreateKeyspace>("CREATE KEYSPACE IF NOT EXISTS x");
  EXPECT_TRUE(plain.if_not_exists);
  EXPECT_TRUE(plain.durable_writes);
  EXPECT_EQ(plain.replication, (schema::OptionMap{{"class", "SimpleStrategy"}, {"replication_factor", "1"}}));
  const auto volatile_one = change_of<schema::CreateKeyspace>("CREATE KEYSPACE x WITH durable_writes = false");
  EXPECT_FALSE(volatile_one.durable_writes);
  EXPECT_EQ(volatile_one.replication, plain.replication);
}

TEST_F(DdlTest, AnAlteredKeyspaceKeepsWhatIsNotNamed) {
  const auto durable = change_of<schema::AlterKeyspace>("ALTER KEYSPACE zz WITH durable_writes = false");
  EXPECT_FALSE(durable.replication.has_value());
  EXPECT_EQ(durable.durable_writes, false);
  const auto replicated = change_of<schema::AlterKeyspace>(
      "ALTER KEYSPACE zz WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}");
  EXPECT_FALSE(replicated.durable_writes.has_value());
  EXPECT_EQ(replicated.replication->at("class"), "NetworkTopologyStrategy");
  const auto simple =
      change_of<schema::AlterKeyspace>("ALTER KEYSPACE zz WITH replication = {'class': 'SimpleStrategy'}");
  EXPECT_EQ(simple.replication->at("replication_factor"), "1");
}

TEST_F(DdlTest, EachExecutionGetsItsOwnUuid) {
  PlanPtr made = plan("CREATE TABLE x (k int PRIMARY KEY)");
  auto first = make_schema_change(*made, context({})), second = make_schema_change(*made, context({}));
  EXPECT_NE(std::get<schema::CreateTable>(*first).table.uuid, std::get<schema::CreateTable>(*second).table.uuid);
}

TEST_F(DdlTest, NestedIndexOptionsAreStoredFlat) {
  constexpr std::string_view kText =
      "CREATE CUSTOM INDEX ai ON t (w) USING 'vector_index' WITH OPTIONS = {'class_name': 'VectorIndex', "
      "'similarity_function': 'COSINE', 'indexing_options': {'vector_dimension': '3', 'indexing_type': 'usearch', "
      "'usearch_options': {'metric': 'COSINE', 'quantization': 'fp16', 'connections': '16', 'expansion_add': '128', "
      "'expansion_search': '64'}}}";
  const auto made = change_of<schema::CreateIndex>(kText);
  EXPECT_EQ(made.index.options, (std::map<std::string, std::string>{{"similarity_function", "COSINE"},
                                                                    {"quantization", "f16"},
                                                                    {"maximum_node_connections", "16"},
                                                                    {"construction_beam_width", "128"},
                                                                    {"search_beam_width", "64"}}));
  EXPECT_FALSE(plan(kText)->warnings.empty());
  EXPECT_FALSE(made.index.version.is_nil());
}

TEST_F(DdlTest, EveryClassOfVectorIndex) {
  for (std::string_view name :
       {"vector_index", "sai", "StorageAttachedIndex", "org.apache.cassandra.index.sai.StorageAttachedIndex",
        "org.apache.cassandra.index.sasi.SASIIndex"}) {
    const std::string text = "CREATE CUSTOM INDEX ON t (w) USING '" + std::string(name) + "'";
    EXPECT_EQ(change_of<schema::CreateIndex>(text).index.class_name, name);
  }
  EXPECT_EQ(error_of("CREATE CUSTOM INDEX ON t (w) USING 'org.apache.cassandra.index.sasi.SASIIndex' WITH OPTIONS = "
                     "{'mode': 'ANN'}"),
            "");
}

TEST_F(DdlTest, TwoNamedIndexesOnOneColumn) {
  EXPECT_EQ(error_of("CREATE CUSTOM INDEX t_v2 ON t (v) USING 'sai'"), "");
}

TEST_F(DdlTest, Alterations) {
  EXPECT_EQ(change_of<schema::AlterTableAdd>("ALTER TABLE t ADD z int").columns[0].name, "z");
  EXPECT_EQ(change_of<schema::AlterTableDrop>("ALTER TABLE t DROP a").timestamp_us, kNowUs);
  EXPECT_EQ(change_of<schema::AlterTypeAdd>("ALTER TYPE address ADD city text").field_name, "city");
  EXPECT_TRUE(change_of<schema::DropKeyspace>("DROP KEYSPACE IF EXISTS gone").if_exists);
}

TEST_F(DdlTest, ReplicationOfMoreNodesThanOneWarns) {
  EXPECT_EQ(plan("CREATE KEYSPACE y WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}")
                ->warnings.size(),
            1U);
}

}  // namespace
}  // namespace sagitta::plan
