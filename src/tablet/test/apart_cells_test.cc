/// Collections so large that their cells are kept apart from the row.
#include "sagitta/rows/apart_cells.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <random>

#include "fixture.h"

namespace sagitta::tablet {
namespace {

using types::DataType;
using types::Kind;
using OpKind = rows::CellOp::Kind;

class ApartCellsTest : public TableFixture {
 protected:
  ApartCellsTest() {
    create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey),
            column("c", native(Kind::kInt), schema::ColumnKind::kClustering), column("a", native(Kind::kInt)),
            column("l", DataType::list(native(Kind::kInt))), column("t", DataType::set(native(Kind::kInt))),
            column("s", DataType::set(native(Kind::kInt)), schema::ColumnKind::kStatic)});
  }
  rows::Mutation change(int32_t row, int64_t timestamp, std::vector<rows::CellOp> ops) const {
    rows::Mutation out = mutation(1, timestamp);
    out.rows.push_back({.clustering = {i32(row)}, .cells = std::move(ops)});
    return out;
  }
  /// Elements [from, to) of a set.
  std::vector<rows::CellOp> elements(int32_t from, int32_t to, std::string_view name = "t") const {
    std::vector<rows::CellOp> ops;
    for (int32_t i = from; i < to; ++i) {
      ops.push_back({.column_id = id(name), .kind = OpKind::kSetElement, .path = i32(i), .value = Bytes()});
    }
    return ops;
  }
  int64_t size(std::string_view name, int32_t row = 1, int64_t now_s = kStartS) const {
    const auto found = get(1, {i32(row)}, now_s);
    const rows::LiveCell* cell = found ? found->find(id(name)) : nullptr;
    return cell == nullptr ? 0 : get_big<int32_t>(cell->value.data());
  }
  size_t entries(rows::EntryKind kind) const {
    size_t count = 0;
    const auto it = store_->iterate(kv::Family::kRows, {}, {}, kv::ReadMode::kBlocking);
    for (it->seek_to_first(); it->valid(); it->next()) count += rows::split_key(it->key())->kind == kind ? 1u : 0u;
    return count;
  }
  /// What applying the record writes.
  size_t bytes_written(const rows::Mutation& record) {
    const auto batch = store_->make_batch();
    space_.begin(time(), *batch);
    EXPECT_TRUE(space_.apply_mutations(*schema_, std::vector{record}, *batch));
    space_.finish(*batch);
    EXPECT_TRUE(space_.write(*batch));
    space_.committed();
    return batch->size_bytes();
  }
};

