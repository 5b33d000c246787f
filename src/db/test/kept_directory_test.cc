/// Data directories that earlier versions wrote, kept in test/data: they open, read as they did,
/// and are written to.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "sagitta/types/value.h"

#include "harness.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A little after the last write into the kept directory: its deletions are within their grace
/// period.
constexpr int64_t kReadAtUs = 1'796'000'000'000'000;

/// The answer's rows as CQL literals.
std::vector<std::string> shown(Database& database, const std::string& text) {
  auto answer = ask(database, text);
  EXPECT_TRUE(answer) << text << ": " << outcome(answer);
  std::vector<std::string> lines;
  if (!answer) return lines;
  const auto& columns = std::get<Rows>(answer->body).metadata->columns;
  for (const RowValues& row : rows_of(*answer)) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += (i == 0 ? "" : " ") + (row[i] ? types::to_literal(*columns[i].type, to_view(row[i])) : "null");
    }
    lines.push_back(line);
  }
  return lines;
}

/// The directory of commit 4427f98, format 1 and features 1: stopped once, then killed with records
/// that are only in the log.
class KeptDirectoryTest : public testing::Test {
 protected:
  KeptDirectoryTest() {
    machine_.clock.advance_us(kReadAtUs - machine_.clock.now_us());
    const std::filesystem::path kept = std::filesystem::path(SAGITTA_SOURCE_DIR) / "test/data/directory_v1";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kept)) {
      const std::string to = "/data/" + std::filesystem::relative(entry.path(), kept).string();
      if (entry.is_directory()) {
        EXPECT_TRUE(machine_.files->make_directories(to));
        continue;
      }
      std::ifstream in(entry.path(), std::ios::binary);
      const Bytes content{std::istreambuf_iterator<char>(in), {}};
      EXPECT_TRUE(write_file_atomically(*machine_.files, to, content));
    }
  }
  void open() {
    machine_.partitions.reset();  // as the directory has them
    auto opened = machine_.open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
  }
  void reopen() {
    ASSERT_TRUE(database_->stop());
    database_.reset();
    open();
  }
  std::vector<std::string> show(const std::string& text) { return shown(*database_, text); }
  void write(const std::string& text) {
    const auto answer = ask(*database_, text);
    ASSERT_TRUE(answer) << text << ": " << outcome(answer);
  }
  void check_rows() {
    EXPECT_THAT(show("SELECT doc, chunk, body, owner FROM k.docs WHERE tenant = 1"),
                ElementsAre("9 1 'long' 'owner1'", "3 0 't1d3c0' 'owner1'", "3 1 't1d3c1' 'owner1'",
                            "2 0 't1d2c0' 'owner1'", "2 1 't1d2c1' 'owner1'", "1 0 't1d1c0' 'owner1'",
                            "1 1 'replayed' 'owner1'", "0 0 't1d0c0' 'owner1'", "0 1 't1d0c1' 'owner1'"));
    EXPECT_THAT(show("SELECT doc, chunk, body, owner FROM k.docs WHERE tenant = 2"), ElementsAre("5 5 'after' null"));
    EXPECT_THAT(show("SELECT doc, chunk, body FROM k.docs WHERE tenant = 3"),
                ElementsAre("2 7 'late, over 1015'", "1 0 't3d1c0'", "1 1 null", "0 0 't3d0c0'"));
    EXPECT_THAT(show("SELECT doc, chunk FROM k.docs WHERE tenant = 3 ORDER BY doc ASC, chunk DESC"),
                ElementsAre("0 0", "1 1", "1 0", "2 7"));
    EXPECT_THAT(show("SELECT n FROM k.hits"), ElementsAre("17"));
    EXPECT_THAT(show("SELECT * FROM k.emptied"), ElementsAre("2 2"));
    EXPECT_THAT(show("SELECT id, note FROM k.vectors ORDER BY v ANN OF [7.9, 1, 2] LIMIT 3"),
                ElementsAre("8 'n8'", "7 'n7'", "5 'n5'"));
    EXPECT_THAT(show("SELECT count(*) FROM k.vectors"), ElementsAre("8"));
    EXPECT_THAT(show("SELECT scores, steps, home FROM k.docs WHERE tenant = 1 AND doc = 1 AND chunk = 0"),
                ElementsAre("{'a': 1, 'b': 2, 'c': 3} [0, 1, 2, 3] {street: 'Main', zip: 8}"));
  }
  /// Of the set of e000 to e299 without e007, how many, and its ends.
  std::vector<std::string> tags() {
    std::vector<std::string> all;
    const auto rows = show("SELECT tags FROM k.docs WHERE tenant = 1 AND doc = 1 AND chunk = 0");
    if (rows.size() != 1) return rows;
    const auto count = std::ranges::count(rows[0], ',') + 1;
    return {fmt::format("{}", count), rows[0].substr(0, 8),
            rows[0].find("e007") == std::string::npos ? "no e007" : "e007"};
  }

  Machine machine_{7};
  std::unique_ptr<Database> database_;
};

