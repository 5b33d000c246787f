/// DESCRIBE: the columns of its result, and that what it shows makes the same again.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>

#include "sagitta/schema/ddl_text.h"

#include "fixture.h"

namespace sagitta::plan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DescribeTest : public PlanTest {
 protected:
  std::vector<std::string> columns_of(const std::string& text) const {
    std::vector<std::string> names;
    const PlanPtr made = plan(text);
    if (made == nullptr) return names;
    for (const ResultColumn& column : std::get<DescribePlan>(made->body).result_columns) {
      EXPECT_EQ(column.keyspace + "." + column.table, "system.describe");
      EXPECT_EQ(column.type->kind(), types::Kind::kText);
      names.push_back(column.name);
    }
    return names;
  }
  /// Statements that make the keyspace with all that is in it.
  std::vector<std::string> texts_of(const std::string& name) const {
    const schema::KeyspaceDef& keyspace = *schema_->find_keyspace(name);
    std::vector<std::string> texts = {schema::create_text(keyspace)};
    for (const auto& type : schema::types_in_order(keyspace)) texts.push_back(schema::create_text(name, *type));
    for (const auto& [table_name, table] : keyspace.tables) {
      texts.push_back(schema::create_text(*table, false));
      for (const schema::IndexDef& index : table->indexes) texts.push_back(schema::create_text(*table, index));
    }
    return texts;
  }
};

TEST_F(DescribeTest, AListHasThreeColumnsAndDefinitionsAFourth) {
  for (const char* lists : {"KEYSPACES", "TABLES", "TYPES", "FUNCTIONS", "AGGREGATES"})
    EXPECT_THAT(columns_of(fmt::format("DESCRIBE {}", lists)), ElementsAre("keyspace_name", "type", "name"));
  for (const char* one : {"KEYSPACE", "ONLY KEYSPACE zz", "SCHEMA", "FULL SCHEMA", "TABLE t", "TYPE zz.address",
                          "INDEX t_v", "FUNCTION f", "AGGREGATE a", "MATERIALIZED VIEW m", "t", "zz.t"}) {
    EXPECT_THAT(columns_of(fmt::format("DESC {} WITH INTERNALS", one)),
                ElementsAre("keyspace_name", "type", "name", "create_statement"))
        << one;
  }
  EXPECT_THAT(columns_of("DESCRIBE CLUSTER"), ElementsAre("cluster", "partitioner", "snitch"));
}

TEST_F(DescribeTest, WhatIsNamedIsKeptForWhenItRuns) {
  const PlanPtr made = plan("DESCRIBE TABLE other.\"T\" WITH INTERNALS");
  const auto& description = std::get<DescribePlan>(made->body);
  EXPECT_EQ(description.keyspace, "zz");
  EXPECT_EQ(description.what.name.keyspace, "other");
  EXPECT_EQ(description.what.name.name, "T");
  EXPECT_TRUE(description.what.with_internals);
  EXPECT_FALSE(std::get<DescribePlan>(plan("DESCRIBE t")->body).what.with_internals);
}

TEST_F(DescribeTest, WordsAreNamesWhereNothingElseFits) {
  using What = cql::Describe::What;
  const auto what_of = [&](const std::string& text) { return std::get<DescribePlan>(plan(text)->body).what; };
  EXPECT_EQ(what_of("DESCRIBE cluster").what, What::kCluster);
  EXPECT_EQ(what_of("DESCRIBE \"cluster\"").what, What::kAny);
  EXPECT_EQ(what_of("DESCRIBE \"cluster\"").name.name, "cluster");
  EXPECT_EQ(what_of("DESCRIBE only").name.name, "only");
  EXPECT_EQ(what_of("DESC columnfamily t").what, What::kTable);
  EXPECT_EQ(what_of("DESC KEYSPACE").name.name, "");
  EXPECT_TRUE(what_of("DESC ONLY KEYSPACE zz").only);
  EXPECT_TRUE(what_of("DESC FULL SCHEMA").full);
}

TEST_F(DescribeTest, ItHasNoValuesAndChangesNothing) {
  const PlanPtr made = plan("DESCRIBE KEYSPACES");
  EXPECT_THAT(made->markers, IsEmpty());
  EXPECT_EQ(made->keyspace + made->table, "");
  EXPECT_EQ(made->schema_version, schema_->version);
  EXPECT_FALSE(make_schema_change(*made, context({})).has_value());
  EXPECT_FALSE(make_write(*made, context({})).has_value());
  EXPECT_NE(error_of("DESCRIBE TABLE ?"), "");
}

TEST_F(DescribeTest, AWordAloneIsAnErrorWhereANameIsWanted) {
  for (const char* text : {"DESCRIBE", "DESCRIBE TABLE", "DESCRIBE t WITH", "DESCRIBE TABLES t"})
    EXPECT_NE(error_of(text), "") << text;
}

TEST_F(DescribeTest, WhatItShowsMakesTheSameAgain) {
  change("CREATE TYPE zz.nest (a frozen<address>, \"B\" list<frozen<address>>)");
  change(
      "CREATE TABLE zz.\"Quoted\" (\"K 1\" int PRIMARY KEY, \"select\" text, n frozen<nest>) WITH comment = 'it''s' "
      "AND "
      "caching = {'keys': 'NONE'} AND compaction = {'class': 'LeveledCompactionStrategy'} AND gc_grace_seconds = 5");
  const std::vector<std::string> before = texts_of("zz");
  ASSERT_EQ(before.size(), 9U);
  schema_ = std::make_shared<const schema::Schema>();
  for (const std::string& text : before) change(text);
  std::vector<std::string> after = texts_of("zz");
  EXPECT_EQ(after.front(), before.front());
  EXPECT_EQ(after.size(), before.size());
  // Options that have their default are given now, and say the same.
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) EXPECT_EQ(after[i], before[i]);
}

}  // namespace
}  // namespace sagitta::plan
