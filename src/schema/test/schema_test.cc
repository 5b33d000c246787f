#include "sagitta/schema/schema.h"

#include "fixture.h"

namespace sagitta::schema {
namespace {

using types::DataType;
using types::Kind;

class SchemaTest : public SchemaFixture {
 protected:
  void create_table(const std::string& name = "t") {
    TableDef def;
    def.keyspace = "k";
    def.name = name;
    def.columns = {column("v", DataType::vector(native(Kind::kFloat), 3)), column("Big", native(Kind::kText)),
                   column("p", native(Kind::kInt), ColumnKind::kPartitionKey)};
    change(CreateTable{.table = def});
  }
  CreateIndex index(const std::string& name, const std::string& on = "v", bool if_not_exists = false) const {
    return {.keyspace = "k",
            .table = "t",
            .column = on,
            .index = {.name = name, .class_name = "sai"},
            .if_not_exists = if_not_exists};
  }
  void expect_refused(const SchemaChange& wanted, ErrorCode code, const std::string& text) {
    const auto version = schema_->version;
    const auto outcome = try_change(wanted);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), code);
    EXPECT_EQ(outcome.error().message(), text);
    EXPECT_EQ(schema_->version, version);
  }
  void expect_nothing(const SchemaChange& wanted) {
    const auto outcome = try_change(wanted);
    ASSERT_TRUE(outcome) << outcome.error().to_string();
    EXPECT_FALSE(outcome->changed);
    EXPECT_EQ(outcome->schema, schema_);
  }
};

TEST_F(SchemaTest, ColumnsAreInTheOrderOfSelectStar) {
  create_table();
  std::vector<std::string> names;
  for (const auto& c : table()->columns) names.push_back(c.name);
  EXPECT_EQ(names, (std::vector<std::string>{"p", "Big", "v"}));
}

TEST_F(SchemaTest, WhatExistsIsRefusedWithItsName) {
  create_table();
  const auto keyspace = try_change(CreateKeyspace{.keyspace = "k"});
  ASSERT_FALSE(keyspace);
  EXPECT_EQ(keyspace.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(keyspace.error().subject(), "k");
  const auto again = try_change(CreateTable{.table = *table()});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(again.error().subject_table(), "t");
  expect_nothing(CreateKeyspace{.keyspace = "k", .if_not_exists = true});
  expect_nothing(CreateTable{.table = *table(), .if_not_exists = true});
}

TEST_F(SchemaTest, WhatIsMissingIsRefusedInCassandrasWords) {
  expect_refused(DropTable{.keyspace = "zz", .table = "nowhere"}, ErrorCode::kInvalid,
                 "Table 'zz.nowhere' doesn't exist");
  expect_refused(DropKeyspace{.keyspace = "nowhere"}, ErrorCode::kInvalid, "Keyspace 'nowhere' doesn't exist");
  expect_refused(DropIndex{.keyspace = "k", .name = "i"}, ErrorCode::kInvalid, "Index 'k.i' doesn't exist");
  expect_nothing(DropTable{.keyspace = "zz", .table = "nowhere", .if_exists = true});
}

TEST_F(SchemaTest, IndexNamesAreOneKeyspaceWide) {
  create_table();
  create_table("other");
  change(index("mine"));
  change(index("second"));
  EXPECT_EQ(table()->indexes.size(), 2u);
  CreateIndex elsewhere = index("mine");
  elsewhere.table = "other";
  expect_refused(elsewhere, ErrorCode::kInvalid, "Index 'mine' already exists");
  elsewhere.if_not_exists = true;
  expect_nothing(elsewhere);
  expect_refused(index(""), ErrorCode::kInvalid,
                 "Cannot create more than one storage-attached index on the same column: v");
  change(index("", "Big"));
  EXPECT_EQ(table()->indexes.back().name, "t_Big_idx");
  EXPECT_EQ(table()->indexes.back().target, "\"Big\"");
  change(DropIndex{.keyspace = "k", .name = "mine"});
  EXPECT_EQ(table()->indexes.size(), 2u);
}

TEST_F(SchemaTest, ColumnsOfKeysAndIndexesAreNotDropped) {
  create_table();
  change(index("i"));
  expect_refused(AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"v"}}, ErrorCode::kInvalid,
                 "Cannot drop column v because it has dependent secondary indexes (i)");
  expect_refused(AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"p"}}, ErrorCode::kInvalid,
                 "Cannot drop PRIMARY KEY column p");
}

