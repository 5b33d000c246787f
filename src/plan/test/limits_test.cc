/// What has a number, and what is beyond it: markers, columns, fields; and statements of as many
/// parts as there may be.
#include "sagitta/base/limits.h"

#include "fixture.h"

namespace sagitta::plan {
namespace {

class LimitsTest : public PlanTest {
 protected:
  /// `pattern` with each number from 0 to `count` in place of {0}, commas between them.
  static std::string each(size_t count, std::string_view pattern) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += (i == 0 ? "" : ", ") + fmt::format(fmt::runtime(pattern), i);
    return out;
  }
};

TEST_F(LimitsTest, MarkersOfAStatement) {
  const auto select = [](size_t markers) { return "SELECT a FROM t WHERE id IN (" + each(markers, "?") + ")"; };
  EXPECT_EQ(error_of(select(limits::kMarkersMax)), "");
  EXPECT_EQ(error_of(select(limits::kMarkersMax + 1)),
            "Invalid: Too many markers(?). 65536 markers exceed the allowed maximum of 65535");
}

TEST_F(LimitsTest, ColumnsOfATable) {
  const auto create = [](size_t columns) {
    return "CREATE TABLE wide (k int PRIMARY KEY, " + each(columns - 1, "c{0} int") + ")";
  };
  EXPECT_EQ(error_of(create(limits::kColumnsMax + 1)),
            "Invalid: Table wide would have 10001 columns, the most is 10000");
  change(create(limits::kColumnsMax));
  EXPECT_EQ(error_of("ALTER TABLE wide ADD one int, more int"),
            "Invalid: Table wide would have 10002 columns, the most is 10000");
  EXPECT_EQ(error_of("ALTER TABLE wide DROP c1"), "");
}

TEST_F(LimitsTest, FieldsOfAType) {
  const auto create = [](size_t fields) { return "CREATE TYPE many (" + each(fields, "f{0} int") + ")"; };
  EXPECT_EQ(error_of(create(limits::kColumnsMax + 1)), "Invalid: Type many would have 10001 fields, the most is 10000");
  change(create(limits::kColumnsMax));
  EXPECT_EQ(error_of("ALTER TYPE many ADD more int"), "Invalid: Type many would have 10001 fields, the most is 10000");
}

TEST_F(LimitsTest, AssignmentsOfAnUpdate) {
  const rows::Mutation made = mutation("UPDATE t SET " + each(20'000, "m['{0}'] = {0}") + " WHERE id = 1");
  ASSERT_EQ(made.rows.size(), 1U);
  EXPECT_EQ(made.rows[0].cells.size(), 20'000U);
  const auto clash = [&](std::string_view set) { return error_of(fmt::format("UPDATE t SET {} WHERE id = 1", set)); };
  EXPECT_EQ(clash("m['a'] = 1, m['b'] = 2"), "");
  EXPECT_EQ(clash("ad.zip = 1, ad.street = 'x'"), "");
  for (const char* set : {"a = 1, a = 2", "m['a'] = 1, m = {}", "m = {}, m['a'] = 1", "l = [1], l = l + [2]"}) {
    EXPECT_NE(clash(set).find("Syntax: Multiple incompatible setting of column "), std::string::npos) << set;
  }
  EXPECT_EQ(clash("ad.zip = 1, a = 2, ad.zip = 3"), "Syntax: Multiple incompatible setting of column ad");
}

/// frozen<> reaches what is inside, however deep.
TEST_F(LimitsTest, FrozenCollectionsInsideEachOther) {
  const auto create = [](std::string_view type) {
    return fmt::format("CREATE TABLE x (k int PRIMARY KEY, v {})", type);
  };
  for (const char* type :
       {"frozen<list<list<list<int>>>>", "frozen<map<int, set<address>>>", "list<frozen<set<list<int>>>>",
        "tuple<frozen<list<list<int>>>>", "frozen<frozen<list<int>>>"}) {
    EXPECT_EQ(error_of(create(type)), "") << type;
  }
  EXPECT_EQ(error_of(create("list<list<int>>")),
            "Invalid: Non-frozen collections are not allowed inside collections: list<list<int>>");
  EXPECT_EQ(error_of(create("set<address>")),
            "Invalid: Non-frozen UDTs are not allowed inside collections: set<address>");
}

}  // namespace
}  // namespace sagitta::plan
