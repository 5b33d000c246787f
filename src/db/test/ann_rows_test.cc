/// How many rows an ANN query reads: none where the index tells all, else each of the answer once.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "sagitta/types/value.h"

#include "harness.h"

namespace sagitta::db::test {
namespace {

constexpr std::string_view kQuery = "[7.2, 1]";

class AnnRowsTest : public testing::Test {
 protected:
  AnnRowsTest() {
    database_ = machine_.open({.rows_deleted_at_once = 3}).value();
    must("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    must("CREATE TABLE k.t (p int, c int, name text, v vector<float, 2>, PRIMARY KEY (p, c))");
    must("CREATE CUSTOM INDEX i ON k.t (v) USING 'sai' WITH OPTIONS = {'similarity_function': 'euclidean'}");
    for (int n = 0; n < 200; ++n) {
      must(fmt::format("INSERT INTO k.t (p, c, name, v) VALUES ({}, {}, 'n{}', [{}, {}])", n % 10, n, n, n % 20,
                       n / 20));
    }
    while (!database_->ready()) std::this_thread::yield();
  }
  void must(const std::string& text) {
    const auto answer = ask(*database_, text);
    ASSERT_TRUE(answer) << text << ": " << answer.error().to_string();
  }
  /// The rows of an ANN query over the whole table, with "candidates" of its trace: rows looked at.
  std::pair<std::vector<RowValues>, int> nearest(const std::string& selected, const std::string& where = "") {
    RequestOptions options;
    options.tracing = true;
    const auto answer = ask(*database_,
                            fmt::format("SELECT {} FROM k.t {} ORDER BY v ANN OF {} LIMIT 10 {}", selected, where,
                                        kQuery, where.empty() ? "" : "ALLOW FILTERING"),
                            options);
    EXPECT_TRUE(answer) << answer.error().to_string();
    const auto events = select(
        *database_, "SELECT activity FROM system_traces.events WHERE session_id = " + to_string(*answer->tracing_id));
    for (const RowValues& event : events) {
      const auto& activity = *event[0];
      const auto end = activity.find(" candidates");
      if (end == Bytes::npos) continue;
      const auto begin = activity.rfind(' ', end - 1) + 1;
      return {rows_of(*answer), std::stoi(std::string(activity.substr(begin, end - begin)))};
    }
    ADD_FAILURE() << "no trace of the search";
    return {};
  }

  Machine machine_{1};
  std::unique_ptr<Database> database_;
};

TEST_F(AnnRowsTest, KeysAndTheScoreAreReadFromTheIndexAlone) {
  EXPECT_EQ(nearest("p, c").second, 0);
  EXPECT_EQ(nearest(fmt::format("c, similarity_euclidean(v, {})", kQuery)).second, 0);
  EXPECT_EQ(nearest(fmt::format("c, similarity_euclidean({}, v)", kQuery)).second, 0);
}

TEST_F(AnnRowsTest, WhatElseIsSelectedCostsEachRowOnce) {
  EXPECT_EQ(nearest("*").second, 10);
  EXPECT_EQ(nearest("c, name").second, 10);
  EXPECT_EQ(nearest("c, similarity_euclidean(v, [7, 1])").second, 10) << "another vector";
  EXPECT_EQ(nearest(fmt::format("c, similarity_cosine(v, {})", kQuery)).second, 10) << "another function";
  EXPECT_EQ(nearest("c, writetime(v)").second, 10);
}

TEST_F(AnnRowsTest, TheIndexAloneGivesWhatTheRowsGive) {
  const auto score = fmt::format("similarity_euclidean(v, {})", kQuery);
  const auto alone = nearest("p, c, " + score);
  const auto fetched = nearest("p, c, " + score + ", name");
  ASSERT_EQ(alone.second, 0);
  ASSERT_EQ(alone.first.size(), fetched.first.size());
  for (size_t i = 0; i < alone.first.size(); ++i) {
    EXPECT_EQ(alone.first[i][0], fetched.first[i][0]);
    EXPECT_EQ(alone.first[i][1], fetched.first[i][1]);
    EXPECT_EQ(alone.first[i][2], fetched.first[i][2]);
  }
}

TEST_F(AnnRowsTest, RowsOfOneScoreAreInTheOrderOfTheirKeys) {
  for (int c = 900; c > 890; --c) must(fmt::format("INSERT INTO k.t (p, c, v) VALUES (1, {}, [7.2, 1])", c));
  for (const char* selected : {"c", "c, name"}) {
    const auto found = nearest(selected).first;
    ASSERT_EQ(found.size(), 10U);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(found[static_cast<size_t>(i)][0], Value(types::from_int32(891 + i)));
  }
}

TEST_F(AnnRowsTest, DeletedReplacedAndExpiredRowsAreNotAnswered) {
  const auto keys = [this] {
    std::vector<Value> found;
    for (const RowValues& row : nearest("c").first) found.push_back(row[0]);
    return found;
  };
  must("DELETE FROM k.t WHERE p = 7 AND c = 27");
  must("UPDATE k.t SET v = [1000, 1000] WHERE p = 8 AND c = 28");
  must("INSERT INTO k.t (p, c, v) VALUES (6, 26, [7.1, 1]) USING TTL 10");
  EXPECT_EQ(keys()[0], Value(types::from_int32(26)));
  machine_.clock.advance_us(11'000'000);
  for (const Value& key : keys()) {
    for (const int32_t gone : {26, 27, 28}) EXPECT_NE(key, Value(types::from_int32(gone)));
  }
  EXPECT_EQ(keys().size(), 10U);
}

TEST_F(AnnRowsTest, RowsThatADeletionHasNotComeToAreNotAnswered) {
  for (int partition = 0; partition < 10; ++partition) {
    must(fmt::format("DELETE FROM k.t WHERE p = {}", partition));
    const auto found = nearest("p, c").first;
    EXPECT_EQ(found.size(), partition == 9 ? 0U : 10U);
    for (const RowValues& row : found) {
      EXPECT_GT(row[0], Value(types::from_int32(partition))) << "deleted partitions are 0 to " << partition;
    }
  }
}

}  // namespace
}  // namespace sagitta::db::test
