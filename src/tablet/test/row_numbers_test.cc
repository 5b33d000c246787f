/// The numbers of rows: every row that an index names has one, in memory and in the store, whatever
/// happens while the rows of a filled table get theirs.
#include <map>
#include <set>

#include "sagitta/base/logging.h"
#include "sagitta/index/row_maps.h"
#include "sagitta/testing/index_search.h"

#include "fixture.h"

namespace sagitta::tablet {
namespace {

using types::DataType;
using types::Kind;

/// More than a few steps number at once.
constexpr int32_t kRows = 5'000;
constexpr float kQuery[2] = {1.0F, 0.0F};

class RowNumbersTest : public TableFixture {
 protected:
  RowNumbersTest() {
    set_log_level("error");
    create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey), column("a", native(Kind::kInt)),
            column("v", DataType::vector(native(Kind::kFloat), 2))});
    for (int32_t p = 0; p < kRows; ++p) put(p);
  }

  void put(int32_t partition, bool with_vector = true) {
    rows::Mutation out = mutation(partition, next_timestamp_++);
    rows::CellOp vector{.column_id = id("v")};
    if (with_vector) vector.value = types::from_floats(std::vector{1.0F, static_cast<float>(partition)});
    out.rows.push_back({.insert_marker = true, .cells = {vector}});
    ASSERT_TRUE(write({out}));
  }
  void erase(int32_t partition) {
    rows::Mutation out = mutation(partition, next_timestamp_++);
    out.delete_partition = true;
    ASSERT_TRUE(write({out}));
  }
  /// Without the steps that follow.
  void apply_change(const schema::SchemaChange& wanted) {
    const auto outcome = schema::apply(schema_, wanted);
    ASSERT_TRUE(outcome) << outcome.error().to_string();
    ASSERT_TRUE(apply_to(space_, *store_, time(),
                         [&](kv::Batch& batch) { return space_.change_schema(*schema_, outcome->schema, batch); }));
    schema_ = outcome->schema;
  }
  void create_index(const std::string& name = "i") {
    apply_change(schema::CreateIndex{
        .keyspace = "k",
        .table = "t",
        .column = "v",
        .index = {.name = name, .class_name = "vector_index", .options = {{"similarity_function", "euclidean"}}}});
  }
  void truncate() {
    ASSERT_TRUE(apply_to(space_, *store_, time(), [&](kv::Batch& batch) { return space_.truncate(*table(), batch); }));
  }
  void step() {
    ASSERT_TRUE(apply_to(space_, *store_, time(), [&](kv::Batch& batch) { return space_.step(*schema_, batch); }));
  }

  /// The rows that have numbers in the store, each once.
  std::set<Bytes> numbered() const {
    std::set<Bytes> rows;
    const auto it = store_->iterate(kv::Family::kRowNumbers, {}, {}, kv::ReadMode::kBlocking);
    for (it->seek_to_first(); it->valid(); it->next()) EXPECT_TRUE(rows.insert(Bytes(it->value())).second);
    return rows;
  }
  std::set<Bytes> rows_with_vector() const {
    std::set<Bytes> keys;
    const auto cursor = view().scan_tokens(*table());
    while (*cursor->next()) {
      if (cursor->row().find(id("v")) != nullptr) keys.insert(Bytes(cursor->row_key()));
    }
    return keys;
  }
  std::set<Bytes> found(const SoleSpace& space) const {
    std::set<Bytes> keys;
    const auto set = space.indexes();
    const auto hits = index::find_nearest(*set->indexes.begin()->second, kQuery, 100'000, kStartS);
    EXPECT_TRUE(hits) << hits.error().to_string();
    for (const auto& hit : hits.value_or(std::vector<index::FoundRow>())) keys.insert(hit.row_key);
    return keys;
  }
  void expect_all_numbered() {
    step_to_the_end(space_);
    ASSERT_TRUE(space_.ready());
    const std::set<Bytes> rows = rows_with_vector();
    EXPECT_EQ(numbered(), rows);
    EXPECT_EQ(found(space_), rows);
  }

  /// Of a store in which so many rows have numbers.
  void expect_that_a_start_numbers_the_rest(size_t numbered_before) {
    SoleSpace again(*store_, workers_, vectors_, metrics_, clock_);
    ASSERT_TRUE(again.start(schema_, offset_));
    EXPECT_EQ(numbered().size(), numbered_before);
    EXPECT_FALSE(again.ready());
    step_to_the_end(again);
    EXPECT_TRUE(again.ready());
    EXPECT_EQ(numbered(), rows_with_vector());
    EXPECT_EQ(found(again), rows_with_vector());
  }

  int64_t next_timestamp_ = 1000;
};

TEST_F(RowNumbersTest, AFilledTableGetsThemInStepsAndThenItsIndex) {
  create_index();
  int steps = 0;
  for (; space_.has_steps(); ++steps) {
    EXPECT_FALSE(space_.ready());
    EXPECT_LT(numbered().size(), static_cast<size_t>(kRows));
    step();
  }
  EXPECT_GT(steps, 2);
  EXPECT_LT(steps, 20);
  expect_all_numbered();
}

