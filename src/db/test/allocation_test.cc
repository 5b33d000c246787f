// A write allocates little: every copy of a vector on its way from a request to the index costs its
// bytes once more. Sanitizers bring allocators of their own.
#include "harness.h"

#ifndef SAGITTA_SANITIZED

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "sagitta/testing/counted_new.h"

namespace sagitta::db::test {
namespace {

constexpr size_t kDim = 1536;
constexpr size_t kVectorBytes = kDim * sizeof(float);
constexpr int kRows = 200;

/// A database in a folder of its own, on a real disk: one in memory would count its files too.
class Allocation : public ::testing::Test {
 protected:
  Allocation() : folder_(fmt::format("{}allocation_{}", ::testing::TempDir(), ::getpid())) {
    database_ = Database::open({.data_dir = folder_}, {*files_, clock_, random_, metrics_, workers_}).value();
    run("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  }
  ~Allocation() override {
    EXPECT_TRUE(database_->stop());
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  void run(const std::string& text) {
    const auto answer = ask(*database_, text);
    ASSERT_TRUE(answer) << answer.error().to_string();
  }

  struct PerInsert {
    double vectors;  ///< bytes, in those of one vector; the request's own value is the first
    double calls;
  };
  /// What an INSERT of a vector allocates.
  PerInsert measure(const std::string& table) {
    const auto statement = database_->prepare(fmt::format("INSERT INTO k.{} (id, v) VALUES (?, ?)", table), "").value();
    insert(statement->id, kRows);  // buffers and caches grow
    const size_t bytes = counting::allocated_bytes.load(), calls = counting::allocations.load();
    insert(statement->id, kRows);
    const PerInsert each{static_cast<double>(counting::allocated_bytes.load() - bytes) / kRows / kVectorBytes,
                         static_cast<double>(counting::allocations.load() - calls) / kRows};
    fmt::print("{}: {:.2f} vectors, {:.1f} allocations\n", table, each.vectors, each.calls);
    return each;
  }

 private:
  void insert(BytesView statement, int rows) {
    for (int i = 0; i < rows; ++i) {
      Bytes id, vector;
      put_big(id, next_++);
      vector.reserve(kVectorBytes);
      for (size_t at = 0; at < kDim; ++at) put_big(vector, static_cast<uint32_t>(0x3f000000 + (random_.next() >> 45)));
      std::vector<BoundValue> values;
      values.push_back(bound(std::move(id)));
      values.push_back(bound(std::move(vector)));
      const auto answer = ask_prepared(*database_, statement, {.values = std::move(values)});
      ASSERT_TRUE(answer) << answer.error().to_string();
    }
  }

  std::string folder_;
  std::unique_ptr<FileSystem> files_ = make_real_file_system();
  SystemClock clock_;
  SeededRandom random_{1};
  MetricsRegistry metrics_;
  ThreadExecutor workers_;
  std::unique_ptr<Database> database_;
  int32_t next_ = 0;
};

// These bounds may only fall. What is left: the request's value, the record, the value that the
// replica takes from it into the row and on to its observers, and the store's; with an index also
// what linking into the graph needs.
TEST_F(Allocation, AnInsertOfAVectorAllocatesItsBytesAFewTimesOnly) {
  run(fmt::format("CREATE TABLE k.plain (id int PRIMARY KEY, v vector<float, {}>)", kDim));
  const PerInsert plain = measure("plain");
  EXPECT_LE(plain.vectors, 5.0);
  EXPECT_LE(plain.calls, 60.0);
  run(fmt::format("CREATE TABLE k.indexed (id int PRIMARY KEY, v vector<float, {}>)", kDim));
  run("CREATE CUSTOM INDEX ON k.indexed (v) USING 'vector_index' WITH OPTIONS = {'similarity_function': 'cosine'}");
  const PerInsert indexed = measure("indexed");
  EXPECT_LE(indexed.vectors, 5.0);
  EXPECT_LE(indexed.calls, 95.0);
}

}  // namespace
}  // namespace sagitta::db::test

#endif
