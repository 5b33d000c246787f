/// system_views and its kin: what the process is doing, as a client reads it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "sagitta/base/logging.h"

#include "asked.h"
#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class SystemViewsTest : public DatabaseTest {
 protected:
  void fill(int rows) {
    use_keyspace();
    must("CREATE TABLE t (k int PRIMARY KEY, a text, v vector<float, 2>)");
    for (int k = 0; k < rows; ++k) {
      must(fmt::format("INSERT INTO t (k, a, v) VALUES ({}, 'a{}', [{}, 1])", k, k % 10, k));
    }
  }
  RequestOptions of(const ClientPtr& client) {
    RequestOptions options;
    options.client = client;
    return options;
  }
  double abandoned() { return machine_.metrics.counter("sagitta_reads_abandoned_total", "").value(); }
  double slow() { return machine_.metrics.counter("sagitta_slow_requests_total", "").value(); }
};

TEST_F(SystemViewsTest, ClientsAreThoseThatAreConnected) {
  const char* const all =
      "SELECT address, port, connection_stage, driver_name, keyspace_name, protocol_version, request_count, username "
      "FROM system_views.clients";
  EXPECT_THAT(show(all), IsEmpty());
  ClientPtr ann = database_->connect("10.0.0.1", 4000), bob = database_->connect("::1", 4001);
  ann->start(5, {{"DRIVER_NAME", "a driver"}, {"CQL_VERSION", "3.0.0"}});
  ann->use("ks");
  ann->count_request();
  EXPECT_THAT(show(all), testing::UnorderedElementsAre("'10.0.0.1'|4000|'ready'|'a driver'|'ks'|5|1|'anonymous'",
                                                       "'::1'|4001|'startup'|null|null|0|0|'anonymous'"));
  EXPECT_THAT(show("SELECT client_options FROM system_views.clients WHERE address = '10.0.0.1' AND port = 4000"),
              ElementsAre("{'CQL_VERSION': '3.0.0', 'DRIVER_NAME': 'a driver'}"));
  EXPECT_EQ(ann->endpoint(), "10.0.0.1:4000");
  EXPECT_EQ(bob->endpoint(), "[::1]:4001");
  ann.reset();
  EXPECT_THAT(show("SELECT port FROM system_views.clients"), ElementsAre("4001"));
}

TEST_F(SystemViewsTest, QueriesAreThoseThatRun) {
  const ClientPtr client = database_->connect("10.0.0.1", 4000);
  RequestOptions options = of(client);
  options.page_size = 100;
  EXPECT_THAT(show("SELECT task, client_address, client_port, running_micros FROM system_views.queries", options),
              ElementsAre("'QUERY SELECT task, client_address, client_port, running_micros FROM system_views.queries "
                          "[pageSize = 100] at consistency ONE'|'10.0.0.1'|4000|0"));
  const auto prepared = database_->prepare("SELECT task, keyspace_name FROM system_views.queries", "");
  ASSERT_TRUE(prepared);
  const auto answer = ask_prepared(*database_, (*prepared)->id);
  ASSERT_TRUE(answer);
  EXPECT_EQ(rows_of(*answer)[0][0], "EXECUTE SELECT task, keyspace_name FROM system_views.queries at consistency ONE");
  EXPECT_THAT(show("SELECT thread_id FROM system_views.queries"), ElementsAre(StartsWith("'request-")));
}

TEST_F(SystemViewsTest, ALongTextIsCutBetweenCharacters) {
  const Asked asked{.words = std::string(9, 'a') + "дом"};
  EXPECT_EQ(asked.describe(9), "QUERY aaaaaaaaa...");
  EXPECT_EQ(asked.describe(10), "QUERY aaaaaaaaa...") << "within the first letter";
  EXPECT_EQ(asked.describe(11), "QUERY aaaaaaaaaд...");
  EXPECT_EQ(asked.describe(15), "QUERY aaaaaaaaaдом");
  EXPECT_EQ((Asked{.kind = Asked::Kind::kBatch, .statements = 3}).describe(9), "BATCH of [3] statements");
}