TEST_F(RowNumbersTest, WhatIsWrittenAndDeletedBetweenTheStepsIsRight) {
  create_index();
  for (int32_t i = 0; space_.has_steps(); ++i) {
    for (int32_t p = i * 40; p < i * 40 + 40; ++p) {
      erase(p * 7 % kRows);
      put(kRows + p);
      put(p * 11 % kRows, false);
      if (p % 3 == 0) put(p * 7 % kRows);
    }
    step();
  }
  expect_all_numbered();
  EXPECT_GT(rows_with_vector().size(), 4'000U);
}

TEST_F(RowNumbersTest, ATruncatedTableHasNone) {
  create_index();
  step();
  truncate();
  expect_all_numbered();
  EXPECT_TRUE(numbered().empty());
  for (int32_t p = 0; p < 10; ++p) put(p);
  expect_all_numbered();
}

TEST_F(RowNumbersTest, TheyGoWithTheLastIndexAndComeWithTheNext) {
  create_index("one");
  create_index("two");
  expect_all_numbered();
  apply_change(schema::DropIndex{.keyspace = "k", .name = "one"});
  EXPECT_EQ(numbered().size(), static_cast<size_t>(kRows));
  apply_change(schema::DropIndex{.keyspace = "k", .name = "two"});
  EXPECT_TRUE(numbered().empty());
  create_index("three");
  expect_all_numbered();
  apply_change(schema::DropTable{.keyspace = "k", .table = "t"});
  EXPECT_TRUE(numbered().empty());
}

/// As an index is dropped and made again while rows wait for numbers.
TEST_F(RowNumbersTest, ADropBetweenTheStepsLeavesNothingBehind) {
  create_index();
  step();
  apply_change(schema::DropIndex{.keyspace = "k", .name = "i"});
  EXPECT_TRUE(numbered().empty());
  EXPECT_FALSE(space_.has_steps());
  create_index();
  expect_all_numbered();
}

TEST_F(RowNumbersTest, ARestartGoesOnWhereTheStepsWere) {
  create_index();
  step();
  space_.stop();
  expect_that_a_start_numbers_the_rest(numbered().size());
}

/// What programs before the row map left behind.
TEST_F(RowNumbersTest, ADirectoryWithoutThemGetsThem) {
  create_index();
  expect_all_numbered();
  space_.stop();
  const auto batch = store_->make_batch();
  batch->remove_range(kv::Family::kRowNumbers, Bytes(1, '\0'), Bytes(9, '\xff'));
  batch->remove_range(kv::Family::kMeta, "index.numbered.", "index.numbered/");
  ASSERT_TRUE(store_->write(*batch));
  expect_that_a_start_numbers_the_rest(0);
}

/// A row without its number that is written meanwhile gets a number that another row has in the
/// store, or a second one: unless those are forgotten.
TEST_F(RowNumbersTest, AStartWithoutMemoryForThemForgetsThem) {
  create_index();
  expect_all_numbered();
  space_.stop();
  {
    MemoryBudget small("small", 100'000);
    SoleSpace short_of_memory(*store_, workers_, small, metrics_, clock_);
    ASSERT_TRUE(short_of_memory.start(schema_, offset_));
    EXPECT_FALSE(short_of_memory.ready());
    for (const int32_t p : {1, 2, 3, kRows - 1, kRows - 2, kRows + 1}) {
      rows::Mutation out = mutation(p, next_timestamp_++);
      out.rows.push_back({.cells = {{.column_id = id("v"), .value = types::from_floats(std::vector{3.0F, 4.0F})}}});
      ASSERT_TRUE(apply_to(short_of_memory, *store_, time(),
                           [&](kv::Batch& batch) { return short_of_memory.apply_mutations(*schema_, {out}, batch); }));
    }
  }
  expect_that_a_start_numbers_the_rest(numbered().size());
}

TEST_F(RowNumbersTest, DamagedOnesAreRefused) {
  create_index();
  step_to_the_end(space_);
  space_.stop();
  const auto damaged = [&](const std::function<void(kv::Batch&)>& change) {
    const auto batch = store_->make_batch();
    change(*batch);
    EXPECT_TRUE(store_->write(*batch));
    index::SharedRowMaps shared(vectors_, 1);
    index::RowMaps maps(*store_, shared, 0);
    const Status loaded = maps.load(*schema_);
    return loaded ? ErrorCode::kInvalid : loaded.error().code();
  };
  Bytes twice;
  put_big<uint32_t>(twice, table()->id);
  put_big<uint32_t>(twice, uint32_t{100'000});
  const Bytes known = *numbered().begin();
  EXPECT_EQ(damaged([&](kv::Batch& batch) { batch.put(kv::Family::kRowNumbers, twice, known); }),
            ErrorCode::kCorruption);
  EXPECT_EQ(damaged([&](kv::Batch& batch) {
              batch.remove(kv::Family::kRowNumbers, twice);
              batch.put(kv::Family::kRowNumbers, twice.substr(0, 6), known);
            }),
            ErrorCode::kCorruption);
  Bytes state = "index.numbered.";
  put_big<uint32_t>(state, table()->id);
  EXPECT_EQ(damaged([&](kv::Batch& batch) {
              batch.remove(kv::Family::kRowNumbers, twice.substr(0, 6));
              batch.put(kv::Family::kMeta, state, "\7");
            }),
            ErrorCode::kCorruption);
}

}  // namespace
}  // namespace sagitta::tablet
