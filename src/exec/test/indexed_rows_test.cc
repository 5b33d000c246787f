/// Rows that postings name come as a scan comes to them, from one log partition as from several.
#include "sagitta/exec/indexed_rows.h"

#include "sagitta/index/progress.h"
#include "sagitta/rows/posting.h"

#include "stores.h"

namespace sagitta::exec {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr uint32_t kOdd = 1, kThird = 2, kStatics = 3;

/// A posting of index kOdd for rows of odd keys, of kThird for every third row, of kStatics for the
/// static rows of some keys.
class IndexedRowsTest : public StoresTest {
 protected:
  IndexedRowsTest() {
    for (int k = 0; k < kKeys; ++k) {
      for (int c = 0; c < kRowsPerKey; ++c) {
        if (is_odd(k)) post(kOdd, k, row_key(k, c));
        if (is_third(k, c)) post(kThird, k, row_key(k, c));
      }
      if (has_static(k)) post(kStatics, k, rows::static_row_key(*table_, types::from_int32(k)));
    }
    for (size_t p = 0; p < kParts; ++p) set_whole(p, true);
  }
  /// Whether the log partition has the postings of all rows.
  void set_whole(size_t partition, bool whole) {
    const index::Progress progress{.complete = whole};
    for (const uint32_t index : {kOdd, kThird, kStatics}) {
      const Bytes key = index::posting_progress_key(index);
      several_.add(key, types::first_token_of(partition, kParts), progress.encode(), kv::Family::kMeta);
      if (partition == 0) one_.add(key, 0, progress.encode(), kv::Family::kMeta);
    }
  }
  static bool is_odd(int k) { return k % 2 == 1; }
  static bool is_third(int k, int c) { return (k + c) % 3 == 0; }
  static bool has_static(int k) { return k % 5 == 0; }

  Bytes row_key(int k, int c) const {
    const std::vector<Bytes> clustering = {types::from_int32(c)};
    return rows::row_key(*table_, types::from_int32(k), clustering);
  }
  /// Terms differ from row to row, so that their order is not that of rows.
  static Bytes term_of(int k) { return Bytes(1, static_cast<char>('z' - k % 7)); }
  void post(uint32_t index, int k, const Bytes& key) {
    const Bytes term = term_of(k);
    const rows::Posting posting{.term = term, .row_key = key, .path = {}, .expires_s = 0};
    for (Stores* stores : {&one_, &several_}) {
      stores->add(rows::posting_key(index, posting), types::token_of(types::from_int32(k)),
                  rows::posting_value(posting), kv::Family::kPostings);
    }
  }
  static plan::IndexProbe all_of(uint32_t index) {
    return {nullptr, {.index_id = index, .terms = {types::Interval{}}, .is_equality = false}};
  }
  static plan::IndexProbe one_of(uint32_t index, int k) {
    const Bytes term = term_of(k);
    return {nullptr, {.index_id = index, .terms = {{term, types::after_prefix(term)}}, .is_equality = true}};
  }

