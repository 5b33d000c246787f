/// GROUP BY: the columns of the key that groups are of, and functions of the last; and LIKE, which
/// is a filter and nothing else.
#include <gmock/gmock.h>

#include "sagitta/plan/select.h"

#include "fixture.h"

namespace sagitta::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class GroupByTest : public PlanTest {
 protected:
  GroupByTest() {
    change(
        "CREATE TABLE zz.x (k int, c int, t timestamp, tu timeuuid, v int, s text static, PRIMARY KEY (k, c, t, tu))");
  }
  std::shared_ptr<const SelectPlan> select(const std::string& rest) const {
    const auto plan = bound("SELECT k FROM x " + rest);
    EXPECT_TRUE(plan) << rest << "\n" << plan.error().to_string();
    return plan ? std::get<std::shared_ptr<const SelectPlan>>((*plan)->body) : nullptr;
  }
  std::vector<std::string> columns(const std::string& rest) const {
    const auto plan = select(rest);
    std::vector<std::string> names;
    for (const schema::ColumnDef* column : plan->group_by) names.push_back(column->name);
    return names;
  }
  std::string refusal(const std::string& rest) const {
    const auto plan = bound("SELECT k FROM x " + rest);
    return plan ? "" : plan.error().to_string();
  }
};

TEST_F(GroupByTest, GroupsAreOfAPrefixOfTheKey) {
  EXPECT_THAT(columns("GROUP BY k"), ElementsAre("k"));
  EXPECT_THAT(columns("GROUP BY k, c, t"), ElementsAre("k", "c", "t"));
  EXPECT_THAT(columns("WHERE k = 1 GROUP BY c"), ElementsAre("c"));
  EXPECT_THAT(columns("WHERE k = 1 AND c = 2 GROUP BY t"), ElementsAre("t"));
  EXPECT_THAT(columns(""), IsEmpty());
  EXPECT_EQ(select("GROUP BY k, c, t")->group_function, std::nullopt);
  EXPECT_THAT(refusal("GROUP BY c"), HasSubstr("following their declared order"));
  EXPECT_THAT(refusal("GROUP BY k, v"), HasSubstr("only supported on the columns of the PRIMARY KEY, got v"));
  EXPECT_THAT(refusal("GROUP BY k, s"), HasSubstr("only supported on the columns of the PRIMARY KEY, got s"));
}

TEST_F(GroupByTest, AFunctionOfTheLastColumnHasOneValueForTheGroup) {
  for (const char* function : {"floor(t, 1h)", "to_date(t)", "toDate(t)", "to_unix_timestamp(t)",
                               "floor(floor(t, 1h), 2h)", "floor(t, 1h, '2024-01-01')"}) {
    const auto plan = select(std::string("GROUP BY k, c, ") + function);
    ASSERT_TRUE(plan->group_function) << function;
    EXPECT_EQ(plan->group_by.back()->name, "t");
    EXPECT_EQ(plan->group_function->kind, Expression::Kind::kCall);
  }
  EXPECT_EQ(select("GROUP BY k, c, t, to_timestamp(tu)")->group_by.back()->name, "tu");
}

TEST_F(GroupByTest, OtherFunctionsAreRefusedInCassandrasWords) {
  EXPECT_THAT(
      refusal("GROUP BY k, abs(c)"),
      HasSubstr("Only monotonic functions are supported in the GROUP BY clause. Got: system.abs : (int) -> int"));
  EXPECT_THAT(refusal("GROUP BY abs(k)"), HasSubstr("only supported on clustering columns, got k"));
  EXPECT_THAT(refusal("GROUP BY k, c, floor(v, 1h)"), HasSubstr("only supported on clustering columns, got v"));
  EXPECT_THAT(refusal("GROUP BY k, c, floor(t, 1h), tu"), HasSubstr("only supported on the last element"));
  EXPECT_THAT(refusal("GROUP BY k, c, t, floor(t, 1h)"), HasSubstr("following their declared order"));
  EXPECT_THAT(refusal("GROUP BY k, c, now()"), HasSubstr("must have one clustering column name as parameter"));
  EXPECT_THAT(refusal("GROUP BY k, c, max(t)"), HasSubstr("Aggregate functions are not supported within"));
  EXPECT_THAT(refusal("GROUP BY k, c, floor(max(t), 1h)"), HasSubstr("Aggregate functions are not supported within"));
  EXPECT_THAT(refusal("GROUP BY k, 1"), HasSubstr("Group by is only supported on columns"));
}

TEST_F(GroupByTest, LikeTestsRowsAndNeedsAllowFiltering) {
  EXPECT_EQ(refusal("WHERE s LIKE 'a%' ALLOW FILTERING"), "");
  EXPECT_EQ(refusal("WHERE s LIKE 'a%' AND s LIKE '%b' AND s > 'a' ALLOW FILTERING"), "");
  EXPECT_THAT(refusal("WHERE s LIKE 'a%'"), HasSubstr("only supported on properly indexed columns. s LIKE 'a%'"));
  EXPECT_THAT(refusal("WHERE s LIKE 'a%' AND s = 'ab' ALLOW FILTERING"), HasSubstr("more than one relation"));
  EXPECT_THAT(refusal("WHERE v LIKE 1 ALLOW FILTERING"), HasSubstr("only on string types, which v is not"));
  const schema::ColumnDef s{.name = "s", .type = types::DataType::native(types::Kind::kText)};
  const Filter filter{.columns = {&s}, .map_key = {}, .op = Operator::kLike, .operands = {{Bytes("a_c%")}}};
  const auto passes = [&](std::map<std::string, Bytes> row) { return matches(filter, FakeRow(std::move(row))); };
  EXPECT_TRUE(passes({{"s", Bytes("abcd")}}));
  EXPECT_FALSE(passes({{"s", Bytes("abd")}}));
  EXPECT_FALSE(passes({})) << "null is like nothing";
}

TEST_F(GroupByTest, OptionsThatDoNothingAreWarnedOf) {
  const auto warnings = [&](const char* options) {
    const auto plan = bound(std::string("CREATE TABLE w (k int PRIMARY KEY) WITH ") + options);
    EXPECT_TRUE(plan) << options;
    return plan ? (*plan)->warnings.size() : 99;
  };
  EXPECT_EQ(warnings("cdc = true"), 1U);
  EXPECT_EQ(warnings("cdc = {'enabled': 'TRUE', 'preimage': 'full'}"), 1U);
  EXPECT_EQ(warnings("cdc = {'enabled': 'false'}"), 0U);
  EXPECT_EQ(warnings("cdc = 'no'"), 0U);
  EXPECT_FALSE(bound("CREATE TABLE w (k int PRIMARY KEY) WITH cdc = 'perhaps'"));
}

}  // namespace
}  // namespace sagitta::plan
