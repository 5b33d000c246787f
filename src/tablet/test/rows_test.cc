#include "sagitta/base/random.h"

#include "fixture.h"

namespace sagitta::tablet {
namespace {

using types::DataType;
using types::Kind;
using OpKind = rows::CellOp::Kind;

class RowsTest : public TableFixture {
 protected:
  using TableFixture::TableFixture;
  void create_plain(std::map<std::string, schema::OptionValue> options = {}) {
    create(
        {column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey),
         column("c", native(Kind::kTinyint), schema::ColumnKind::kClustering), column("a", native(Kind::kInt)),
         column("l", DataType::list(native(Kind::kInt))), column("s", native(Kind::kInt), schema::ColumnKind::kStatic)},
        std::move(options));
  }
  static Bytes i8(int v) { return types::from_int8(static_cast<int8_t>(v)); }

  rows::Mutation with(int32_t partition, int clustering, int64_t timestamp, rows::CellOp op) const {
    rows::Mutation out = mutation(partition, timestamp);
    out.rows.push_back({.clustering = {i8(clustering)}, .insert_marker = true, .cells = {std::move(op)}});
    return out;
  }
  rows::CellOp set_a(int32_t value) const { return {.column_id = id("a"), .value = i32(value)}; }
  rows::CellOp append(int64_t statement_us, uint32_t index, int32_t value, bool prepend = false) const {
    ManualClock clock(statement_us);
    SeededRandom random(7);
    return {.column_id = id("l"),
            .kind = OpKind::kSetElement,
            .path = rows::list_path(prepend, TimeUuidSource(clock, random).next(), index),
            .value = i32(value)};
  }
  std::string list() const { return show(get(1, {i8(1)}), "l"); }
};

TEST_F(RowsTest, ListsKeepTheOrderOfAppendAndPrepend) {
  create_plain();
  for (int32_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(write({with(1, 1, 100, append(100, static_cast<uint32_t>(i), 10 + i))}));
    ASSERT_TRUE(write({with(1, 1, 200, append(200, static_cast<uint32_t>(i), 20 + i, true))}));
    ASSERT_TRUE(write({with(1, 1, 300, append(300, static_cast<uint32_t>(i), 30 + i, true))}));
  }
  EXPECT_EQ(list(), "[30, 31, 20, 21, 10, 11]");
}

TEST_F(RowsTest, ListElementsAreSetDeletedAndDiscardedByWhatIsThereAtApply) {
  create_plain();
  ASSERT_TRUE(write({with(1, 1, 100, append(100, 0, 5)), with(1, 1, 100, append(100, 1, 6)),
                     with(1, 1, 100, append(100, 2, 5)), with(1, 1, 100, append(100, 3, 7))}));
  ASSERT_TRUE(write({with(1, 1, 110, {.column_id = id("l"), .kind = OpKind::kListSet, .value = i32(9), .number = 3})}));
  EXPECT_EQ(list(), "[5, 6, 5, 9]");
  ASSERT_TRUE(write({with(1, 1, 120, {.column_id = id("l"), .kind = OpKind::kListDiscard, .elements = {i32(5)}})}));
  EXPECT_EQ(list(), "[6, 9]");
  ASSERT_TRUE(write({with(1, 1, 130, {.column_id = id("l"), .kind = OpKind::kListSet, .number = 0})}));
  EXPECT_EQ(list(), "[9]");
}

TEST_F(RowsTest, EachAdditionCountsWhateverItsTimestamp) {
  create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey), column("n", native(Kind::kCounter))});
  const auto add = [&](int64_t timestamp, int64_t number) {
    rows::Mutation out = mutation(1, timestamp);
    out.rows.push_back({.cells = {{.column_id = id("n"), .kind = OpKind::kAdd, .number = number}}});
    return write({out});
  };
  for (const int64_t timestamp : {int64_t{5}, INT64_MAX, INT64_MAX, int64_t{3}}) ASSERT_TRUE(add(timestamp, 10));
  ASSERT_TRUE(add(6, -7));
  EXPECT_EQ(show(get(1, {}), "n"), "33");
}

