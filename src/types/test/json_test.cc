/// JSON texts to trees, trees to values, and values back to JSON.
#include "sagitta/types/json.h"

#include <gtest/gtest.h>

#include "sagitta/base/limits.h"
#include "sagitta/types/value.h"

namespace sagitta::types {
namespace {

DataTypePtr native(Kind kind) { return DataType::native(kind); }

/// The value as a CQL literal, or why there is none.
std::string value_of(const DataTypePtr& type, std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return "no JSON: " + json.error().message();
  const auto value = from_json(*type, *json);
  if (!value) return value.error().message();
  return to_literal(*type, to_view(*value));
}

std::string parse_error(std::string_view text) {
  const auto json = parse_json(text);
  return json ? "none" : json.error().message();
}

TEST(Json, TreesKeepTheOrderAndTheSpelling) {
  const auto json = parse_json(R"( {"b" : [1, -2.50, 1e3, true, null], "a": {}, "b": "x"} behind)");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->names, (std::vector<std::string>{"b", "a", "b"}));
  std::vector<std::string> texts;
  for (const JsonValue& element : json->elements[0].elements) texts.push_back(element.text);
  EXPECT_EQ(texts, (std::vector<std::string>{"1", "-2.5", "1000.0", "true", ""}));
  EXPECT_EQ(json_members(*json).at("b")->text, "x");
}

TEST(Json, NamesAreLowerCaseUnlessTheyAreQuoted) {
  const auto json = parse_json(R"({"Key": 1, "\"Big\"": 2})");
  ASSERT_TRUE(json);
  const auto members = json_members(*json);
  EXPECT_EQ(members.at("key")->text, "1");
  EXPECT_EQ(members.at("Big")->text, "2");
}

TEST(Json, EscapesAreUndone) {
  const auto json = parse_json(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->text, "\"\\/\b\f\n\r\tAé€😀");
}