TEST_F(ApartCellsTest, OneElementChangesAlone) {
  ASSERT_TRUE(write({change(1, 100, elements(0, 50)), change(2, 100, elements(0, 50'000))}));
  EXPECT_EQ(size("t", 1), 50);
  EXPECT_EQ(size("t", 2), 50'000);
  for (const int32_t element : {-1, 25'000'000, 100'000}) {
    const size_t few = bytes_written(change(1, 200, elements(element, element + 1)));
    const size_t many = bytes_written(change(2, 200, elements(element, element + 1)));
    EXPECT_LE(many, 3 * few) << element;
  }
  EXPECT_EQ(size("t", 2), 50'003);
}

TEST_F(ApartCellsTest, APageIsNeverLargerThanItsBounds) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 3000; ++i) {
    const auto element = static_cast<int32_t>(random() % 5000);
    ASSERT_TRUE(write({change(1, 100, elements(element, element + 1))}));
  }
  size_t pages = 0;
  const auto it = store_->iterate(kv::Family::kRows, {}, {}, kv::ReadMode::kBlocking);
  for (it->seek_to_first(); it->valid(); it->next()) {
    if (rows::split_key(it->key())->kind != rows::EntryKind::kRowCells) continue;
    ++pages;
    const auto page = rows::CellPage::decode(it->value());
    ASSERT_TRUE(page);
    EXPECT_LE(page->cells.size(), rows::kPageCellsMax);
  }
  EXPECT_EQ(size("t"), static_cast<int64_t>(get(1, {i32(1)})->find(id("t"))->value.size() / 8));
  EXPECT_LE(pages, 3 * static_cast<size_t>(size("t")) / rows::kPageCellsMax);
}

TEST_F(ApartCellsTest, WhatIsDeletedGoesWithItsEntries) {
  const auto fill = [&](int64_t timestamp) {
    ASSERT_TRUE(write({change(1, timestamp, elements(0, 300))}));
    ASSERT_GT(entries(rows::EntryKind::kRowCells), 0u);
  };
  fill(100);
  rows::Mutation row = mutation(1, 101);
  row.rows.push_back({.clustering = {i32(1)}, .delete_row = true});
  ASSERT_TRUE(write({row}));
  EXPECT_EQ(entries(rows::EntryKind::kRowCells), 0u);
  fill(200);
  ASSERT_TRUE(write({change(1, 201, {{.column_id = id("t"), .kind = OpKind::kClear}})}));
  EXPECT_EQ(size("t"), 0);
  EXPECT_EQ(entries(rows::EntryKind::kRowCells), 0u);
  fill(300);
  rows::Mutation range = mutation(1, 301);
  range.deletions.push_back({.start = {i32(0)}});
  ASSERT_TRUE(write({range}));
  EXPECT_EQ(entries(rows::EntryKind::kRowCells), 0u);
  fill(400);
  rows::Mutation partition = mutation(1, 401);
  partition.delete_partition = true;
  ASSERT_TRUE(write({partition}));
  EXPECT_EQ(entries(rows::EntryKind::kRowCells), 0u);
  ASSERT_TRUE(write({change(1, 401, elements(0, 300))}));
  EXPECT_EQ(size("t"), 0);
}

TEST_F(ApartCellsTest, ADeletionInBetweenTakesTheOlderElements) {
  ASSERT_TRUE(write({change(1, 100, elements(0, 200)), change(1, 200, elements(200, 400))}));
  EXPECT_EQ(size("t"), 400);
  ASSERT_TRUE(write({change(1, 150, {{.column_id = id("t"), .kind = OpKind::kDelete}})}));
  EXPECT_EQ(size("t"), 200);
  ASSERT_TRUE(write({change(1, 150, elements(0, 10)), change(1, 151, elements(500, 501))}));
  EXPECT_EQ(size("t"), 201);
  rows::Mutation row = mutation(1, 180);
  row.rows.push_back({.clustering = {i32(1)}, .delete_row = true});
  ASSERT_TRUE(write({row}));
  EXPECT_EQ(size("t"), 200);
}

TEST_F(ApartCellsTest, AStaticColumnAndARowOfTheSameBytesDoNotMix) {
  rows::Mutation statics = mutation(1, 100);
  statics.rows.push_back({.is_static = true, .cells = elements(0, 200, "s")});
  // The clustering key of the row is the id of the static column.
  const auto row = static_cast<int32_t>(id("s"));
  ASSERT_TRUE(write({statics, change(row, 100, elements(1000, 1150)), change(row ^ INT32_MIN, 100, elements(0, 90))}));
  const auto found = view().get_static(*table(), i32(1));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(get_big<int32_t>((*found)->find(id("s"))->value.data()), 200);
  EXPECT_EQ(size("t", row), 150);
  EXPECT_EQ(size("t", row ^ INT32_MIN), 90);
  const auto rows = all(view().scan_tokens(*table()));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(all(view().scan_partition(*table(), i32(1), {}, true)).size(), 2u);
}

TEST_F(ApartCellsTest, ElementsExpireOneByOne) {
  rows::Mutation record = change(1, 100, elements(0, 200));
  for (int32_t i = 0; i < 100; ++i) {
    rows::Mutation expiring = change(1, 100, elements(i, i + 1));
    expiring.rows[0].ttl_s = i + 1;
    expiring.rows[0].expires_s = kStartS + i + 1;
    ASSERT_TRUE(write({expiring}));
  }
  ASSERT_TRUE(write({change(1, 100, elements(100, 200))}));
  EXPECT_EQ(size("t"), 200);
  EXPECT_EQ(size("t", 1, kStartS + 50), 150);
  EXPECT_EQ(size("t", 1, kStartS + 500), 100);
}

/// A list as a program would keep it.
struct ListTwin {
  std::vector<int32_t> values;
  std::string show() const { return fmt::format("[{}]", fmt::join(values, ", ")); }
};

TEST_F(ApartCellsTest, ALargeListIsChangedByPositionAndValue) {
  std::mt19937_64 random(
      std::getenv("SAGITTA_SEED") != nullptr ? std::strtoull(std::getenv("SAGITTA_SEED"), nullptr, 10) : 11);
  ListTwin twin;
  int64_t timestamp = 1000;
  for (int step = 0; step < 1500; ++step) {
    ++timestamp;
    const auto value = static_cast<int32_t>(random() % 50);
    const auto position = static_cast<int64_t>(random() % (twin.values.size() + 1));
    rows::CellOp op{.column_id = id("l"), .kind = OpKind::kSetElement, .value = i32(value)};
    const uint64_t what = random() % 100;
    if (what < 80) {
      const bool prepend = what < 30;
      op.path = rows::list_path(prepend, statement_at(timestamp), 0);
      twin.values.insert(prepend ? twin.values.begin() : twin.values.end(), value);
    } else if (what < 99) {
      op.kind = OpKind::kListSet;
      op.number = position;
      if (what < 85) op.value.reset();
      if (position == static_cast<int64_t>(twin.values.size())) {
        const auto refused = write({change(1, timestamp, {op})});
        ASSERT_FALSE(refused);
        ASSERT_EQ(refused.error().code(), ErrorCode::kInvalid);
        continue;
      }
      const auto place = twin.values.begin() + position;
      what < 85 ? (void)twin.values.erase(place) : (void)(*place = value);
    } else {
      op = {.column_id = id("l"), .kind = OpKind::kListDiscard, .elements = {i32(value)}};
      std::erase(twin.values, value);
    }
    ASSERT_TRUE(write({change(1, timestamp, {op})}));
    if (step % 10 == 0) {
      ASSERT_EQ(show(get(1, {i32(1)}), "l"), twin.values.empty() ? "-" : twin.show());
    }
  }
  EXPECT_GT(twin.values.size(), rows::kPageCellsMax);
  const auto refused =
      write({change(1, ++timestamp, {{.column_id = id("l"), .kind = OpKind::kListSet, .number = 9999}})});
  EXPECT_EQ(refused.error().message(),
            fmt::format("List index 9999 out of bound, list has size {}", twin.values.size()));
}

TEST(CellPage, DamagedOnesAreRefused) {
  rows::CellPage page{.cells = {{"a", {.timestamp_us = 1, .value = "x"}}, {"b", {.timestamp_us = 2, .deleted_s = 5}}}};
  Bytes good;
  page.encode(good);
  ASSERT_TRUE(rows::CellPage::decode(good));
  for (size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(rows::CellPage::decode(good.substr(0, length)));
  EXPECT_FALSE(rows::CellPage::decode(good + 'x'));
  EXPECT_EQ(rows::CellPage::decode("\x03" + good.substr(1)).error().code(), ErrorCode::kFormat);
}

}  // namespace
}  // namespace sagitta::tablet