TEST_F(RowsTest, AnAssignmentWithoutATimeClearsNothing) {
  create_plain();
  ASSERT_TRUE(write({with(1, 1, rows::kNoTimestamp, {.column_id = id("l"), .kind = OpKind::kClear})}));
  ASSERT_TRUE(write({with(1, 1, 100, append(100, 0, 5))}));
  EXPECT_EQ(list(), "[5]");
}

TEST_F(RowsTest, AListIndexOutOfBoundsRefusesTheWholeRecord) {
  create_plain();
  ASSERT_TRUE(write({with(1, 1, 100, append(100, 0, 5))}));
  const auto refused =
      write({with(2, 2, 110, set_a(1)),
             with(1, 1, 110, {.column_id = id("l"), .kind = OpKind::kListSet, .value = i32(1), .number = 1})});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(refused.error().message(), "List index 1 out of bound, list has size 1");
  EXPECT_FALSE(get(2, {i8(2)}).has_value());
}

TEST_F(RowsTest, AssigningACollectionReplacesItAndLaterRowsOfTheRecordSeeEarlierOnes) {
  create_plain();
  ASSERT_TRUE(write({with(1, 1, 100, append(100, 0, 5))}));
  rows::Mutation assign = with(1, 1, 200, {.column_id = id("l"), .kind = OpKind::kClear});
  assign.rows[0].cells.push_back(append(200, 0, 8));
  ASSERT_TRUE(write({assign, with(1, 1, 200, append(200, 1, 9))}));
  EXPECT_EQ(list(), "[8, 9]");
}

TEST_F(RowsTest, DeletingACollectionTakesWhatWasWrittenAtTheSameTimeAndAssigningDoesNot) {
  create_plain();
  ASSERT_TRUE(write({with(1, 1, 100, append(100, 0, 5))}));
  ASSERT_TRUE(write({with(1, 1, 100, {.column_id = id("l"), .kind = OpKind::kClear})}));
  EXPECT_EQ(list(), "[5]");
  ASSERT_TRUE(write({with(1, 1, 100, {.column_id = id("l"), .kind = OpKind::kDelete})}));
  EXPECT_EQ(list(), "null");
  ASSERT_TRUE(write({with(1, 1, 100, append(100, 1, 6))}));
  EXPECT_EQ(list(), "null");
}

TEST_F(RowsTest, ARowOfUpdatesAloneGoesWithItsLastCellAndAnInsertedOneStays) {
  create_plain();
  rows::Mutation update = with(1, 1, 100, set_a(1));
  update.rows[0].insert_marker = false;
  ASSERT_TRUE(write({update, with(1, 2, 100, set_a(1))}));
  for (int c : {1, 2}) {
    rows::Mutation null = with(1, c, 101, {.column_id = id("a")});
    null.rows[0].insert_marker = false;
    ASSERT_TRUE(write({null}));
  }
  EXPECT_FALSE(get(1, {i8(1)}).has_value());
  EXPECT_EQ(show(get(1, {i8(2)}), "a"), "null");
}

TEST_F(RowsTest, AStaticRowComesBeforeItsPartitionAndMayBeAlone) {
  create_plain();
  rows::Mutation only = mutation(1, 100);
  only.rows.push_back({.is_static = true, .cells = {{.column_id = id("s"), .value = i32(4)}}});
  ASSERT_TRUE(write({only, with(1, 3, 100, set_a(1))}));
  const auto rows = all(view().scan_tokens(*table()));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0].is_static);
  EXPECT_EQ(all(view().scan_partition(*table(), i32(1))).size(), 1u);
  const auto statics = view().get_static(*table(), i32(1));
  ASSERT_TRUE(statics && *statics);
  EXPECT_EQ((*statics)->find(id("s"))->value, i32(4));
  EXPECT_FALSE(*view().get_static(*table(), i32(2)));
}

TEST_F(RowsTest, AnExclusiveBoundAtTheLargestKeyHasNothingBeyondIt) {
  create_plain();
  ASSERT_TRUE(write({with(1, 127, 100, set_a(1)), with(1, -5, 100, set_a(2))}));
  EXPECT_TRUE(all(view().scan_partition(*table(), i32(1), {.start = {i8(127)}, .start_inclusive = false})).empty());
  EXPECT_EQ(all(view().scan_partition(*table(), i32(1), {.start = {i8(127)}})).size(), 1u);
  rows::Mutation beyond = mutation(1, 200);
  beyond.deletions.push_back({.start = {i8(127)}, .start_inclusive = false});
  ASSERT_TRUE(write({beyond}));
  EXPECT_EQ(all(view().scan_partition(*table(), i32(1))).size(), 2u);
}

