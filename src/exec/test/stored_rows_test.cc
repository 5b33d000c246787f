/// Rows that lie in the stores of several log partitions read as those of one do.
#include "sagitta/exec/stored_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagitta/rows/stored_row.h"
#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

namespace sagitta::exec {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr int kKeys = 60;
constexpr int kRowsPerKey = 3;
constexpr size_t kParts = 4;

schema::ColumnDef column(uint32_t id, const char* name, schema::ColumnKind kind) {
  schema::ColumnDef def;
  def.id = id;
  def.name = name;
  def.type = types::DataType::native(types::Kind::kInt);
  def.kind = kind;
  return def;
}

schema::TableDefPtr make_table() {
  auto table = std::make_shared<schema::TableDef>();
  table->id = 7;
  table->keyspace = "ks";
  table->name = "t";
  table->columns = {column(1, "k", schema::ColumnKind::kPartitionKey), column(2, "c", schema::ColumnKind::kClustering)};
  table->finish();
  return table;
}

/// A store for each log partition, or one for all.
class Stores {
 public:
  explicit Stores(size_t count) {
    for (size_t i = 0; i < count; ++i) stores_.push_back(kv::make_memory_store());
  }

  void add(BytesView row_key, int64_t token, const Bytes& value) {
    kv::Store& store = *stores_[types::partition_of(token, stores_.size())];
    const auto batch = store.make_batch();
    batch->put(kv::Family::kRows, row_key, value);
    ASSERT_TRUE(store.write(*batch));
  }
  StoredRows rows(const schema::TableDefPtr& table) {
    const auto open = [this](size_t partition, const Views::Manner& manner) {
      ++opened_;
      kv::Store& store = *stores_[partition];
      return rows::ReadView(store, store.snapshot(), nullptr, manner.now_s, manner.mode);
    };
    return {table, Views(stores_.size(), {}, open)};
  }
  int opened() const { return opened_; }

 private:
  std::vector<std::unique_ptr<kv::Store>> stores_;
  int opened_ = 0;
};

class StoredRowsTest : public testing::Test {
 protected:
  StoredRowsTest() {
    Bytes value;
    rows::StoredRow row;
    row.marker.timestamp_us = 1;
    row.encode(value);
    for (int k = 0; k < kKeys; ++k) {
      const Bytes key = types::from_int32(k);
      for (int c = 0; c < kRowsPerKey; ++c) {
        const std::vector<Bytes> clustering = {types::from_int32(c)};
        const Bytes row_key = rows::row_key(*table_, key, clustering);
        for (Stores* stores : {&one_, &several_}) stores->add(row_key, types::token_of(key), value);
      }
    }
  }

  static std::vector<RowKey> read(const TableRows& rows, const ReadRange& range, bool skip = false) {
    std::vector<RowKey> keys;
    const auto stream = rows.open(range).value();
    while (const Row* row = stream->next().value()) {
      keys.push_back(row->key());
      if (skip) stream->skip_partition();
    }
    EXPECT_EQ(stream->next().value(), nullptr);
    return keys;
  }
  std::vector<RowKey> read_one(const ReadRange& range, bool skip = false) {
    return read(one_.rows(table_), range, skip);
  }
  std::vector<RowKey> check(const ReadRange& range, bool skip = false) {
    auto keys = read(several_.rows(table_), range, skip);
    EXPECT_EQ(keys, read_one(range, skip));
    return keys;
  }

  const schema::TableDefPtr table_ = make_table();
  Stores one_{1}, several_{kParts};
  const std::vector<plan::ClusteringRange> everything_{1};
  const ReadRange scan_{.partition = {}, .tokens = {}, .clustering = everything_};
};

TEST(PartitionOf, GivesEachPartitionItsShareOfTheRing) {
  for (const size_t count : {1U, 2U, 3U, 64U}) {
    EXPECT_EQ(types::partition_of(INT64_MIN, count), 0U);
    EXPECT_EQ(types::partition_of(INT64_MAX, count), count - 1);
  }
  EXPECT_EQ(types::partition_of(-1, 2), 0U);
  EXPECT_EQ(types::partition_of(0, 2), 1U);
  EXPECT_EQ(types::partition_of(INT64_MIN + (int64_t{1} << 58) - 1, 64), 0U);
  EXPECT_EQ(types::partition_of(INT64_MIN + (int64_t{1} << 58), 64), 1U);
}

TEST_F(StoredRowsTest, AScanGivesEveryRowInTokenOrder) {
  EXPECT_THAT(check(scan_), SizeIs(kKeys * kRowsPerKey));
  EXPECT_EQ(several_.opened(), static_cast<int>(kParts));
  check(scan_, true);
}

TEST_F(StoredRowsTest, AScanGoesOnBehindAnyRow) {
  for (const RowKey& key : read_one(scan_)) {
    ReadRange rest = scan_;
    rest.after = key;
    check(rest);
  }
}

TEST_F(StoredRowsTest, ARangeOfTokensEndsWhereItSays) {
  const auto keys = read_one(scan_, true);
  for (size_t from = 0; from < keys.size(); from += 7) {
    for (size_t to = 0; to < keys.size(); to += 5) {
      ReadRange range = scan_;
      range.tokens = {types::token_of(keys[from].partition), types::token_of(keys[to].partition)};
      EXPECT_THAT(check(range), SizeIs(from > to ? 0 : (to - from + 1) * kRowsPerKey));
    }
  }
}

TEST_F(StoredRowsTest, AKeyIsReadWhereItLies) {
  for (int k = 0; k < kKeys; ++k) {
    const Bytes key = types::from_int32(k);
    EXPECT_THAT(check({.partition = key, .tokens = {}, .clustering = everything_}), SizeIs(kRowsPerKey));
  }
  EXPECT_THAT(check({.partition = types::from_int32(kKeys), .tokens = {}, .clustering = everything_}), IsEmpty());
}

TEST_F(StoredRowsTest, OnlyWhatIsReadIsOpened) {
  const Bytes key = types::from_int32(7);
  const int64_t token = types::token_of(key);
  check({.partition = key, .tokens = {}, .clustering = everything_});
  EXPECT_EQ(several_.opened(), 1);
  check({.partition = {}, .tokens = {token, token}, .clustering = everything_});
  EXPECT_EQ(several_.opened(), 2);
}

TEST_F(StoredRowsTest, ARowIsFoundByItsKeyInTheStore) {
  const StoredRows rows = several_.rows(table_);
  for (int k = 0; k < kKeys; ++k) {
    const Bytes key = types::from_int32(k);
    const std::vector<Bytes> there = {types::from_int32(1)}, absent = {types::from_int32(kRowsPerKey)};
    const auto row = rows.get(rows::row_key(*table_, key, there)).value();
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->key(), (RowKey{key, there}));
    EXPECT_EQ(rows.get(rows::row_key(*table_, key, absent)).value(), nullptr);
  }
  EXPECT_EQ(several_.opened(), static_cast<int>(kParts));
}

}  // namespace
}  // namespace sagitta::exec
