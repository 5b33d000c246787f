#include "sagitta/schema/schema.h"

#include "fixture.h"

namespace sagitta::schema {
namespace {

using types::DataType;
using types::DataTypePtr;
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
  static AlterTableDrop drop(const std::string& name, int64_t timestamp_us) {
    return {.keyspace = "k", .table = "t", .columns = {name}, .timestamp_us = timestamp_us};
  }
  static AlterTableAdd add(const std::string& name, DataTypePtr type, ColumnKind kind = ColumnKind::kRegular) {
    return {.keyspace = "k", .table = "t", .columns = {column(name, std::move(type), kind)}};
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
  expect_refused(index(""), ErrorCode::kInvalid, "Index t_v_idx is a duplicate of existing index mine");
  expect_nothing(index("", "v", true));
  CreateIndex own = index("", "v", true);
  own.index.options = {{"similarity_function", "euclidean"}};
  expect_refused(own, ErrorCode::kInvalid, "Cannot create more than one storage-attached index on the same column: v");
  change(index("", "Big"));
  EXPECT_EQ(table()->indexes.back().name, "t_Big_idx");
  EXPECT_EQ(table()->indexes.back().target, "\"Big\"");
  change(DropIndex{.keyspace = "k", .name = "mine"});
  EXPECT_EQ(table()->indexes.size(), 2u);
}

TEST_F(SchemaTest, AnUnnamedIndexIsMadeOnce) {
  create_table();
  CreateIndex unnamed = index("");
  unnamed.index.class_name = "vector_index";
  change(unnamed);
  expect_refused(unnamed, ErrorCode::kInvalid, "Index t_v_idx_1 is a duplicate of existing index t_v_idx");
  unnamed.if_not_exists = true;
  expect_nothing(unnamed);
  change(DropIndex{.keyspace = "k", .name = "t_v_idx"});
  change(unnamed);
}

TEST_F(SchemaTest, ColumnsOfKeysAndIndexesAreNotDropped) {
  create_table();
  change(index("i"));
  expect_refused(AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"v"}}, ErrorCode::kInvalid,
                 "Cannot drop column v because it has dependent secondary indexes (i)");
  expect_refused(AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"p"}}, ErrorCode::kInvalid,
                 "Cannot drop PRIMARY KEY column p");
}

TEST_F(SchemaTest, ADroppedColumnComesBackWithItsId) {
  create_table();
  const uint32_t old = id("Big");
  change(drop("Big", 5));
  ASSERT_EQ(table()->dropped_columns.size(), 1u);
  change(add("other", native(Kind::kText)));
  EXPECT_NE(id("other"), old);
  change(add("Big", native(Kind::kText)));
  EXPECT_EQ(id("Big"), old);
  EXPECT_EQ(table()->find_column("Big")->dropped_us, 5);
  Bytes bytes;
  schema_->encode(bytes);
  EXPECT_EQ((*Schema::decode(bytes))->find_table("k", "t")->columns, table()->columns);
  expect_refused(add("Big", native(Kind::kText)), ErrorCode::kInvalid, "Column with name 'Big' already exists");
}

TEST_F(SchemaTest, ADroppedColumnComesBackOnlyAsWhatCanHoldItsValues) {
  const auto list_of = [](Kind kind) { return DataType::list(native(kind)); };
  const auto udt = [](std::vector<DataTypePtr> fields) {
    const std::vector<std::string> names(fields.size(), "f");
    return DataType::udt("k", "u", names, std::move(fields), true);
  };
  struct Case {
    DataTypePtr before, now;
    bool fits;
  };
  const Case cases[] = {
      {native(Kind::kInt), native(Kind::kText), false},
      {native(Kind::kInt), native(Kind::kBlob), false},
      {native(Kind::kInt), native(Kind::kFloat), false},
      {native(Kind::kText), native(Kind::kBlob), true},
      {native(Kind::kBlob), native(Kind::kText), false},
      {native(Kind::kAscii), native(Kind::kText), true},
      {native(Kind::kTimeuuid), native(Kind::kUuid), true},
      {native(Kind::kUuid), native(Kind::kTimeuuid), false},
      {native(Kind::kBigint), native(Kind::kTimestamp), true},
      {list_of(Kind::kAscii), list_of(Kind::kText), true},
      {list_of(Kind::kInt), list_of(Kind::kText), false},
      {list_of(Kind::kInt), DataType::freeze(list_of(Kind::kInt)), false},
      {list_of(Kind::kInt), DataType::set(native(Kind::kInt)), false},
      {list_of(Kind::kText), native(Kind::kBlob), false},
      {DataType::set(native(Kind::kTimeuuid)), DataType::set(native(Kind::kUuid)), false},
      {DataType::map(native(Kind::kAscii), native(Kind::kAscii)),
       DataType::map(native(Kind::kText), native(Kind::kBlob)), true},
      {udt({native(Kind::kInt)}), udt({native(Kind::kInt), native(Kind::kText)}), true},
      {udt({native(Kind::kInt), native(Kind::kText)}), udt({native(Kind::kInt)}), false},
      {udt({native(Kind::kInt)}), udt({native(Kind::kText)}), false},
      {DataType::vector(native(Kind::kFloat), 3), DataType::vector(native(Kind::kFloat), 3), true},
      {DataType::vector(native(Kind::kFloat), 3), DataType::vector(native(Kind::kFloat), 4), false},
      {DataType::vector(native(Kind::kFloat), 3), native(Kind::kBlob), false},
  };
  for (const auto& [before, now, fits] : cases) {
    SCOPED_TRACE(before->to_cql() + " then " + now->to_cql());
    create({column("p", native(Kind::kInt), ColumnKind::kPartitionKey), column("x", before)});
    change(drop("x", 5));
    if (fits) {
      change(add("x", now));
    } else {
      expect_refused(add("x", now), ErrorCode::kInvalid,
                     "Cannot add a column 'x' of type " + now->to_cql() +
                         ", incompatible with previously dropped column 'x' of type " + before->to_cql());
    }
    change(DropTable{.keyspace = "k", .table = "t"});
  }
}

