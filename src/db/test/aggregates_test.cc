/// Aggregates, GROUP BY and their limits.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Table g (p, c) with the rows (1, 1) (1, 2) (1, 3) (2, 1); x = 10 p + c.
class Aggregates : public DatabaseTest {
 protected:
  Aggregates() {
    use_keyspace();
    must("CREATE TYPE pair (f int, t text)");
    must(
        "CREATE TABLE g (p int, c int, x int, u frozen<pair>, m map<text, int>, v vector<float, 2>, PRIMARY KEY (p, "
        "c))");
    for (const auto& [p, c] : {std::pair(1, 1), {1, 2}, {1, 3}, {2, 1}}) {
      must(fmt::format(
          "INSERT INTO g (p, c, x, u, m, v) VALUES ({0}, {1}, {2}, {{f: {2}, t: 'a'}}, {{'a': {2}}}, [{0}, {1}])", p, c,
          10 * p + c));
    }
  }
};

TEST_F(Aggregates, StandWhereverAValueIsWanted) {
  EXPECT_THAT(show("SELECT cast(count(*) AS double) FROM g"), ElementsAre("4.0"));
  EXPECT_THAT(show("SELECT toJson(max(c)) FROM g"), ElementsAre("'3'"));
  EXPECT_THAT(show("SELECT max(u).f, min(u).t FROM g"), ElementsAre("21|'a'"));
  EXPECT_THAT(show("SELECT max(m)['a'] FROM g"), ElementsAre("21"));
  EXPECT_THAT(show("SELECT max(x) - min(x) + 1, -max(x) FROM g"), ElementsAre("11|-21"));
  EXPECT_THAT(show("SELECT blobAsInt(intAsBlob(max(x))) FROM g"), ElementsAre("21"));
  EXPECT_THAT(show("SELECT cast(avg(cast(x AS double)) AS int) FROM g"), ElementsAre("14"));
  EXPECT_THAT(show("SELECT similarity_euclidean(max(v), [2, 1]) FROM g"), ElementsAre("1.0"));
  EXPECT_THAT(show("SELECT JSON cast(count(*) AS text) AS n, max(x) AS \"Max\" FROM g"),
              ElementsAre(R"('{"n": "4", "\"Max\"": 21}')"));
  EXPECT_THAT(show("SELECT token(max(p)) FROM g"), ElementsAre(show("SELECT token(p) FROM g WHERE p = 2")[0]));
}

TEST_F(Aggregates, OfAGroupStandBesideTheColumnsOfItsFirstRow) {
  EXPECT_THAT(show("SELECT p, c + 0, cast(count(*) AS text), max(x) - x, m['a'], u.f FROM g GROUP BY p"),
              ElementsAre("1|1|'3'|2|11|11", "2|1|'1'|0|21|21"));
  EXPECT_THAT(show("SELECT writetime(x) - min(writetime(x)), ttl(x), count(*) FROM g GROUP BY p"),
              ElementsAre("0|null|3", "0|null|1"));
  EXPECT_THAT(show("SELECT p, max(m)['a'], max(u).f FROM g GROUP BY p, c"),
              ElementsAre("1|11|11", "1|12|12", "1|13|13", "2|21|21"));
}

TEST_F(Aggregates, OfNoRowsAreNullOrZeroInside) {
  EXPECT_THAT(
      show("SELECT cast(count(*) AS double), toJson(max(x)), max(u).f, max(m)['a'], x, sum(x) + 1 FROM g WHERE p = 9"),
      ElementsAre("0.0|'null'|null|null|null|1"));
  EXPECT_THAT(show("SELECT p, max(x) + 1 FROM g WHERE p = 9 GROUP BY p"), ElementsAre());
}

TEST_F(Aggregates, AreRefusedWhereThereIsOneRowOrNone) {
  EXPECT_THAT(error_of("SELECT max(count(*)) FROM g"),
              HasSubstr("Invalid: aggregate functions cannot be used as arguments of aggregate functions"));
  EXPECT_THAT(error_of("SELECT max(cast(min(x) AS double)) FROM g"),
              HasSubstr("Invalid: aggregate functions cannot be used as arguments of aggregate functions"));
  for (const char* text : {"INSERT INTO g (p, c) VALUES (count(*), 1)", "INSERT INTO g (p, c, x) VALUES (1, 1, max(3))",
                           "UPDATE g SET x = max(3) WHERE p = 1 AND c = 1", "SELECT x FROM g WHERE p = max(1)",
                           "SELECT x FROM g LIMIT max(1)", "DELETE FROM g USING TIMESTAMP max(1) WHERE p = 1"}) {
    const std::string error = error_of(text);
    EXPECT_TRUE(error.contains("Invalid: Aggregation function are not supported in the where clause") ||
                error.starts_with("Syntax: "))
        << text << ": " << error;
  }
}

TEST_F(Aggregates, LimitsCountGroups) {
  EXPECT_THAT(show("SELECT p, count(*) FROM g GROUP BY p PER PARTITION LIMIT 2"), ElementsAre("1|3", "2|1"));
  EXPECT_THAT(show("SELECT p, c, count(*) FROM g GROUP BY p, c PER PARTITION LIMIT 2"),
              ElementsAre("1|1|1", "1|2|1", "2|1|1"));
  EXPECT_THAT(show("SELECT p, c FROM g GROUP BY p, c PER PARTITION LIMIT 1"), ElementsAre("1|1", "2|1"));
  EXPECT_THAT(show("SELECT p, c, count(*) FROM g GROUP BY p, c PER PARTITION LIMIT 2 LIMIT 2"),
              ElementsAre("1|1|1", "1|2|1"));
  EXPECT_THAT(show("SELECT c FROM g WHERE p IN (1, 2) GROUP BY p, c PER PARTITION LIMIT 1"), ElementsAre("1", "1"));
  EXPECT_THAT(show("SELECT p, count(*) FROM g GROUP BY p LIMIT 1"), ElementsAre("1|3"));
  EXPECT_THAT(show("SELECT c, count(*) FROM g WHERE p = 1 GROUP BY p, c ORDER BY c DESC PER PARTITION LIMIT 2"),
              ElementsAre("3|1", "2|1"));
  EXPECT_THAT(error_of("SELECT count(*) FROM g PER PARTITION LIMIT 2"),
              HasSubstr("Invalid: PER PARTITION LIMIT is not allowed with aggregate queries."));
  EXPECT_THAT(error_of("SELECT DISTINCT p FROM g PER PARTITION LIMIT 2"),
              HasSubstr("Invalid: PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries"));
}

TEST_F(Aggregates, GroupsOfSeveralPartitionsAreSorted) {
  EXPECT_THAT(show("SELECT p, c, max(x) FROM g WHERE p IN (1, 2) GROUP BY p, c ORDER BY c ASC"),
              ElementsAre("1|1|11", "2|1|21", "1|2|12", "1|3|13"));
  EXPECT_THAT(show("SELECT p, c FROM g WHERE p IN (1, 2) GROUP BY p, c ORDER BY c DESC LIMIT 2"),
              ElementsAre("1|3", "1|2"));
}

TEST_F(Aggregates, GroupsFollowThePrimaryKey) {
  must("CREATE TABLE h (a int, b int, c int, d int, x int, PRIMARY KEY ((a, b), c, d))");
  for (int d = 0; d < 4; ++d) must(fmt::format("INSERT INTO h (a, b, c, d, x) VALUES (1, 2, 3, {}, {})", d, d * d));
  EXPECT_THAT(show("SELECT d, max(x) FROM h WHERE a = 1 AND b = 2 AND c = 3 GROUP BY d PER PARTITION LIMIT 2"),
              ElementsAre("0|0", "1|1"));
  EXPECT_THAT(show("SELECT b, sum(x) FROM h WHERE a = 1 AND b = 2 GROUP BY b"), ElementsAre("2|14"));
  EXPECT_THAT(error_of("SELECT a FROM h GROUP BY a"),
              HasSubstr("Invalid: Group by is not supported on only a part of the partition key"));
  for (const char* group : {"b", "a, b, d", "a, b, d, c", "a, a"}) {
    EXPECT_THAT(
        error_of(std::string("SELECT a FROM h GROUP BY ") + group),
        HasSubstr("Invalid: Group by currently only support groups of columns following their declared order in "
                  "the PRIMARY KEY"));
  }
  EXPECT_THAT(error_of("SELECT DISTINCT a, b FROM h GROUP BY a, b, c"),
              HasSubstr("Invalid: Grouping on clustering columns is not allowed for SELECT DISTINCT queries"));
}

}  // namespace
}  // namespace sagitta::db::test
