/// The embedded database from outside: statements in, answers out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagitta/types/value.h"

#include "../data_directory.h"
#include "../traces.h"
#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(DatabaseTest, WritesAndReadsByKey) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY, a text)");
  must("INSERT INTO t (k, a) VALUES (1, 'one')");
  must("INSERT INTO t (k, a) VALUES (2, 'two')");
  EXPECT_THAT(show("SELECT a FROM t WHERE k = 1"), ElementsAre("'one'"));
  EXPECT_THAT(show("SELECT a FROM t WHERE k = 3"), ElementsAre());
  must("UPDATE t SET a = 'uno' WHERE k = 1");
  must("DELETE FROM t WHERE k = 2");
  EXPECT_THAT(show("SELECT k, a FROM t"), ElementsAre("1|'uno'"));
}

TEST_F(DatabaseTest, KeepsEverythingOverARestart) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY, a text)");
  must("INSERT INTO t (k, a) VALUES (1, 'one')");
  const Uuid host = database_->host_id();
  reopen();
  EXPECT_EQ(database_->host_id(), host);
  EXPECT_THAT(show("SELECT a FROM t WHERE k = 1"), ElementsAre("'one'"));
  must("INSERT INTO t (k, a) VALUES (2, 'two')");
  EXPECT_EQ(show("SELECT a FROM t").size(), 2U);
}

TEST_F(DatabaseTest, DescribesItself) {
  EXPECT_THAT(show("SELECT key, release_version, data_center, rack FROM system.local"),
              ElementsAre("'local'|'5.0.0'|'datacenter1'|'rack1'"));
  EXPECT_THAT(show("SELECT cluster_name FROM system.local WHERE key = 'local'"), ElementsAre("'Sagitta'"));
  EXPECT_THAT(show("SELECT * FROM system.peers_v2"), ElementsAre());
  EXPECT_EQ(show("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system'").size(), 4U);
  EXPECT_THAT(
      show("SELECT type, position, clustering_order FROM system_schema.columns WHERE keyspace_name = 'system' AND "
           "table_name = 'peers_v2' AND column_name = 'peer_port'"),
      ElementsAre("'int'|0|'asc'"));
  EXPECT_THAT(error_of("SELECT * FROM system.nothing"), HasSubstr("Invalid: "));
  EXPECT_THAT(error_of("INSERT INTO system.local (key) VALUES ('x')"), HasSubstr("not user-modifiable"));
}

TEST_F(DatabaseTest, SchemaVersionChangesWithEachChange) {
  const auto before = show("SELECT schema_version FROM system.local");
  use_keyspace();
  const auto between = show("SELECT schema_version FROM system.local");
  must("CREATE TABLE t (k int PRIMARY KEY)");
  EXPECT_NE(before, between);
  EXPECT_NE(between, show("SELECT schema_version FROM system.local"));
}

TEST_F(DatabaseTest, SystemTablesTakePreparedFiltersAndPages) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 3>)");
  auto prepared = database_->prepare("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name IN ?", "");
  ASSERT_TRUE(prepared) << prepared.error().to_string();
  RequestOptions options;
  options.values = {bound(types::pack_list(std::vector<Bytes>{"ks", "system", "no"}))};
  auto answer = ask_prepared(*database_, (*prepared)->id, options);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(rows_of(*answer).size(), 2U);
  EXPECT_THAT(show("SELECT type FROM system_schema.columns WHERE keyspace_name = 'ks' AND table_name = 't' AND "
                   "column_name = 'v'"),
              ElementsAre("'vector<float, 3>'"));
  const auto all = show("SELECT keyspace_name, table_name, column_name FROM system_schema.columns");
  RequestOptions paged;
  paged.page_size = 7;
  pages_ = 0;
  EXPECT_EQ(show("SELECT keyspace_name, table_name, column_name FROM system_schema.columns", paged), all);
  EXPECT_GT(pages_, 10);
}

TEST_F(DatabaseTest, AnswersSchemaChangesAndTellsListeners) {
  std::vector<std::string> heard;
  auto handle = database_->on_schema_change([&](const SchemaChangeEvent& event) {
    heard.push_back(event.change + " " + event.target + " " + event.keyspace + " " + event.name);
  });
  use_keyspace();
  auto answer = must("CREATE TABLE t (k int PRIMARY KEY)");
  const auto* change = std::get_if<SchemaChangeEvent>(&answer.body);
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->name, "t");
  auto again = must("CREATE TABLE IF NOT EXISTS t (k int PRIMARY KEY)");
  EXPECT_TRUE(std::holds_alternative<Void>(again.body));
  EXPECT_THAT(heard, ElementsAre("CREATED KEYSPACE ks ", "CREATED TABLE ks t"));
  EXPECT_THAT(error_of("CREATE TABLE t (k int PRIMARY KEY)"), HasSubstr("AlreadyExists"));
  handle.reset();
  must("DROP TABLE t");
  EXPECT_EQ(heard.size(), 2U);
}