TEST_F(SchemaTest, ADroppedColumnComesBackAsTheSameKindAndNeverAsACounter) {
  create({column("p", native(Kind::kInt), ColumnKind::kPartitionKey),
          column("c", native(Kind::kInt), ColumnKind::kClustering), column("x", native(Kind::kInt))});
  change(drop("x", 5));
  expect_refused(add("x", native(Kind::kInt), ColumnKind::kStatic), ErrorCode::kInvalid,
                 "Cannot re-add previously dropped column 'x' of kind STATIC, incompatible with previous kind REGULAR");
  change(DropTable{.keyspace = "k", .table = "t"});
  create({column("p", native(Kind::kInt), ColumnKind::kPartitionKey), column("n", native(Kind::kCounter))});
  change(drop("n", 5));
  expect_refused(add("n", native(Kind::kCounter)), ErrorCode::kInvalid,
                 "Cannot re-add previously dropped counter column n");
  EXPECT_TRUE(table()->is_counter);
  Bytes bytes;
  schema_->encode(bytes);
  EXPECT_TRUE((*Schema::decode(bytes))->find_table("k", "t")->is_counter) << "forgotten by a restart";
}

TEST_F(SchemaTest, RecordsOfVersion1KeepTheirMeaning) {
  create({column("p", native(Kind::kInt), ColumnKind::kPartitionKey), column("x", native(Kind::kInt))});
  const uint32_t old = id("x");
  // DROP x with timestamp 0, ADD x text: keyspace, table, columns, then flags.
  const auto dropped = decode_schema_change(Bytes("\x01\x09\x01k\x01t\x01\x01x\x00\x00\x00", 12));
  const auto added = decode_schema_change(Bytes("\x01\x08\x01k\x01t\x01\x00\x01x\x0D\x03\x00\x00\x00\x00", 16));
  ASSERT_TRUE(dropped && added);
  change(*dropped);
  change(*added);
  EXPECT_NE(id("x"), old);
  EXPECT_EQ(table()->find_column("x")->dropped_us, ColumnDef::kNeverDropped);
  change(drop("x", 5));
  expect_refused(add("x", native(Kind::kInt)), ErrorCode::kInvalid,
                 "Cannot add a column 'x' of type int, incompatible with previously dropped column 'x' of type text");
}

TEST_F(SchemaTest, ACatalogOfVersion1IsRead) {
  Bytes bytes("\x01\x04\x02\x01\x01", 5);  // version 4, next ids 2 and 1, one keyspace
  const auto text = [&](std::string_view t) { put_blob(bytes, t); };
  text("k");
  bytes += Bytes("\x00\x01\x00\x01", 4);  // no replication, durable, no types, one table
  text("t");
  bytes += Bytes("\x01", 1) + Bytes(16, '\0');  // id, and a nil uuid, as programs before this one made them
  text("k");
  text("t");
  bytes += Bytes("\x01\x01", 2);  // one column
  text("p");
  bytes += Bytes("\x09\x00\x00\x00\x01", 5);  // int, partition key; one dropped column
  text("x");
  bytes += Bytes("\x09\x03\x0A", 3);  // int, regular, dropped at 5
  bytes += Bytes("\x00\x00\x03", 3);  // no options, no indexes, next column 3
  bytes += Bytes(16, '\1');
  const auto decoded = Schema::decode(bytes);
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  schema_ = *decoded;
  EXPECT_FALSE(table()->uuid.is_nil());
  ASSERT_EQ(table()->dropped_columns.size(), 1u);
  EXPECT_EQ(table()->dropped_columns[0].dropped_us, 5);
  EXPECT_EQ(table()->dropped_columns[0].id, 0u);
  expect_refused(add("x", native(Kind::kText)), ErrorCode::kInvalid,
                 "Cannot add a column 'x' of type text, incompatible with previously dropped column 'x' of type int");
  change(add("x", native(Kind::kInt)));
  EXPECT_EQ(id("x"), 3u) << "its number was not kept: its values must not come back";
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

}  // namespace
}  // namespace sagitta::schema
