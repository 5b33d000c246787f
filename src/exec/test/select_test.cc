/// Selects over rows in memory: slices, filters, limits, groups, sorts, pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagitta/exec/paging.h"

#include "fixture.h"

namespace sagitta::exec {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using types::Kind;

/// Table x.t (k int, c int DESC, a text) in memory: k in 0..3, c in 0..4, a = letter of c; a is
/// null where c = 4.
class SelectTest : public RowsTest {
 protected:
  SelectTest()
      : RowsTest({column(1, "k", Kind::kInt, schema::ColumnKind::kPartitionKey),
                  column(2, "c", Kind::kInt, schema::ColumnKind::kClustering, true),
                  column(3, "a", Kind::kText, schema::ColumnKind::kRegular)}) {
    for (int k = 0; k < 4; ++k) {
      for (int c = 0; c < 5; ++c) {
        rows_->add({{"k", types::from_int32(k)},
                    {"c", types::from_int32(c)},
                    {"a", c == 4 ? Value() : Value(Bytes(1, static_cast<char>('a' + c)))}});
      }
    }
  }
};

TEST_F(SelectTest, ReadsSlicesInBothDirections) {
  EXPECT_THAT(show("SELECT c, a FROM t WHERE k = 1"), ElementsAre("4|null", "3|'d'", "2|'c'", "1|'b'", "0|'a'"));
  EXPECT_THAT(show("SELECT c FROM t WHERE k = 1 AND c < 3"), ElementsAre("2", "1", "0"));
  EXPECT_THAT(show("SELECT c FROM t WHERE k = 1 AND c < 3 ORDER BY c ASC"), ElementsAre("0", "1", "2"));
  EXPECT_THAT(show("SELECT c FROM t WHERE k = 1 AND c IN (4, 2, 9)"), ElementsAre("4", "2"));
  EXPECT_THAT(show("SELECT c FROM t WHERE k = 8"), ElementsAre());
}

TEST_F(SelectTest, PagesGiveWhatOneAnswerGives) {
  for (const char* text : {"SELECT k, c FROM t", "SELECT k, c FROM t WHERE k IN (0, 1, 2, 3)",
                           "SELECT c FROM t WHERE k = 2", "SELECT k, c FROM t WHERE k = 2 ORDER BY c ASC",
                           "SELECT k, c FROM t LIMIT 9", "SELECT k, c FROM t PER PARTITION LIMIT 2",
                           "SELECT DISTINCT k FROM t", "SELECT k, c FROM t WHERE a = 'b' ALLOW FILTERING"}) {
    const auto whole = show(text);
    EXPECT_FALSE(whole.empty()) << text;
    for (uint32_t size : {1U, 2U, 3U, 7U, 100U}) EXPECT_EQ(show(text, size), whole) << text << " by " << size;
  }
}

TEST_F(SelectTest, FiltersNeverMatchNull) {
  EXPECT_EQ(show("SELECT k FROM t WHERE a >= 'a' ALLOW FILTERING").size(), 16U);
  EXPECT_EQ(show("SELECT k FROM t WHERE a = 'c' AND c = 2 ALLOW FILTERING").size(), 4U);
}

TEST_F(SelectTest, Aggregates) {
  EXPECT_THAT(show("SELECT count(*) FROM t"), ElementsAre("20"));
  EXPECT_THAT(show("SELECT count(a), max(c), min(a) FROM t WHERE k = 0"), ElementsAre("4|4|'a'"));
  EXPECT_THAT(show("SELECT count(*) FROM t WHERE k = 77"), ElementsAre("0"));
  EXPECT_THAT(show("SELECT count(*) FROM t", 3), ElementsAre("20"));
}

TEST_F(SelectTest, SortsOverPartitions) {
  EXPECT_THAT(show("SELECT c, k FROM t WHERE k IN (0, 1) AND c > 2 ORDER BY c ASC").size(), 4U);
  EXPECT_THAT(show("SELECT c FROM t WHERE k IN (0, 1) AND c > 2 ORDER BY c ASC LIMIT 3"), ElementsAre("3", "3", "4"));
}

TEST_F(SelectTest, EachPartitionHasItsOwnLimit) {
  EXPECT_THAT(show("SELECT k, c FROM t WHERE k IN (0, 1) PER PARTITION LIMIT 2"),
              ElementsAre("0|4", "0|3", "1|4", "1|3"));
  EXPECT_EQ(show("SELECT k, c FROM t PER PARTITION LIMIT 2").size(), 8U);
  EXPECT_EQ(show("SELECT k, c FROM t PER PARTITION LIMIT 2 LIMIT 5").size(), 5U);
  EXPECT_EQ(show("SELECT DISTINCT k FROM t LIMIT 3").size(), 3U);
}

TEST_F(SelectTest, AFilterIsTestedBeforeALimitCounts) {
  EXPECT_THAT(show("SELECT k, a FROM t WHERE k IN (2, 3) AND a > 'b' LIMIT 3 ALLOW FILTERING"),
              ElementsAre("2|'d'", "2|'c'", "3|'d'"));
  EXPECT_THAT(show("SELECT c FROM t WHERE k = 2 AND a > 'b' PER PARTITION LIMIT 1 ALLOW FILTERING"), ElementsAre("3"));
  EXPECT_THAT(show("SELECT k FROM t WHERE a = 'nothing' LIMIT 3 ALLOW FILTERING"), ElementsAre());
}

TEST_F(SelectTest, ALimitOfGroupsCountsGroups) {
  EXPECT_THAT(show("SELECT k, count(a) FROM t WHERE k IN (0, 1, 2) GROUP BY k LIMIT 2"), ElementsAre("0|4", "1|4"));
  EXPECT_THAT(show("SELECT k, max(c) FROM t WHERE k IN (0, 1) GROUP BY k"), ElementsAre("0|4", "1|4"));
}

TEST_F(SelectTest, ShowsJson) {
  EXPECT_THAT(show("SELECT JSON k, c, a FROM t WHERE k = 0 AND c = 4"),
              ElementsAre("'{\"k\": 0, \"c\": 4, \"a\": null}'"));
}

TEST_F(SelectTest, GivesUpAtTheDeadline) {
  for (int i = 0; i < 1000; ++i) rows_->add({{"k", types::from_int32(100)}, {"c", types::from_int32(i)}});
  auto result = page("SELECT k FROM t", {}, {}, Deadline{clock_.steady_us() - 1});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kReadTimeout);
}

TEST(PagingState, ComesBackAndRefusesDamage) {
  PagingState state{5, {"key", std::vector<Bytes>{"a", ""}}, 3, 17};
  const Bytes bytes = encode_paging_state(state);
  auto decoded = decode_paging_state(bytes, 5);
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_EQ(decoded->last, state.last);
  EXPECT_EQ(decoded->in_partition, 3U);
  EXPECT_EQ(decoded->limit_left, 17U);
  EXPECT_THAT(decode_paging_state(bytes, 6).error().message(), HasSubstr("another statement"));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_FALSE(decode_paging_state(damaged, 5)) << bit;
  }
  for (size_t length = 0; length < bytes.size(); ++length)
    ASSERT_FALSE(decode_paging_state(bytes.substr(0, length), 5));
}

}  // namespace
}  // namespace sagitta::exec