TEST_F(RowsTest, WhatWasWrittenUpToADropStaysGoneWhenTheColumnComesBack) {
  create_plain();
  ASSERT_TRUE(write({with(1, 1, 200, set_a(1)), with(1, 2, 201, set_a(2))}));
  const rows::Mutation bound_before = with(1, 3, 300, set_a(3));
  change(schema::AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"a"}, .timestamp_us = 200});
  ASSERT_TRUE(write({with(1, 1, 300, append(300, 0, 1))}));  // rewrites the row while the column is away
  change(schema::AlterTableAdd{.keyspace = "k", .table = "t", .columns = {column("a", native(Kind::kInt))}});
  EXPECT_EQ(show(get(1, {i8(1)}), "a"), "null");
  EXPECT_EQ(show(get(1, {i8(2)}), "a"), "2");
  ASSERT_TRUE(write({bound_before, with(1, 2, 200, set_a(9)), with(1, 4, 200, set_a(4))}));
  EXPECT_EQ(show(get(1, {i8(3)}), "a"), "3");
  EXPECT_EQ(show(get(1, {i8(2)}), "a"), "2");
  EXPECT_EQ(show(get(1, {i8(4)}), "a"), "null");
}

TEST_F(RowsTest, ALaterDropBringsNothingBackThatAnEarlierOneTook) {
  create_plain();
  ASSERT_TRUE(write({with(1, 1, 150, set_a(1))}));
  for (const int64_t time_us : {200, 100}) {
    change(schema::AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"a"}, .timestamp_us = time_us});
    change(schema::AlterTableAdd{.keyspace = "k", .table = "t", .columns = {column("a", native(Kind::kInt))}});
  }
  EXPECT_EQ(show(get(1, {i8(1)}), "a"), "null");
}

TEST_F(RowsTest, AListThatCameBackCountsItsElementsWithoutTheOldOnes) {
  create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey),
          column("l", types::DataType::list(native(Kind::kInt)))});
  const auto append = [&](int64_t time_us, int32_t value) {
    rows::Mutation m = mutation(1, time_us);
    m.rows.push_back({});
    m.rows[0].cells.push_back({.column_id = id("l"),
                               .kind = rows::CellOp::Kind::kSetElement,
                               .path = rows::list_path(false, statement_at(time_us), 0),
                               .value = i32(value)});
    return m;
  };
  ASSERT_TRUE(write({append(100, 1), append(300, 3), append(400, 4)}));
  change(schema::AlterTableDrop{.keyspace = "k", .table = "t", .columns = {"l"}, .timestamp_us = 200});
  change(schema::AlterTableAdd{
      .keyspace = "k", .table = "t", .columns = {column("l", types::DataType::list(native(Kind::kInt)))}});
  EXPECT_EQ(show(get(1), "l"), "[3, 4]");
  rows::Mutation first = mutation(1, 500);
  first.rows.push_back({});
  first.rows[0].cells.push_back(
      {.column_id = id("l"), .kind = rows::CellOp::Kind::kListSet, .value = i32(9), .number = 0});
  ASSERT_TRUE(write({first}));
  EXPECT_EQ(show(get(1), "l"), "[9, 4]");
}

TEST_F(RowsTest, ADroppedTablesRowsAreGoneWhenItIsMadeAgain) {
  create_plain();
  ASSERT_TRUE(write({with(1, 1, 100, set_a(1))}));
  const rows::Mutation late = with(1, 2, 100, set_a(1));
  change(schema::DropTable{.keyspace = "k", .table = "t"});
  create_plain();
  EXPECT_TRUE(all(view().scan_tokens(*table())).empty());
  EXPECT_EQ(write({late}).error().code(), ErrorCode::kInvalid);
}

