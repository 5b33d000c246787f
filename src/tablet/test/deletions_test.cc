#include "sagitta/rows/deletions.h"

#include <fmt/format.h>

#include <cstdlib>
#include <random>

#include "fixture.h"

namespace sagitta::tablet {
namespace {

using types::Kind;

/// Range deletions that share no code with the library: the list of them.
struct Twin {
  std::vector<rows::RangeTombstone> ranges;

  int64_t covering(BytesView key) const {
    int64_t strongest = rows::kNoTimestamp;
    for (const rows::RangeTombstone& range : ranges) {
      if (range.interval.contains(key)) strongest = std::max(strongest, range.tombstone.timestamp_us);
    }
    return strongest;
  }
};

class PartitionDeletionsTest : public testing::Test {
 protected:
  static Bytes key(uint64_t number) {
    Bytes bytes;
    put_big(bytes, static_cast<uint16_t>(number));
    return bytes;
  }
  /// Adds `count` random deletions as one record.
  void add_some(int count, uint64_t width) {
    const auto batch = store_->make_batch();
    rows::RecordEntries entries(*batch, sweeps_);
    rows::PartitionDeletions deletions(entries, "partition", 0, 0);
    for (int i = 0; i < count; ++i) {
      const uint64_t from = random_() % 1000;
      rows::RangeTombstone range{{key(from), key(from + random_() % width)}, {static_cast<int64_t>(random_() % 50), 0}};
      if (random_() % 100 == 0) range.interval.to.clear();
      if (random_() % 100 == 0) range.interval.from.clear();
      ASSERT_TRUE(deletions.add(range));
      twin_.ranges.push_back(range);
      if (random_() % 4 == 0) compare(deletions, random_() % 1200);
    }
    ASSERT_TRUE(store_->write(*batch));
  }
  void compare(rows::PartitionDeletions& deletions, uint64_t number) {
    const auto found = deletions.covering(key(number));
    ASSERT_TRUE(found) << found.error().to_string();
    ASSERT_EQ(found->timestamp_us, twin_.covering(key(number))) << number;
  }
  void compare_all() {
    const auto batch = store_->make_batch();
    rows::RecordEntries entries(*batch, sweeps_);
    rows::PartitionDeletions deletions(entries, "partition", 0, 0);
    for (uint64_t number = 0; number < 1200; ++number) compare(deletions, number);
    EXPECT_LE(deletions.decoded(), 2u * 1200);  // each page once
  }
  void check_pages() {
    const auto it = store_->iterate(kv::Family::kRows, {}, {}, kv::ReadMode::kBlocking);
    for (it->seek_to_first(); it->valid(); it->next()) {
      const auto page = rows::DeletionPage::decode(it->value());
      ASSERT_TRUE(page) << page.error().to_string();
      EXPECT_LE(page->ranges.size(), rows::kPageRangesMax);
      EXPECT_FALSE(page->is_empty());
    }
  }

  const std::unique_ptr<kv::Store> store_ = kv::make_memory_store();
  const rows::SweepBook sweeps_;
  Twin twin_;
  std::mt19937_64 random_;
};

TEST_F(PartitionDeletionsTest, TheStrongestOfAllStaysWhereverTheyOverlap) {
  const char* given = std::getenv("SAGITTA_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE(fmt::format("SAGITTA_SEED={}", seed));
  random_.seed(seed);
  for (int record = 0; record < 300 && !HasFatalFailure(); ++record) {
    add_some(1 + static_cast<int>(random_() % 10), random_() % 20 == 0 ? 900 : 4);
    if (record % 20 == 0) compare_all();
    check_pages();
  }
}

class RangeDeletionsTest : public TableFixture {
 protected:
  RangeDeletionsTest() {
    create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey),
            column("c", native(Kind::kInt), schema::ColumnKind::kClustering), column("a", native(Kind::kInt))});
  }
  /// Deletes [2i, 2i + 1) for each i of [from, to), at 1,000.
  void delete_many(int32_t from, int32_t to) {
    rows::Mutation record = mutation(1, 1000);
    for (int32_t i = from; i < to; ++i) {
      record.deletions.push_back({.start = {i32(2 * i)}, .end = {i32(2 * i + 1)}, .end_inclusive = false});
    }
    ASSERT_TRUE(write({record}));
  }
  void insert(int32_t row, int64_t timestamp) {
    rows::Mutation record = mutation(1, timestamp);
    record.rows.push_back({.clustering = {i32(row)}, .insert_marker = true});
    ASSERT_TRUE(write({record}));
  }
  double decoded() { return metrics_.counter("sagitta_range_deletions_decoded_total", "").value(); }
};

