/// Filters against the order of the values: every operator, over every type, with nulls.
#include <algorithm>

#include "../../types/test/random_value.h"
#include "fixture.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;

constexpr int kRounds = 300;
constexpr std::array kOrders = {Operator::kEq, Operator::kNotEq, Operator::kLt,
                                Operator::kLe, Operator::kGt,    Operator::kGe};

bool holds(Operator op, std::strong_ordering order) {
  switch (op) {
    case Operator::kEq: return order == 0;
    case Operator::kNotEq: return order != 0;
    case Operator::kLt: return order < 0;
    case Operator::kLe: return order <= 0;
    case Operator::kGt: return order > 0;
    default: return order >= 0;
  }
}

schema::ColumnDef column(const char* name, DataTypePtr type) {
  schema::ColumnDef made;
  made.name = name;
  made.type = std::move(type);
  return made;
}

class Filters : public ::testing::TestWithParam<DataTypePtr> {
 protected:
  const DataTypePtr& type() const { return GetParam(); }
  Bytes random() { return random_.of(*type()); }
  types::RandomValues random_{types::test_seed()};
};

TEST_P(Filters, CompareAsTheValuesDo) {
  const schema::ColumnDef a = column("a", type());
  for (int i = 0; i < kRounds; ++i) {
    const Bytes value = random(), operand = random();
    const FakeRow row({{"a", value}});
    for (const Operator op : kOrders) {
      const Filter filter{.columns = {&a}, .map_key = {}, .op = op, .operands = {{operand}}};
      ASSERT_EQ(matches(filter, row), holds(op, types::compare(*type(), value, operand)))
          << to_hex(value) << " " << to_hex(operand);
      ASSERT_FALSE(matches(filter, FakeRow({})));
      ASSERT_FALSE(matches({.columns = {&a}, .map_key = {}, .op = op, .operands = {{Value()}}}, row));
    }
  }
}

TEST_P(Filters, InIsAnyOfTheOperands) {
  const schema::ColumnDef a = column("a", type());
  for (int i = 0; i < kRounds; ++i) {
    const Bytes value = random(), first = random(), second = random();
    const Filter filter{
        .columns = {&a}, .map_key = {}, .op = Operator::kIn, .operands = {{first}, {Value()}, {second}}};
    const bool expected = types::compare(*type(), value, first) == 0 || types::compare(*type(), value, second) == 0;
    ASSERT_EQ(matches(filter, FakeRow({{"a", value}})), expected);
    ASSERT_TRUE(matches(filter, FakeRow({{"a", second}})));
    ASSERT_FALSE(
        matches({.columns = {&a}, .map_key = {}, .op = Operator::kIn, .operands = {}}, FakeRow({{"a", value}})));
  }
}

TEST_P(Filters, TuplesCompareComponentByComponent) {
  const schema::ColumnDef a = column("a", type()), b = column("b", type());
  for (int i = 0; i < kRounds; ++i) {
    const Bytes pool[] = {random(), random()};
    const auto any = [&] { return pool[random_.below(2)]; };
    const Bytes left = any(), right = any(), first = any(), second = any();
    auto order = types::compare(*type(), left, first);
    if (order == 0) order = types::compare(*type(), right, second);
    for (const Operator op : kOrders) {
      const Filter filter{.columns = {&a, &b}, .map_key = {}, .op = op, .operands = {{first, second}}};
      ASSERT_EQ(matches(filter, FakeRow({{"a", left}, {"b", right}})), holds(op, order));
    }
  }
}

TEST_P(Filters, CollectionsContainTheirElements) {
  const schema::ColumnDef s = column("s", DataType::list(type())), m = column("m", DataType::map(type(), type()));
  for (int i = 0; i < kRounds; ++i) {
    const std::vector<Bytes> elements = {random(), random()};
    const Bytes wanted = random_.below(2) == 0 ? elements[random_.below(2)] : random();
    const auto is = [&](const Bytes& element) { return types::compare(*type(), element, wanted) == 0; };
    const std::vector<std::pair<Bytes, Bytes>> entries = {{elements[0], elements[1]}};
    const FakeRow row({{"s", types::pack_list(elements)}, {"m", types::pack_map(entries)}});
    const auto found = [&](const schema::ColumnDef& in, Operator op) {
      return matches({.columns = {&in}, .map_key = {}, .op = op, .operands = {{wanted}}}, row);
    };
    ASSERT_EQ(found(s, Operator::kContains), std::ranges::any_of(elements, is));
    ASSERT_EQ(found(m, Operator::kContains), is(elements[1]));
    ASSERT_EQ(found(m, Operator::kContainsKey), is(elements[0]));
    for (const Operator op : kOrders) {
      const Filter entry{.columns = {&m}, .map_key = elements[0], .op = op, .operands = {{wanted}}};
      ASSERT_EQ(matches(entry, row), holds(op, types::compare(*type(), elements[1], wanted)));
    }
    const Filter absent{.columns = {&m}, .map_key = wanted, .op = Operator::kGe, .operands = {{elements[1]}}};
    ASSERT_EQ(matches(absent, row), is(elements[0]));
  }
}

std::string name_of(const ::testing::TestParamInfo<DataTypePtr>& info) {
  std::string name;
  for (const char c : info.param->to_cql()) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Types, Filters, ::testing::ValuesIn(types::all_types()), name_of);

}  // namespace
}  // namespace sagitta::plan
