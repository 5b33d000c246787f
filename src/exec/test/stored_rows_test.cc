/// Rows that lie in the stores of several log partitions read as those of one do.
#include "sagitta/exec/stored_rows.h"

#include "stores.h"

namespace sagitta::exec {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

using StoredRowsTest = StoresTest;

TEST(PartitionOf, GivesEachPartitionItsShareOfTheRing) {
  for (const size_t count : {1U, 2U, 3U, 64U}) {
    EXPECT_EQ(types::partition_of(INT64_MIN, count), 0U);
    EXPECT_EQ(types::partition_of(INT64_MAX, count), count - 1);
  }
  for (const size_t count : {1U, 2U, 3U, 5U, 64U}) {
    for (size_t partition = 0; partition < count; ++partition) {
      const int64_t first = types::first_token_of(partition, count);
      EXPECT_EQ(types::partition_of(first, count), partition);
      if (partition > 0) {
        EXPECT_EQ(types::partition_of(first - 1, count), partition - 1);
      }
    }
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
