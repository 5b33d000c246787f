/// A start that replays a long log: what /readyz says meanwhile, and who is let in.
#include <gmock/gmock.h>

#include <future>
#include <vector>

#include "sagitta/async/worker_pool.h"
#include "sagitta/base/memory_file.h"
#include "sagitta/server/server.h"

#include "sockets.h"

namespace sagitta::server::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

void must(db::Database& database, const std::string& text, const Bytes& value = {}) {
  std::promise<Result<db::Answer>> done;
  db::RequestOptions options;
  if (!value.empty()) options.values = {{.value = value, .unset = false, .name = {}}};
  database.query(text, options, [&](Result<db::Answer> answer) { done.set_value(std::move(answer)); });
  const auto answer = done.get_future().get();
  ASSERT_TRUE(answer) << text << "\n" << answer.error().to_string();
}

class StartTest : public testing::Test {
 protected:
  Result<std::unique_ptr<db::Database>> open(db::Options options) {
    // Nothing but the log outlives a process, so that each start replays all of it.
    options.memory_store = true;
    options.data_dir = "/data";
    return db::Database::open(std::move(options), {*files_, clock_, random_, metrics_, workers_});
  }

  const std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  const SystemClock clock_;
  SeededRandom random_{1};
  MetricsRegistry metrics_;
  async::WorkerPool workers_{2, metrics_};
};

TEST_F(StartTest, ReadyzShowsAReplayWhileItLastsAndCqlIsShut) {
  constexpr int kRows = 320;
  {
    const auto database = open({}).value();
    must(*database, "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    must(*database, "CREATE TABLE ks.t (k int PRIMARY KEY, a text)");
    for (int k = 0; k < kRows; ++k) {
      must(*database, "INSERT INTO ks.t (k, a) VALUES (" + std::to_string(k) + ", ?)", Bytes(65536, 'x'));
    }
  }
  std::unique_ptr<db::Database> database;
  const auto runtime = async::make_runtime(1, metrics_);
  const async::Endpoint cql = spare_endpoint();
  const auto server =
      Server::open_pages({.cql = cql, .http = {"127.0.0.1", 0}}, *runtime, workers_, clock_, metrics_).value();
  const uint16_t http = server->http().port;
  EXPECT_THAT(get_page(http, "/readyz"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("data directory is being opened")));

  std::vector<uint64_t> seen;
  db::Options options;
  options.on_replay = [&](uint64_t applied, uint64_t all) {
    server->show_replay(applied, all);
    seen.push_back(applied);
    const std::string text = std::to_string(applied) + " of " + std::to_string(kRows + 2) + " log records replayed\n";
    EXPECT_THAT(get_page(http, "/readyz"),
                AllOf(StartsWith("HTTP/1.1 503 "), EndsWith("not ready\nstarting: " + text)));
    EXPECT_THAT(get_page(http, "/healthz"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(get_page(http, "/metrics"), HasSubstr("sagitta_"));
    EXPECT_LT(try_connect(cql.port), 0);
  };
  database = open(options).value();
  ASSERT_GE(seen.size(), 5U);
  EXPECT_EQ(seen.front(), 0U);
  EXPECT_EQ(seen.back(), kRows + 2U);
  for (size_t i = 1; i < seen.size(); ++i) EXPECT_LT(seen[i - 1], seen[i]);

  EXPECT_LT(try_connect(cql.port), 0);
  ASSERT_TRUE(server->serve(*database));
  EXPECT_THAT(get_page(http, "/readyz"), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\r\n\r\nready\n")));
  ::close(connect_to(cql.port));
  runtime->stop(0);
}

}  // namespace
}  // namespace sagitta::server::test
