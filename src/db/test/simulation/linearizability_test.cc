/// The checker of histories, on histories that are known to be good or bad.
#include <gtest/gtest.h>

#include "registers.h"

namespace sagitta::db::test {
namespace {

using Kind = RegisterCondition::Kind;
using Outcome = RegisterOperation::Outcome;

RegisterOperation read(Moment called, Moment returned, Register seen) {
  return {.called = called, .returned = returned, .outcome = Outcome::kApplied, .seen = {{0, seen}}};
}
RegisterOperation write(Moment called, Moment returned, Register value) {
  return {.called = called, .returned = returned, .effects = {{0, value}}, .outcome = Outcome::kApplied};
}
RegisterOperation write_if(Moment called, Moment returned, Register expected, Register value) {
  RegisterOperation operation = write(called, returned, value);
  operation.conditions = {{0, Kind::kIs, expected}};
  return operation;
}
RegisterOperation write_if_absent(Moment called, Moment returned, Register value) {
  RegisterOperation operation = write(called, returned, value);
  operation.conditions = {{0, Kind::kAbsent, {}}};
  return operation;
}
RegisterOperation not_applied(RegisterOperation operation, Register shown) {
  operation.outcome = Outcome::kNotApplied;
  operation.seen = {{operation.conditions[0].row, shown}};
  return operation;
}
RegisterOperation unknown(RegisterOperation operation) {
  operation.outcome = Outcome::kUnknown;
  operation.returned = kNever;
  return operation;
}
RegisterOperation in_partition(int partition, RegisterOperation operation) {
  operation.partition = partition;
  return operation;
}

TEST(Linearizability, NothingAndWhatIsDoneInOrderAreGood) {
  EXPECT_TRUE(is_linearizable({}));
  EXPECT_TRUE(is_linearizable({read(1, 2, {}), write(3, 4, 7), read(5, 6, 7)}));
  EXPECT_TRUE(is_linearizable({write(1, 2, 7), write(3, 4, {}), read(5, 6, {})}));
}

TEST(Linearizability, AReadOfWhatIsNoLongerThereIsBad) {
  EXPECT_FALSE(is_linearizable({write(1, 2, 7), read(3, 4, {})}));
  EXPECT_FALSE(is_linearizable({write(1, 2, 7), write(3, 4, 8), read(5, 6, 7)}));
}

TEST(Linearizability, WhatOverlapsMayComeInEitherOrder) {
  EXPECT_TRUE(is_linearizable({write(1, 4, 7), read(2, 3, {})}));
  EXPECT_TRUE(is_linearizable({write(1, 4, 7), read(2, 3, 7)}));
  EXPECT_FALSE(is_linearizable({write(1, 8, 7), read(2, 3, 7), read(4, 5, {})}));
}

TEST(Linearizability, OfTwoThatWantTheSameOneIsApplied) {
  const auto first = write_if_absent(1, 4, 7), second = write_if_absent(2, 5, 8);
  EXPECT_FALSE(is_linearizable({first, second}));
  EXPECT_TRUE(is_linearizable({first, not_applied(second, 7)}));
  EXPECT_FALSE(is_linearizable({first, not_applied(second, 8)}));
  EXPECT_FALSE(is_linearizable({first, not_applied(second, {})}));
}

TEST(Linearizability, WhatIsAppliedTwiceIsBad) {
  EXPECT_TRUE(is_linearizable({write(1, 2, 1), write_if(3, 4, 1, 2), write_if(5, 6, 2, 1), read(7, 8, 1)}));
  EXPECT_FALSE(is_linearizable({write(1, 2, 1), write_if(3, 4, 1, 2), write_if(5, 6, 2, 1), read(7, 8, 2)}));
}

TEST(Linearizability, WhoseOutcomeIsOpenMayComeAtAnyTimeOrNever) {
  const auto open = unknown(write_if(3, 4, 1, 2));
  EXPECT_TRUE(is_linearizable({write(1, 2, 1), open, read(5, 6, 1)}));
  EXPECT_TRUE(is_linearizable({write(1, 2, 1), open, read(5, 6, 2)}));
  EXPECT_TRUE(is_linearizable({write(1, 2, 1), open, read(5, 6, 1), read(7, 8, 2)}));
  EXPECT_FALSE(is_linearizable({write(1, 2, 1), open, read(5, 6, 2), read(7, 8, 1)}));
  EXPECT_FALSE(is_linearizable({read(1, 2, 2), open}));
}

TEST(Linearizability, APartitionIsReadAsAWhole) {
  RegisterOperation both = write(1, 2, 7);
  both.effects.push_back({1, 8});
  RegisterOperation torn = read(3, 4, 7), whole = torn;
  torn.seen.push_back({1, {}});
  whole.seen.push_back({1, 8});
  EXPECT_TRUE(is_linearizable({both, whole}));
  EXPECT_FALSE(is_linearizable({both, torn}));
}

TEST(Linearizability, PartitionsDoNotMeet) {
  EXPECT_TRUE(is_linearizable({write(1, 2, 7), in_partition(1, read(3, 4, {}))}));
  EXPECT_FALSE(is_linearizable({write(1, 2, 7), in_partition(1, read(3, 4, 7))}));
}

TEST(Linearizability, EachConditionIsItsOwn) {
  const auto with = [](Kind kind, Register value) {
    RegisterOperation operation = write(3, 4, 9);
    operation.conditions = {{0, kind, value}};
    return operation;
  };
  const RegisterOperation five = write(1, 2, 5);
  EXPECT_TRUE(is_linearizable({five, with(Kind::kExists, {})}));
  EXPECT_FALSE(is_linearizable({with(Kind::kExists, {})}));
  EXPECT_TRUE(is_linearizable({five, with(Kind::kIsNot, 4)}));
  EXPECT_FALSE(is_linearizable({five, with(Kind::kIsNot, 5)}));
  EXPECT_TRUE(is_linearizable({five, with(Kind::kLess, 6)}));
  EXPECT_FALSE(is_linearizable({five, with(Kind::kLess, 5)}));
  EXPECT_FALSE(is_linearizable({with(Kind::kLess, 5)}));
}

TEST(Linearizability, JsonHasAllOfIt) {
  EXPECT_EQ(to_json({unknown(write_if(1, 2, {}, 3)), read(4, 5, {})}),
            R"({"linearizable":true,"operations":[)"
            R"({"partition":0,"call":1,"return":null,"if":[{"row":0,"is":"=","value":null}],)"
            R"("set":[{"row":0,"value":3}],"outcome":"unknown","seen":[]},)"
            R"({"partition":0,"call":4,"return":5,"if":[],"set":[],"outcome":"applied",)"
            R"("seen":[{"row":0,"value":null}]}]})");
}

}  // namespace
}  // namespace sagitta::db::test