TEST_F(RowsTest, ATombstoneOlderThanTheGracePeriodCountsAsAbsent) {
  create_plain({{"gc_grace_seconds", "100"}});
  rows::Mutation del = mutation(1, 500);
  del.rows.push_back({.clustering = {i8(1)}, .delete_row = true});
  rows::Mutation del_all = mutation(2, 500);
  del_all.delete_partition = true;
  ASSERT_TRUE(write({del, del_all}));
  log_s_ += 100;
  ASSERT_TRUE(write({with(1, 1, 400, set_a(1)), with(2, 1, 400, set_a(1))}));
  EXPECT_FALSE(get(1, {i8(1)}).has_value());
  EXPECT_FALSE(get(2, {i8(1)}).has_value());
  log_s_ += 1;
  ASSERT_TRUE(write({with(1, 1, 400, set_a(1)), with(2, 1, 400, set_a(1))}));
  EXPECT_EQ(show(get(1, {i8(1)}), "a"), "1");
  EXPECT_EQ(show(get(2, {i8(1)}), "a"), "1");
}

TEST_F(RowsTest, TheServersTimestampsGrowAndAreOneForARecord) {
  create_plain();
  auto stamped = [&](int c, int64_t proposed, int32_t value) {
    rows::Mutation out = with(1, c, proposed, set_a(value));
    out.stamp = rows::Mutation::Stamp::kProposed;
    return out;
  };
  ASSERT_TRUE(write({stamped(1, 1000, 1), stamped(2, 1000, 1)}));
  ASSERT_TRUE(write({stamped(1, 900, 2), stamped(2, 900, 2)}));
  EXPECT_EQ(get(1, {i8(1)})->find(id("a"))->timestamp_us, 1001);
  EXPECT_EQ(get(1, {i8(2)})->find(id("a"))->timestamp_us, 1001);
  EXPECT_EQ(show(get(1, {i8(1)}), "a"), "2");
}

class RowsOfOneOfSeveralTest : public RowsTest {
 protected:
  RowsOfOneOfSeveralTest() : RowsTest(2) { create_plain(); }
  int64_t timestamp_of(rows::Mutation::Stamp stamp, int64_t timestamp_us) {
    rows::Mutation out = with(1, 1, timestamp_us, set_a(1));
    out.stamp = stamp;
    EXPECT_TRUE(write({out}));
    return get(1, {i8(1)})->find(id("a"))->timestamp_us;
  }
};

TEST_F(RowsOfOneOfSeveralTest, TimestampsAreEvenAndGrow) {
  for (const auto& [proposed, expected] : {std::pair(1000, 1000), {1000, 1002}, {1001, 1004}, {1005, 1006}})
    EXPECT_EQ(timestamp_of(rows::Mutation::Stamp::kProposed, proposed), expected);
}

TEST_F(RowsOfOneOfSeveralTest, OfAWriteAndABatchOfOneMomentTheLaterInTheLogWins) {
  const auto write_at = [&](int64_t timestamp_us, rows::Mutation::Stamp stamp, int32_t value) {
    rows::Mutation out = with(2, 1, timestamp_us, set_a(value));
    out.stamp = stamp;
    ASSERT_TRUE(write({out}));
    EXPECT_EQ(show(get(2, {i8(1)}), "a"), std::to_string(value));
  };
  write_at(1000, rows::Mutation::Stamp::kProposed, 1);
  write_at(1001, rows::Mutation::Stamp::kServer, 2);
  write_at(1000, rows::Mutation::Stamp::kProposed, 3);
}

TEST_F(RowsOfOneOfSeveralTest, TheClockIsTheSameAfterARestart) {
  EXPECT_EQ(timestamp_of(rows::Mutation::Stamp::kServer, 2001), 2001);
  EXPECT_EQ(space_.server_clock_us(), 2001);
  SoleSpace again(*store_, workers_, vectors_, metrics_, clock_);
  ASSERT_TRUE(again.start(schema_, offset_));
  EXPECT_EQ(again.server_clock_us(), 2001);
}

TEST_F(RowsOfOneOfSeveralTest, ATimestampFromBeforeTheLogStaysAndIsFollowed) {
  EXPECT_EQ(timestamp_of(rows::Mutation::Stamp::kServer, 1001), 1001);
  EXPECT_EQ(timestamp_of(rows::Mutation::Stamp::kProposed, 1000), 1002);
}

