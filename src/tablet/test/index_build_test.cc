/// Indexes that are built by another thread while rows change: whatever the two do to each other, a
/// serving index shows the rows.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "sagitta/testing/index_search.h"

#include "fixture.h"
#include "threads.h"

namespace sagitta::tablet {
namespace {

using types::DataType;
using types::Kind;

class IndexBuildTest : public TableFixture {
 protected:
  IndexBuildTest() {
    create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey),
            column("v", DataType::vector(native(Kind::kFloat), 2))});
  }

  rows::Mutation put(int32_t partition, std::optional<std::vector<float>> vector, int64_t expires_s = 0) {
    rows::Mutation out = mutation(partition, next_timestamp_++);
    rows::CellOp op{.column_id = id("v")};
    if (vector) op.value = types::from_floats(*vector);
    out.rows.push_back(
        {.insert_marker = true, .ttl_s = expires_s != 0 ? 10 : 0, .expires_s = expires_s, .cells = {op}});
    return out;
  }
  void create_index(const std::string& name, const std::string& similarity = "cosine",
                    const std::string& profile = "compact") {
    schema::IndexDef index{.name = name,
                           .class_name = "vector_index",
                           .options = {{"similarity_function", similarity}, {"profile", profile}}};
    change(schema::CreateIndex{.keyspace = "k", .table = "t", .column = "v", .index = index});
  }
  const index::Reader& index(const SoleSpace& space, const std::string& name) const {
    held_ = space.indexes();
    return **held_->find(table()->find_index(name)->id);
  }
  std::set<Bytes> hits(const index::Reader& index, int64_t now_s = kStartS) const {
    const auto found = index::find_nearest(index, std::vector{1.0F, 0.5F}, 100'000, now_s, nullptr, {});
    EXPECT_TRUE(found) << found.error().to_string();
    std::set<Bytes> keys;
    if (!found) return keys;
    for (const auto& hit : *found) keys.insert(hit.row_key);
    return keys;
  }
  std::set<Bytes> rows_with_vector(int64_t now_s = kStartS) const {
    std::set<Bytes> keys;
    const auto cursor = view(now_s).scan_tokens(*table());
    while (*cursor->next()) {
      if (cursor->row().find(id("v")) != nullptr) keys.insert(Bytes(cursor->row_key()));
    }
    return keys;
  }

  int64_t next_timestamp_ = 1000;
  mutable index::IndexSetPtr held_;
};

TEST_F(IndexBuildTest, VectorsThatNoIndexCanHoldStayRowsAndAreCounted) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  ASSERT_TRUE(write({put(1, std::vector{nan, 1.0F}), put(2, std::vector{infinite, 1.0F}),
                     put(3, std::vector{0.0F, 0.0F}), put(4, std::nullopt), put(5, std::vector{1.0F, 2.0F})}));
  create_index("cos");
  create_index("l2", "euclidean");
  EXPECT_EQ(index(space_, "cos").stats().rows, 1u);
  EXPECT_EQ(index(space_, "cos").stats().refused, 3u);
  EXPECT_EQ(index(space_, "l2").stats().rows, 2u);
  EXPECT_EQ(index(space_, "l2").stats().refused, 2u);
  ASSERT_TRUE(write({put(3, std::vector{1.0F, 0.0F})}));
  EXPECT_EQ(index(space_, "cos").stats().refused, 2u);
  EXPECT_EQ(hits(index(space_, "cos")).size(), 2u);
}

TEST_F(IndexBuildTest, TheProfileTakesEffect) {
  create_index("compact");
  create_index("fast", "cosine", "fast");
  for (int32_t p = 1; p <= 300; ++p) ASSERT_TRUE(write({put(p, std::vector{1.0F, static_cast<float>(p)})}));
  EXPECT_GT(index(space_, "fast").stats().bytes, index(space_, "compact").stats().bytes * 3 / 2);
  EXPECT_EQ(hits(index(space_, "fast")), hits(index(space_, "compact")));
}

TEST_F(IndexBuildTest, AnExpiredVectorIsNotFound) {
  create_index("i");
  ASSERT_TRUE(write({put(1, std::vector{1.0F, 0.0F}, kStartS + 10), put(2, std::vector{1.0F, 0.0F})}));
  EXPECT_EQ(hits(index(space_, "i"), kStartS + 9).size(), 2u);
  EXPECT_EQ(hits(index(space_, "i"), kStartS + 10).size(), 1u);
}

