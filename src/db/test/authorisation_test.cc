/// The stage *authorise*: what each kind of statement says it touches, and that none gets past it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "sagitta/cql/parser.h"

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Notes what is asked, and refuses what names `forbidden`; everything when that is "*".
class StrictAuthoriser final : public Authoriser {
 public:
  Status check(const Identity& who, const Access& access) override {
    static constexpr std::array kActions = {"read", "write", "truncate", "use", "create", "alter", "drop"};
    static constexpr std::array kObjects = {"keyspace", "table", "type", "index"};
    std::string text = std::string(kActions.at(static_cast<size_t>(access.action))) + " " +
                       kObjects.at(static_cast<size_t>(access.object)) + " " + std::string(access.keyspace) + "." +
                       std::string(access.table) + "." + std::string(access.name);
    std::lock_guard lock(mutex_);
    const bool refused = forbidden == "*" || (!forbidden.empty() && text.find(forbidden) != std::string::npos);
    askers.insert(who.user + "@" + who.address);
    asked.push_back(text);
    if (refused) return fail(ErrorCode::kUnauthorized, who.user + " may not " + text);
    return {};
  }

  std::string forbidden;
  std::vector<std::string> asked;
  std::set<std::string> askers;

 private:
  std::mutex mutex_;
};

struct Case {
  const char* statement;
  std::vector<std::string> accesses;
};

/// Each kind of statement of the grammar, and each kind of schema change; all fit the schema of the
/// test.
const std::vector<Case>& cases() {
  static const std::vector<Case> cases = {
      {"SELECT * FROM t WHERE k = 1", {"read table ks.t."}},
      {"SELECT k FROM t ORDER BY v ANN OF [1, 1] LIMIT 1", {"read table ks.t."}},
      {"SELECT key FROM system.local", {"read table system.local."}},
      {"INSERT INTO t (k, a) VALUES (9, 'x')", {"write table ks.t."}},
      {"UPDATE t SET a = 'x' WHERE k = 1", {"write table ks.t."}},
      {"UPDATE t SET a = 'x' WHERE k = 1 IF a = 'y'", {"read table ks.t.", "write table ks.t."}},
      {"INSERT INTO t (k) VALUES (9) IF NOT EXISTS", {"read table ks.t.", "write table ks.t."}},
      {"BEGIN BATCH DELETE FROM t WHERE k = 1 IF EXISTS; APPLY BATCH", {"read table ks.t.", "write table ks.t."}},
      {"UPDATE c SET n = n + 1 WHERE k = 1", {"write table ks.c."}},
      {"DELETE FROM t WHERE k = 1", {"write table ks.t."}},
      {"BEGIN BATCH INSERT INTO t (k) VALUES (9); DELETE FROM u WHERE k = 1; APPLY BATCH",
       {"write table ks.t.", "write table ks.u."}},
      {"TRUNCATE t", {"truncate table ks.t."}},
      {"USE ks", {"use keyspace ks.."}},
      {"DESCRIBE TABLE ks.t", {}},
      {"CREATE KEYSPACE new WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
       {"create keyspace new.."}},
      {"ALTER KEYSPACE ks WITH durable_writes = false", {"alter keyspace ks.."}},
      {"DROP KEYSPACE ks", {"drop keyspace ks.."}},
      {"CREATE TYPE pair (a int)", {"create type ks..pair"}},
      {"ALTER TYPE y ADD b int", {"alter type ks..y"}},
      {"ALTER TYPE y RENAME a TO c", {"alter type ks..y"}},
      {"DROP TYPE y", {"drop type ks..y"}},
      {"CREATE TABLE new (k int PRIMARY KEY)", {"create table ks.new."}},
      {"ALTER TABLE t ADD b int", {"alter table ks.t."}},
      {"ALTER TABLE t DROP a", {"alter table ks.t."}},
      {"ALTER TABLE t RENAME k TO z", {"alter table ks.t."}},
      {"ALTER TABLE t WITH comment = 'x'", {"alter table ks.t."}},
      {"DROP TABLE u", {"drop table ks.u."}},
      {"CREATE CUSTOM INDEX j ON u (v) USING 'sai'", {"create index ks.u.j"}},
      {"DROP INDEX i", {"drop index ks.t.i"}},
      {"DROP INDEX IF EXISTS no", {"drop index ks..no"}},
  };
  return cases;
}

