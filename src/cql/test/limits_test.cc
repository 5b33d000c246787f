/// Whatever is in a text: it nests as deep as the limit, and what parse() allocates is within what
/// parse_bytes_max() says beforehand, which is linear in the text.
#include "sagitta/base/limits.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "sagitta/cql/parser.h"

#include "grammar.h"

#ifndef SAGITTA_SANITIZED
#include "sagitta/testing/counted_new.h"
#endif

namespace sagitta::cql {
namespace {

std::string nested(std::string_view open, std::string_view inner, std::string_view close, size_t depth) {
  std::string out;
  for (size_t i = 0; i < depth; ++i) out += open;
  out += inner;
  for (size_t i = 0; i < depth; ++i) out += close;
  return out;
}

TEST(Nesting, IsBounded) {
  const auto insert = [](const std::string& term) { return parse("INSERT INTO t (a) VALUES (" + term + ")"); };
  EXPECT_TRUE(insert(nested("[", "'a'", "]", 60)).has_value());
  EXPECT_TRUE(parse_type(nested("list<", "int", ">", 60)).has_value());
  const std::string terms[] = {
      nested("[", "'a'", "]", 100'000),  nested("(", "1", ")", 100'000),    nested("{", "1", "}", 100'000),
      nested("{a:", "1", "}", 100'000),  nested("f(", "1", ")", 100'000),   nested("(int)", "1", "", 100'000),
      nested("- ", "f(1)", "", 100'000), nested("(a<", "1", ">)", 100'000), nested("cast(", "1", " as int)", 100'000),
      nested("1+", "1", "", 100'000),    nested("[1,", "1", "]", 100'000),
  };
  for (const std::string& term : terms) {
    const auto statement = insert(term);
    ASSERT_FALSE(statement.has_value()) << term.substr(0, 20);
    EXPECT_EQ(statement.error().code(), ErrorCode::kSyntax);
    EXPECT_LT(statement.error().message().size(), 1000U);
  }
  EXPECT_FALSE(parse_type(nested("list<", "int", ">", 100'000)).has_value());
  EXPECT_FALSE(parse("SELECT a" + nested(".b", "", "", 100'000) + " FROM t").has_value());
  EXPECT_FALSE(parse("SELECT * FROM t WHERE " + nested("(", "a = 1", ")", 100'000)).has_value());
  EXPECT_FALSE(parse("CREATE KEYSPACE k WITH a = " + nested("{'b':", "1", "}", 100'000)).has_value());
  EXPECT_EQ(parse("SELECT a FROM t WHERE b = " + nested("[", "'a'", "]", 65)).error().message(),
            "line 1:89 nesting deeper than 64");
}

/// Of a term that chains operators the tree is as deep as the chain; of terms beside each other it
/// is as deep as the deepest.
TEST(Nesting, CountsOperatorsAlongAPathOnly) {
  const auto select = [](const std::string& term) { return parse("SELECT " + term + " FROM t"); };
  EXPECT_TRUE(select("a" + nested(".b", "", "", 64)).has_value());
  EXPECT_EQ(select("a" + nested(".b", "", "", 65)).error().message(), "line 1:136 more than 64 operators in one term");
  EXPECT_TRUE(select("f(" + nested("a.b, 1 + 2, ", "c", "", 1'000) + ")").has_value());
  EXPECT_TRUE(select("{" + nested("1 + 2: a.b, ", "3: 4", "", 1'000) + "}").has_value());
  EXPECT_TRUE(select("(" + nested("1 + 2, ", "3", "", 1'000) + ")").has_value());
  EXPECT_FALSE(select("f(" + nested("1, ", "1", "", 10) + ", 2" + nested(" + 1", "", "", 65) + ", 3)").has_value());
  EXPECT_FALSE(select("f(1" + nested(" + 1", "", "", 40) + ")" + nested(" + 1", "", "", 40)).has_value());
}

#ifndef SAGITTA_SANITIZED

constexpr size_t kMiB = size_t{1} << 20;

size_t allocated_by(const std::string& text) {
  const size_t before = counting::allocated_bytes;
  const Result<Statement> parsed = parse(text);
  return counting::allocated_bytes - before;
}

std::string repeated(std::string_view part, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += part;
  return out;
}

/// `part` as often as it takes.
struct Shape {
  std::string_view before, part, behind;
};
constexpr Shape kShapes[] = {
    {"SELECT ", "a,", "a FROM t"},
    {"SELECT ", "?,", "a FROM t"},
    {"SELECT f(", "a,", "a) FROM t"},
    {"SELECT f(", "-a,", "a) FROM t"},
    {"SELECT f(", "a.a,", "a) FROM t"},
    {"SELECT f(", "a[..],", "a) FROM t"},
    {"SELECT f(", "f(),", "a) FROM t"},
    {"SELECT f(", "f()*a,", "a) FROM t"},
    {"SELECT f(", "(a)a,", "a) FROM t"},
    {"SELECT f(", "[],", "a) FROM t"},
    {"SELECT f(", "[1],", "a) FROM t"},
    {"SELECT f(", "{a:a},", "a) FROM t"},
    {"SELECT f([", "1,", "1]) FROM t"},
    {"SELECT f([", "-1.5e300, ", "1]) FROM t"},
    {"SELECT f([", "1,", "a]) FROM t"},
    {"SELECT f([", "'',", "1]) FROM t"},
    {"SELECT f({", "a:1,", "a:1}) FROM t"},
    {"SELECT '", "''", "' FROM t"},
    {"SELECT ", "a", " FROM t"},
    {"SELECT 0x", "ab", " FROM t"},
    {"SELECT a FROM t WHERE ", "a=1 and ", "a=1"},
    {"SELECT a FROM t WHERE ", "a in()and ", "a=1"},
    {"SELECT a FROM t WHERE ", "(a)=1 and ", "a=1"},
    {"SELECT a FROM t WHERE a IN (", "1,", "1)"},
    {"SELECT a FROM t GROUP BY ", "a,", "a"},
    {"SELECT a FROM t ORDER BY ", "a,", "a"},
    {"DELETE ", "a,", "a FROM t WHERE a=1"},
    {"UPDATE t SET ", "a=1,", "a=1 WHERE a=1"},
    {"UPDATE t SET ", "a[1]=1,", "a=1 WHERE a=1"},
    {"CREATE TABLE t (", "a b,", "a b PRIMARY KEY)"},
    {"CREATE TABLE t (a tuple<", "a,", "a> PRIMARY KEY)"},
    {"CREATE TABLE t (a int PRIMARY KEY, b tuple<", "list<a>,", "a>)"},
    {"CREATE TABLE t (a int, PRIMARY KEY (", "a,", "a))"},
    {"ALTER TABLE t RENAME ", "a to b and ", "a to b"},
    {"CREATE INDEX ON t (", "a,", "a)"},
    {"CREATE TYPE t (", "a b,", "a b)"},
    {"CREATE KEYSPACE k WITH a = [", "a,", "a]"},
    {"CREATE KEYSPACE k WITH a = [", "{a:a},", "a]"},
    {"BEGIN BATCH ", "insert into a(b)values(1)", "APPLY BATCH"},
    {"BEGIN BATCH ", "delete from a where a=1 ", "APPLY BATCH"},
    {"BEGIN BATCH ", "update a set b=1 where a=1 ", "APPLY BATCH"},
};

TEST(ParseBytes, HoldForEveryShapeThatRepeats) {
  for (const Shape& shape : kShapes) {
    for (const size_t times : {1U, 2U, 33U, 65U, 257U, 4'097U, 70'000U}) {
      const std::string text = std::string(shape.before) + repeated(shape.part, times) + std::string(shape.behind);
      const Result<Statement> parsed = parse(text);
      ASSERT_TRUE(parsed) << text.substr(0, 100) << ": " << parsed.error().message();
      ASSERT_LE(allocated_by(text), parse_bytes_max(text)) << times << " times in " << text.substr(0, 100);
      // One token a byte is the most there can be.
      ASSERT_LE(parse_bytes_max(text), kParsedBytes + text.size() * (kParsedTokenBytes + kParsedTextBytes));
    }
  }
}

TEST(ParseBytes, HoldForRandomStatementsWhole) {
  std::mt19937_64 engine(7);
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = testing::expand("statement", engine, 8);
    ASSERT_LE(allocated_by(text), parse_bytes_max(text)) << text;
    const std::string cut = text.substr(0, engine() % text.size());
    ASSERT_LE(allocated_by(cut), parse_bytes_max(cut)) << cut;
  }
}

/// Long literals cost their length, numbers of a vector a few bytes each: not what a token may.
TEST(ParseBytes, AreFewForLongLiteralsAndVectors) {
  const std::string literal = "INSERT INTO t (a, b) VALUES (1, '" + std::string(kMiB, 'x') + "')";
  EXPECT_LE(allocated_by(literal), 2 * kMiB);
  const std::string vector = "INSERT INTO t (a, b) VALUES (1, [" + repeated("-0.123456789, ", 80'000) + "1])";
  EXPECT_LE(allocated_by(vector), 6 * vector.size());
  EXPECT_LE(parse_bytes_max(vector), 21 * vector.size());
}

TEST(ParseBytes, AreFewForAnErrorHoweverFarBehind) {
  const std::string text = "SELECT f(" + repeated("a,", 100'000) + " FROM t";
  ASSERT_FALSE(parse(text).has_value());
  ASSERT_LE(allocated_by(text), parse_bytes_max(text));
  EXPECT_LE(parse(text).error().message().size(), 1'000);
  EXPECT_LE(allocated_by(std::string(kMiB, '(')), 100'000);
}

#endif  // SAGITTA_SANITIZED

}  // namespace
}  // namespace sagitta::cql
