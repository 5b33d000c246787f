/// Definitions as CQL: what the text suite (test/cql/describe.test) does not reach.
#include "sagitta/schema/ddl_text.h"

#include <gmock/gmock.h>

#include "fixture.h"

namespace sagitta::schema {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using types::DataType;
using types::Kind;

class DdlTextTest : public SchemaFixture {
 protected:
  TableDef table() const { return *schema_->find_table("k", "t"); }
  void create(std::map<std::string, OptionValue> options) {
    TableDef def;
    def.keyspace = "k";
    def.name = "t";
    def.columns = {column("p", native(Kind::kInt), ColumnKind::kPartitionKey), column("a", native(Kind::kInt))};
    def.options = std::move(options);
    change(CreateTable{.table = def});
  }
};

TEST_F(DdlTextTest, OptionsThatAreGivenStandAmongTheOthers) {
  create(
      {{"caching", OptionMap{{"keys", "NONE"}}}, {"comment", "it's"}, {"tombstone_gc", OptionMap{{"mode", "repair"}}}});
  const std::string text = create_text(table(), false);
  EXPECT_THAT(text, HasSubstr("caching = {'keys': 'NONE'}"));
  EXPECT_THAT(text, HasSubstr("comment = 'it''s'"));
  EXPECT_THAT(text, HasSubstr("AND tombstone_gc = {'mode': 'repair'};"));
  EXPECT_THAT(text, HasSubstr("AND memtable = 'default'\n    AND crc_check_chance = 1.0"));
  EXPECT_THAT(text, Not(HasSubstr("dclocal_read_repair_chance")));
}

TEST_F(DdlTextTest, AColumnThatCameBackIsDroppedAndMadeAgain) {
  create({});
  change(AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"a"}, .timestamp_us = 7});
  EXPECT_THAT(create_text(table(), true), HasSubstr("p int PRIMARY KEY,\n    a int\n)"));
  change(AlterTableAdd{.keyspace = "k", .table = "t", .columns = {column("a", native(Kind::kInt))}});
  const std::string text = create_text(table(), true);
  EXPECT_THAT(text, HasSubstr("ID = " + to_string(table().uuid)));
  EXPECT_THAT(text, HasSubstr(";\nALTER TABLE k.t DROP a USING TIMESTAMP 7;\nALTER TABLE k.t ADD a int;"));
  EXPECT_THAT(create_text(table(), false), Not(HasSubstr("ALTER")));
}

TEST_F(DdlTextTest, KeysStandFirstAndWhatHasManyCellsLast) {
  TableDef def;
  def.keyspace = "k";
  def.name = "t";
  def.columns = {column("p2", native(Kind::kInt), ColumnKind::kPartitionKey, 1),
                 column("p1", native(Kind::kInt), ColumnKind::kPartitionKey),
                 column("c", native(Kind::kInt), ColumnKind::kClustering, 0, true),
                 column("a_set", DataType::set(native(Kind::kInt))),
                 column("b", native(Kind::kText)),
                 column("s_list", DataType::list(native(Kind::kInt)), ColumnKind::kStatic),
                 column("st", native(Kind::kText), ColumnKind::kStatic)};
  change(CreateTable{.table = def});
  EXPECT_THAT(create_text(table(), false),
              HasSubstr("CREATE TABLE k.t (\n    p1 int,\n    p2 int,\n    c int,\n    st text static,\n"
                        "    s_list list<int> static,\n    b text,\n    a_set set<int>,\n"
                        "    PRIMARY KEY ((p1, p2), c)\n) WITH CLUSTERING ORDER BY (c DESC)\n    AND "));
}

TEST_F(DdlTextTest, AnIndexHasItsClassAndOptions) {
  create({});
  change(CreateIndex{.keyspace = "k",
                     .table = "t",
                     .column = "a",
                     .index = {.name = "I", .class_name = "sai", .options = {{"similarity_function", "COSINE"}}}});
  const TableDef with_index = table();
  EXPECT_EQ(create_text(with_index, with_index.indexes[0]),
            "CREATE CUSTOM INDEX \"I\" ON k.t (a) USING 'sai' WITH OPTIONS = {'similarity_function': 'COSINE'};");
  IndexDef plain = with_index.indexes[0];
  plain.options.clear();
  EXPECT_EQ(create_text(with_index, plain), "CREATE CUSTOM INDEX \"I\" ON k.t (a) USING 'sai';");
  plain.class_name.clear();
  EXPECT_EQ(create_text(with_index, plain), "CREATE INDEX \"I\" ON k.t (a);");
}

TEST_F(DdlTextTest, LevelledTablesHaveAnotherDefault) {
  create({{"compaction", OptionMap{{"class", "org.apache.cassandra.db.compaction.LeveledCompactionStrategy"}}}});
  EXPECT_THAT(create_text(table(), false), HasSubstr("bloom_filter_fp_chance = 0.1\n"));
}

TEST_F(DdlTextTest, TypesStandBehindThoseThatTheyAreMadeOf) {
  KeyspaceDef keyspace;
  const auto inner = DataType::udt("k", "z", {"f"}, {native(Kind::kInt)});
  keyspace.types["z"] = inner;
  keyspace.types["a"] = DataType::udt("k", "a", {"f"}, {DataType::list(DataType::freeze(inner))});
  std::vector<std::string> names;
  for (const auto& type : types_in_order(keyspace)) names.emplace_back(type->name());
  EXPECT_THAT(names, ElementsAre("z", "a"));
}

TEST_F(DdlTextTest, AReplicationClassGoesByItsLastName) {
  const KeyspaceDef keyspace{
      .name = "K", .replication = {{"class", "org.apache.cassandra.locator.SimpleStrategy"}}, .durable_writes = false};
  EXPECT_EQ(create_text(keyspace),
            "CREATE KEYSPACE \"K\" WITH replication = {'class': 'SimpleStrategy'}  AND durable_writes = false;");
}

}  // namespace
}  // namespace sagitta::schema
