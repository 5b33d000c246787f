/// Indexes at the limit of memory: what is admitted fits, what is there is served, and room that
/// comes back is used.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

class FullIndexTest : public DatabaseTest {
 protected:
  static constexpr size_t kBytes = size_t{2} << 20;
  static constexpr const char* kNearest = "SELECT k FROM t ORDER BY v ANN OF {} LIMIT 5";

  FullIndexTest() {
    reopen(small());
    use_keyspace();
    must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 64>)");
  }
  static Options small() {
    Options options;
    options.budgets.fresh_lists_bytes = kBytes;
    return options;
  }
  void create_index() {
    must("CREATE CUSTOM INDEX i ON t (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'euclidean'}");
    wait_until_ready();
  }
  void wait_until_ready() {
    while (!database_->ready()) std::this_thread::yield();
  }
  /// Another for each seed.
  static std::string vector(int seed) {
    std::mt19937 random(static_cast<uint32_t>(seed));
    std::string text;
    for (int i = 0; i < 64; ++i) text += fmt::format("{}0.{}", i == 0 ? "[" : ", ", random() % 1000);
    return text + "]";
  }
  std::string put(int k, int seed, const std::string& how = "") {
    return error_of(fmt::format("INSERT INTO t (k, v) VALUES ({}, {}){}", k, vector(seed), how));
  }
  /// Puts rows from `k` on until there is no room; returns the first that found none.
  int fill(int k, const std::string& how = "") {
    for (;; ++k) {
      const std::string answer = put(k, k, how);
      if (answer == "ok") continue;
      EXPECT_NE(answer.find("Overloaded"), std::string::npos) << answer;
      EXPECT_NE(answer.find("2097152"), std::string::npos) << "the limit is to be named: " << answer;
      return k;
    }
  }
  /// Goes on until there are more than `wanted` new rows, or for some time: what was erased becomes
  /// free in the background.
  int fill_patiently(int from, int wanted) {
    int k = fill(from);
    for (int i = 0; i < 500 && k - from <= wanted; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      k = fill(k);
    }
    return k;
  }
  std::string state(const std::string& name) const { return database_->state().at(name); }
  /// The row is found by its vector, through the index.
  void expect_found(int k, int seed) {
    const std::vector<std::string> found = show(fmt::format(fmt::runtime(kNearest), vector(seed)));
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0], std::to_string(k));
  }
  uint64_t exact_scans() {
    return static_cast<uint64_t>(machine_.metrics.counter("sagitta_reads_wide_total", "").value());
  }
};

TEST_F(FullIndexTest, WhatIsAdmittedFitsAndWhatDoesNotIsRefusedByNameAndNumber) {
  create_index();
  const int rows = fill(0);
  EXPECT_GT(rows, 500);
  EXPECT_EQ(state("indexes_full"), "0");
  const uint64_t scans = exact_scans();
  for (int k = 0; k < rows; k += rows / 20) expect_found(k, k);
  EXPECT_EQ(exact_scans(), scans) << "the index is to answer, and not a scan";
  // Rows without a vector need no room.
  EXPECT_EQ(error_of(fmt::format("INSERT INTO t (k) VALUES ({})", rows)), "ok");
}

TEST_F(FullIndexTest, ReplacingGoesOnAtTheLimit) {
  create_index();
  const int rows = fill(0);
  for (int round = 1; round <= 3; ++round) {
    for (int k = 0; k < 200; ++k) ASSERT_EQ(put(k, 100'000 * round + k), "ok") << k;
  }
  for (int k = 0; k < 200; k += 10) expect_found(k, 300'000 + k);
  expect_found(rows - 1, rows - 1);
  EXPECT_EQ(state("indexes_full"), "0");
}

TEST_F(FullIndexTest, DeletedRowsMakeRoomWithoutARestart) {
  create_index();
  const int rows = fill(0);
  for (int k = 0; k < rows / 2; ++k) must(fmt::format("DELETE FROM t WHERE k = {}", k));
  const int again = fill_patiently(rows, rows / 4);
  EXPECT_GT(again - rows, rows / 4);
  expect_found(again - 1, again - 1);
  EXPECT_EQ(state("indexes_full"), "0");
}

TEST_F(FullIndexTest, ExpiredRowsMakeRoomWithoutARestart) {
  create_index();
  const int rows = fill(0, " USING TTL 100");
  machine_.clock.advance_us(200'000'000);
  // They are taken out as records come; these need no room.
  for (int i = 0; i < 40; ++i) {
    machine_.clock.advance_us(1'100'000);
    must("INSERT INTO t (k) VALUES (-1)");
  }
  const int again = fill_patiently(rows, rows / 2);
  EXPECT_GT(again - rows, rows / 2);
  expect_found(again - 1, again - 1);
}

TEST_F(FullIndexTest, OneThatDoesNotFitAtItsBuildIsSaidAndRowsAnswer) {
  for (int k = 0; k < 8'000; ++k) must(fmt::format("INSERT INTO t (k, v) VALUES ({}, {})", k, vector(k)));
  create_index();
  EXPECT_EQ(state("indexes_full"), "1");
  const Answer answer = must(fmt::format(fmt::runtime(kNearest), vector(77)));
  ASSERT_EQ(answer.warnings.size(), 1U);
  EXPECT_EQ(answer.warnings[0], "Index i does not fit into memory: the query reads all rows");
  expect_found(77, 77);
  // And after a restart.
  reopen(small());
  wait_until_ready();
  EXPECT_EQ(state("indexes_full"), "1");
  expect_found(77, 77);
  EXPECT_EQ(put(9'000, 9'000), "ok");
}

}  // namespace
}  // namespace sagitta::db::test