TEST_F(RowsTest, ARefusedRecordDoesNotMoveTheServersClock) {
  create_plain();
  rows::Mutation bad = with(1, 1, 5000, {.column_id = id("l"), .kind = OpKind::kListSet, .value = i32(1), .number = 0});
  bad.stamp = rows::Mutation::Stamp::kProposed;
  ASSERT_FALSE(write({bad}));
  rows::Mutation good = with(1, 1, 1000, set_a(1));
  good.stamp = rows::Mutation::Stamp::kProposed;
  ASSERT_TRUE(write({good}));
  EXPECT_EQ(get(1, {i8(1)})->find(id("a"))->timestamp_us, 1000);
}

TEST_F(RowsTest, CountersAddUp) {
  create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey), column("n", native(Kind::kCounter))});
  for (int64_t by : {5, -2, 40}) {
    rows::Mutation add = mutation(1, 1000 + by);
    add.rows.push_back({.cells = {{.column_id = id("n"), .kind = OpKind::kAdd, .number = by}}});
    ASSERT_TRUE(write({add, add}));
  }
  EXPECT_EQ(show(get(1), "n"), "86");
}

TEST_F(RowsTest, FieldsOfAUdtAreCellsOfTheirOwn) {
  const auto udt = DataType::udt("k", "u", {"x", "y"}, {native(Kind::kInt), native(Kind::kInt)});
  change(schema::CreateType{.keyspace = "k", .name = "u", .field_names = {"x", "y"}, .field_types = udt->parameters()});
  create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey), column("u", udt)});
  auto set_field = [&](int16_t field, Value value, int64_t timestamp) {
    rows::Mutation out = mutation(1, timestamp);
    out.rows.push_back({.insert_marker = true,
                        .cells = {{.column_id = id("u"),
                                   .kind = OpKind::kSetElement,
                                   .path = types::from_int16(field),
                                   .value = std::move(value)}}});
    return out;
  };
  ASSERT_TRUE(write({set_field(0, i32(1), 100), set_field(1, i32(2), 100)}));
  EXPECT_EQ(show(get(1), "u"), "{x: 1, y: 2}");
  ASSERT_TRUE(write({set_field(0, std::nullopt, 101)}));
  EXPECT_EQ(show(get(1), "u"), "{x: null, y: 2}");
  change(schema::AlterTypeAdd{.keyspace = "k", .name = "u", .field_name = "z", .field_type = native(Kind::kInt)});
  ASSERT_TRUE(write({set_field(2, i32(3), 102)}));
  EXPECT_EQ(show(get(1), "u"), "{x: null, y: 2, z: 3}");
}

TEST_F(RowsTest, ATokenScanGoesOnAfterAnyRow) {
  create_plain();
  for (int32_t p = 0; p < 10; ++p) {
    for (int c = 0; c < 3; ++c) ASSERT_TRUE(write({with(p, c, 100, set_a(p * 10 + c))}));
  }
  std::vector<Bytes> keys, paged;
  const auto cursor = view().scan_tokens(*table());
  while (*cursor->next()) keys.emplace_back(cursor->row_key());
  EXPECT_FALSE(*cursor->next());
  Bytes after;
  for (;;) {
    const auto page = view().scan_tokens(*table(), INT64_MIN, INT64_MAX, after);
    int taken = 0;
    for (; taken < 4 && *page->next(); ++taken) paged.push_back(after = Bytes(page->row_key()));
    if (taken < 4) break;
  }
  EXPECT_EQ(keys.size(), 30u);
  EXPECT_EQ(paged, keys);
  const int64_t token = types::token_of(i32(3));
  EXPECT_EQ(all(view().scan_tokens(*table(), token, token)).size(), 3u);
}

TEST_F(RowsTest, AScanOfAPartitionGoesOnBothWays) {
  create_plain();
  for (int c = 0; c < 6; ++c) ASSERT_TRUE(write({with(1, c, 100, set_a(c))}));
  const Bytes middle = rows::row_key(*table(), i32(1), std::vector{i8(3)});
  EXPECT_EQ(all(view().scan_partition(*table(), i32(1), {}, false, middle)).size(), 2u);
  const auto back = all(view().scan_partition(*table(), i32(1), {}, true, middle));
  ASSERT_EQ(back.size(), 3u);
  EXPECT_EQ(back[0].clustering[0], i8(2));
}

TEST_F(RowsTest, ACacheOnlyViewAndBytesThatAreNoKeyAreErrorsNotRows) {
  create_plain();
  EXPECT_EQ(view().get_by_key(*table(), "nonsense").error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sagitta::tablet