  /// What a scan gives of the rows that pass.
  template <class Passes>
  std::vector<RowKey> scanned(const ReadRange& range, Passes passes) {
    std::vector<RowKey> keys = read_one(range);
    std::erase_if(keys, [&](const RowKey& key) {
      return !passes(types::to_int32(key.partition), types::to_int32((*key.clustering)[0]));
    });
    return keys;
  }
  std::vector<RowKey> named(const std::vector<plan::IndexProbe>& probes, const ReadRange& range, bool skip = false) {
    auto keys = read(IndexedRows(several_.rows(table_), probes), range, skip);
    EXPECT_EQ(keys, read(IndexedRows(one_.rows(table_), probes), range, skip));
    return keys;
  }
};

TEST_F(IndexedRowsTest, RowsComeInTheOrderOfAScan) {
  const auto keys = named({all_of(kOdd)}, scan_);
  EXPECT_THAT(keys, SizeIs(kKeys / 2 * kRowsPerKey));
  EXPECT_EQ(keys, scanned(scan_, [](int k, int) { return is_odd(k); }));
}

TEST_F(IndexedRowsTest, OfSeveralProbesTheRowsOfAll) {
  const auto both = [](int k, int c) { return is_odd(k) && is_third(k, c); };
  EXPECT_EQ(named({all_of(kOdd), all_of(kThird)}, scan_), scanned(scan_, both));
  const auto of_term = [&](int k, int c) { return both(k, c) && term_of(k) == term_of(8); };
  EXPECT_EQ(named({all_of(kThird), one_of(kOdd, 8)}, scan_), scanned(scan_, of_term));
  EXPECT_THAT(named({one_of(kOdd, 1), one_of(kThird, 2)}, scan_), IsEmpty()) << "no row has two keys";
}

TEST_F(IndexedRowsTest, AReadGoesOnBehindAnyRow) {
  const auto third = [](int k, int c) { return is_third(k, c); };
  for (const RowKey& key : read_one(scan_)) {
    ReadRange rest = scan_;
    rest.after = key;
    EXPECT_EQ(named({all_of(kThird)}, rest), scanned(rest, third));
  }
}

TEST_F(IndexedRowsTest, APartitionAndItsRangesAreKeptTo) {
  const std::vector<plan::ClusteringRange> last = {{.start = {types::from_int32(2)}, .end = {types::from_int32(2)}}};
  const auto third = [](int k, int c) { return is_third(k, c); };
  for (int k = 0; k < kKeys; ++k) {
    const Bytes key = types::from_int32(k);
    const ReadRange whole{.partition = key, .tokens = {}, .clustering = everything_};
    EXPECT_EQ(named({all_of(kThird)}, whole), scanned(whole, third));
    const ReadRange part{.partition = key, .tokens = {}, .clustering = last};
    EXPECT_EQ(named({all_of(kThird)}, part), scanned(part, third));
  }
}

TEST_F(IndexedRowsTest, AStaticRowMeansAllOfItsPartition) {
  const auto in_some = [](int k, int) { return has_static(k); };
  EXPECT_EQ(named({all_of(kStatics)}, scan_), scanned(scan_, in_some));
  for (const RowKey& key : scanned(scan_, in_some)) {
    ReadRange rest = scan_;
    rest.after = key;
    EXPECT_EQ(named({all_of(kStatics)}, rest), scanned(rest, in_some));
  }
}

TEST_F(IndexedRowsTest, WhereAnIndexIsNotWholeAllRowsAreRead) {
  set_whole(2, false);
  const int64_t from = types::first_token_of(2, kParts);
  const int64_t behind = types::first_token_of(3, kParts);
  const auto read_named = [&](const ReadRange& range, bool skip = false) {
    const std::vector<plan::IndexProbe> probes = {all_of(kOdd)};
    return read(IndexedRows(several_.rows(table_), probes), range, skip);
  };
  const auto expected = [&](const ReadRange& range, bool skip = false) {
    const bool comes_by = !range.after || types::token_of(range.after->partition) < behind;
    auto keys = read_one(range, skip);
    std::erase_if(keys, [&](const RowKey& key) {
      const bool is_in_rest = comes_by && types::token_of(key.partition) >= from;
      return !is_in_rest && !is_odd(types::to_int32(key.partition));
    });
    return keys;
  };
  EXPECT_EQ(read_named(scan_), expected(scan_));
  EXPECT_EQ(read_named(scan_, true), expected(scan_, true));
  for (const RowKey& key : read_one(scan_)) {
    ReadRange rest = scan_;
    rest.after = key;
    EXPECT_EQ(read_named(rest), expected(rest));
  }
}

TEST_F(IndexedRowsTest, TheRestOfAPartitionIsSkipped) {
  EXPECT_THAT(named({all_of(kOdd)}, scan_, true), SizeIs(kKeys / 2));
  EXPECT_THAT(named({all_of(kStatics)}, scan_, true), SizeIs(kKeys / 5));
}

TEST_F(IndexedRowsTest, ARangeOfTokensEndsWhereItSays) {
  const auto keys = read_one(scan_, true);
  const auto odd = [](int k, int) { return is_odd(k); };
  for (size_t from = 0; from < keys.size(); from += 7) {
    for (size_t to = 0; to < keys.size(); to += 5) {
      ReadRange range = scan_;
      range.tokens = {types::token_of(keys[from].partition), types::token_of(keys[to].partition)};
      EXPECT_EQ(named({all_of(kOdd)}, range), scanned(range, odd));
    }
  }
}

}  // namespace
}  // namespace sagitta::exec