TEST_F(SystemViewsTest, SettingsAreWhatTheProcessWasStartedWith) {
  EXPECT_THAT(show("SELECT * FROM system_views.settings"), IsEmpty());
  Options options;
  options.settings = {{"memory", "2048"}, {"cql", "127.0.0.1:9042"}};
  reopen(options);
  EXPECT_THAT(show("SELECT value FROM system_views.settings WHERE name = 'memory'"), ElementsAre("'2048'"));
  EXPECT_THAT(show("SELECT count(*) FROM system_views.settings"), ElementsAre("2"));
}

TEST_F(SystemViewsTest, PreparedStatementsAreShownAndCounted) {
  fill(1);
  const auto one = database_->prepare("SELECT a FROM t WHERE k = ?", "ks");
  ASSERT_TRUE(one);
  for (int i = 0; i < 3; ++i) {
    RequestOptions options;
    options.values = {bound(types::from_int32(0))};
    EXPECT_TRUE(ask_prepared(*database_, (*one)->id, options));
  }
  EXPECT_FALSE(ask_prepared(*database_, Bytes(16, 'x')));
  EXPECT_THAT(show("SELECT logged_keyspace, query_string FROM system.prepared_statements"),
              ElementsAre("'ks'|'SELECT a FROM t WHERE k = ?'"));
  const auto figure = [&](const char* name) {
    return show(fmt::format("SELECT value FROM system_views.cql_metrics WHERE name = '{}'", name)).at(0);
  };
  EXPECT_EQ(figure("prepared_statements_count"), "1.0");
  EXPECT_EQ(figure("prepared_statements_evicted"), "0.0");
  EXPECT_EQ(figure("prepared_statements_executed"), "4.0");
  EXPECT_THAT(
      show("SELECT entry_count, hit_count, request_count FROM system_views.caches WHERE name = 'prepared_statements'"),
      ElementsAre("1|3|6"))
      << "PREPARE asks for it twice, each EXECUTE once";
}

TEST_F(SystemViewsTest, IndexesShowHowFarTheyAre) {
  fill(30);
  must("CREATE CUSTOM INDEX near ON t (v) USING 'vector_index'");
  must("CREATE CUSTOM INDEX folded ON t (a) USING 'sai' WITH OPTIONS = {'case_sensitive': false}");
  while (!database_->ready()) std::this_thread::yield();
  EXPECT_THAT(show("SELECT index_name, kind, progress, rows, refused, state, table_name, target "
                   "FROM system_views.indexes WHERE keyspace_name = 'ks' AND index_name = 'near'"),
              ElementsAre("'near'|'vector'|1.0|30|0|'serving'|'t'|'v'"));
  EXPECT_THAT(show("SELECT kind, progress, state, target FROM system_views.indexes "
                   "WHERE keyspace_name = 'ks' AND index_name = 'folded'"),
              ElementsAre("'ordered'|1.0|'serving'|'a'"));
  EXPECT_THAT(show("SELECT index_name, analyzer, column_name, is_building, is_queryable, is_string "
                   "FROM system_views.sai_column_indexes WHERE keyspace_name = 'ks'"),
              ElementsAre("'folded'|'NonTokenizingAnalyzer{caseSensitive=false, normalized=false, "
                          "ascii=false}'|'a'|false|true|true",
                          "'near'|'NoOpAnalyzer'|'v'|false|true|false"));
}