TEST_F(DatabaseTest, PreparedStatementsFollowTheSchema) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY, a text)");
  auto insert = database_->prepare("INSERT INTO t (k, a) VALUES (?, ?)", "ks");
  auto read = database_->prepare("SELECT * FROM t WHERE k = ?", "ks");
  ASSERT_TRUE(insert && read);
  EXPECT_EQ((*insert)->markers.size(), 2U);
  EXPECT_THAT((*read)->pk_indexes, ElementsAre(0));
  RequestOptions options;
  options.values = {bound(types::from_int32(1)), bound("one")};
  ASSERT_TRUE(ask_prepared(*database_, (*insert)->id, options));
  options.values = {bound(types::from_int32(1)), {.value = {}, .unset = true, .name = {}}};
  ASSERT_TRUE(ask_prepared(*database_, (*insert)->id, options));
  EXPECT_THAT(show("SELECT a FROM t"), ElementsAre("'one'"));
  must("ALTER TABLE t ADD b int");
  options.values = {bound(types::from_int32(1))};
  auto answer = ask_prepared(*database_, (*read)->id, options);
  ASSERT_TRUE(answer) << answer.error().to_string();
  const auto& metadata = *std::get<Rows>(answer->body).metadata;
  EXPECT_EQ(metadata.columns.size(), 3U);
  EXPECT_NE(metadata.id, (*read)->result->id);
  auto unknown = ask_prepared(*database_, "0123456789abcdef");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kUnprepared);
  EXPECT_EQ(unknown.error().subject(), "0123456789abcdef");
}

TEST_F(DatabaseTest, PagesSurviveARestartAndRefuseDamage) {
  use_keyspace();
  must("CREATE TABLE t (k int, c int, s int static, PRIMARY KEY (k, c))");
  for (int k = 0; k < 5; ++k) {
    for (int c = 0; c < 10; ++c) must(fmt::format("INSERT INTO t (k, c, s) VALUES ({}, {}, {})", k, c, k * 100));
  }
  RequestOptions options;
  options.page_size = 7;
  options.keyspace = "ks";
  const std::string text = "SELECT k, c, s FROM t";
  std::vector<RowValues> rows;
  for (;;) {
    auto answer = ask(*database_, text, options);
    ASSERT_TRUE(answer) << answer.error().to_string();
    for (auto& row : rows_of(*answer)) rows.push_back(std::move(row));
    options.paging_state = std::get<Rows>(answer->body).paging_state;
    if (options.paging_state.empty()) break;
    reopen();
  }
  EXPECT_EQ(rows.size(), 50U);
  for (const auto& row : rows) EXPECT_EQ(types::to_int32(*row[2]), 100 * types::to_int32(*row[0]));
  auto first = ask(*database_, text, {.keyspace = "ks", .page_size = 7});
  Bytes state = std::get<Rows>(first->body).paging_state;
  ASSERT_FALSE(state.empty());
  for (size_t i = 0; i < state.size(); ++i) {
    options.paging_state = state;
    options.paging_state[i] = static_cast<char>(options.paging_state[i] ^ 1);
    auto damaged = ask(*database_, text, options);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().code(), ErrorCode::kProtocol);
  }
  options.paging_state = state;
  EXPECT_THAT(error_of("SELECT c FROM t", options), HasSubstr("another statement"));
}

