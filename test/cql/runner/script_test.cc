/// The runner's own tests: it must see what differs, and say where.
#include "script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session.h"

namespace sagitta::cql_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Lines = std::vector<std::string>;

std::vector<Paragraph> parsed(std::string_view text) {
  auto paragraphs = parse_script(split_lines(text));
  EXPECT_TRUE(paragraphs) << paragraphs.error().message();
  return paragraphs ? *std::move(paragraphs) : std::vector<Paragraph>();
}

std::string error_of(std::string_view text) {
  const auto paragraphs = parse_script(split_lines(text));
  return paragraphs ? "none" : paragraphs.error().message();
}

TEST(Script, AParagraphIsStatementsAndWhatTheLastOneAnswers) {
  const auto paragraphs = parsed("# why\n\nA\n  x;\nB;\n1 | 2\n# aside\n3 | 4\n\nC;\n");
  ASSERT_EQ(paragraphs.size(), 2U);
  ASSERT_EQ(paragraphs[0].steps.size(), 2U);
  EXPECT_EQ(paragraphs[0].steps[0].text, "A\nx;");
  EXPECT_EQ(paragraphs[0].steps[0].line, 3U);
  EXPECT_EQ(paragraphs[0].steps[1].line, 5U);
  EXPECT_THAT(paragraphs[0].expected, ElementsAre("1 | 2", "3 | 4"));
  EXPECT_THAT(paragraphs[1].expected, IsEmpty());
}

TEST(Script, SettingsBelongToTheNextStatement) {
  const auto paragraphs = parsed("values: 1\nvalues: 2\npage: 7\ntimestamp: -5\nA;\nB;\nadvance: 3s\n");
  ASSERT_EQ(paragraphs.size(), 1U);
  const auto& steps = paragraphs[0].steps;
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_THAT(steps[0].values, ElementsAre("1", "2"));
  EXPECT_EQ(steps[0].page_size, 7);
  EXPECT_EQ(steps[0].timestamp_us, -5);
  EXPECT_THAT(steps[1].values, IsEmpty());
  EXPECT_EQ(steps[2].kind, StepKind::kAdvance);
  EXPECT_EQ(steps[2].text, "3s");
}

TEST(Script, ABatchInCqlIsOneStatement) {
  const auto paragraphs = parsed("BEGIN BATCH\nA;\nB;\nAPPLY BATCH;\nno rows\n");
  ASSERT_EQ(paragraphs[0].steps.size(), 1U);
  EXPECT_THAT(paragraphs[0].expected, ElementsAre("no rows"));
}

TEST(Script, WhatCannotBeReadIsNamedByItsLine) {
  EXPECT_EQ(error_of("A;\n\npage: many\nB;\n"), "line 3: 'many' is not a number");
  EXPECT_EQ(error_of("A;\n\nSELECT without an end\n"), "line 3: no statement");
}

TEST(Script, DotsStandForAnyText) {
  EXPECT_TRUE(matches("a...c", "abbbc"));
  EXPECT_TRUE(matches("...", ""));
  EXPECT_TRUE(matches("x...y...z", "x1yy2z"));
  EXPECT_FALSE(matches("a...c", "abbbd"));
  EXPECT_FALSE(matches("abc", "abcd"));
}

TEST(Script, ValuesAreSplitOutsideOfQuotesAndBrackets) {
  EXPECT_THAT(split_values(" 1, 'a, ''b', [1, 2], {3: (4, 5)}, null"),
              ElementsAre("1", "'a, ''b'", "[1, 2]", "{3: (4, 5)}", "null"));
  EXPECT_THAT(split_values(""), IsEmpty());
}

TEST(Script, TimesHaveUnits) {
  EXPECT_EQ(*parse_time_us("10s"), 10'000'000);
  EXPECT_EQ(*parse_time_us("5 ms"), 5'000);
  EXPECT_FALSE(parse_time_us("10"));
  EXPECT_FALSE(parse_time_us("s"));
}

TEST(Script, OrderCountsUnlessSaidOtherwise) {
  EXPECT_FALSE(is_expected(parsed("A;\n1\n2\n")[0], {"2", "1"}));
  EXPECT_TRUE(is_expected(parsed("any order:\nA;\n1\n2\n")[0], {"2", "1"}));
  EXPECT_FALSE(is_expected(parsed("any order:\nA;\n1\n1\n")[0], {"2", "1"}));
  EXPECT_TRUE(is_expected(parsed("A;\n")[0], {"ok"}));
  EXPECT_FALSE(is_expected(parsed("A;\n")[0], {"1"}));
}

TEST(Script, AnUpdateReplacesExpectationsAndKeepsTheRest) {
  const Lines lines = split_lines("# top\nA;\nold\n# aside\n\nB;\n\nC;\nold\n\n# end");
  const auto paragraphs = *parse_script(lines);
  EXPECT_EQ(with_expectations(
                lines, {{&paragraphs[0], {"new", "newer"}}, {&paragraphs[1], {"new"}}, {&paragraphs[2], {"ok"}}}),
            split_lines("# top\nA;\n# aside\nnew\nnewer\n\nB;\nnew\n\nC;\n\n# end"));
}

Lines seen(std::string_view text) {
  Session session;
  Lines lines;
  for (const auto& paragraph : parsed(text)) lines = session.run(paragraph);
  return lines;
}

TEST(Session, AFailureBeforeTheLastStatementIsNotPassedOver) {
  EXPECT_THAT(
      seen("CREATE TABLE t (k int PRIMARY KEY);\nSELECT nope FROM t;\nSELECT k FROM t;\n"),
      ElementsAre("line 2, before the last statement:", "error: 0x2200 Undefined column name nope in table ks.t"));
}

TEST(Session, ValuesTakeTheTypesOfTheMarkers) {
  EXPECT_THAT(seen("CREATE TABLE t (k int PRIMARY KEY, v map<text, frozen<list<int>>>);\n"
                   "values: 1, {'a': [1, 2]}\nINSERT INTO t (k, v) VALUES (?, ?);\nSELECT * FROM t;\n"),
              ElementsAre("1 | {'a': [1, 2]}"));
  EXPECT_THAT(seen("CREATE TABLE t (k int PRIMARY KEY);\nvalues: 1, 2\nINSERT INTO t (k) VALUES (?);\nerror: 0x...\n"),
              ElementsAre("script: more values than markers"));
  EXPECT_THAT(seen("CREATE TABLE t (k int PRIMARY KEY);\nvalues: raw 0x01\nINSERT INTO t (k) VALUES (?);\n"),
              ElementsAre(testing::StartsWith("error: 0x2200 ")));
}

}  // namespace
}  // namespace sagitta::cql_test