TEST_F(IndexBuildTest, ARowThatExpiresWithTheRecordThatTruncatesItsTableIsNotFound) {
  change(schema::AlterTableAdd{
      .keyspace = "k", .table = "t", .columns = {column("w", DataType::vector(native(Kind::kFloat), 2))}});
  create_index("i");
  change(schema::CreateIndex{
      .keyspace = "k", .table = "t", .column = "w", .index = {.name = "stays", .class_name = "vector_index"}});
  ASSERT_TRUE(write({put(1, std::vector{1.0F, 0.0F}, kStartS + 10)}));
  rows::Mutation other = mutation(1, next_timestamp_++);
  other.rows.push_back({.cells = {{.column_id = id("w"), .value = types::from_floats(std::vector{1.0F, 1.0F})}}});
  ASSERT_TRUE(write({other}));
  log_s_ += 20;
  ASSERT_TRUE(apply_to(space_, *store_, time(), [&](kv::Batch& batch) { return space_.truncate(*table(), batch); }));
  EXPECT_TRUE(hits(index(space_, "stays"), log_s_).empty());
}

TEST_F(IndexBuildTest, TheFilterIsAskedInsideTheSearchAndScoresAreThoseOfCql) {
  create_index("i");
  for (int32_t p = 1; p <= 50; ++p) ASSERT_TRUE(write({put(p, std::vector{1.0F, static_cast<float>(p)})}));
  const Bytes wanted = rows::row_key(*table(), i32(40), {});
  const index::KeyFilter only = [&](BytesView key) { return key == wanted; };
  const auto found = index::find_nearest(index(space_, "i"), std::vector{1.0F, 40.0F}, 3, kStartS, &only, {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].row_key, wanted);
  EXPECT_NEAR((*found)[0].score, 1.0F, 1e-6F);
}

TEST_F(IndexBuildTest, AFilterThatCannotAnswerEndsTheSearch) {
  create_index("i");
  for (int32_t p = 1; p <= 50; ++p) ASSERT_TRUE(write({put(p, std::vector{1.0F, static_cast<float>(p)})}));
  int asked = 0;
  const index::KeyFilter filter = [&](BytesView) { return ++asked < 3 ? std::optional(false) : std::nullopt; };
  ASSERT_TRUE(index::find_nearest(index(space_, "i"), std::vector{1.0F, 40.0F}, 3, kStartS, &filter, {}));
  EXPECT_EQ(asked, 3);
}

TEST_F(IndexBuildTest, AWriteThatLeavesTheVectorAsItIsDoesNotHideTheRowFromSearchesUnderWay) {
  create_index("i");
  ASSERT_TRUE(write({put(1, std::vector{1.0F, 0.0F}), put(2, std::vector{0.0F, 1.0F})}));
  bool written = false;
  const index::KeyFilter filter = [&](BytesView) {
    const bool first = !std::exchange(written, true);
    return !first || write({put(2, std::vector{0.0F, 1.0F})}).has_value();
  };
  const auto found = index::find_nearest(index(space_, "i"), std::vector{1.0F, 0.0F}, 2, kStartS, &filter, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), 2u);
}

TEST_F(IndexBuildTest, AVectorThatChangesDuringASearchDoesNotHideItsRow) {
  create_index("i");
  ASSERT_TRUE(write({put(1, std::vector{1.0F, 0.0F}), put(2, std::vector{0.0F, 1.0F})}));
  bool written = false;
  const index::KeyFilter filter = [&](BytesView) {
    const bool first = !std::exchange(written, true);
    return !first || write({put(2, std::vector{0.5F, 1.0F})}).has_value();
  };
  const auto found = index::find_nearest(index(space_, "i"), std::vector{1.0F, 0.0F}, 2, kStartS, &filter, {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[1].row_key, rows::row_key(*table(), i32(2), {}));
}

// Some rows are tested before their turn, to see what the filter costs: they are not lost when they
// then change.
TEST_F(IndexBuildTest, TheOnlyRowThatPassesIsFoundThoughItChangesWhenItIsTested) {
  constexpr int32_t kRows = 6000;
  for (int32_t p = 0; p < kRows; ++p) ASSERT_TRUE(write({put(p, std::vector{1.0F, static_cast<float>(p)})}));
  create_index("i");
  std::map<Bytes, int32_t> numbers;
  for (int32_t p = 0; p < kRows; ++p) numbers[rows::row_key(*table(), i32(p), {})] = p;
  for (const int at : {1, 60, 61, 62, 65, 68, 72, 76, 80, 101, 110, 1000}) {
    int asked = 0;
    std::optional<Bytes> passes;
    const index::KeyFilter filter = [&](BytesView key) {
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(5);
      while (std::chrono::steady_clock::now() < until) continue;
      if (passes) return key == *passes;
      if (++asked < at) return false;
      passes = Bytes(key);
      return write({put(numbers.at(*passes), std::vector{3.0F, static_cast<float>(at)})}).has_value();
    };
    const auto found = index::find_nearest(index(space_, "i"), std::vector{1.0F, 0.0F}, 10, kStartS, &filter, {});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U) << "when row " << at << " that is tested changes";
    EXPECT_EQ(found->front().row_key, *passes);
  }
}

