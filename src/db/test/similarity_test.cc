/// The similarity functions, at the ends of what floats hold, and beside the order of ANN queries.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Similarity : public DatabaseTest {
 protected:
  Similarity() {
    use_keyspace();
    must("CREATE TABLE s (k int PRIMARY KEY, v vector<float, 2>, w vector<float, 2>)");
  }
  std::string of(const std::string& function, const std::string& a, const std::string& b) {
    must(fmt::format("INSERT INTO s (k, v, w) VALUES (1, {}, {})", a, b));
    return show(fmt::format("SELECT similarity_{}(v, w) FROM s WHERE k = 1", function)).at(0);
  }
};

TEST_F(Similarity, HoldsAtBothEndsOfTheFloats) {
  for (const char* length : {"1e25", "1e38", "1e-30", "1e-44", "1"}) {
    const std::string v = fmt::format("[{0}, {0}]", length), away = fmt::format("[-{0}, -{0}]", length),
                      across = fmt::format("[{0}, -{0}]", length);
    EXPECT_EQ(of("cosine", v, "[1, 1]"), "1.0") << length;
    EXPECT_EQ(of("cosine", v, v), "1.0") << length;
    EXPECT_EQ(of("cosine", v, away), "0.0") << length;
    EXPECT_EQ(of("cosine", v, across), "0.5") << length;
    EXPECT_EQ(of("euclidean", v, v), "1.0") << length;
  }
  EXPECT_EQ(of("cosine", "[1e25, 1e25]", "[1e-30, 1e-30]"), "1.0");
  EXPECT_EQ(of("dot_product", "[1e30, 1]", "[1e30, -1e30]"), of("dot_product", "[1e30, 1]", "[1e30, 1e30]"));
  EXPECT_EQ(of("euclidean", "[3, 4]", "[0, 0]"), of("euclidean", "[0, 5]", "[0, 0]"));
  EXPECT_EQ(of("cosine", "[NaN, 1]", "[1, 1]"), "NaN");
  EXPECT_EQ(of("euclidean", "[NaN, 1]", "[1, 1]"), "NaN");
  EXPECT_EQ(of("dot_product", "[NaN, 1]", "[1, 1]"), "NaN");
}

TEST_F(Similarity, RefusesTheZeroVectorAlone) {
  EXPECT_THAT(error_of("SELECT similarity_cosine([0, 0], [1, 1]) FROM system.local"),
              HasSubstr("Function system.similarity_cosine doesn't support all-zero vectors."));
  EXPECT_THAT(error_of("SELECT similarity_cosine([0, -0.0], [1, 1]) FROM system.local"), HasSubstr("all-zero"));
  EXPECT_THAT(show("SELECT similarity_cosine([0, 1e-45], [0, 1]) FROM system.local"), ElementsAre("1.0"));
  EXPECT_THAT(show("SELECT similarity_euclidean([0, 0], [0, 0]) FROM system.local"), ElementsAre("1.0"));
}

TEST_F(Similarity, IsWhatAnAnnQueryOrdersBy) {
  must("CREATE CUSTOM INDEX s_v ON s (v) USING 'sai' WITH OPTIONS = {'similarity_function': 'cosine'}");
  const char* vectors[] = {"[1e-30, 1e-30]", "[1e25, 1e24]", "[1, 0]", "[0, 1e-20]", "[-1e30, 1e30]"};
  for (int k = 0; k < 5; ++k) must(fmt::format("INSERT INTO s (k, v) VALUES ({}, {})", k, vectors[k]));
  const auto rows = show("SELECT k, similarity_cosine(v, [1e30, 1e30]) FROM s ORDER BY v ANN OF [1e30, 1e30] LIMIT 5");
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0], "0|1.0");
  EXPECT_EQ(rows[4].substr(0, 2), "4|");
  for (size_t i = 1; i < rows.size(); ++i) {
    EXPECT_GE(std::stod(rows[i - 1].substr(2)), std::stod(rows[i].substr(2))) << rows[i];
  }
}

TEST_F(Similarity, SaysWhatAnArgumentShouldBe) {
  must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>, iv vector<int, 2>, l list<float>, tx text)");
  const auto refused = [&](const std::string& arguments) {
    return error_of("SELECT similarity_cosine(" + arguments + ") FROM t");
  };
  const std::string wants = "Invalid: Function system.similarity_cosine requires a float vector argument, but found ";
  EXPECT_THAT(refused("{1.0, 2.0}, v"), HasSubstr(wants + "argument {1.0, 2.0} of type frozen<set<double>>"));
  EXPECT_THAT(refused("v, {1.0: 2.0}"), HasSubstr(wants + "argument {1.0: 2.0} of type map<double, double>"));
  EXPECT_THAT(refused("v, l"), HasSubstr(wants + "argument l of type list<float>"));
  EXPECT_THAT(refused("iv, v"), HasSubstr(wants + "argument iv of type vector<int, 2>"));
  EXPECT_THAT(refused("v, 'a'"), HasSubstr(wants + "argument 'a' of type ascii"));
  EXPECT_THAT(refused("v, 3"), HasSubstr(wants + "argument 3 of type int"));
  EXPECT_THAT(refused("v, ['a', 'b']"), HasSubstr("Invalid: Type error: ['a', 'b'] cannot be passed as argument 1 of "
                                                  "function system.similarity_cosine of type vector<float, 2>"));
  EXPECT_THAT(refused("['a', 'b'], v"), HasSubstr("Invalid: Type error: ['a', 'b'] cannot be passed as argument 0"));
  EXPECT_THAT(refused("[1, 2, 3], v"), HasSubstr("Invalid: All arguments must have the same vector dimensions"));
  EXPECT_THAT(refused("v, {}"), HasSubstr("Invalid: "));
  EXPECT_THAT(refused("null, null"), HasSubstr("Invalid: Cannot infer type of argument NULL in call to function "
                                               "system.similarity_cosine"));
}

TEST_F(Similarity, DimensionsOutOfRangeAreSyntax) {
  for (const char* type : {"vector<float, 2147483648>", "frozen<list<vector<int, 99999999999>>>"}) {
    EXPECT_THAT(error_of(fmt::format("CREATE TABLE x (k int PRIMARY KEY, v {})", type)),
                HasSubstr("Syntax: Failed parsing statement"));
    EXPECT_THAT(error_of(fmt::format("ALTER TABLE s ADD x {}", type)), HasSubstr("Syntax: Failed parsing statement"));
    EXPECT_THAT(error_of(fmt::format("SELECT ({})? FROM s", type)), HasSubstr("Syntax: Failed parsing statement"));
  }
  EXPECT_THAT(error_of("CREATE TABLE x (k int PRIMARY KEY, v vector<float, 0>)"),
              HasSubstr("Invalid: vectors may only have positive dimensions; given 0"));
}

}  // namespace
}  // namespace sagitta::db::test