class AuthorisationTest : public DatabaseTest {
 protected:
  AuthorisationTest() {
    machine_.authoriser = &authoriser_;
    reopen();
    use_keyspace();
    must("CREATE TABLE t (k int PRIMARY KEY, a text, v vector<float, 2>)");
    must("CREATE TABLE u (k int PRIMARY KEY, v vector<float, 2>)");
    must("CREATE TABLE c (k int PRIMARY KEY, n counter)");
    must("CREATE TYPE y (a int)");
    must("CREATE CUSTOM INDEX i ON t (v) USING 'sai'");
    must("INSERT INTO t (k, a, v) VALUES (1, 'one', [1, 1])");
    authoriser_.asked.clear();
    authoriser_.askers.clear();
  }
  RequestOptions asked_by_ann() const { return {.keyspace = keyspace_, .who = {.user = "ann", .address = "10.0.0.1"}}; }
  std::string outcome_of_batch(std::vector<BatchItem> items) {
    std::promise<Result<Answer>> done;
    database_->batch(BatchKind::kUnlogged, std::move(items), asked_by_ann(),
                     [&](Result<Answer> answer) { done.set_value(std::move(answer)); });
    return outcome(done.get_future().get());
  }

  StrictAuthoriser authoriser_;
};

TEST_F(AuthorisationTest, TheCasesAreAllKindsOfStatements) {
  std::set<size_t> kinds;
  for (const Case& one : cases()) {
    const auto parsed = cql::parse(one.statement);
    ASSERT_TRUE(parsed) << one.statement;
    kinds.insert(parsed->body.index());
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<decltype(cql::Statement::body)>);
}

TEST_F(AuthorisationTest, EachStatementSaysWhatItTouches) {
  for (const Case& one : cases()) {
    authoriser_.asked.clear();
    const auto prepared = database_->prepare(one.statement, "ks", {.user = "ann", .address = "10.0.0.1"});
    ASSERT_TRUE(prepared) << one.statement << ": " << prepared.error().to_string();
    EXPECT_EQ(authoriser_.asked, one.accesses) << one.statement;
  }
  EXPECT_THAT(authoriser_.askers, ElementsAre("ann@10.0.0.1"));
}

TEST_F(AuthorisationTest, NothingGetsPastOneThatRefusesEverything) {
  std::vector<PreparedPtr> prepared;
  for (const Case& one : cases()) prepared.push_back(database_->prepare(one.statement, "ks").value());
  while (!database_->ready()) std::this_thread::yield();
  const auto before = database_->state();
  authoriser_.forbidden = "*";
  authoriser_.askers.clear();
  for (size_t i = 0; i < cases().size(); ++i) {
    const char* const text = cases()[i].statement;
    if (cases()[i].accesses.empty()) continue;  // for everybody
    const auto refusal = HasSubstr("Unauthorized: ann may not " + cases()[i].accesses[0]);
    EXPECT_THAT(outcome(ask(*database_, text, asked_by_ann())), refusal) << text;
    EXPECT_THAT(outcome(ask_prepared(*database_, prepared[i]->id, asked_by_ann())), refusal) << text;
    EXPECT_THAT(outcome_of_batch({{.text = text, .prepared_id = {}}}), refusal) << text;
    EXPECT_THAT(outcome_of_batch({{.text = {}, .prepared_id = prepared[i]->id}}), refusal) << text;
    const auto again = database_->prepare(text, "ks", asked_by_ann().who);
    ASSERT_FALSE(again) << text;
    EXPECT_THAT(again.error().to_string(), refusal) << text;
    EXPECT_FALSE(database_->prepare("SELECT now() FROM t WHERE k = " + std::to_string(i), "ks"));
  }
  EXPECT_THAT(authoriser_.askers, ElementsAre("@", "ann@10.0.0.1"));
  EXPECT_EQ(database_->state(), before);  // no record of the log, nothing prepared
  authoriser_.forbidden = "";
  EXPECT_THAT(show("SELECT k, a FROM t"), ElementsAre("1|'one'"));
}

TEST_F(AuthorisationTest, ABatchWithOneStatementRefusedChangesNothing) {
  authoriser_.forbidden = "ks.u.";
  const char* const batch = "BEGIN BATCH INSERT INTO t (k) VALUES (9); DELETE FROM u WHERE k = 1; APPLY BATCH";
  EXPECT_THAT(outcome(ask(*database_, batch, asked_by_ann())), HasSubstr("may not write table ks.u."));
  EXPECT_THAT(outcome_of_batch({{.text = "INSERT INTO t (k) VALUES (9)", .prepared_id = {}},
                                {.text = "INSERT INTO u (k) VALUES (9)", .prepared_id = {}}}),
              HasSubstr("may not write table ks.u."));
  EXPECT_THAT(show("SELECT k FROM t"), ElementsAre("1"));
}

}  // namespace
}  // namespace sagitta::db::test