TEST_F(IndexBuildTest, SearchesBesideAWriterMissNoRow) {
  constexpr int32_t kRows = 2000;
  for (int32_t p = 0; p < kRows; ++p) ASSERT_TRUE(write({put(p, std::vector{1.0F, static_cast<float>(p)})}));
  create_index("i");
  const index::Reader& searched = index(space_, "i");
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int32_t i = 0; !stop; ++i) EXPECT_TRUE(write({put(i * 7 % kRows, std::vector{2.0F, static_cast<float>(i)})}));
  });
  for (int i = 0; i < 300; ++i) EXPECT_EQ(hits(searched).size(), static_cast<size_t>(kRows)) << "search " << i;
  stop = true;
  writer.join();
}

TEST_F(IndexBuildTest, ARowThatIsDeletedDuringASearchIsNotFound) {
  create_index("i");
  ASSERT_TRUE(
      write({put(1, std::vector{1.0F, 0.0F}), put(2, std::vector{0.5F, 1.0F}), put(3, std::vector{0.0F, 1.0F})}));
  bool written = false;
  const index::KeyFilter filter = [&](BytesView) {
    if (std::exchange(written, true)) return true;
    return write({put(2, std::vector{0.1F, 1.0F})}) && write({put(2, std::nullopt)});
  };
  const auto found = index::find_nearest(index(space_, "i"), std::vector{1.0F, 0.0F}, 2, kStartS, &filter, {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[1].row_key, rows::row_key(*table(), i32(3), {}));
}

TEST_F(IndexBuildTest, BuildsLeaveWorkersToOthers) {
  class Queue final : public Executor {
   public:
    void post(std::function<void()> work) override { work_.push_back(std::move(work)); }
    std::vector<std::function<void()>> work_;
  } queue;
  create_index("one");
  create_index("two");
  SoleSpace space(*store_, queue, vectors_, metrics_, clock_);
  ASSERT_TRUE(space.start(schema_, offset_));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_FALSE(space.ready());
    ASSERT_EQ(queue.work_.size(), i + 1);
    std::exchange(queue.work_[i], nullptr)();
  }
  EXPECT_TRUE(space.ready());
  EXPECT_EQ(index(space, "two").state(), index::Reader::State::kServing);
}

TEST_F(IndexBuildTest, WhenMemoryIsFullTheIndexStopsServingAndRowsGoOn) {
  MemoryBudget small("small", 4096);
  SoleSpace space(*store_, workers_, small, metrics_, clock_);
  create_index("i");
  ASSERT_TRUE(space.start(schema_, offset_));
  bool served = true;
  for (int32_t p = 0; p < 20'000 && served; ++p) {
    const std::vector<rows::Mutation> record = {put(p, std::vector{1.0F, 2.0F})};
    ASSERT_TRUE(apply_to(space, *store_, time(),
                         [&](kv::Batch& batch) { return space.apply_mutations(*schema_, record, batch); }));
    const auto set = space.indexes();
    served = !set->indexes.empty() && set->indexes.begin()->second->state() == index::Reader::State::kServing;
    EXPECT_TRUE(get(p));
  }
  EXPECT_FALSE(served);
}

TEST_F(IndexBuildTest, ARebuildWhileRowsChangeEndsWithTheRows) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  for (int32_t p = 0; p < 3000; ++p) ASSERT_TRUE(write({put(p, std::vector{1.0F, static_cast<float>(p)})}));
  Threads threads;
  SoleSpace space(*store_, threads, vectors_, metrics_, clock_);
  create_index("before");
  ASSERT_TRUE(space.start(schema_, offset_));
  for (int step = 0; step < 4000; ++step) {
    const auto p = static_cast<int32_t>(random() % 3500);
    std::vector<rows::Mutation> record;
    if (random() % 3 == 0) {
      record.push_back(mutation(p, next_timestamp_++));
      record.back().delete_partition = true;
    } else {
      record.push_back(put(p, std::vector{2.0F, static_cast<float>(step)}));
    }
    ASSERT_TRUE(apply_to(space, *store_, time(), [&](kv::Batch& batch) {
      return step == 700 ? space.truncate(*table(), batch) : space.apply_mutations(*schema_, record, batch);
    }));
  }
  while (space.has_steps()) {
    ASSERT_TRUE(apply_to(space, *store_, time(), [&](kv::Batch& batch) { return space.step(*schema_, batch); }));
  }
  while (!space.ready()) std::this_thread::yield();
  EXPECT_EQ(hits(index(space, "before")), rows_with_vector());
  space.stop();
}

}  // namespace
}  // namespace sagitta::tablet