TEST_F(DatabaseTest, ReadsRangesBackwardsDistinctAndAggregates) {
  use_keyspace();
  must("CREATE TABLE t (k int, c int, s int static, r int, PRIMARY KEY (k, c))");
  for (int k = 0; k < 3; ++k) {
    for (int c = 0; c < 5; ++c)
      must(fmt::format("INSERT INTO t (k, c, s, r) VALUES ({0}, {1}, {0}, {2})", k, c, c * 10));
  }
  must("INSERT INTO t (k, s) VALUES (9, 9)");
  EXPECT_THAT(show("SELECT c FROM t WHERE k = 1 AND c > 1 AND c <= 3"), ElementsAre("2", "3"));
  EXPECT_THAT(show("SELECT c FROM t WHERE k = 1 ORDER BY c DESC LIMIT 2"), ElementsAre("4", "3"));
  EXPECT_THAT(show("SELECT c FROM t WHERE k = 1 AND c IN (4, 0)"), ElementsAre("0", "4"));
  EXPECT_THAT(show("SELECT k, c, s FROM t WHERE k = 9"), ElementsAre("9|null|9"));
  EXPECT_EQ(show("SELECT DISTINCT k, s FROM t").size(), 4U);
  EXPECT_THAT(show("SELECT count(*) FROM t WHERE k IN (0, 1)"), ElementsAre("10"));
  EXPECT_THAT(show("SELECT max(r), min(r), sum(r) FROM t WHERE k = 2"), ElementsAre("40|0|100"));
  EXPECT_THAT(show("SELECT k, c FROM t WHERE k IN (0, 1, 2) PER PARTITION LIMIT 1").size(), 3U);
  EXPECT_EQ(show("SELECT k, c FROM t WHERE r = 20 ALLOW FILTERING").size(), 3U);
  EXPECT_EQ(show("SELECT k FROM t WHERE token(k) >= -9223372036854775807").size(), 16U);
  EXPECT_THAT(show("SELECT k, c FROM t WHERE k = 0 AND c = 7"), ElementsAre());
}

TEST_F(DatabaseTest, BatchesAreOneWrite) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY, a text)");
  must("BEGIN BATCH INSERT INTO t (k, a) VALUES (1, 'a'); INSERT INTO t (k, a) VALUES (2, 'b'); APPLY BATCH");
  EXPECT_EQ(show("SELECT k FROM t").size(), 2U);
  auto prepared = database_->prepare("INSERT INTO t (k, a) VALUES (?, ?)", "ks");
  ASSERT_TRUE(prepared);
  std::vector<BatchItem> items(2);
  items[0].prepared_id = (*prepared)->id;
  items[0].values = {bound(types::from_int32(3)), bound("c")};
  items[1].text = "DELETE FROM t WHERE k = 1";
  std::optional<Result<Answer>> got;
  std::mutex mutex;
  std::condition_variable changed;
  database_->batch(BatchKind::kLogged, items, {.keyspace = "ks"}, [&](Result<Answer> answer) {
    std::lock_guard lock(mutex);
    got = std::move(answer);
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return got.has_value(); });
  ASSERT_TRUE(*got) << got->error().to_string();
  EXPECT_THAT(show("SELECT a FROM t WHERE k IN (1, 2, 3)").size(), 2U);
}

TEST_F(DatabaseTest, FindsNearestRows) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>, ok boolean)");
  for (int k = 1; k <= 20; ++k)
    must(fmt::format("INSERT INTO t (k, v, ok) VALUES ({}, [{}, 1], {})", k, k, k % 2 == 0));
  must("CREATE CUSTOM INDEX i ON t (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'euclidean'}");
  EXPECT_THAT(show("SELECT k FROM t ORDER BY v ANN OF [7.2, 1] LIMIT 3"), ElementsAre("7", "8", "6"));
  EXPECT_THAT(show("SELECT k FROM t WHERE ok = true ORDER BY v ANN OF [7.2, 1] LIMIT 2 ALLOW FILTERING"),
              ElementsAre("8", "6"));
  must("DELETE FROM t WHERE k = 7");
  must("UPDATE t SET v = [100, 100] WHERE k = 8");
  EXPECT_THAT(show("SELECT k FROM t ORDER BY v ANN OF [7.2, 1] LIMIT 2"), ElementsAre("6", "9"));
  EXPECT_THAT(show("SELECT k FROM t WHERE k = 20 ORDER BY v ANN OF [7.2, 1] LIMIT 2"), ElementsAre("20"));
  must("TRUNCATE t");
  EXPECT_THAT(show("SELECT k FROM t ORDER BY v ANN OF [7.2, 1] LIMIT 2"), ElementsAre());
  must("INSERT INTO t (k, v) VALUES (1, [1, 1])");
  reopen();
  EXPECT_THAT(show("SELECT k FROM t ORDER BY v ANN OF [7.2, 1] LIMIT 2"), ElementsAre("1"));
}

TEST_F(DatabaseTest, CountsSearchesByPathAndTheWorkTheyTook) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>)");
  must("CREATE CUSTOM INDEX i ON t (v) USING 'vector_index'");
  for (int k = 1; k <= 3; ++k) must(fmt::format("INSERT INTO t (k, v) VALUES ({}, [{}, 1])", k, k));
  EXPECT_EQ(show("SELECT k FROM t ORDER BY v ANN OF [1, 1] LIMIT 2").size(), 2U);
  EXPECT_EQ(show("SELECT k FROM t WHERE k = 1 ORDER BY v ANN OF [1, 1] LIMIT 2").size(), 1U);
  const std::string metrics = machine_.metrics.render();
  EXPECT_THAT(metrics, HasSubstr("sagitta_ann_queries_total{path=\"exact\"} 2\n"));
  EXPECT_THAT(metrics, HasSubstr("sagitta_ann_queries_total{path=\"graph\"} 0\n"));
  EXPECT_THAT(metrics, HasSubstr("sagitta_ann_nodes_visited_total 0\n"));
}

