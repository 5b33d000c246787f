/// The IF of writes: what it is bound to, how conditions of a batch come together, what is refused.
#include "fixture.h"

namespace sagitta::plan {
namespace {

using rows::ColumnCondition;
using rows::RowCondition;
using Existence = RowCondition::Existence;
using Of = ColumnCondition::Of;
using Operator = ColumnCondition::Operator;

class ConditionsTest : public PlanTest {
 protected:
  Result<Write> written(std::string_view text, std::vector<BindValue> values = {}) const {
    SAGITTA_TRY(PlanPtr made, bound(text));
    EvalContext client = context(values);
    client.client_timestamp_us = 50;  // which is not used
    return make_write(*made, client);
  }
  Conditional conditional(std::string_view text, std::vector<BindValue> values = {}) const {
    auto made = written(text, std::move(values));
    EXPECT_TRUE(made) << text << ": " << (made ? "" : made.error().to_string());
    EXPECT_TRUE(made && made->conditional) << text;
    if (!made || !made->conditional) return {};
    for (const rows::Mutation& mutation : made->mutations) {
      EXPECT_EQ(mutation.stamp, rows::Mutation::Stamp::kProposed) << text;
      EXPECT_EQ(mutation.timestamp_us, kNowUs) << text;
    }
    EXPECT_FALSE(made->mutations.empty()) << text;
    return *std::move(made->conditional);
  }
  /// The one condition of an update of table t.
  ColumnCondition condition(std::string_view wanted, std::vector<BindValue> values = {}) const {
    const auto made = conditional(fmt::format("UPDATE t SET a = 1 WHERE id = 1 IF {}", wanted), std::move(values));
    if (made.conditions.size() == 1 && made.conditions[0].columns.size() == 1) return made.conditions[0].columns[0];
    ADD_FAILURE() << wanted << ": not one condition";
    return {};
  }
  std::string refusal(std::string_view text, std::vector<BindValue> values = {}) const {
    const auto made = written(text, std::move(values));
    return made ? "" : made.error().to_string();
  }
  std::string refusal_of(std::string_view wanted, std::vector<BindValue> values = {}) const {
    return refusal(fmt::format("UPDATE t SET a = 1 WHERE id = 1 IF {}", wanted), std::move(values));
  }
  static std::vector<std::string> names(const std::vector<const schema::ColumnDef*>& columns) {
    std::vector<std::string> all;
    for (const schema::ColumnDef* column : columns) all.push_back(column->name);
    return all;
  }
};

constexpr std::string_view kRow = "k1 = 1 AND k2 = 'a' AND c1 = 1 AND c2 = 2 AND c3 = 'x'";

TEST_F(ConditionsTest, AWriteWithoutThemIsNotConditional) {
  const auto made = written("UPDATE t SET a = 1 WHERE id = 1");
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->conditional);
}

TEST_F(ConditionsTest, ExistenceIsOfTheRowAndShowsAllColumns) {
  const auto insert = conditional("INSERT INTO t (id, a) VALUES (7, 1) IF NOT EXISTS");
  ASSERT_EQ(insert.conditions.size(), 1U);
  EXPECT_EQ(insert.conditions[0].existence, Existence::kNotExists);
  EXPECT_EQ(insert.partition_key, int_bytes(7));
  EXPECT_TRUE(insert.shows_all);
  EXPECT_FALSE(insert.shows_key);
  const auto update = conditional(fmt::format("UPDATE c SET r = 1 WHERE {} IF EXISTS", kRow));
  ASSERT_EQ(update.conditions.size(), 1U);
  EXPECT_EQ(update.conditions[0].existence, Existence::kExists);
  EXPECT_EQ(update.conditions[0].clustering, (std::vector<Bytes>{int_bytes(1), int_bytes(2), "x"}));
  const auto removal = conditional("DELETE FROM t WHERE id = 1 IF EXISTS");
  EXPECT_EQ(removal.conditions.at(0).existence, Existence::kExists);
}

TEST_F(ConditionsTest, EveryOperatorIsTakenOn) {
  const std::pair<std::string_view, Operator> all[] = {{"=", Operator::kEq}, {"!=", Operator::kNotEq},
                                                       {"<", Operator::kLt}, {"<=", Operator::kLe},
                                                       {">", Operator::kGt}, {">=", Operator::kGe}};
  for (const auto& [text, op] : all) {
    const ColumnCondition made = condition(fmt::format("a {} 5", text));
    EXPECT_EQ(made.column_id, column_id("t", "a"));
    EXPECT_EQ(made.op, op) << text;
    EXPECT_EQ(made.of, Of::kWhole);
    EXPECT_EQ(made.operands, std::vector<Value>{int_bytes(5)});
  }
  EXPECT_EQ(condition("s CONTAINS 'x'").op, Operator::kContains);
  EXPECT_EQ(condition("m CONTAINS KEY 'x'").op, Operator::kContainsKey);
  EXPECT_EQ(condition("m CONTAINS 5").operands, std::vector<Value>{int_bytes(5)});
}

TEST_F(ConditionsTest, NullIsAnOperandOfEquality) {
  EXPECT_EQ(condition("a = null").operands, std::vector<Value>{std::nullopt});
  EXPECT_EQ(condition("a != ?", {null_value()}).operands, std::vector<Value>{std::nullopt});
}

TEST_F(ConditionsTest, InHasItsValuesOneByOneOrAsAList) {
  const std::vector<Value> wanted = {int_bytes(1), int_bytes(2)};
  const std::vector<Bytes> elements = {int_bytes(1), int_bytes(2)};
  EXPECT_EQ(condition("a IN (1, 2)").operands, wanted);
  EXPECT_EQ(condition("a IN (?, 2)", {int_value(1)}).operands, wanted);
  EXPECT_EQ(condition("a IN ?", {of(types::pack_list(elements))}).operands, wanted);
  EXPECT_EQ(condition("a IN ()").operands, std::vector<Value>());
}

TEST_F(ConditionsTest, ElementsAndFieldsAreNamed) {
  const ColumnCondition of_map = condition("m['x'] > 5"), of_list = condition("l[?] = 5", {int_value(2)}),
                        of_udt = condition("ad.zip IN (5)");
  EXPECT_EQ(of_map.of, Of::kElement);
  EXPECT_EQ(of_map.key, "x");
  EXPECT_EQ(of_map.operands, std::vector<Value>{int_bytes(5)});
  EXPECT_EQ(of_list.of, Of::kElement);
  EXPECT_EQ(of_list.key, int_bytes(2));
  EXPECT_EQ(of_udt.of, Of::kField);
  EXPECT_EQ(get_big<uint16_t>(of_udt.key.data()), 1);
}

TEST_F(ConditionsTest, StaticColumnsHaveAConditionOfTheirOwn) {
  const auto made = conditional(fmt::format("UPDATE c SET r = 1 WHERE {} IF st = 3 AND r < 5", kRow));
  ASSERT_EQ(made.conditions.size(), 2U);
  EXPECT_FALSE(made.conditions[0].is_static);
  EXPECT_EQ(made.conditions[0].columns.at(0).column_id, column_id("c", "r"));
  EXPECT_TRUE(made.conditions[1].is_static);
  EXPECT_EQ(made.conditions[1].columns.at(0).column_id, column_id("c", "st"));
  EXPECT_EQ(names(made.shown), (std::vector<std::string>{"r", "st"}));
  EXPECT_TRUE(made.shows_statics && made.shows_rows);
}

TEST_F(ConditionsTest, OfTheStaticRowAloneNoOtherIsLookedAt) {
  const auto made = conditional("UPDATE c SET st = 1 WHERE k1 = 1 AND k2 = 'a' IF EXISTS");
  ASSERT_EQ(made.conditions.size(), 1U);
  EXPECT_TRUE(made.conditions[0].is_static);
  EXPECT_EQ(made.conditions[0].existence, Existence::kExists);
  EXPECT_FALSE(made.shows_rows);
}

TEST_F(ConditionsTest, AStaticColumnThatIsWrittenIsLookedAt) {
  const auto made = conditional("INSERT INTO c (k1, k2, c1, c2, c3, st) VALUES (1, 'a', 1, 2, 'x', 5) IF NOT EXISTS");
  ASSERT_EQ(made.conditions.size(), 2U);
  EXPECT_TRUE(made.conditions[1].is_static);
  EXPECT_EQ(made.conditions[1].existence, Existence::kAny);
  EXPECT_TRUE(made.conditions[1].columns.empty());
}

TEST_F(ConditionsTest, AWriteOfNothingHasAPlaceInTheLogAllTheSame) {
  const auto made = written("UPDATE t SET a = ? WHERE id = 7 IF tx = 'x'", {unset()});
  ASSERT_TRUE(made) << made.error().to_string();
  ASSERT_EQ(made->mutations.size(), 1U);
  EXPECT_EQ(made->mutations[0].partition_key, int_bytes(7));
  EXPECT_TRUE(made->mutations[0].rows.empty());
}

/// The second clustering column is in descending order.
std::string update_of(int32_t c2, std::string_view condition) {
  return fmt::format("UPDATE c SET r = 1 WHERE k1 = 1 AND k2 = 'a' AND c1 = 1 AND c2 = {} AND c3 = 'x'{}; ", c2,
                     condition);
}

TEST_F(ConditionsTest, OfABatchThereIsOneForEachRowInTheOrderOfTheTable) {
  const auto made =
      conditional("BEGIN BATCH " + update_of(1, " IF r = 1") + update_of(3, "") + update_of(2, " IF r > 2") +
                  update_of(1, " IF r < 9 AND st = 4") + update_of(2, " IF st = 5") + "APPLY BATCH");
  ASSERT_EQ(made.conditions.size(), 3U);
  EXPECT_EQ(made.conditions[0].clustering.at(1), int_bytes(2));
  EXPECT_EQ(made.conditions[0].columns.size(), 1U);
  EXPECT_EQ(made.conditions[1].clustering.at(1), int_bytes(1));
  EXPECT_EQ(made.conditions[1].columns.size(), 2U);
  EXPECT_TRUE(made.conditions[2].is_static);
  EXPECT_EQ(made.conditions[2].columns.size(), 2U);
  EXPECT_TRUE(made.shows_key);
  EXPECT_EQ(names(made.shown), (std::vector<std::string>{"r", "st"}));
}

TEST_F(ConditionsTest, WhatCannotBeTrueOfOneRowIsRefused) {
  const auto together = [&](std::string_view first, std::string_view second) {
    return refusal("BEGIN BATCH " + update_of(1, first) + update_of(1, second) + "APPLY BATCH");
  };
  const std::string insert = "INSERT INTO c (k1, k2, c1, c2, c3) VALUES (1, 'a', 1, 1, 'x') IF NOT EXISTS; ";
  EXPECT_EQ(together(" IF EXISTS", " IF EXISTS"), "");
  EXPECT_EQ(refusal("BEGIN BATCH " + insert + update_of(1, " IF EXISTS") + "APPLY BATCH"),
            "Invalid: Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row");
  EXPECT_EQ(refusal("BEGIN BATCH " + insert + update_of(1, " IF r = 1") + "APPLY BATCH"),
            "Invalid: Cannot mix IF conditions and IF NOT EXISTS for the same row");
  EXPECT_EQ(refusal("BEGIN BATCH " + insert + update_of(2, " IF r = 1") + "APPLY BATCH"), "");
}

TEST_F(ConditionsTest, ABatchIsDecidedInOnePlace) {
  EXPECT_EQ(
      refusal("BEGIN BATCH UPDATE t SET a = 1 WHERE id = 1 IF a = 1; UPDATE t SET a = 1 WHERE id = 2; APPLY BATCH"),
      "Invalid: Batch with conditions cannot span multiple partitions");
  EXPECT_EQ(
      refusal("BEGIN BATCH UPDATE t SET a = 1 WHERE id = 1 IF a = 1; INSERT INTO ttl (k) VALUES (1); APPLY BATCH"),
      "Invalid: Batch with conditions cannot span multiple tables");
  EXPECT_EQ(refusal("BEGIN BATCH USING TIMESTAMP 5 UPDATE t SET a = 1 WHERE id = 1 IF a = 1; APPLY BATCH"),
            "Invalid: Cannot provide custom timestamp for conditional BATCH");
}

TEST_F(ConditionsTest, WhatNoRowIsDecidedByIsRefused) {
  EXPECT_EQ(refusal("INSERT INTO t (id) VALUES (1) IF NOT EXISTS USING TIMESTAMP 5"),
            "Invalid: Cannot provide custom timestamp for conditional updates");
  EXPECT_EQ(refusal("UPDATE n SET c = c + 1 WHERE k = 'x' IF EXISTS"),
            "Invalid: Conditional updates are not supported on counter tables");
  EXPECT_EQ(refusal("UPDATE t SET a = 1 WHERE id IN (1, 2) IF EXISTS"),
            "Invalid: IN on the partition key is not supported with conditional updates");
  EXPECT_EQ(refusal("DELETE FROM c WHERE k1 = 1 AND k2 = 'a' AND c1 = 1 IF EXISTS"),
            "Invalid: DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to "
            "delete non static columns");
}

TEST_F(ConditionsTest, WhatFitsNoColumnIsRefused) {
  EXPECT_EQ(refusal_of("id = 1"), "Invalid: PRIMARY KEY column 'id' cannot have IF conditions");
  EXPECT_EQ(refusal_of("a CONTAINS 1"), "Invalid: Cannot use CONTAINS on non-collection column a");
  EXPECT_EQ(refusal_of("s CONTAINS KEY 'x'"), "Invalid: Cannot use CONTAINS KEY on non-map column s");
  EXPECT_EQ(refusal_of("s['x'] = 1"), "Invalid: Invalid element access syntax for set column s");
  EXPECT_EQ(refusal_of("a[1] = 1"), "Invalid: Invalid element access syntax for non-collection column a");
  EXPECT_EQ(refusal_of("a.x = 1"), "Invalid: Invalid field access for non-UDT column a");
  EXPECT_EQ(refusal_of("ad.city = 'x'"), "Invalid: Unknown field city for column ad");
}

TEST_F(ConditionsTest, ValuesThatDecideNothingAreRefused) {
  EXPECT_EQ(refusal_of("a < ?", {null_value()}), "Invalid: Invalid comparison with null for operator \"<\"");
  EXPECT_EQ(refusal_of("a IN ?", {null_value()}), "Invalid: Invalid null list in IN condition");
  EXPECT_EQ(refusal_of("m[?] = 1", {null_value()}), "Invalid: Invalid null value for map element access");
  EXPECT_EQ(refusal_of("l[?] = 1", {null_value()}), "Invalid: Invalid null value for list element access");
  EXPECT_EQ(refusal_of("l[-1] = 1"), "Invalid: Invalid negative list index -1");
}

}  // namespace
}  // namespace sagitta::plan
