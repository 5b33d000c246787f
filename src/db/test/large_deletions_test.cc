/// Deletions of many rows, which go on with later records: no query sees what they have not come to
/// yet.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace sagitta::db::test {
namespace {

class LargeDeletionsTest : public testing::Test {
 protected:
  LargeDeletionsTest() {
    open();
    write("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    write("CREATE TABLE k.t (p int, c int, v vector<float, 2>, PRIMARY KEY (p, c))");
    write(
        "CREATE CUSTOM INDEX t_v ON k.t (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'euclidean'}");
    for (int32_t c = 0; c < kRows; ++c) insert(1, c);
    for (int32_t c = 0; c < 3; ++c) insert(2, kRows + c);
  }
  void open() {
    Options options;
    options.rows_deleted_at_once = 10;
    auto opened = machine_.open(options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
  }
  void write(const std::string& text) {
    const auto answer = ask(*database_, text);
    ASSERT_TRUE(answer) << text << ": " << outcome(answer);
  }
  void insert(int32_t p, int32_t c) {
    write(fmt::format("INSERT INTO k.t (p, c, v) VALUES ({}, {}, [{}, 1])", p, c, c));
  }
  size_t rows(const std::string& text) { return select(*database_, text).size(); }
  /// Rows of partition 1 are the nearest ones.
  std::vector<RowValues> nearest(const std::string& columns) {
    return select(*database_, "SELECT " + columns + " FROM k.t ORDER BY v ANN OF [0, 1] LIMIT 3");
  }

  static constexpr int32_t kRows = 2000;
  Machine machine_{11};
  std::unique_ptr<Database> database_;
};

TEST_F(LargeDeletionsTest, NoReadSeesRowsOfADeletedPartition) {
  write("DELETE FROM k.t WHERE p = 1");
  for (const char* columns : {"p", "p, c", "p, v", "p"}) {
    const auto found = nearest(columns);
    ASSERT_EQ(found.size(), 3u) << columns;
    for (const RowValues& row : found) EXPECT_EQ(row[0], Bytes("\0\0\0\2", 4)) << columns;
  }
  EXPECT_EQ(rows("SELECT * FROM k.t WHERE p = 1"), 0u);
  EXPECT_EQ(rows("SELECT * FROM k.t"), 3u);
  insert(1, 5);
  EXPECT_EQ(rows("SELECT * FROM k.t WHERE p = 1"), 1u);
}

TEST_F(LargeDeletionsTest, TheyGoOnAfterARestart) {
  write("DELETE FROM k.t WHERE p = 1 AND c < 1900");
  ASSERT_TRUE(database_->stop());
  database_.reset();
  open();
  EXPECT_EQ(rows("SELECT * FROM k.t"), 103u);
  write("TRUNCATE k.t");
  EXPECT_EQ(rows("SELECT * FROM k.t"), 0u);
  insert(1, 7);
  EXPECT_EQ(rows("SELECT * FROM k.t"), 1u);
  EXPECT_EQ(nearest("p").size(), 1u);
  write("DROP TABLE k.t");
}

}  // namespace
}  // namespace sagitta::db::test
