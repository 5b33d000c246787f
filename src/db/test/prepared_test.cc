/// Prepared statements while the schema changes under them: none may run with types that its client
/// does not know.
#include <gmock/gmock.h>

#include <future>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PreparedTest : public DatabaseTest {
 protected:
  PreparedTest() { use_keyspace(); }

  PreparedPtr prepare(const std::string& text) {
    auto prepared = database_->prepare(text, keyspace_);
    EXPECT_TRUE(prepared) << prepared.error().to_string();
    return prepared ? *prepared : nullptr;
  }
  Result<Answer> execute(const Prepared& prepared, std::vector<Bytes> values, RequestOptions options = {}) {
    for (auto& value : values) options.values.push_back(bound(std::move(value)));
    return ask_prepared(*database_, prepared.id, std::move(options));
  }
  void expect_unprepared(const Prepared& prepared, std::vector<Bytes> values) {
    const auto answer = execute(prepared, std::move(values));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::kUnprepared) << answer.error().to_string();
    EXPECT_EQ(answer.error().subject(), prepared.id);
  }
  static Bytes i32(int32_t value) { return types::from_int32(value); }
};

TEST_F(PreparedTest, AColumnDoesNotComeBackWithATypeThatMisreadsItsValues) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int)");
  const auto insert = prepare("INSERT INTO t (k, x) VALUES (?, ?)");
  ASSERT_TRUE(execute(*insert, {i32(1), i32(0x41424344)}));
  must("ALTER TABLE t DROP x");
  EXPECT_EQ(
      error_of("ALTER TABLE t ADD x text"),
      "Invalid: Cannot add a column 'x' of type text, incompatible with previously dropped column 'x' of type int");
  expect_unprepared(*insert, {i32(1), i32(0x41424344)});
  EXPECT_THAT(database_->prepare("INSERT INTO t (k, x) VALUES (?, ?)", "ks").error().to_string(),
              HasSubstr("Undefined column name x"));
  must("ALTER TABLE t ADD x int");
  EXPECT_EQ(prepare("INSERT INTO t (k, x) VALUES (?, ?)")->id, insert->id);
  ASSERT_TRUE(execute(*insert, {i32(2), i32(2)}));
  EXPECT_THAT(show("SELECT x FROM t WHERE k IN (1, 2)"), ElementsAre("null", "2"));
}

TEST_F(PreparedTest, ATableOfOtherTypesUnderTheNameUnpreparesItsStatements) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int)");
  const std::string text = "INSERT INTO t (k, x) VALUES (?, ?)";
  const auto ours = prepare(text);
  must("DROP TABLE t");
  must("CREATE TABLE t (k int PRIMARY KEY, x text)");
  const auto theirs = prepare(text);  // another client is first to prepare it again
  EXPECT_NE(theirs->id, ours->id);
  expect_unprepared(*ours, {i32(1), i32(0x41424344)});
  ASSERT_TRUE(execute(*theirs, {i32(1), "text"}));
  EXPECT_THAT(show("SELECT x FROM t"), ElementsAre("'text'"));
}

TEST_F(PreparedTest, ATableOfTheSameTypesUnderTheNameKeepsThem) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int)");
  const auto insert = prepare("INSERT INTO t (k, x) VALUES (?, ?)");
  must("DROP TABLE t");
  must("CREATE TABLE t (k int PRIMARY KEY, x int, y text)");
  ASSERT_TRUE(execute(*insert, {i32(1), i32(7)}));
  EXPECT_THAT(show("SELECT x FROM t"), ElementsAre("7"));
}

TEST_F(PreparedTest, AKeyspaceMadeAgainIsNoExcuse) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int)");
  const auto read = prepare("SELECT x FROM t WHERE k = ? AND x = ? ALLOW FILTERING");
  must("DROP KEYSPACE ks");
  must(kKeyspace);
  must("CREATE TABLE t (k int PRIMARY KEY, x float)");
  expect_unprepared(*read, {i32(1), i32(1)});
}

