/// The order of list elements: that of the statements that wrote them, whatever the clock and the
/// timestamps say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Table l (k int, v list<text>). The clock stands still, so that all statements have one
/// microsecond.
class Lists : public DatabaseTest {
 protected:
  Lists() {
    use_keyspace();
    must("CREATE TABLE l (k int PRIMARY KEY, v list<text>)");
  }
  void update(const std::string& assignment, const std::string& attributes = "") {
    must("UPDATE l" + attributes + " SET " + assignment + " WHERE k = 1");
  }
  static std::string set(const std::string& assignment) { return "UPDATE l SET " + assignment + " WHERE k = 1; "; }
  void batch(const std::string& statements, const std::string& attributes = "") {
    must("BEGIN BATCH" + attributes + " " + statements + " APPLY BATCH");
  }
  std::string list() {
    const auto rows = show("SELECT v FROM l WHERE k = 1");
    return rows.empty() ? "none" : rows[0];
  }
};

TEST_F(Lists, AppendsOfABatchKeepTheOrderOfItsStatements) {
  // By chance a random order would pass one round in two.
  for (int round = 0; round < 20; ++round) {
    batch(set("v = v + ['a']") + set("v = v + ['b']") + set("v = v + ['c', 'd']"));
    ASSERT_EQ(list(), "['a', 'b', 'c', 'd']") << round;
    must("DELETE FROM l WHERE k = 1");
  }
}

TEST_F(Lists, PrependsOfABatchEndInReverseAndKeepTheirOwnElementsInOrder) {
  for (int round = 0; round < 20; ++round) {
    batch(set("v = ['m']") + set("v = ['p'] + v") + set("v = ['q', 'r'] + v") + set("v = v + ['z']"));
    ASSERT_EQ(list(), "['q', 'r', 'p', 'm', 'z']") << round;
    must("DELETE FROM l WHERE k = 1");
  }
}

TEST_F(Lists, AnAssignmentAndAnAppendInOneBatchGiveBoth) {
  update("v = ['old']");
  machine_.clock.advance_us(1);
  batch(set("v = ['x']") + set("v = v + ['y']") + set("v = ['w'] + v"));
  EXPECT_EQ(list(), "['w', 'x', 'y']");
}

TEST_F(Lists, StatementsOfOneMicrosecondKeepTheirOrder) {
  for (const char* element : {"a", "b", "c", "d", "e"}) update("v = v + ['" + std::string(element) + "']");
  for (const char* element : {"1", "2", "3"}) update("v = ['" + std::string(element) + "'] + v");
  EXPECT_EQ(list(), "['3', '2', '1', 'a', 'b', 'c', 'd', 'e']");
}

TEST_F(Lists, TimestampsOfTheClientDecideNothingButWhatLives) {
  update("v = v + ['a']", " USING TIMESTAMP 50");
  update("v = v + ['b']", " USING TIMESTAMP 50");
  update("v = v + ['c']", " USING TIMESTAMP 10");
  update("v = ['p'] + v", " USING TIMESTAMP 50");
  update("v = ['q'] + v", " USING TIMESTAMP 50");
  EXPECT_EQ(list(), "['q', 'p', 'a', 'b', 'c']");
  update("v = ['x']", " USING TIMESTAMP 20");
  EXPECT_EQ(list(), "['q', 'p', 'a', 'b', 'x']");
  batch(set("v = v + ['y']") + set("v = v + ['z']"), " USING TIMESTAMP 60");
  EXPECT_EQ(list(), "['q', 'p', 'a', 'b', 'x', 'y', 'z']");
}

TEST_F(Lists, BatchesOfTheProtocolKeepTheirOrder) {
  const auto prepared = database_->prepare("UPDATE l SET v = v + ? WHERE k = 1", "ks");
  ASSERT_TRUE(prepared);
  std::vector<BatchItem> items;
  for (const char* element : {"a", "b", "c", "d"}) {
    items.push_back({.text = {}, .prepared_id = (*prepared)->id, .values = {bound(types::pack_list({{element}}))}});
  }
  std::promise<Result<Answer>> answer;
  database_->batch(BatchKind::kUnlogged, std::move(items), {.keyspace = "ks"},
                   [&](Result<Answer> given) { answer.set_value(std::move(given)); });
  ASSERT_TRUE(answer.get_future().get());
  EXPECT_EQ(list(), "['a', 'b', 'c', 'd']");
}

TEST_F(Lists, SeveralChangesOfOneStatementKeepTheirOrder) {
  update("v = v + ['a'], v = v + ['b'], v = ['p'] + v, v = ['q'] + v");
  EXPECT_EQ(list(), "['q', 'p', 'a', 'b']");
  for (const char* both : {"v = ['x'], v = v + ['y']", "v = v + ['y'], v = ['x']", "v = ['x'], v = ['y']"}) {
    EXPECT_THAT(error_of("UPDATE l SET " + std::string(both) + " WHERE k = 1"),
                HasSubstr("Syntax: Multiple incompatible setting of column v"));
  }
}

TEST_F(Lists, WhatIsAppendedAfterARestartIsLastThoughTheClockWasSetBack) {
  update("v = v + ['a']");
  update("v = v + ['b']");
  machine_.clock.advance_us(-3'600'000'000);
  for (const char* text : {"c", "d"}) {
    reopen();
    update("v = v + ['" + std::string(text) + "']");
  }
  update("v = ['p'] + v");
  EXPECT_EQ(list(), "['p', 'a', 'b', 'c', 'd']");
}

TEST_F(Lists, StaticListsAndListsOfManyRowsKeepTheirOrder) {
  must("CREATE TABLE s (k int, c int, st list<int> static, v list<int>, PRIMARY KEY (k, c))");
  must(
      "BEGIN BATCH UPDATE s SET st = st + [1] WHERE k = 1; UPDATE s SET st = st + [2] WHERE k = 1; "
      "UPDATE s SET v = v + [3] WHERE k IN (1, 2) AND c IN (1, 2); UPDATE s SET v = v + [4] WHERE k IN (1, 2) AND c IN "
      "(1, 2); APPLY BATCH");
  EXPECT_THAT(show("SELECT st, v FROM s WHERE k IN (1, 2)"),
              ElementsAre("[1, 2]|[3, 4]", "[1, 2]|[3, 4]", "null|[3, 4]", "null|[3, 4]"));
}

}  // namespace
}  // namespace sagitta::db::test
