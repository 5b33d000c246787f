/// Ranges of clustering keys at the ends of each type, where the encoded bound has no successor:
/// every way of reading and deleting them against the order of the values.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <compare>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using types::DataType;
using types::Kind;

struct Ends {
  Kind kind;
  /// Ascending literals: the least, one between, the greatest.
  std::vector<std::string> values;
};

const std::vector<Ends>& all_ends() {
  static const std::vector<Ends> ends = {
      {Kind::kTinyint, {"-128", "0", "127"}},
      {Kind::kSmallint, {"-32768", "0", "32767"}},
      {Kind::kInt, {"-2147483648", "0", "2147483647"}},
      {Kind::kBigint, {"-9223372036854775808", "0", "9223372036854775807"}},
      {Kind::kTimestamp, {"-9223372036854775808", "0", "9223372036854775807"}},
      {Kind::kDate, {"'-5877641-06-23'", "'2026-01-01'", "'+5881580-07-11'"}},
      {Kind::kTime, {"'00:00:00'", "'12:00:00'", "'23:59:59.999999999'"}},
      {Kind::kBoolean, {"false", "true"}},
      {Kind::kFloat, {"-Infinity", "0.5", "NaN"}},
      {Kind::kDouble, {"-Infinity", "0.5", "NaN"}},
      {Kind::kVarint, {"-1000000000000000000000", "0", "1000000000000000000000"}},
      {Kind::kDecimal, {"-1e50", "0.5", "1e50"}},
      {Kind::kText, {"''", "'a'", "'a\U0010ffff'"}},
      {Kind::kBlob, {"0x", "0x00ff", "0xffffff"}},
      {Kind::kUuid,
       {"00000000-0000-0000-0000-000000000000", "22222222-2222-4222-8222-222222222222",
        "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
      {Kind::kInet, {"'0.0.0.0'", "'127.0.0.1'", "'255.255.255.255'"}},
  };
  return ends;
}

bool holds(size_t left, const std::string& op, size_t right) {
  const auto order = left <=> right;
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  return order >= 0;
}

class KeyRanges : public DatabaseTest {
 protected:
  KeyRanges() { use_keyspace(); }

  void make(const Ends& ends, const std::string& order) {
    must("DROP TABLE IF EXISTS g");
    must(fmt::format("CREATE TABLE g (p int, c {}, n int, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c {})",
                     DataType::native(ends.kind)->to_cql(), order));
    fill(ends);
  }
  void fill(const Ends& ends) {
    for (size_t i = 0; i < ends.values.size(); ++i) {
      must(fmt::format("INSERT INTO g (p, c, n) VALUES (1, {}, {})", ends.values[i], i));
    }
  }
  /// The numbers of the rows, ascending, as text.
  std::vector<std::string> numbers(const std::string& where) {
    auto shown = show("SELECT n FROM g " + where);
    std::ranges::sort(shown);
    return shown;
  }
};

TEST_F(KeyRanges, EveryBoundHoldsOverAllPartitionsInOneAndInDeletions) {
  for (const Ends& ends : all_ends()) {
    for (const char* order : {"ASC", "DESC"}) {
      make(ends, order);
      for (const std::string op : {"<", "<=", ">", ">="}) {
        for (size_t bound = 0; bound < ends.values.size(); ++bound) {
          std::vector<std::string> inside, outside;
          for (size_t i = 0; i < ends.values.size(); ++i) {
            (holds(i, op, bound) ? inside : outside).push_back(fmt::format("{}", i));
          }
          const std::string relation = fmt::format("c {} {}", op, ends.values[bound]);
          SCOPED_TRACE(fmt::format("{} {} {}", DataType::native(ends.kind)->to_cql(), order, relation));
          EXPECT_EQ(numbers("WHERE " + relation + " ALLOW FILTERING"), inside);
          EXPECT_EQ(numbers("WHERE p = 1 AND " + relation), inside);
          EXPECT_EQ(numbers(fmt::format("WHERE p IN (0, 1) AND (c) {} ({})", op, ends.values[bound])), inside);
          must("DELETE FROM g WHERE p = 1 AND " + relation);
          EXPECT_EQ(numbers(""), outside);
          fill(ends);
        }
      }
    }
  }
}

TEST_F(KeyRanges, TuplesOfGreatestValuesHaveNothingBehindThem) {
  must("CREATE TABLE g (p int, a tinyint, b tinyint, n int, PRIMARY KEY (p, a, b))");
  must("INSERT INTO g (p, a, b, n) VALUES (1, 127, 127, 1)");
  must("INSERT INTO g (p, a, b, n) VALUES (1, 127, -128, 2)");
  for (const std::string partition : {"", "p = 1 AND "}) {
    EXPECT_THAT(numbers("WHERE " + partition + "(a, b) > (127, 127) ALLOW FILTERING"), testing::IsEmpty());
    EXPECT_THAT(numbers("WHERE " + partition + "(a, b) > (127, -128) ALLOW FILTERING"), testing::ElementsAre("1"));
    EXPECT_THAT(numbers("WHERE " + partition + "a = 127 AND b > 127 ALLOW FILTERING"), testing::IsEmpty());
    EXPECT_THAT(numbers("WHERE " + partition + "a >= 127 ALLOW FILTERING"), testing::ElementsAre("1", "2"));
  }
}

TEST_F(KeyRanges, AnnQueriesKeepToThem) {
  must("CREATE TABLE g (p int, c tinyint, n int, v vector<float, 2>, PRIMARY KEY (p, c))");
  must("CREATE CUSTOM INDEX g_v ON g (v) USING 'sai' WITH OPTIONS = {'similarity_function': 'euclidean'}");
  for (int c : {-128, 0, 127}) must(fmt::format("INSERT INTO g (p, c, n, v) VALUES (1, {0}, {0}, [1, {0}])", c));
  const std::string ann = " ORDER BY v ANN OF [1, 0] LIMIT 9";
  EXPECT_THAT(show("SELECT n FROM g WHERE c > 127" + ann + " ALLOW FILTERING"), testing::IsEmpty());
  EXPECT_THAT(show("SELECT n FROM g WHERE p = 1 AND c > 127" + ann), testing::IsEmpty());
  EXPECT_THAT(show("SELECT n FROM g WHERE p = 1 AND c >= 127" + ann), testing::ElementsAre("127"));
}

TEST_F(KeyRanges, EqualDecimalsOfDifferentBytesAreTwoPartitions) {
  must("CREATE TABLE g (p decimal PRIMARY KEY, n int)");
  must("INSERT INTO g (p, n) VALUES (1.5, 1)");
  must("INSERT INTO g (p, n) VALUES (1.50, 2)");
  EXPECT_THAT(numbers("WHERE p = 1.50"), testing::ElementsAre("2"));
  // Those that are equal are named once, by the first.
  EXPECT_THAT(numbers("WHERE p IN (1.5, 1.50)"), testing::ElementsAre("1"));
  EXPECT_THAT(numbers("WHERE p IN (1.5, 1.5)"), testing::ElementsAre("1"));
}

}  // namespace
}  // namespace sagitta::db::test
