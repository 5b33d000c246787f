/// Several log partitions in one process: reads over all of them are those of one, and what
/// concerns several of them is whole, wherever the process ends.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "sagitta/base/logging.h"

#include "database_fixture.h"
#include "hanging_disk.h"

namespace sagitta::db::test {
namespace {

using testing::AnyOf;
using testing::Eq;
using testing::HasSubstr;

constexpr uint32_t kPartitions = 4;
/// Enough for each partition to have some of the keys 0, 1, ….
constexpr int kKeys = 24;

/// The statement with each key in place of {}.
std::string batch_of(const char* kind, const std::string& statement) {
  std::string text = fmt::format("BEGIN {} BATCH ", kind);
  for (int k = 0; k < kKeys; ++k) text += fmt::format(fmt::runtime(statement), k) + "; ";
  return text + "APPLY BATCH";
}

class SeveralPartitionsTest : public DatabaseTest {
 protected:
  SeveralPartitionsTest() {
    machine_.partitions = kPartitions;
    reopen(in("/several"));
    use_keyspace();
  }
  static Options in(std::string folder) {
    Options options;
    options.data_dir = std::move(folder);
    return options;
  }
  std::string open_error(std::optional<uint32_t> partitions, const std::string& folder) {
    database_.reset();
    machine_.partitions = partitions;
    const auto opened = machine_.open(in(folder));
    return opened ? "ok" : opened.error().to_string();
  }
};

TEST_F(SeveralPartitionsTest, TheirNumberIsFixedWhenTheDirectoryIsMade) {
  EXPECT_EQ(open_error(std::nullopt, "/several"), "ok");  // as it has them
  EXPECT_EQ(open_error(kPartitions, "/several"), "ok");
  EXPECT_THAT(open_error(2, "/several"), AllOf(HasSubstr("Invalid"), HasSubstr("4 log partitions, not 2"),
                                               HasSubstr("export and load into a new directory")));
  EXPECT_THAT(open_error(65, "/new"), HasSubstr("65 log partitions: there may be 1 to 64"));
  EXPECT_EQ(open_error(1, "/one"), "ok");
  EXPECT_THAT(open_error(4, "/one"), HasSubstr("1 log partitions, not 4"));
  // A program that knows one partition only reads the first and refuses the second.
  EXPECT_THAT(read_file(*machine_.files, "/one/FORMAT", 4096).value(), HasSubstr("format=1\n"));
  EXPECT_THAT(read_file(*machine_.files, "/several/FORMAT", 4096).value(), HasSubstr("format=2\n"));
}

TEST_F(SeveralPartitionsTest, AMetaLogThatLostWhatPartitionsHaveIsRefused) {
  must("CREATE TABLE t (k int PRIMARY KEY)");
  database_.reset();
  const std::string folder = "/several/log/meta/0/";
  const auto names = machine_.files->list(folder).value();
  for (const std::string& name : names) ASSERT_TRUE(machine_.files->remove(folder + name));
  EXPECT_THAT(open_error(kPartitions, "/several"),
              AllOf(HasSubstr("Corruption"), HasSubstr("partition 0 has version 2 of the schema"),
                    HasSubstr("the meta log ends at 0"), HasSubstr("restore the data directory")));
}

/// What is asked of both databases, in pages of seven rows.
constexpr const char* kQuestions[] = {
    "SELECT * FROM t",
    "SELECT k, c, s FROM t LIMIT 17",
    "SELECT DISTINCT k, s FROM t",
    "SELECT count(*), min(a), max(c), sum(a) FROM t",
    "SELECT k, count(*) FROM t GROUP BY k",
    "SELECT k, c FROM t PER PARTITION LIMIT 2",
    "SELECT k, c FROM t WHERE token(k) > -4000000000000000000 AND token(k) <= 5000000000000000000",
    "SELECT k, c FROM t WHERE k IN (1, 5, 3, 20, 77)",
    "SELECT k, c FROM t WHERE k = 3 ORDER BY c DESC",
    "SELECT k, c, a FROM t WHERE a = 3 ALLOW FILTERING",
    "SELECT k, c FROM t WHERE c >= 1 ALLOW FILTERING",
    "SELECT k, c, similarity_cosine(v, [1, 2, 3]) FROM t ORDER BY v ANN OF [1, 2, 3] LIMIT 20",
    "SELECT k, c FROM t WHERE a = 3 ORDER BY v ANN OF [3, -2, 1] LIMIT 9 ALLOW FILTERING",
    "SELECT k, c FROM t WHERE k = 4 ORDER BY v ANN OF [1, 0, 1] LIMIT 5",
};

TEST_F(SeveralPartitionsTest, AnswersAreThoseOfOne) {
  Machine one(2);
  one.partitions = 1;
  auto twin = one.open().value();
  const auto both = [&](const std::string& text) {
    must(text);
    RequestOptions options;
    options.keyspace = "ks";
    EXPECT_EQ(outcome(ask(*twin, text, options)), "ok") << text;
  };
  EXPECT_EQ(outcome(ask(*twin, kKeyspace)), "ok");
  both("CREATE TABLE t (k int, c int, s int STATIC, a int, v vector<float, 3>, PRIMARY KEY (k, c))");
  both("CREATE CUSTOM INDEX ON t (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'cosine'}");
  for (int k = 0; k < kKeys; ++k) {
    both(fmt::format("INSERT INTO t (k, s) VALUES ({}, {})", k, k * 10));
    for (int c = 0; c < k % 5; ++c) {
      both(fmt::format("INSERT INTO t (k, c, a, v) VALUES ({0}, {1}, {2}, [{3}, {4}, {5}])", k, c, (k + c) % 7,
                       k % 9 - 4, c + 1, k % 4 + 0.01 * k));
    }
  }
  both("DELETE FROM t WHERE k IN (2, 9)");
  both("UPDATE t SET a = 3 WHERE k IN (4, 8, 19) AND c = 0");
  for (int round = 0; round < 2; ++round) {
    for (const char* question : kQuestions) {
      RequestOptions paged;
      paged.page_size = std::string_view(question).find("ANN") == std::string_view::npos ? 7 : 0;
      const auto answers = show(question, paged);
      database_.swap(twin);
      EXPECT_EQ(answers, show(question, paged)) << question;
      database_.swap(twin);
    }
    reopen(in("/several"));
    while (!database_->ready()) std::this_thread::yield();
  }
}

/// A life that ends at a given change of the disk, and the next one.
class EndedLives : public testing::Test {
 protected:
  /// Runs `text` in lives that end at every change of the disk in turn, until one lives to answer.
  /// `shown` is what `question` shows in the next life: `before` or `after` it, and `after` when it
  /// was answered.
  void end_everywhere(const std::vector<std::string>& setup, const std::string& text, const std::string& question,
                      const std::string& before, const std::string& after) {
    set_log_level("error");
    int befores = 0, afters = 0;
    bool answered = false;
    for (uint64_t place = 0; !answered && !HasFailure(); ++place) {
      ASSERT_LT(place, 500U);
      Machine machine(place + 1);
      machine.partitions = kPartitions;
      Options options;
      options.memory_store = place % 32 != 5;  // else RocksDB's own files are among what is lost
      auto database = machine.open(options).value();
      for (const std::string& statement : setup) ASSERT_EQ(outcome(ask(*database, statement)), "ok") << statement;
      machine.files->stop_after(place);
      answered = outcome(ask(*database, text)) == "ok";
      machine.crash({.tear = place % 2 == 0, .garble = false});
      // RocksDB waits a second after an error; the next life need not.
      const std::jthread burial([dead = std::shared_ptr<Database>(std::move(database))]() mutable { dead.reset(); });
      auto next = machine.open(options);
      ASSERT_TRUE(next) << "place " << place << ": " << next.error().to_string();
      std::string shown;
      for (const RowValues& row : select(**next, question)) {
        for (const Value& value : row) shown += value ? to_hex(*value) + " " : "null ";
      }
      ASSERT_THAT(shown, AnyOf(Eq(before), Eq(after))) << "place " << place;
      if (answered) {
        ASSERT_EQ(shown, after) << "place " << place;
      }
      ++(shown == after ? afters : befores);
      // Every partition takes writes under what is known now.
      ASSERT_EQ(outcome(ask(**next, "CREATE TABLE k.later (k int PRIMARY KEY)")), "ok") << "place " << place;
      for (int k = 0; k < kKeys; ++k) {
        ASSERT_EQ(outcome(ask(**next, fmt::format("INSERT INTO k.later (k) VALUES ({})", k))), "ok");
      }
    }
    EXPECT_GT(befores, 0);
    EXPECT_GT(afters, 1);  // some were completed after the end
  }

