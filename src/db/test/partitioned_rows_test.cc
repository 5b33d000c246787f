/// Rows that lie in several log partitions read as those of one do.
#include "../partitioned_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagitta/exec/memory_rows.h"
#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

#include "../partitions.h"

namespace sagitta::db::test {
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

class PartitionedRowsTest : public testing::Test {
 protected:
  PartitionedRowsTest() {
    std::vector<std::unique_ptr<exec::MemoryRows>> parts;
    for (size_t i = 0; i < kParts; ++i) parts.push_back(std::make_unique<exec::MemoryRows>(table_));
    for (int k = 0; k < kKeys; ++k) {
      const Bytes key = types::from_int32(k);
      for (int c = 0; c < kRowsPerKey; ++c) {
        for (exec::MemoryRows* rows : {&all_, parts[partition_of(types::token_of(key), kParts)].get()}) {
          rows->add({{"k", key}, {"c", types::from_int32(c)}});
        }
      }
    }
    for (const auto& part : parts) part_sizes_.push_back(read(*part, scan_).size());
    std::vector<std::unique_ptr<exec::TableRows>> given;
    for (auto& part : parts) given.push_back(std::move(part));
    partitioned_ = std::make_unique<PartitionedRows>(table_, std::move(given));
  }

  static std::vector<exec::RowKey> read(const exec::TableRows& rows, const exec::ReadRange& range, bool skip = false) {
    std::vector<exec::RowKey> keys;
    const auto stream = rows.open(range).value();
    while (const exec::Row* row = stream->next().value()) {
      keys.push_back(row->key());
      if (skip) stream->skip_partition();
    }
    EXPECT_EQ(stream->next().value(), nullptr);
    return keys;
  }
  std::vector<exec::RowKey> check(const exec::ReadRange& range) {
    auto keys = read(*partitioned_, range);
    EXPECT_EQ(keys, read(all_, range));
    return keys;
  }

  const schema::TableDefPtr table_ = make_table();
  exec::MemoryRows all_{table_};
  std::unique_ptr<PartitionedRows> partitioned_;
  std::vector<size_t> part_sizes_;
  const std::vector<plan::ClusteringRange> everything_{1};
  const exec::ReadRange scan_{.partition = {}, .tokens = {}, .clustering = everything_};
};

TEST(PartitionOf, GivesEachPartitionItsShareOfTheRing) {
  for (const size_t count : {1U, 2U, 3U, 64U}) {
    EXPECT_EQ(partition_of(INT64_MIN, count), 0U);
    EXPECT_EQ(partition_of(INT64_MAX, count), count - 1);
  }
  EXPECT_EQ(partition_of(-1, 2), 0U);
  EXPECT_EQ(partition_of(0, 2), 1U);
  EXPECT_EQ(partition_of(INT64_MIN + (int64_t{1} << 58) - 1, 64), 0U);
  EXPECT_EQ(partition_of(INT64_MIN + (int64_t{1} << 58), 64), 1U);
}

TEST_F(PartitionedRowsTest, AScanGivesEveryRowInTokenOrder) {
  EXPECT_THAT(part_sizes_, testing::Each(testing::Gt(0U)));  // else there would be little to put together
  EXPECT_THAT(check(scan_), SizeIs(kKeys * kRowsPerKey));
  EXPECT_EQ(read(*partitioned_, scan_, true), read(all_, scan_, true));
}

TEST_F(PartitionedRowsTest, AScanGoesOnBehindAnyRow) {
  for (const exec::RowKey& key : read(all_, scan_)) {
    exec::ReadRange rest = scan_;
    rest.after = key;
    check(rest);
  }
}

TEST_F(PartitionedRowsTest, ARangeOfTokensEndsWhereItSays) {
  const auto keys = read(all_, scan_, true);
  for (size_t from = 0; from < keys.size(); from += 7) {
    for (size_t to = 0; to < keys.size(); to += 5) {
      exec::ReadRange range = scan_;
      range.tokens = {types::token_of(keys[from].partition), types::token_of(keys[to].partition)};
      EXPECT_THAT(check(range), SizeIs(from > to ? 0 : (to - from + 1) * kRowsPerKey));
    }
  }
}

TEST_F(PartitionedRowsTest, AKeyIsReadWhereItLies) {
  for (int k = 0; k < kKeys; ++k) {
    const Bytes key = types::from_int32(k);
    EXPECT_THAT(check({.partition = key, .tokens = {}, .clustering = everything_}), SizeIs(kRowsPerKey));
  }
  EXPECT_THAT(check({.partition = types::from_int32(kKeys), .tokens = {}, .clustering = everything_}), IsEmpty());
}

/// A read of one key need not open the others.
TEST_F(PartitionedRowsTest, APartThatIsNotReadMayBeAbsent) {
  const Bytes key = types::from_int32(7);
  for (const size_t count : {1U, 4U, 64U}) {
    std::vector<std::unique_ptr<exec::TableRows>> parts(count);
    auto rows = std::make_unique<exec::MemoryRows>(table_);
    rows->add({{"k", key}, {"c", types::from_int32(1)}});
    parts[partition_of(types::token_of(key), count)] = std::move(rows);
    const PartitionedRows partitioned(table_, std::move(parts));
    EXPECT_THAT(read(partitioned, {.partition = key, .tokens = {}, .clustering = everything_}), SizeIs(1));
    const int64_t token = types::token_of(key);
    EXPECT_THAT(read(partitioned, {.partition = {}, .tokens = {token, token}, .clustering = everything_}), SizeIs(1));
  }
}

}  // namespace
}  // namespace sagitta::db::test
