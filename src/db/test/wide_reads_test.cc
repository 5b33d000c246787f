/// Reads of many rows: none does much on the caller's thread, or much at a time on a worker,
/// whatever its form. Work is counted, not timed (base/work_meter.h).
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "sagitta/types/value.h"

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::SizeIs;

constexpr int kWideRows = 9'000, kPartitions = 700;
/// The work of one step past the limit: a row, or the keys of one statement.
constexpr double kOneStep = 50'000;

std::vector<int> numbers(int from, int to) {
  std::vector<int> all(static_cast<size_t>(to - from));
  std::iota(all.begin(), all.end(), from);
  return all;
}

/// w: partition 0 has kWideRows rows, each other one row; x: partition 0 has as many rows, all
/// expired.
class WideReadsTest : public DatabaseTest {
 protected:
  WideReadsTest() {
    use_keyspace();
    must("CREATE TABLE w (p int, c int, s int STATIC, a int, v vector<float, 4>, PRIMARY KEY (p, c))");
    must("CREATE TABLE x (p int, c int, PRIMARY KEY (p, c))");
    must("CREATE CUSTOM INDEX wi ON w (v) USING 'vector_index'");
    for (int from = 0; from < kWideRows; from += 100) fill(0, from);
    for (int p = 1; p < kPartitions; p += 100) fill(p, 0);
    machine_.clock.advance_us(10'000'000);
    EXPECT_LE(session_work(), limits_ + kOneStep) << "the writes";
  }

  /// 100 rows of one partition, or (from partition 1 on) of 100 partitions.
  void fill(int p, int from) {
    std::string rows = "BEGIN UNLOGGED BATCH ", expired = rows;
    for (int i = from; i < from + 100; ++i) {
      const int partition = p == 0 ? 0 : p + i, c = p == 0 ? i : 1;
      rows +=
          fmt::format("INSERT INTO w (p, c, s, a, v) VALUES ({}, {}, 1, {}, [{}, 1, 2, 3]);", partition, c, c % 100, i);
      expired += fmt::format("INSERT INTO x (p, c) VALUES ({}, {}) USING TTL 1;", partition, c);
    }
    must(rows + " APPLY BATCH");
    must(expired + " APPLY BATCH");
  }

  double session_work() { return gauge("session"); }
  double gauge(const char* thread) {
    return machine_.metrics.gauge("sagitta_read_work_max", "", {{"thread", thread}}).value();
  }
  double wide_reads() { return machine_.metrics.counter("sagitta_reads_wide_total", "").value(); }

  /// The rows of a read that is wide.
  std::vector<std::string> wide(const std::string& text, RequestOptions options = {}) {
    const double before = wide_reads();
    auto rows = show(text, std::move(options));
    EXPECT_GT(wide_reads(), before) << text.substr(0, 200);
    return rows;
  }
  void expect_bounded() {
    EXPECT_LE(gauge("session"), limits_ + kOneStep);
    EXPECT_LE(gauge("worker"), static_cast<double>(Options().work.slice) + kOneStep);
  }

  const double limits_ = static_cast<double>(Options().work.caller);
};

/// What a read is made of, and how many rows it gives.
struct Case {
  std::string text;
  size_t rows;
  /// One search of the index is one piece of work for a worker, and need not give the same rows in
  /// another index.
  bool searches_index = false;
};

