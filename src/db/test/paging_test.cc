/// Pages of every kind of plan, with writes and restarts between them: a row that stays as it is
/// comes once, in its place. SAGITTA_SEED replays a run.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::SizeIs;

/// t: rows with even k and c stay; the others come and go.
class PagingTest : public DatabaseTest {
 protected:
  PagingTest() {
    const char* const given = std::getenv("SAGITTA_SEED");
    seed_ = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    random_.seed(seed_);
    use_keyspace();
    must("CREATE TABLE t (k int, c int, a int, b int, s int STATIC, w text, PRIMARY KEY (k, c))");
    must("CREATE INDEX ta ON t (a) USING 'sai'");
    must("CREATE INDEX tb ON t (b) USING 'sai'");
    must("CREATE INDEX ts ON t (s) USING 'sai'");
    must("CREATE INDEX tc ON t (c) USING 'sai'");
    for (int k = 0; k < 10; ++k) {
      for (int c = 0; c < 12; ++c) write(k, c);
    }
  }

  void write(int k, int c) {
    must(fmt::format("INSERT INTO t (k, c, a, b, s, w) VALUES ({}, {}, {}, {}, {}, 'w{}')", k, c, c % 3, c % 2 + k % 3,
                     k % 4, c % 5));
  }
  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  /// A row that does not stay is written or deleted, or a partition of such rows deleted.
  void disturb() {
    const int k = below(10), c = k % 2 == 1 ? below(12) : 2 * below(6) + 1;
    switch (below(k % 2 == 1 ? 3 : 2)) {
      case 0: return write(k, c);
      case 1: must(fmt::format("DELETE FROM t WHERE k = {} AND c = {}", k, c)); return;
      default: must(fmt::format("DELETE FROM t WHERE k = {}", k)); return;
    }
  }

  /// A row as it is shown: "4|2|…", of which `keys` columns are of the key.
  static bool stays(const std::string& line, int keys) {
    int k = 0, c = 0;
    std::sscanf(line.c_str(), "%d|%d", &k, &c);
    return k % 2 == 0 && (keys == 1 || c % 2 == 0);
  }
  static std::vector<std::string> staying(std::vector<std::string> lines, int keys) {
    std::erase_if(lines, [&](const std::string& line) { return !stays(line, keys); });
    return lines;
  }

  /// One page; `state` is empty behind the last.
  std::vector<std::string> page(const std::string& text, int size, Bytes& state) {
    RequestOptions options;
    options.page_size = size;
    options.paging_state = state;
    options.keyspace = keyspace_;
    const auto answer = ask(*database_, text, options);
    EXPECT_TRUE(answer) << text << "\n" << answer.error().to_string();
    state.clear();
    if (!answer) return {};
    const auto& rows = std::get<Rows>(answer->body);
    state = rows.paging_state;
    std::vector<std::string> lines;
    for (const auto& row : rows_of(*answer)) {
      std::string line;
      for (size_t i = 0; i < row.size(); ++i) {
        line += (i > 0 ? "|" : "") + types::to_literal(*rows.metadata->columns[i].type, to_view(row[i]));
      }
      lines.push_back(std::move(line));
    }
    EXPECT_LE(lines.size(), static_cast<size_t>(size)) << text;
    return lines;
  }

  void expect_stable(const std::string& text, int keys, int size) {
    SCOPED_TRACE(fmt::format("{} in pages of {}, SAGITTA_SEED={}", text, size, seed_));
    const auto expected = staying(show(text), keys);
    std::vector<std::string> seen;
    Bytes state;
    int pages = 0;
    do {
      const auto lines = page(text, size, state);
      seen.insert(seen.end(), lines.begin(), lines.end());
      for (int i = 0; i < 3; ++i) disturb();
      if (++pages % 4 == 2) reopen();
    } while (!state.empty() && pages < 500);
    EXPECT_EQ(staying(seen, keys), expected);
    EXPECT_THAT(std::set(seen.begin(), seen.end()), SizeIs(seen.size())) << "a row came twice";
  }

  uint64_t seed_;
  std::mt19937_64 random_;
};

struct Case {
  const char* text;
  int keys = 2;  ///< columns of the key that it selects first
};

constexpr Case kCases[] = {
    {"SELECT k, c, a, b, s, w FROM t"},
    {"SELECT k, c FROM t WHERE k = 4"},
    {"SELECT k, c FROM t WHERE k = 4 ORDER BY c DESC"},
    {"SELECT k, c FROM t WHERE k = 4 AND c >= 3 AND c < 11"},
    {"SELECT k, c FROM t WHERE k IN (0, 3, 4, 8)"},
    {"SELECT k, c FROM t WHERE k IN (0, 3, 4, 8) AND c IN (0, 2, 5, 8)"},
    {"SELECT k, c FROM t WHERE token(k) > -4611686018427387904"},
    {"SELECT k, c FROM t PER PARTITION LIMIT 12"},
    {"SELECT DISTINCT k, s FROM t", 1},
    {"SELECT k, min(s) FROM t GROUP BY k", 1},
    {"SELECT k, c, max(a) FROM t GROUP BY k, c"},
    {"SELECT k, c FROM t WHERE a >= 0 AND w = 'w2' ALLOW FILTERING"},
    {"SELECT k, c FROM t WHERE w LIKE '%2' ALLOW FILTERING"},
    {"SELECT k, c FROM t WHERE c > 5 ALLOW FILTERING"},
    {"SELECT k, c FROM t WHERE a = 2"},
    {"SELECT k, c FROM t WHERE a = 2 AND b = 1"},
    {"SELECT k, c FROM t WHERE a >= 1 AND a < 3"},
    {"SELECT k, c FROM t WHERE c = 4"},
    {"SELECT k, c FROM t WHERE s = 2"},
    {"SELECT k, c FROM t WHERE k = 4 AND a = 2"},
    {"SELECT k, c FROM t WHERE a = 2 AND token(k) > 0"},
    {"SELECT k, c, count(*) FROM t WHERE a = 2 GROUP BY k, c"},
    {"SELECT k, c FROM t WHERE a = 2 AND w = 'w2' ALLOW FILTERING"},
};

TEST_F(PagingTest, WhatStaysComesOnceHoweverManyWritesAndRestartsThereAre) {
  for (const Case& one : kCases) {
    for (const int size : {1, 2, 5}) expect_stable(one.text, one.keys, size);
  }
}

TEST_F(PagingTest, ALimitIsOfAllPages) {
  for (const char* text : {"SELECT k, c FROM t LIMIT 17", "SELECT k, c FROM t WHERE a = 2 LIMIT 17",
                           "SELECT k, c, max(a) FROM t GROUP BY k, c LIMIT 17"}) {
    const auto expected = show(text);
    ASSERT_THAT(expected, SizeIs(17));
    RequestOptions options;
    options.page_size = 4;
    EXPECT_EQ(show(text, options), expected) << text;
  }
}

}  // namespace
}  // namespace sagitta::db::test