TEST_F(PreparedTest, AlteredTypesGoOnAndShowTheirNewFields) {
  must("CREATE TYPE u (a int)");
  must("CREATE TABLE t (k int PRIMARY KEY, l list<frozen<u>>, m map<int, frozen<u>>)");
  const auto insert = prepare("INSERT INTO t (k, l) VALUES (?, ?)");
  const auto read = prepare("SELECT l FROM t WHERE k = ?");
  const Bytes list = types::pack_list(std::vector<Bytes>{types::pack_tuple(std::vector<Value>{i32(5)})});
  must("ALTER TYPE u ADD b text");
  must("ALTER TYPE u RENAME a TO first");
  ASSERT_TRUE(execute(*insert, {i32(1), list})) << "bytes of the old type are bytes of the new one";
  EXPECT_THAT(show("SELECT l FROM t"), ElementsAre("[{first: 5, b: null}]"));
  const auto answer = execute(*read, {i32(1)});
  ASSERT_TRUE(answer);
  EXPECT_NE(std::get<Rows>(answer->body).metadata->id, read->result->id) << "v5 clients must learn of the field";
  EXPECT_TRUE(std::get<Rows>(answer->body).columns_changed) << "v4 clients too";
}

TEST_F(PreparedTest, ATypeMadeAgainUnpreparesEvenInsideCollections) {
  const auto make = [&](const std::string& field) {
    must("CREATE TYPE u (" + field + ")");
    must("CREATE TABLE t (k int PRIMARY KEY, l list<frozen<u>>)");
  };
  make("a int");
  const auto insert = prepare("INSERT INTO t (k, l) VALUES (?, ?)");
  const auto append = prepare("UPDATE t SET l = l + ? WHERE k = ?");
  must("DROP TABLE t");
  must("DROP TYPE u");
  make("a text");
  const Bytes list = types::pack_list(std::vector<Bytes>{types::pack_tuple(std::vector<Value>{i32(0x41424344)})});
  expect_unprepared(*insert, {i32(1), list});
  expect_unprepared(*append, {list, i32(1)});
}

TEST_F(PreparedTest, BatchesAskForWhatTheyLost) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int)");
  const auto insert = prepare("INSERT INTO t (k, x) VALUES (?, ?)");
  must("DROP TABLE t");
  must("CREATE TABLE t (k int PRIMARY KEY, x text)");
  std::vector<BatchItem> items(2);
  items[0].text = "INSERT INTO t (k, x) VALUES (7, 'a')";
  items[1].prepared_id = insert->id;
  items[1].values = {bound(i32(1)), bound(i32(0x41424344))};
  std::promise<Result<Answer>> promise;
  database_->batch(BatchKind::kLogged, items, {.keyspace = "ks"},
                   [&](Result<Answer> answer) { promise.set_value(std::move(answer)); });
  const auto answer = promise.get_future().get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnprepared);
  EXPECT_EQ(answer.error().subject(), insert->id);
  EXPECT_THAT(show("SELECT k FROM t"), ElementsAre());
}

TEST_F(PreparedTest, ColumnsThatChangedAreSaidAlsoToThoseWhoPrepareLater) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int)");
  const auto read = prepare("SELECT * FROM t");
  EXPECT_FALSE(std::get<Rows>(execute(*read, {})->body).columns_changed);
  must("ALTER TABLE t ADD y int");
  EXPECT_EQ(prepare("SELECT * FROM t")->id, read->id);
  EXPECT_TRUE(std::get<Rows>(execute(*read, {})->body).columns_changed);
  must("CREATE TABLE other (k int PRIMARY KEY)");
  EXPECT_TRUE(std::get<Rows>(execute(*read, {})->body).columns_changed);
}

TEST_F(PreparedTest, AStatementStaysInTheKeyspaceOfItsPreparation) {
  must("CREATE TABLE t (k int PRIMARY KEY, x int)");
  const auto insert = prepare("INSERT INTO t (k, x) VALUES (?, ?)");
  must("CREATE KEYSPACE other WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  must("CREATE TABLE other.t (k int PRIMARY KEY, x text)");
  keyspace_ = "other";
  EXPECT_NE(prepare("INSERT INTO t (k, x) VALUES (?, ?)")->id, insert->id);
  ASSERT_TRUE(execute(*insert, {i32(1), i32(2)}, {.keyspace = "other"}));
  EXPECT_THAT(show("SELECT x FROM ks.t"), ElementsAre("2"));
}

}  // namespace
}  // namespace sagitta::db::test
