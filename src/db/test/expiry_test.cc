/// The time that a client gives (protocol v5, now_in_seconds) in place of the server's clock.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kNowS = 1'700'000'000;

class ClientTime : public DatabaseTest {
 protected:
  ClientTime() {
    use_keyspace();
    must("CREATE TABLE t (k int PRIMARY KEY, a int, v vector<float, 2>)");
  }
  static RequestOptions at(int64_t now_s) {
    RequestOptions options;
    options.now_s = now_s;
    return options;
  }
};

TEST_F(ClientTime, DecidesWhatReadsSee) {
  must("INSERT INTO t (k, a) VALUES (1, 1) USING TTL 100");
  EXPECT_THAT(show("SELECT a, ttl(a) FROM t"), ElementsAre("1|100"));
  EXPECT_THAT(show("SELECT a, ttl(a) FROM t", at(kNowS + 60)), ElementsAre("1|40"));
  EXPECT_THAT(show("SELECT a FROM t WHERE k = 1", at(kNowS + 100)), IsEmpty());
  EXPECT_THAT(show("SELECT count(*) FROM t", at(kNowS + 100)), ElementsAre("0"));
  EXPECT_THAT(show("SELECT a FROM t"), ElementsAre("1"));
}

TEST_F(ClientTime, BeginsWhatWritesLetLive) {
  must("INSERT INTO t (k, a) VALUES (1, 1) USING TTL 100", at(kNowS + 1000));
  EXPECT_THAT(show("SELECT ttl(a) FROM t"), ElementsAre("1100"));
  must("INSERT INTO t (k, a) VALUES (2, 2) USING TTL 100", at(kNowS - 1000));
  EXPECT_THAT(show("SELECT k FROM t"), ElementsAre("1"));
  EXPECT_THAT(show("SELECT a, ttl(a) FROM t WHERE k = 2", at(kNowS - 950)), ElementsAre("2|50"));
}

TEST_F(ClientTime, HoldsForAWholeBatch) {
  std::promise<Result<Answer>> answer;
  RequestOptions options = at(kNowS + 500);
  options.keyspace = "ks";
  std::vector<BatchItem> items = {{.text = "INSERT INTO t (k, a) VALUES (1, 1) USING TTL 10", .prepared_id = {}},
                                  {.text = "UPDATE t USING TTL 20 SET a = 2 WHERE k = 2", .prepared_id = {}}};
  database_->batch(BatchKind::kLogged, std::move(items), std::move(options),
                   [&](Result<Answer> given) { answer.set_value(std::move(given)); });
  ASSERT_TRUE(answer.get_future().get());
  EXPECT_THAT(show("SELECT ttl(a) FROM t"), testing::UnorderedElementsAre("510", "520"));
}

TEST_F(ClientTime, DecidesWhatAnAnnQueryFinds) {
  must("CREATE CUSTOM INDEX t_v ON t (v) USING 'sai' WITH OPTIONS = {'similarity_function': 'euclidean'}");
  must("INSERT INTO t (k, v) VALUES (1, [1, 0]) USING TTL 100");
  must("INSERT INTO t (k, v) VALUES (2, [0, 1])");
  const std::string query = "SELECT k FROM t ORDER BY v ANN OF [1, 0] LIMIT 2";
  EXPECT_THAT(show(query), ElementsAre("1", "2"));
  EXPECT_THAT(show(query, at(kNowS + 99)), ElementsAre("1", "2"));
  EXPECT_THAT(show(query, at(kNowS + 100)), ElementsAre("2"));
}

}  // namespace
}  // namespace sagitta::db::test