TEST(Json, WhatIsNoJsonIsRefusedWhereItIsWrong) {
  EXPECT_EQ(parse_error(""), "a value is missing at byte 1");
  EXPECT_EQ(parse_error("[1, 2"), "']' is missing at byte 6");
  EXPECT_EQ(parse_error("[1,]"), "an unknown word '' at byte 4");
  EXPECT_EQ(parse_error(R"({"a" 1})"), "':' is missing at byte 6");
  EXPECT_EQ(parse_error("{a: 1}"), "a name is missing at byte 2");
  EXPECT_EQ(parse_error(R"({"a": 1)"), "'}' is missing at byte 8");
  EXPECT_EQ(parse_error(R"("abc)"), "a string does not end at byte 5");
  EXPECT_EQ(parse_error("\"a\nb\""), "a control character at byte 3");
  EXPECT_EQ(parse_error(R"("\q")"), "an unknown escape at byte 3");
  EXPECT_EQ(parse_error(R"("\u00g0")"), "no four digits at byte 4");
  EXPECT_EQ(parse_error(R"("\ud83d")"), "half a surrogate pair at byte 8");
  EXPECT_EQ(parse_error(R"("\ud83dA")"), "half a surrogate pair at byte 8");
  for (const std::string_view word : {"nul", "01", "1.", "-", "1e", "+1", ".5", "NaN", "1-2", "0x1"}) {
    EXPECT_NE(parse_error(word), "none") << word;
  }
}

TEST(Json, NestingIsBounded) {
  const std::string deep(limits::kNestingMax, '[');
  EXPECT_EQ(parse_error(deep + "1" + std::string(limits::kNestingMax, ']')), "none");
  EXPECT_EQ(parse_error("[" + deep), "more than 64 values inside each other at byte 65");
}

TEST(Json, ScalarsTakeStringsAndWhatIsLikeThem) {
  struct Case {
    Kind kind;
    std::string_view json, value;
  };
  for (const Case& c : {
           Case{Kind::kInt, "5", "5"},
           Case{Kind::kInt, R"("5")", "5"},
           Case{Kind::kInt, "5.0", "Expected an int value, but got a Double: 5.0"},
           Case{Kind::kInt, "3000000000", "Expected an int value, but got a Long: 3000000000"},
           Case{Kind::kInt, "null", "null"},
           Case{Kind::kBigint, "99999999999999999999",
                "Expected a bigint value, but got a BigInteger: 99999999999999999999"},
           Case{Kind::kTinyint, "300", "Unable to make byte from '300'"},
           Case{Kind::kSmallint, "1.5", "Unable to make short from '1.5'"},
           Case{Kind::kDouble, "1e400", "Infinity"},
           Case{Kind::kFloat, "true", "Expected a float value, but got a Boolean: true"},
           Case{Kind::kVarint, "123456789012345678901234567890", "123456789012345678901234567890"},
           Case{Kind::kVarint, R"({"a": [1]})", "Value '{a=[1]}' is not a valid representation of a varint value"},
           Case{Kind::kDecimal, "1.50", "1.5"},
           Case{Kind::kText, "[null]", "Expected a UTF-8 string, but got a ArrayList: [null]"},
           Case{Kind::kBoolean, R"("true")", "true"},
           Case{Kind::kBlob, R"("0x0aff")", "0x0aff"},
           Case{Kind::kBlob, R"("0xf")", "Value '0xf' is not a valid blob representation: it is not hexadecimal"},
           Case{Kind::kBlob, "1", "Value '1' is not a valid blob representation: it is no string"},
           Case{Kind::kTimestamp, "1580702706789", "'2020-02-03 04:05:06.789Z'"},
           Case{Kind::kTimestamp, "1",
                "Expected a long or a datestring representation of a timestamp value, but got a Integer: 1"},
           Case{Kind::kDate, R"("2020-02-03")", "'2020-02-03'"},
           Case{Kind::kDuration, R"("1y2mo")", "1y2mo"},
       }) {
    EXPECT_EQ(value_of(native(c.kind), c.json), c.value) << static_cast<int>(c.kind) << " " << c.json;
  }
}

TEST(Json, PartsAreReadInsideOut) {
  const DataTypePtr ints = DataType::list(native(Kind::kInt));
  const DataTypePtr words = DataType::map(native(Kind::kInt), native(Kind::kText));
  const DataTypePtr pair = DataType::tuple({native(Kind::kInt), native(Kind::kText)});
  const DataTypePtr user = DataType::udt("k", "u", {"a", "Big"}, {native(Kind::kInt), native(Kind::kInt)});
  EXPECT_EQ(value_of(ints, "[2, 1, 2]"), "[2, 1, 2]");
  EXPECT_EQ(value_of(ints, R"("[2]")"), "[2]");
  EXPECT_EQ(value_of(ints, R"("[2")"), "Error decoding JSON string: ']' is missing at byte 3");
  EXPECT_EQ(value_of(ints, "[1, null]"), "Invalid null element in list");
  EXPECT_EQ(value_of(DataType::set(native(Kind::kInt)), "[2, 1, 2]"), "{1, 2}");
  EXPECT_EQ(value_of(DataType::set(native(Kind::kInt)), "5"),
            "Expected a list (representing a set), but got a Integer: 5");
  EXPECT_EQ(value_of(words, R"({"2": "b", "1": "a"})"), "{1: 'a', 2: 'b'}");
  EXPECT_EQ(value_of(words, R"({"x": "b"})"), "Unable to make int from 'x'");
  EXPECT_EQ(value_of(words, R"({"1": null})"), "Invalid null value in map");
  EXPECT_EQ(value_of(pair, R"([1, null])"), "(1, null)");
  EXPECT_EQ(value_of(pair, R"([1])"), "Tuple is missing items (expected 2): [1]");
  EXPECT_EQ(value_of(pair, R"([1, "a", 2])"), "Tuple contains extra items (expected 2): [1, a, 2]");
  EXPECT_EQ(value_of(user, R"({"\"Big\"": 2})"), "{a: null, \"Big\": 2}");
  EXPECT_EQ(value_of(user, R"({"c": 2})"), "Unknown field 'c' in value of user defined type u");
  EXPECT_EQ(value_of(DataType::vector(native(Kind::kFloat), 2), "[1, 0.5]"), "[1.0, 0.5]");
  EXPECT_EQ(value_of(DataType::vector(native(Kind::kFloat), 2), "[1]"),
            "List had incorrect size: expected 2 but given 1; [1]");
}

TEST(Json, RealsAreSpeltAsJavaSpellsThem) {
  const auto json = [](double v) { return to_json(*native(Kind::kDouble), from_double(v)); };
  EXPECT_EQ(json(0.001), "0.001");
  EXPECT_EQ(json(0.0001), "1.0E-4");
  EXPECT_EQ(json(9999999), "9999999.0");
  EXPECT_EQ(json(12345678.9), "1.23456789E7");
  EXPECT_EQ(json(-1e10), "-1.0E10");
  EXPECT_EQ(json(-0.0), "-0.0");
  EXPECT_EQ(json(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(to_json(*native(Kind::kFloat), from_float(0.1F)), "0.1");
  EXPECT_EQ(to_json(*native(Kind::kInet), *from_text(*native(Kind::kInet), "::1")), "\"0:0:0:0:0:0:0:1\"");
}

}  // namespace
}  // namespace sagitta::types