TEST_F(KeptDirectoryTest, ReadsAsItDidAlsoAfterARestart) {
  for (int i = 0; i < 3; ++i) {
    i == 0 ? open() : reopen();
    check_rows();
    EXPECT_THAT(tags(), ElementsAre("299", "{'e000',", "no e007"));
  }
}

TEST_F(KeptDirectoryTest, ItsDeletionsHoldForLateWrites) {
  open();
  write("INSERT INTO k.docs (tenant, doc, chunk, body) VALUES (2, 1, 1, 'x') USING TIMESTAMP 1005");
  write("INSERT INTO k.docs (tenant, owner) VALUES (2, 'x') USING TIMESTAMP 1005");
  write("INSERT INTO k.docs (tenant, doc, chunk, body) VALUES (3, 2, 1, 'x') USING TIMESTAMP 1015");
  write("INSERT INTO k.docs (tenant, doc, chunk, body) VALUES (3, 6, 1, 'x') USING TIMESTAMP 1020");
  write("INSERT INTO k.docs (tenant, doc, chunk, body) VALUES (3, 99, 1, 'x') USING TIMESTAMP 1020");
  write("INSERT INTO k.docs (tenant, doc, chunk, body) VALUES (3, 0, 1, 'x') USING TIMESTAMP 1030");
  write("UPDATE k.docs USING TIMESTAMP 1001 SET tags = tags + {'e007'} WHERE tenant = 1 AND doc = 1 AND chunk = 0");
  check_rows();
  EXPECT_THAT(tags(), ElementsAre("299", "{'e000',", "no e007"));
}

TEST_F(KeptDirectoryTest, TakesDeletionsAndElementsBesideItsOwn) {
  open();
  write("DELETE FROM k.docs USING TIMESTAMP 1040 WHERE tenant = 3 AND doc >= 2");
  write("DELETE FROM k.docs USING TIMESTAMP 1041 WHERE tenant = 3 AND doc = 1");
  write("UPDATE k.docs SET tags = tags + {'e007', 'f'} WHERE tenant = 1 AND doc = 1 AND chunk = 0");
  for (int i = 0; i < 2; ++i) {
    write("INSERT INTO k.docs (tenant, doc, chunk, body) VALUES (3, 2, 1, 'x') USING TIMESTAMP 1040");
    write("INSERT INTO k.docs (tenant, doc, chunk, body) VALUES (3, 50, 1, 'x') USING TIMESTAMP 1039");
    write("INSERT INTO k.docs (tenant, doc, chunk, body) VALUES (3, 1, 9, 'x') USING TIMESTAMP 1041");
    write("INSERT INTO k.docs (tenant, doc, chunk, body) VALUES (3, 0, 1, 'x') USING TIMESTAMP 1030");
    EXPECT_THAT(show("SELECT doc, chunk FROM k.docs WHERE tenant = 3"), ElementsAre("0 0"));
    EXPECT_THAT(tags(), ElementsAre("301", "{'e000',", "e007"));
    reopen();
  }
}

TEST_F(KeptDirectoryTest, OneOfANewerVersionIsRefusedInOneLine) {
  const Bytes newer =
      "sagitta data directory\nformat=1\nfeatures=99\nhost_id=84c94123-f1c4-4611-a333-c23abefdfe85\npartitions=1\n";
  ASSERT_TRUE(write_file_atomically(*machine_.files, "/data/FORMAT", newer));
  const auto opened = machine_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kFormat);
  EXPECT_THAT(opened.error().message(), HasSubstr("was written by a newer version (format 1, features 99)"));
  EXPECT_EQ(opened.error().message().find('\n'), std::string::npos);
}

}  // namespace
}  // namespace sagitta::db::test