TEST_F(SchemaTest, AnAddedColumnNeverHasTheIdOfADroppedOne) {
  create_table();
  const uint32_t old = id("Big");
  change(AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"Big"}});
  EXPECT_EQ(table()->dropped_columns.size(), 1u);
  change(AlterTableAdd{.keyspace = "k", .table = "t", .columns = {column("Big", native(Kind::kText))}});
  EXPECT_NE(id("Big"), old);
  expect_refused(AlterTableAdd{.keyspace = "k", .table = "t", .columns = {column("Big", native(Kind::kText))}},
                 ErrorCode::kInvalid, "Column with name 'Big' already exists");
}

TEST_F(SchemaTest, ATypeInUseIsNotDroppedAndItsChangesReachItsUsers) {
  change(CreateType{.keyspace = "k", .name = "u", .field_names = {"x"}, .field_types = {native(Kind::kInt)}});
  const auto udt = schema_->find_type("k", "u");
  create({column("p", native(Kind::kInt), ColumnKind::kPartitionKey),
          column("l", DataType::list(DataType::freeze(udt), true))});
  expect_refused(DropType{.keyspace = "k", .name = "u"}, ErrorCode::kInvalid,
                 "Cannot drop user type 'k.u' as it is still used by tables t");
  change(AlterTypeAdd{.keyspace = "k", .name = "u", .field_name = "y", .field_type = native(Kind::kText)});
  change(AlterTypeRename{.keyspace = "k", .name = "u", .fields = {{"x", "first"}}});
  const auto& inner = *table()->find_column("l")->type->element();
  EXPECT_EQ(inner.field_names(), (std::vector<std::string>{"first", "y"}));
  EXPECT_TRUE(inner.is_frozen());
  change(DropTable{.keyspace = "k", .table = "t"});
  change(DropType{.keyspace = "k", .name = "u"});
}

TEST_F(SchemaTest, ACatalogComesBackFromItsBytesAndEveryCutIsRefused) {
  create_table();
  change(index("i"));
  Bytes bytes, again;
  schema_->encode(bytes);
  const auto decoded = Schema::decode(bytes);
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  (*decoded)->encode(again);
  EXPECT_EQ(again, bytes);
  EXPECT_EQ((*decoded)->version_uuid, schema_->version_uuid);
  EXPECT_EQ((*decoded)->find_table("k", "t")->columns, table()->columns);
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(Schema::decode(BytesView(bytes).substr(0, size)));
}

TEST_F(SchemaTest, EveryKindOfChangeComesBackFromItsBytes) {
  create_table();
  const std::vector<SchemaChange> changes = {
      CreateKeyspace{.keyspace = "a", .replication = {{"class", "SimpleStrategy"}}, .if_not_exists = true},
      AlterKeyspace{.keyspace = "a", .durable_writes = false},
      DropKeyspace{.keyspace = "a"},
      CreateType{.keyspace = "k", .name = "u", .field_names = {"x"}, .field_types = {native(Kind::kInt)}},
      AlterTypeAdd{.keyspace = "k", .name = "u", .field_name = "y", .field_type = native(Kind::kInt)},
      AlterTypeRename{.keyspace = "k", .name = "u", .fields = {{"x", "z"}}},
      DropType{.keyspace = "k", .name = "u"},
      CreateTable{.table = *table()},
      AlterTableAdd{.keyspace = "k", .table = "t", .columns = {column("n", native(Kind::kInt))}},
      AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"n"}, .timestamp_us = 5},
      AlterTableRename{.keyspace = "k", .table = "t", .columns = {{"p", "q"}}},
      AlterTableOptions{
          .keyspace = "k", .table = "t", .options = {{"comment", "x"}, {"compaction", OptionMap{{"class", "c"}}}}},
      DropTable{.keyspace = "k", .table = "t"},
      index("i"),
      DropIndex{.keyspace = "k", .name = "i"}};
  ASSERT_EQ(changes.size(), std::variant_size_v<SchemaChange>);
  for (const auto& wanted : changes) {
    Bytes bytes, again;
    encode(wanted, bytes);
    const auto decoded = decode_schema_change(bytes);
    ASSERT_TRUE(decoded) << wanted.index();
    EXPECT_EQ(decoded->index(), wanted.index());
    encode(*decoded, again);
    EXPECT_EQ(again, bytes);
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(decode_schema_change(BytesView(bytes).substr(0, size)));
  }
  EXPECT_EQ(decode_schema_change(Bytes("\1\x63", 2)).error().code(), ErrorCode::kFormat);
}

TEST_F(SchemaTest, NamesAreQuotedWhereCqlNeedsIt) {
  EXPECT_EQ(quote_name("plain_1"), "plain_1");
  EXPECT_EQ(quote_name("Big"), "\"Big\"");
  EXPECT_EQ(quote_name("select"), "\"select\"");
  EXPECT_EQ(quote_name("a\"b"), "\"a\"\"b\"");
}

}  // namespace
}  // namespace sagitta::schema
