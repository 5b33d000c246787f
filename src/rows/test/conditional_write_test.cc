/// Conditional writes as bytes, and what conditions hold of which rows.
#include "sagitta/rows/conditional_write.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

#include "sagitta/types/value.h"

namespace sagitta::rows {
namespace {

using types::DataType;
using types::Kind;
using Existence = RowCondition::Existence;
using Of = ColumnCondition::Of;
using Operator = ColumnCondition::Operator;

Bytes i32(int32_t v) { return types::from_int32(v); }
Bytes field(uint16_t number) {
  Bytes key;
  put_big(key, number);
  return key;
}

enum Column : uint32_t { kKey = 1, kNumber, kSet, kMap, kList, kUdt };

schema::TableDef table() {
  const auto number = DataType::native(Kind::kInt), text = DataType::native(Kind::kText);
  schema::TableDef def;
  def.columns = {{.id = kKey, .name = "p", .type = number, .kind = schema::ColumnKind::kPartitionKey},
                 {.id = kNumber, .name = "n", .type = number},
                 {.id = kSet, .name = "s", .type = DataType::set(number)},
                 {.id = kMap, .name = "m", .type = DataType::map(number, text)},
                 {.id = kList, .name = "l", .type = DataType::list(number)},
                 {.id = kUdt, .name = "u", .type = DataType::udt("k", "u", {"a", "b"}, {number, text})}};
  return def;
}

/// n = 5, s = {1, 2}, m = {1: 'a', 2: 'b'}, l = [7, 8], u = {a: 3}.
LiveRow full_row() {
  LiveRow row;
  const std::vector<Bytes> one_two = {i32(1), i32(2)}, seven_eight = {i32(7), i32(8)};
  const std::vector<std::pair<Bytes, Bytes>> entries = {{i32(1), "a"}, {i32(2), "b"}};
  const std::vector<Value> fields = {i32(3), std::nullopt};
  row.cells = {{.column_id = kNumber, .value = i32(5)},
               {.column_id = kSet, .value = types::pack_list(one_two)},
               {.column_id = kMap, .value = types::pack_map(entries)},
               {.column_id = kList, .value = types::pack_list(seven_eight)},
               {.column_id = kUdt, .value = types::pack_tuple(fields)}};
  return row;
}

bool is_met(ColumnCondition condition, const LiveRow* row) {
  return holds(table(), {.columns = {std::move(condition)}}, row);
}

/// Of a row in which all columns have values.
bool is_met(uint32_t column, Operator op, std::vector<Value> operands, Of of = Of::kWhole, Bytes key = {}) {
  const LiveRow row = full_row();
  return is_met({.column_id = column, .op = op, .of = of, .key = std::move(key), .operands = std::move(operands)},
                &row);
}

/// Of a row in which all columns are null; no row at all must be the same.
bool is_met_by_null(uint32_t column, Operator op, std::vector<Value> operands, Of of = Of::kWhole, Bytes key = {}) {
  const LiveRow row;
  const ColumnCondition condition{
      .column_id = column, .op = op, .of = of, .key = std::move(key), .operands = std::move(operands)};
  EXPECT_EQ(is_met(condition, &row), is_met(condition, nullptr));
  return is_met(condition, &row);
}

ConditionalWrite example() {
  ConditionalWrite write{.table_id = 7, .partition_key = i32(1)};
  write.conditions.push_back({.clustering = {"x", ""}, .existence = Existence::kNotExists});
  write.conditions.push_back({.is_static = true, .clustering = {}, .columns = {}});
  write.conditions[1].columns = {
      {.column_id = 3, .op = Operator::kIn, .operands = {i32(1), std::nullopt, Bytes()}},
      {.column_id = 4, .op = Operator::kGe, .of = Of::kElement, .key = "key", .operands = {Bytes("value")}},
      {.column_id = 5, .op = Operator::kNotEq, .of = Of::kField, .key = field(2), .operands = {std::nullopt}}};
  Mutation mutation{.table_id = 7, .partition_key = i32(1), .timestamp_us = 9, .stamp = Mutation::Stamp::kProposed};
  mutation.rows.push_back({.clustering = {"x", ""}, .insert_marker = true});
  write.mutations = {mutation};
  return write;
}

Bytes encoded(const ConditionalWrite& write) {
  Bytes bytes;
  encode(write, bytes);
  return bytes;
}

ErrorCode refusal(const ConditionalWrite& write) {
  const auto decoded = decode_conditional_write(encoded(write));
  return decoded ? ErrorCode::kServer : decoded.error().code();
}

TEST(ConditionalWrite, ComesBackFromItsBytes) {
  const Bytes bytes = encoded(example());
  const auto decoded = decode_conditional_write(bytes);
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_EQ(encoded(*decoded), bytes);
  EXPECT_EQ(decoded->partition_key, i32(1));
  ASSERT_EQ(decoded->conditions.size(), 2U);
  EXPECT_EQ(decoded->conditions[0].existence, Existence::kNotExists);
  EXPECT_EQ(decoded->conditions[0].clustering, (std::vector<Bytes>{"x", ""}));
  EXPECT_TRUE(decoded->conditions[1].is_static);
  const auto& columns = decoded->conditions[1].columns;
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(columns[0].operands, (std::vector<Value>{i32(1), std::nullopt, Bytes()}));
  EXPECT_EQ(columns[1].op, Operator::kGe);
  EXPECT_EQ(columns[1].key, "key");
  EXPECT_EQ(columns[2].of, Of::kField);
  ASSERT_EQ(decoded->mutations.size(), 1U);
  EXPECT_TRUE(decoded->mutations[0].rows[0].insert_marker);
}

TEST(ConditionalWrite, DamagedBytesAreRefused) {
  const Bytes bytes = encoded(example());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_conditional_write(BytesView(bytes).substr(0, size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code(), ErrorCode::kCorruption) << size;
  }
  EXPECT_FALSE(decode_conditional_write(bytes + "x"));
  Bytes newer = bytes;
  newer[0] = 2;
  EXPECT_EQ(decode_conditional_write(newer).error().code(), ErrorCode::kFormat);
}

TEST(ConditionalWrite, WhatNoBinderMakesIsRefused) {
  const auto with = [](auto change) {
    ConditionalWrite write = example();
    change(write);
    return refusal(write);
  };
  EXPECT_EQ(with([](auto& write) { write.conditions.clear(); }), ErrorCode::kCorruption);
  EXPECT_EQ(with([](auto& write) { write.conditions[0].existence = Existence(0); }), ErrorCode::kCorruption);
  EXPECT_EQ(with([](auto& write) { write.conditions[0].existence = Existence(4); }), ErrorCode::kCorruption);
  EXPECT_EQ(with([](auto& write) { write.conditions[1].columns[0].op = Operator(0); }), ErrorCode::kCorruption);
  EXPECT_EQ(with([](auto& write) { write.conditions[1].columns[0].op = Operator(10); }), ErrorCode::kCorruption);
  EXPECT_EQ(with([](auto& write) { write.conditions[1].columns[0].of = Of(4); }), ErrorCode::kCorruption);
  EXPECT_EQ(with([](auto& write) { write.conditions[1].columns[2].key = "x"; }), ErrorCode::kCorruption);
}

TEST(Conditions, ExistenceIsOfTheRow) {
  const LiveRow row;
  const auto met = [&](Existence existence, const LiveRow* of) { return holds(table(), {.existence = existence}, of); };
  EXPECT_TRUE(met(Existence::kExists, &row));
  EXPECT_FALSE(met(Existence::kExists, nullptr));
  EXPECT_FALSE(met(Existence::kNotExists, &row));
  EXPECT_TRUE(met(Existence::kNotExists, nullptr));
  EXPECT_TRUE(met(Existence::kAny, nullptr));
}

TEST(Conditions, AllMustHold) {
  const LiveRow row = full_row();
  RowCondition condition;
  condition.columns = {{.column_id = kNumber, .op = Operator::kGt, .operands = {i32(4)}},
                       {.column_id = kNumber, .op = Operator::kLt, .operands = {i32(6)}}};
  EXPECT_TRUE(holds(table(), condition, &row));
  condition.columns.push_back({.column_id = kNumber, .op = Operator::kNotEq, .operands = {i32(5)}});
  EXPECT_FALSE(holds(table(), condition, &row));
}

TEST(Conditions, EveryOperatorComparesValuesOfTheColumn) {
  const auto met = [](Operator op) {
    return std::array{is_met(kNumber, op, {i32(-5)}), is_met(kNumber, op, {i32(5)}), is_met(kNumber, op, {i32(6)})};
  };
  EXPECT_EQ(met(Operator::kEq), (std::array{false, true, false}));
  EXPECT_EQ(met(Operator::kNotEq), (std::array{true, false, true}));
  EXPECT_EQ(met(Operator::kLt), (std::array{false, false, true}));
  EXPECT_EQ(met(Operator::kLe), (std::array{false, true, true}));
  EXPECT_EQ(met(Operator::kGt), (std::array{true, false, false}));
  EXPECT_EQ(met(Operator::kGe), (std::array{true, true, false}));
  EXPECT_EQ(met(Operator::kIn), (std::array{false, true, false}));
}

TEST(Conditions, NullIsEqualToNullAndToNothingElse) {
  const auto met = [](Operator op) {
    return std::array{is_met(kNumber, op, {Value()}), is_met_by_null(kNumber, op, {i32(5)}),
                      is_met_by_null(kNumber, op, {Value()})};
  };
  EXPECT_EQ(met(Operator::kEq), (std::array{false, false, true}));
  EXPECT_EQ(met(Operator::kNotEq), (std::array{true, true, false}));
  EXPECT_EQ(met(Operator::kIn), (std::array{false, false, true}));
  for (const Operator op : {Operator::kLt, Operator::kLe, Operator::kGt, Operator::kGe})
    EXPECT_EQ(met(op), (std::array{false, false, false}));
}

TEST(Conditions, InHoldsForAnyOfItsOperands) {
  EXPECT_TRUE(is_met(kNumber, Operator::kIn, {i32(4), Value(), i32(5)}));
  EXPECT_FALSE(is_met(kNumber, Operator::kIn, {i32(4), Value()}));
  EXPECT_FALSE(is_met(kNumber, Operator::kIn, {}));
  EXPECT_TRUE(is_met_by_null(kNumber, Operator::kIn, {i32(4), Value()}));
  EXPECT_FALSE(is_met_by_null(kNumber, Operator::kIn, {i32(4)}));
}

TEST(Conditions, ElementsOfMapsHaveTheirKeys) {
  const auto met = [](int32_t key, Operator op, Value operand) {
    return is_met(kMap, op, {std::move(operand)}, Of::kElement, i32(key));
  };
  EXPECT_TRUE(met(2, Operator::kEq, Bytes("b")));
  EXPECT_FALSE(met(2, Operator::kEq, Bytes("a")));
  EXPECT_TRUE(met(2, Operator::kLt, Bytes("c")));
  EXPECT_TRUE(met(3, Operator::kEq, {}));
  EXPECT_TRUE(met(3, Operator::kNotEq, Bytes("a")));
  EXPECT_FALSE(met(3, Operator::kLt, Bytes("c")));
  EXPECT_TRUE(is_met_by_null(kMap, Operator::kEq, {Value()}, Of::kElement, i32(1)));
}

TEST(Conditions, ElementsOfListsHaveNumbers) {
  const auto met = [](int32_t number, Operator op, Value operand) {
    return is_met(kList, op, {std::move(operand)}, Of::kElement, i32(number));
  };
  EXPECT_TRUE(met(0, Operator::kEq, i32(7)));
  EXPECT_TRUE(met(1, Operator::kGe, i32(8)));
  EXPECT_FALSE(met(1, Operator::kGt, i32(8)));
  for (const int32_t outside : {-1, 2, INT32_MAX, INT32_MIN}) {
    EXPECT_TRUE(met(outside, Operator::kEq, {})) << outside;
    EXPECT_FALSE(met(outside, Operator::kEq, i32(7))) << outside;
  }
  EXPECT_TRUE(is_met_by_null(kList, Operator::kEq, {Value()}, Of::kElement, i32(0)));
}

TEST(Conditions, FieldsHaveNumbers) {
  const auto met = [](uint16_t number, Operator op, Value operand) {
    return is_met(kUdt, op, {std::move(operand)}, Of::kField, field(number));
  };
  EXPECT_TRUE(met(0, Operator::kEq, i32(3)));
  EXPECT_FALSE(met(0, Operator::kEq, i32(4)));
  EXPECT_TRUE(met(1, Operator::kEq, {}));
  EXPECT_TRUE(met(1, Operator::kNotEq, Bytes("a")));
  EXPECT_TRUE(is_met_by_null(kUdt, Operator::kEq, {Value()}, Of::kField, field(0)));
}

TEST(Conditions, ContainsLooksAtElementsAndContainsKeyAtKeys) {
  EXPECT_TRUE(is_met(kSet, Operator::kContains, {i32(2)}));
  EXPECT_FALSE(is_met(kSet, Operator::kContains, {i32(3)}));
  EXPECT_TRUE(is_met(kList, Operator::kContains, {i32(8)}));
  EXPECT_TRUE(is_met(kMap, Operator::kContains, {Bytes("b")}));
  EXPECT_FALSE(is_met(kMap, Operator::kContains, {i32(1)}));
  EXPECT_TRUE(is_met(kMap, Operator::kContainsKey, {i32(1)}));
  EXPECT_FALSE(is_met(kMap, Operator::kContainsKey, {i32(3)}));
  EXPECT_FALSE(is_met(kSet, Operator::kContains, {Value()}));
  EXPECT_FALSE(is_met_by_null(kSet, Operator::kContains, {i32(1)}));
}

TEST(Conditions, OnAColumnThatWasDroppedTheyDoNotHold) {
  EXPECT_FALSE(is_met(99, Operator::kEq, {Value()}));
  EXPECT_FALSE(is_met_by_null(99, Operator::kNotEq, {i32(1)}));
}

}  // namespace
}  // namespace sagitta::rows