TEST_F(SystemViewsTest, TheyAreDescribedAsVirtualTables) {
  EXPECT_THAT(show("SELECT table_name FROM system_virtual_schema.tables WHERE keyspace_name = 'system_views'"),
              ElementsAre("'caches'", "'clients'", "'cql_metrics'", "'indexes'", "'queries'", "'sai_column_indexes'",
                          "'settings'"));
  EXPECT_THAT(show("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = 'system_views'"),
              IsEmpty());
  EXPECT_THAT(error_of("INSERT INTO system_views.settings (name, value) VALUES ('a', 'b')"), StartsWith("Invalid"));
}

TEST_F(SystemViewsTest, AReadEndsWhenItsClientHasLeft) {
  fill(300);
  must("CREATE CUSTOM INDEX near ON t (v) USING 'vector_index'");
  const ClientPtr client = database_->connect("10.0.0.1", 4000);
  EXPECT_THAT(show("SELECT count(*) FROM t", of(client)), ElementsAre("300"));
  client->leave(machine_.clock.steady_us() + 1000);
  EXPECT_THAT(show("SELECT count(*) FROM t", of(client)), ElementsAre("300")) << "it still waits";
  client->leave(machine_.clock.steady_us() + 5000);
  machine_.clock.advance_us(1000);
  EXPECT_EQ(abandoned(), 0);
  for (const char* read :
       {"SELECT count(*) FROM t", "SELECT * FROM t", "SELECT a, count(*) FROM t GROUP BY k",
        "SELECT k FROM t WHERE a = 'a1' ALLOW FILTERING", "SELECT k FROM t ORDER BY v ANN OF [1, 1] LIMIT 3"}) {
    const double before = abandoned();
    EXPECT_THAT(error_of(read, of(client)), StartsWith("ReadTimeout: The client left after 0 rows were read")) << read;
    EXPECT_EQ(abandoned(), before + 1) << read;
  }
  must("INSERT INTO t (k) VALUES (1000)", of(client));
  EXPECT_THAT(show("SELECT k FROM t WHERE k = 1000"), ElementsAre("1000")) << "a write that has come is done";
}

/// Takes its time where a request asks who may do it.
class Slow final : public Authoriser {
 public:
  explicit Slow(ManualClock& clock) : clock_(clock) {}
  Status check(const Identity&, const Access&) override {
    clock_.advance_us(takes_us);
    return {};
  }
  int64_t takes_us = 0;

 private:
  ManualClock& clock_;
};

TEST_F(SystemViewsTest, SlowRequestsAreLogged) {
  Slow slowness(machine_.clock);
  machine_.authoriser = &slowness;
  set_log_level("warn");
  Options options;
  options.slow_query_us = 20'000;
  reopen(options);
  fill(1);
  const ClientPtr client = database_->connect("10.0.0.1", 4000);
  slowness.takes_us = 20'000;
  testing::internal::CaptureStderr();
  must("SELECT a FROM t WHERE k = 1", of(client));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  slowness.takes_us = 20'001;
  testing::internal::CaptureStderr();
  must("SELECT a FROM t WHERE k = 1", of(client));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::EndsWith("warning slow query ms=20 query=\"QUERY SELECT a FROM t WHERE k = 1\" keyspace=ks "
                                "client=10.0.0.1:4000 outcome=done passed_over=0\n"));
  EXPECT_EQ(slow(), 1);
}

TEST_F(SystemViewsTest, LinesOfASecondAreFew) {
  Slow slowness(machine_.clock);
  machine_.authoriser = &slowness;
  set_log_level("warn");
  Options options;
  options.slow_query_us = 1;
  reopen(options);
  fill(1);
  slowness.takes_us = 2;
  testing::internal::CaptureStderr();
  for (int i = 0; i < 50; ++i) must("SELECT a FROM t WHERE k = 1");
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(lines, '\n'), 20);
  machine_.clock.advance_us(1'000'000);
  testing::internal::CaptureStderr();
  must("SELECT a FROM t WHERE k = 1");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::EndsWith("passed_over=30\n"));
  EXPECT_EQ(slow(), 51);
}

}  // namespace
}  // namespace sagitta::db::test