  static std::vector<std::string> table_of_rows() {
    std::vector<std::string> setup = {
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "CREATE TABLE k.t (k int PRIMARY KEY, a int)"};
    for (int k = 0; k < kKeys; ++k) setup.push_back(fmt::format("INSERT INTO k.t (k, a) VALUES ({}, 1)", k));
    return setup;
  }
  static std::string count(int64_t number) {
    Bytes bytes;
    put_big(bytes, number);
    return to_hex(bytes) + " ";
  }
};

TEST_F(EndedLives, ATruncationIsInEveryPartitionOrInNone) {
  end_everywhere(table_of_rows(), "TRUNCATE k.t", "SELECT count(*) FROM k.t", count(kKeys), count(0));
}

TEST_F(EndedLives, ADropIsInEveryPartitionOrInNone) {
  // What was written under the column's name is gone once it was dropped.
  auto setup = table_of_rows();
  end_everywhere(setup, "ALTER TABLE k.t DROP a",
                 "SELECT count(*) FROM system_schema.columns WHERE keyspace_name = 'k'", count(2), count(1));
}

TEST_F(EndedLives, ALoggedBatchIsInEveryPartitionOrInNone) {
  end_everywhere(table_of_rows(), batch_of("", "UPDATE k.t SET a = 2 WHERE k = {}"), "SELECT sum(a) FROM k.t",
                 to_hex(types::from_int32(kKeys)) + " ", to_hex(types::from_int32(2 * kKeys)) + " ");
}

TEST_F(SeveralPartitionsTest, WhatTheServerStampsWinsOverWhatItStampedBefore) {
  must("CREATE TABLE t (k int PRIMARY KEY, a int)");
  for (int k = 0; k < kKeys; ++k) must(fmt::format("INSERT INTO t (k, a) VALUES ({}, 1)", k));
  const auto sum = [&] { return show("SELECT sum(a) FROM t"); };
  machine_.clock.advance_us(-3'600'000'000);
  must(batch_of("", "INSERT INTO t (k, a) VALUES ({}, 2)"));
  EXPECT_THAT(sum(), testing::ElementsAre(std::to_string(2 * kKeys)));
  for (int k = 0; k < kKeys; ++k) must(fmt::format("INSERT INTO t (k, a) VALUES ({}, 3)", k));
  EXPECT_THAT(sum(), testing::ElementsAre(std::to_string(3 * kKeys)));
  must(batch_of("UNLOGGED", "INSERT INTO t (k, a) VALUES ({}, 4)"));
  EXPECT_THAT(sum(), testing::ElementsAre(std::to_string(4 * kKeys)));
  reopen(in("/several"));
  EXPECT_THAT(sum(), testing::ElementsAre(std::to_string(4 * kKeys)));
}

// Else a row could get some cells of each, when the two are under way at one time.
TEST_F(SeveralPartitionsTest, TimestampsFromBeforeTheLogAreNoneThatAPartitionGives) {
  must("CREATE TABLE t (k int PRIMARY KEY, a int)");
  const auto all_are = [&](int64_t odd) {
    for (const std::string& stamp : show("SELECT writetime(a) FROM t")) EXPECT_EQ(std::stoll(stamp) % 2, odd) << stamp;
  };
  for (int round = 0; round < 3; ++round) {
    for (int k = 0; k < kKeys; ++k) must(fmt::format("INSERT INTO t (k, a) VALUES ({}, 1)", k));
    all_are(0);
    must(batch_of("", "INSERT INTO t (k, a) VALUES ({}, 2)"));
    all_are(1);
    machine_.clock.advance_us(1);
  }
}

TEST_F(SeveralPartitionsTest, AColumnThatWasDroppedComesBackEmptyEverywhere) {
  must("CREATE TABLE t (k int PRIMARY KEY, a int)");
  for (int k = 0; k < kKeys; ++k) must(fmt::format("INSERT INTO t (k, a) VALUES ({}, 1)", k));
  machine_.clock.advance_us(-3'600'000'000);
  must("ALTER TABLE t DROP a");
  must("ALTER TABLE t ADD a int");
  EXPECT_THAT(show("SELECT count(a), count(*) FROM t"), testing::ElementsAre(fmt::format("0|{}", kKeys)));
  for (int k = 0; k < kKeys; ++k) must(fmt::format("INSERT INTO t (k, a) VALUES ({}, 1)", k));
  EXPECT_THAT(show("SELECT count(a) FROM t"), testing::ElementsAre(std::to_string(kKeys)));
}

TEST_F(SeveralPartitionsTest, TheSchemaChangesThoughTheClockWasSetBack) {
  // The meta log alone knows how late it has been.
  machine_.clock.advance_us(3'600'000'000);
  for (const char* text : {"CREATE TABLE t (k int PRIMARY KEY)", "DROP TABLE t"}) {
    RequestOptions options;
    options.deadline = Deadline::in_us(machine_.clock, 10'000'000);
    must(text, options);
    machine_.clock.advance_us(-3'600'000'000);
  }
}

TEST_F(SeveralPartitionsTest, AnIndexServesOverAllAndGoesWithATruncation) {
  must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>)");
  for (int k = 0; k < kKeys; ++k) must(fmt::format("INSERT INTO t (k, v) VALUES ({0}, [1, {0}])", k));
  must("CREATE CUSTOM INDEX ON t (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'euclidean'}");
  while (!database_->ready()) std::this_thread::yield();
  const auto nearest = [&](int k) { return show(fmt::format("SELECT k FROM t ORDER BY v ANN OF [1, {}] LIMIT 1", k)); };
  for (int k = 0; k < kKeys; ++k) EXPECT_THAT(nearest(k), testing::ElementsAre(std::to_string(k)));
  EXPECT_EQ(database_->state()["indexes"], "1");  // of the process, not one each
  must("TRUNCATE t");
  EXPECT_THAT(nearest(1), testing::IsEmpty());
  must("INSERT INTO t (k, v) VALUES (7, [1, 7])");
  EXPECT_THAT(nearest(1), testing::ElementsAre("7"));
}

TEST_F(SeveralPartitionsTest, ASnapshotFromBeforeATruncationBringsNothingBack) {
  Options options = in("/several");
  options.index_changes_min = 5;
  reopen(options);
  must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>)");
  must("CREATE CUSTOM INDEX ON t (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'euclidean'}");
  while (!database_->ready()) std::this_thread::yield();
  for (int k = 0; k < kKeys; ++k) must(fmt::format("INSERT INTO t (k, v) VALUES ({0}, [1, {0}])", k));
  // A stop saves the index, complete up to here in each partition.
  reopen(options);
  while (!database_->ready()) std::this_thread::yield();
  must("TRUNCATE t");
  for (int k = 0; k < kKeys; k += 2) must(fmt::format("INSERT INTO t (k, v) VALUES ({0}, [9, {0}])", k));
  machine_.crash({.tear = false, .garble = false});
  reopen(options);
  while (!database_->ready()) std::this_thread::yield();
  for (int k = 0; k < kKeys; k += 2) {
    EXPECT_THAT(show(fmt::format("SELECT k, v FROM t ORDER BY v ANN OF [9, {}] LIMIT 1", k)),
                testing::ElementsAre(fmt::format("{0}|[9.0, {0}.0]", k)));
  }
  EXPECT_THAT(show("SELECT k FROM t ORDER BY v ANN OF [1, 1] LIMIT 100"), testing::SizeIs(kKeys / 2));
}

/// A database with four partitions on a disk that can hang.
class HangingPartitionsTest : public testing::Test {
 protected:
  HangingPartitionsTest() {
    Options options{.data_dir = "/data", .partitions = kPartitions, .memory_store = true};
    database_ =
        Database::open(options, {disk_, machine_.clock, machine_.random, machine_.metrics, machine_.workers}).value();
    for (const char* text :
         {"CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
          "CREATE TABLE k.t (k int PRIMARY KEY)", "CREATE TABLE k.n (k int PRIMARY KEY, n counter)"}) {
      EXPECT_EQ(outcome(ask(*database_, text)), "ok");
    }
  }
  /// The kind of write that a timeout names while files with `part` in their path hang.
  std::string type_of_timeout(const std::string& text, const std::string& part) {
    disk_.gate.shut(true, part);
    RequestOptions options;
    options.deadline = Deadline::in_us(machine_.clock, 1'000'000);
    std::promise<Result<Answer>> done;
    auto answered = done.get_future();
    database_->query(text, options, [&](Result<Answer> answer) { done.set_value(std::move(answer)); });
    EXPECT_EQ(answered.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
    machine_.clock.advance_us(1'000'000);
    const auto answer = answered.get();
    disk_.gate.shut(false);
    return answer ? "ok" : fmt::format("{} {}", to_string(answer.error().code()), answer.error().subject());
  }

  Machine machine_{1};
  HangingDisk disk_{*machine_.files};
  std::unique_ptr<Database> database_;
};

TEST_F(HangingPartitionsTest, ATimeoutSaysHowFarABatchCame) {
  const std::string insert = "INSERT INTO k.t (k) VALUES ({})", add = "UPDATE k.n SET n = n + 1 WHERE k = {}";
  EXPECT_EQ(type_of_timeout(batch_of("", insert), "/log/batch"), "WriteTimeout BATCH_LOG");
  EXPECT_EQ(type_of_timeout(batch_of("", insert), "/log/2/"), "WriteTimeout BATCH");
  EXPECT_EQ(type_of_timeout(batch_of("UNLOGGED", insert), "/log/2/"), "WriteTimeout UNLOGGED_BATCH");
  EXPECT_EQ(type_of_timeout(batch_of("COUNTER", add), "/log/2/"), "WriteTimeout COUNTER");
  EXPECT_EQ(type_of_timeout("INSERT INTO k.t (k) VALUES (1)", "/log/"), "WriteTimeout ");
}

TEST_F(HangingPartitionsTest, ATruncationThatIsNotEverywhereYetSaysSo) {
  EXPECT_EQ(type_of_timeout("TRUNCATE k.t", "/log/3/"), "WriteTimeout ");
}

}  // namespace
}  // namespace sagitta::db::test