TEST_F(DatabaseTest, RefusesBadVectorsAndGoesOn) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>)");
  must("CREATE CUSTOM INDEX i ON t (v) USING 'sai'");
  must("INSERT INTO t (k, v) VALUES (1, [1, 1])");
  EXPECT_THAT(error_of("INSERT INTO t (k, v) VALUES (2, [0, 0])"), HasSubstr("Invalid: "));
  EXPECT_THAT(error_of("SELECT k FROM t ORDER BY v ANN OF [0, 0] LIMIT 1"), HasSubstr("Invalid: "));
  EXPECT_THAT(error_of("SELECT k FROM t ORDER BY v ANN OF [NaN, 1] LIMIT 1"), HasSubstr("Invalid: "));
  EXPECT_THAT(error_of("INSERT INTO t (k, v) VALUES (2, [1, 2, 3])"), HasSubstr("expected 2 elements"));
  for (int i = 0; i < 100; ++i) ASSERT_THAT(show("SELECT k FROM t ORDER BY v ANN OF [1, 2] LIMIT 1"), ElementsAre("1"));
}

TEST_F(DatabaseTest, TracesARequest) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY)");
  RequestOptions options;
  options.tracing = true;
  options.who.address = "127.0.0.1";
  auto answer = must("SELECT * FROM t WHERE k = 1", options);
  ASSERT_TRUE(answer.tracing_id.has_value());
  const std::string id = to_string(*answer.tracing_id);
  EXPECT_THAT(show("SELECT request, client, coordinator FROM system_traces.sessions WHERE session_id = " + id),
              ElementsAre("'Execute CQL3 query'|'127.0.0.1'|'127.0.0.1'"));
  EXPECT_GE(show("SELECT activity, source FROM system_traces.events WHERE session_id = " + id).size(), 2U);
}

TEST(Traces, ALongTextEndsBetweenCharacters) {
  Machine machine(1);
  TimeUuidSource ids(machine.clock, machine.random);
  TraceRing traces(machine.clock, ids);
  const auto session = traces.begin("127.0.0.1", "", {});
  const std::string start(TraceRing::kTextBytesMax - 1, 'x');
  session->event(start + "\u20ac");
  EXPECT_EQ(session->record().events[0].activity, start);
}

TEST_F(DatabaseTest, WritesGoOnWhenTheClockWasSetBack) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY)");
  RequestOptions options;
  options.deadline = Deadline::in_us(machine_.clock, 10'000'000);
  must("INSERT INTO t (k) VALUES (1)", options);
  machine_.clock.advance_us(-3'600'000'000);
  options.deadline = Deadline::in_us(machine_.clock, 10'000'000);
  must("INSERT INTO t (k) VALUES (2)", options);
  EXPECT_EQ(show("SELECT * FROM t").size(), 2u);
}

TEST_F(DatabaseTest, TimesOutAndStops) {
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY)");
  RequestOptions options;
  options.deadline = Deadline{machine_.clock.steady_us() - 1'000'000};
  EXPECT_THAT(error_of("INSERT INTO t (k) VALUES (1)", options), HasSubstr("WriteTimeout"));
  EXPECT_TRUE(show("SELECT k FROM t").empty());
  ASSERT_TRUE(database_->stop());
  EXPECT_THAT(error_of("SELECT k FROM t"), HasSubstr("Unavailable"));
}

TEST(DataDirectory, IsLockedAndChecked) {
  Machine machine(1);
  {
    auto first = machine.open();
    ASSERT_TRUE(first);
    auto second = machine.open();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::kLocked);
    EXPECT_EQ(second.error().message(), "/data is in use by another process");
  }
  DirectoryFormat newer;
  newer.format = kDirectoryFormat + 1;
  ASSERT_TRUE(write_file_atomically(*machine.files, "/data/FORMAT", encode_directory_format(newer)));
  auto refused = machine.open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFormat);
  ASSERT_TRUE(write_file_atomically(*machine.files, "/data/FORMAT", "sagitta data directory\nformat=x\n"));
  EXPECT_EQ(machine.open().error().code(), ErrorCode::kCorruption);
  ASSERT_TRUE(machine.files->remove("/data/FORMAT"));
  EXPECT_EQ(machine.open().error().code(), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace sagitta::db::test
