/// What clients see of schema changes: ids and times in the system tables, and what outlives a
/// table.
#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <thread>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DdlTest : public DatabaseTest {
 protected:
  DdlTest() { use_keyspace(); }
  std::string id_of(const std::string& table) {
    const auto ids =
        show("SELECT id FROM system_schema.tables WHERE keyspace_name = 'ks' AND table_name = '" + table + "'");
    return ids.empty() ? "" : ids[0];
  }
  std::vector<std::string> dropped() {
    return show("SELECT column_name, dropped_time FROM system_schema.dropped_columns WHERE keyspace_name = 'ks'");
  }
};

TEST_F(DdlTest, EveryTableHasItsOwnId) {
  must("CREATE TABLE a (k int PRIMARY KEY)");
  must("CREATE TABLE b (k int PRIMARY KEY)");
  const std::string a = id_of("a");
  EXPECT_NE(a, id_of("b"));
  must("DROP TABLE a");
  must("CREATE TABLE a (k int PRIMARY KEY)");
  const std::string again = id_of("a");
  EXPECT_NE(again, a);
  reopen();
  EXPECT_EQ(id_of("a"), again);
  must("CREATE TABLE c (k int PRIMARY KEY) WITH id = 5a1c395e-b41f-11e5-9f22-ba0be0483c18");
  EXPECT_EQ(id_of("c"), "5a1c395e-b41f-11e5-9f22-ba0be0483c18");
}

TEST_F(DdlTest, APreparedCreateGivesEachTableItsOwnId) {
  auto create = database_->prepare("CREATE TABLE a (k int PRIMARY KEY)", "ks");
  ASSERT_TRUE(create);
  ASSERT_TRUE(ask_prepared(*database_, (*create)->id));
  const std::string first = id_of("a");
  must("DROP TABLE a");
  ASSERT_TRUE(ask_prepared(*database_, (*create)->id));
  EXPECT_NE(id_of("a"), first);
}

TEST_F(DdlTest, ADroppedColumnHasTheTimeOfItsDrop) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int, y int, z int)");
  machine_.clock.advance_us(5'000'000);
  must("ALTER TABLE t DROP x");
  must("ALTER TABLE t DROP y USING TIMESTAMP 1234567000");
  must("ALTER TABLE t DROP z USING TIMESTAMP 0");
  EXPECT_THAT(dropped(), ElementsAre("'x'|'2023-11-14 22:13:25.000Z'", "'y'|'1970-01-01 00:20:34.567Z'",
                                     "'z'|'1970-01-01 00:00:00.000Z'"));
}

TEST_F(DdlTest, WhatWasWrittenAfterADropsTimestampComesBackWithTheColumn) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int, l list<int>)");
  must("INSERT INTO t (k, x, l) VALUES (1, 1, [1]) USING TIMESTAMP 10000");
  must("INSERT INTO t (k, x, l) VALUES (2, 2, [2]) USING TIMESTAMP 30000");
  must("ALTER TABLE t DROP (x, l) USING TIMESTAMP 20000");
  must("ALTER TABLE t ADD (x int, l list<int>)");
  EXPECT_THAT(show("SELECT k, x, l FROM t WHERE k IN (1, 2)"), ElementsAre("1|null|null", "2|2|[2]"));
  reopen();
  EXPECT_THAT(show("SELECT k, x, l FROM t WHERE k IN (1, 2)"), ElementsAre("1|null|null", "2|2|[2]"));
}

TEST_F(DdlTest, ADropWithoutATimestampTakesWhatWasWrittenBeforeItAndNoMore) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int)");
  for (int k = 0; k < 9; ++k) must("INSERT INTO t (k, x) VALUES (" + std::to_string(k) + ", 1)");
  machine_.clock.advance_us(-5'000'000);  // the order of the log counts, not the clock
  must("ALTER TABLE t DROP x");
  must("ALTER TABLE t ADD x int");
  must("INSERT INTO t (k, x) VALUES (3, 2)");
  EXPECT_THAT(show("SELECT k, x FROM t WHERE x > 0 ALLOW FILTERING"), ElementsAre("3|2"));
}

TEST_F(DdlTest, AnUnnamedIndexIsMadeOnceHoweverOftenItIsAskedFor) {
  must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>)");
  const std::string text = "CREATE CUSTOM INDEX IF NOT EXISTS ON ks.t (v) USING 'StorageAttachedIndex'";
  must(text);
  EXPECT_TRUE(std::holds_alternative<Void>(must(text).body));
  EXPECT_THAT(error_of("CREATE CUSTOM INDEX ON ks.t (v) USING 'StorageAttachedIndex'"),
              "Invalid: Index t_v_idx_1 is a duplicate of existing index t_v_idx");
  EXPECT_THAT(show("SELECT index_name FROM system_schema.indexes WHERE keyspace_name = 'ks'"),
              ElementsAre("'t_v_idx'"));
}

TEST_F(DdlTest, NobodyIsToldOfAChangeOnceItsHandleIsGone) {
  std::atomic<bool> stop{false};
  std::atomic<int> told{0}, told_late{0};
  std::jthread changes([&] {
    for (int n = 0; !stop; ++n) must("CREATE TABLE made" + std::to_string(n) + " (k int PRIMARY KEY)");
  });
  for (int round = 0; round < 200 || told == 0; ++round) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    auto handle = database_->on_schema_change([&told, &told_late, alive = alive.get()](const SchemaChangeEvent&) {
      std::this_thread::yield();
      ++(*alive ? told : told_late);
    });
    std::this_thread::yield();
    handle.reset();
    *alive = false;
  }
  stop = true;
  changes.join();
  EXPECT_EQ(told_late, 0);
}

TEST_F(DdlTest, APagingStateDiesWithItsTable) {
  const auto page_of = [&](const std::string& text) {
    auto answer = ask(*database_, text, {.keyspace = keyspace_, .page_size = 2});
    return answer ? std::get<Rows>(answer->body).paging_state : Bytes();
  };
  const auto fill = [&] {
    must("CREATE TABLE t (k int PRIMARY KEY)");
    for (int k = 0; k < 5; ++k) must("INSERT INTO t (k) VALUES (" + std::to_string(k) + ")");
  };
  fill();
  const Bytes state = page_of("SELECT k FROM t");
  ASSERT_FALSE(state.empty());
  must("ALTER TABLE t ADD later int");
  EXPECT_EQ(error_of("SELECT k FROM t", {.page_size = 2, .paging_state = state}), "ok");
  must("DROP TABLE t");
  fill();
  EXPECT_THAT(error_of("SELECT k FROM t", {.page_size = 2, .paging_state = state}), HasSubstr("another statement"));
  const Bytes later = page_of("SELECT k FROM t");
  must("DROP KEYSPACE ks");
  must(kKeyspace);
  fill();
  EXPECT_THAT(error_of("SELECT k FROM t", {.page_size = 2, .paging_state = later}), HasSubstr("another statement"));
}

}  // namespace
}  // namespace sagitta::db::test