std::vector<Case> cases() {
  constexpr size_t kAll = kWideRows + kPartitions;
  const std::string keys = fmt::format("{}", fmt::join(numbers(0, 500), ","));
  const std::string absent = fmt::format("{}", fmt::join(numbers(100'000, 101'000), ","));
  const std::string rows = fmt::format("{}", fmt::join(numbers(0, 1'000), ","));
  return {
      {"SELECT * FROM w", kAll},
      {"SELECT JSON * FROM w", kAll},
      {"SELECT * FROM w LIMIT 8000", 8'000},
      {"SELECT * FROM w PER PARTITION LIMIT 2", kPartitions + 2},
      {"SELECT DISTINCT p, s FROM w", kPartitions + 1},
      {"SELECT count(*) FROM w", 1},
      {"SELECT min(a), max(a), avg(a) FROM w", 1},
      {"SELECT p, count(*) FROM w GROUP BY p", kPartitions + 1},
      {"SELECT p, c, max(a) FROM w GROUP BY p, c", kAll},
      {"SELECT * FROM w WHERE a = 77 ALLOW FILTERING", kWideRows / 100},
      {"SELECT * FROM w WHERE c > 8990 ALLOW FILTERING", 9},
      {"SELECT * FROM w WHERE token(p) > -9223372036854775807", kAll},
      {"SELECT * FROM w WHERE p = 0", kWideRows},
      {"SELECT * FROM w WHERE p = 0 ORDER BY c DESC", kWideRows},
      {"SELECT * FROM w WHERE p = 0 AND c >= 10 LIMIT 8000", 8'000},
      {"SELECT * FROM w WHERE p = 0 PER PARTITION LIMIT 8000", 8'000},
      {"SELECT count(*) FROM w WHERE p = 0", 1},
      {"SELECT c, count(*) FROM w WHERE p = 0 GROUP BY p, c", kWideRows},
      {"SELECT * FROM w WHERE p = 0 AND a = 77 ALLOW FILTERING", kWideRows / 100},
      {"SELECT similarity_cosine(v, [1, 2, 3, 4]) FROM w WHERE p = 0", kWideRows},
      {fmt::format("SELECT * FROM w WHERE p IN ({})", keys), kWideRows + 499},
      {fmt::format("SELECT * FROM w WHERE p IN ({}) ORDER BY c", keys), kWideRows + 499},
      {fmt::format("SELECT * FROM w WHERE p IN ({})", absent), 0},
      {fmt::format("SELECT * FROM w WHERE p = 0 AND c IN ({})", rows), 1'000},
      {fmt::format("SELECT * FROM w WHERE p IN (0, 1, 2) AND c IN ({})", rows), 1'002},
      {"SELECT * FROM x WHERE p = 0", 0},
      {"SELECT * FROM x", 0},
      {"SELECT c FROM w WHERE p = 0 ORDER BY v ANN OF [1, 2, 3, 4] LIMIT 5", 5},
      {"SELECT c FROM w WHERE p = 0 AND c > 100 ORDER BY v ANN OF [1, 2, 3, 4] LIMIT 5", 5},
      {"SELECT c FROM w WHERE a = 77 ORDER BY v ANN OF [1, 2, 3, 4] LIMIT 1000 ALLOW FILTERING", kWideRows / 100, true},
      {"SELECT c FROM w ORDER BY v ANN OF [1, 2, 3, 4] LIMIT 1000", 1'000, true},
      {"SELECT c FROM w WHERE token(p) > -9223372036854775807 ORDER BY v ANN OF [1, 2, 3, 4] LIMIT 5", 5},
  };
}

TEST_F(WideReadsTest, EveryFormOfAReadOfManyRowsGoesOnOnAWorkerInSlices) {
  for (const bool searches_index : {false, true}) {
    for (const Case& one : cases()) {
      if (one.searches_index != searches_index) continue;
      EXPECT_THAT(wide(one.text), SizeIs(one.rows)) << one.text.substr(0, 200);
    }
    if (searches_index) continue;
    EXPECT_GT(gauge("worker"), static_cast<double>(Options().work.slice)) << "some had more than one slice's work";
    expect_bounded();
  }
  EXPECT_LE(gauge("session"), limits_ + kOneStep);
}

TEST_F(WideReadsTest, TheAnswersAreTheSameHoweverOftenAReadIsLeft) {
  std::vector<Case> scans = cases();
  std::erase_if(scans, [](const Case& one) { return one.searches_index; });
  std::vector<std::vector<std::string>> whole;
  for (const Case& one : scans) whole.push_back(show(one.text));
  Options options;
  options.work = {.caller = 1, .caller_rows = 1, .slice = 5'000};
  reopen(options);
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(show(scans[i].text), whole[i]) << scans[i].text.substr(0, 200);
}

TEST_F(WideReadsTest, PagesGoOnInTheMiddleOfAPartition) {
  RequestOptions options;
  options.page_size = 4'000;
  EXPECT_THAT(wide("SELECT * FROM w WHERE p = 0", options), SizeIs(kWideRows));
  EXPECT_THAT(wide("SELECT * FROM w WHERE p = 0 ORDER BY c DESC", options), SizeIs(kWideRows));
  EXPECT_THAT(wide("SELECT * FROM w", options), SizeIs(kWideRows + kPartitions));
  const double before = wide_reads();
  options.page_size = 100;
  EXPECT_THAT(show("SELECT * FROM w WHERE p = 0 LIMIT 3000", options), SizeIs(3'000));
  EXPECT_EQ(wide_reads(), before) << "a small page is read where it was asked for";
  expect_bounded();
}

TEST_F(WideReadsTest, SmallReadsStayOnTheCallersThread) {
  const double before = wide_reads();
  EXPECT_THAT(show("SELECT * FROM w WHERE p = 5"), SizeIs(1));
  EXPECT_THAT(show("SELECT * FROM w WHERE p = 0 LIMIT 100"), SizeIs(100));
  EXPECT_THAT(show("SELECT * FROM w WHERE p IN (1, 2, 3)"), SizeIs(3));
  EXPECT_THAT(show("SELECT * FROM w LIMIT 10"), SizeIs(10));
  EXPECT_THAT(show("SELECT c FROM w ORDER BY v ANN OF [1, 2, 3, 4] LIMIT 10"), SizeIs(10));
  EXPECT_THAT(show("SELECT * FROM system.local"), SizeIs(1));
  EXPECT_EQ(wide_reads(), before);
}

TEST_F(WideReadsTest, ABigSchemaIsReadOnAWorker) {
  for (int i = 0; i < 20; ++i) must(fmt::format("CREATE TABLE t{} (k int PRIMARY KEY, a int, b int)", i));
  EXPECT_THAT(wide("SELECT * FROM system_schema.columns WHERE keyspace_name = 'ks'"), SizeIs(60 + 5 + 2));
  EXPECT_THAT(wide("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'ks'"), SizeIs(22));
  expect_bounded();
}

/// The keys that a statement names are put together on a worker when they are many, in writes too.
TEST_F(WideReadsTest, ManyKeysAreFoundOnAWorker) {
  must("CREATE TABLE k (p int, q int, c int, PRIMARY KEY ((p, q), c))");
  const std::string few = fmt::format("{}", fmt::join(numbers(0, 60), ","));
  EXPECT_THAT(show(fmt::format("SELECT * FROM k WHERE p IN ({}) AND q IN ({})", few, few)), SizeIs(0));
  must("INSERT INTO k (p, q, c) VALUES (7, 8, 9)");
  must(fmt::format("DELETE FROM k WHERE p IN ({}) AND q IN ({})", few, few));
  EXPECT_THAT(show("SELECT * FROM k WHERE p = 7 AND q = 8"), SizeIs(0));
  const std::string many = fmt::format("{}", fmt::join(numbers(0, 300), ","));
  EXPECT_THAT(error_of(fmt::format("SELECT * FROM k WHERE p IN ({0}) AND q IN ({0})", many)),
              testing::HasSubstr("more than 65536 combinations"));
  expect_bounded();
}

TEST_F(WideReadsTest, LongTextsAndBatchesAreAnsweredFromAWorker) {
  const std::string blanks(kCallerTextBytes + 1, ' ');
  EXPECT_THAT(show("SELECT * FROM w WHERE p = 5" + blanks), SizeIs(1));
  auto prepared = database_->prepare("SELECT * FROM ks.w WHERE p = 5" + blanks, "");
  ASSERT_TRUE(prepared);
  auto answer = ask_prepared(*database_, (*prepared)->id);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_THAT(rows_of(*answer), SizeIs(1));
  EXPECT_THAT(error_of("SELEKT" + blanks), testing::HasSubstr("Syntax: "));
}

TEST_F(WideReadsTest, AWideReadEndsAtItsDeadline) {
  RequestOptions options;
  options.deadline = Deadline::in_us(machine_.clock, 1);
  machine_.clock.advance_us(10);
  EXPECT_THAT(error_of("SELECT count(*) FROM x", options), testing::HasSubstr("ReadTimeout: "));
}

}  // namespace
}  // namespace sagitta::db::test