TEST_F(RangeDeletionsTest, AWriteLooksAtAPageOfThemHoweverManyThereAre) {
  int32_t count = 0;
  for (const int32_t next : {100, 1000, 60'000}) {
    for (; count < next; count = std::min(next, count + 5000)) delete_many(count, std::min(next, count + 5000));
    count = next;
    const double before = decoded();
    constexpr int kInserts = 50;
    for (int i = 0; i < kInserts; ++i) insert(i * 7919 % (2 * count), 999);
    EXPECT_LE(decoded() - before, kInserts * static_cast<double>(rows::kPageRangesMax)) << count;
  }
  const auto rows = all(view().scan_partition(*table(), i32(1)));
  for (const rows::LiveRow& row : rows) EXPECT_EQ(types::to_int32(row.clustering[0]) % 2, 1);
  EXPECT_GE(rows.size(), 25u);
}

TEST_F(RangeDeletionsTest, OneRecordReadsEachPageOnceForRowsInOrder) {
  delete_many(0, 20'000);
  rows::Mutation record = mutation(1, 2000);
  for (int32_t i = 0; i < 10'000; ++i) record.rows.push_back({.clustering = {i32(i)}, .insert_marker = true});
  const double before = decoded();
  ASSERT_TRUE(write({record}));
  EXPECT_LE(decoded() - before, 5'000 + 2.0 * rows::kPageRangesMax);
}

TEST_F(RangeDeletionsTest, AWideOneTakesTheOlderOnesTogether) {
  delete_many(0, 20'000);
  rows::Mutation wide = mutation(1, 1001);
  wide.deletions.push_back({});
  ASSERT_TRUE(write({wide}));
  size_t entries = 0;
  const auto it = store_->iterate(kv::Family::kRows, {}, {}, kv::ReadMode::kBlocking);
  for (it->seek_to_first(); it->valid(); it->next()) ++entries;
  EXPECT_EQ(entries, 2u);  // a header and a page
  insert(3, 1001);
  insert(5, 1002);
  EXPECT_EQ(all(view().scan_tokens(*table())).size(), 1u);
}

TEST_F(RangeDeletionsTest, ThoseInAHeaderOfTheFirstVersionHoldAndMoveIntoPages) {
  rows::PartitionHeader old;
  for (int32_t i = 0; i < 300; ++i) {
    const types::Interval interval = rows::interval_of(*table(), {.start = {i32(i)}, .end = {i32(i + 10)}});
    old.old_ranges.push_back({interval, {1000 + i % 7, log_s_}});
  }
  Bytes encoded;
  old.encode(encoded);
  const auto batch = store_->make_batch();
  batch->put(kv::Family::kRows, rows::entry_key(rows::partition_prefix(table()->id, i32(1)), rows::EntryKind::kHeader),
             encoded);
  ASSERT_TRUE(store_->write(*batch));
  for (const int64_t timestamp : {1006, 1007}) {
    insert(100, timestamp);
    EXPECT_EQ(get(1, {i32(100)}).has_value(), timestamp == 1007);
  }
  insert(310, 500);
  EXPECT_TRUE(get(1, {i32(310)}).has_value());
  const auto header = store_->get(
      kv::Family::kRows, rows::entry_key(rows::partition_prefix(table()->id, i32(1)), rows::EntryKind::kHeader),
      kv::ReadMode::kBlocking);
  ASSERT_TRUE(header && *header);
  EXPECT_TRUE(rows::PartitionHeader::decode(**header)->old_ranges.empty());
}

TEST_F(RangeDeletionsTest, TheyAreNoRowsToAnyScan) {
  delete_many(0, 500);
  for (int32_t row : {1, 3}) insert(row, 2000);
  rows::Mutation other = mutation(2, 2000);
  other.rows.push_back({.clustering = {i32(1)}, .insert_marker = true});
  ASSERT_TRUE(write({other}));
  EXPECT_EQ(all(view().scan_tokens(*table())).size(), 3u);
  EXPECT_EQ(all(view().scan_partition(*table(), i32(1))).size(), 2u);
  EXPECT_EQ(all(view().scan_partition(*table(), i32(1), {}, true)).size(), 2u);
  const Bytes prefix = rows::partition_prefix(table()->id, i32(1));
  EXPECT_EQ(view().get_by_key(*table(), rows::entry_key(prefix, rows::EntryKind::kDeletions)).error().code(),
            ErrorCode::kInvalid);
}

TEST(DeletionPage, DamagedOnesAreRefused) {
  rows::DeletionPage page{.ranges = {{{"a", "c"}, {5, 1}}, {{"c", ""}, {6, 1}}}};
  Bytes good;
  page.encode(good);
  ASSERT_TRUE(rows::DeletionPage::decode(good));
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(rows::DeletionPage::decode(good.substr(0, size)));
  EXPECT_EQ(rows::DeletionPage::decode("\x03" + good.substr(1)).error().code(), ErrorCode::kFormat);
  std::swap(page.ranges[0], page.ranges[1]);
  Bytes unordered;
  page.encode(unordered);
  EXPECT_EQ(rows::DeletionPage::decode(unordered).error().code(), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace sagitta::tablet
