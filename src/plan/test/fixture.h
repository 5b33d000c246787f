/// A schema made by CQL text, and shorthand to bind statements to it and to give them values.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/base/clock.h"
#include "sagitta/base/random.h"
#include "sagitta/base/uuid.h"
#include "sagitta/cql/parser.h"
#include "sagitta/plan/plan.h"
#include "sagitta/schema/schema_change.h"
#include "sagitta/types/value.h"

namespace sagitta::plan {

inline constexpr int64_t kNowUs = 1'700'000'000'000'000;

/// A row that a map of columns describes.
class FakeRow final : public RowSource {
 public:
  explicit FakeRow(std::map<std::string, Bytes> columns) : columns_(std::move(columns)) {}
  ValueView column(const schema::ColumnDef& column) const override {
    auto found = columns_.find(column.name);
    return found == columns_.end() ? ValueView() : ValueView(found->second);
  }
  std::vector<Written> written(const schema::ColumnDef&) const override { return {{.at_us = 77, .ttl_s = {}}}; }

 private:
  std::map<std::string, Bytes> columns_;
};

class PlanTest : public ::testing::Test {
 protected:
  PlanTest() {
    schema_ = std::make_shared<const schema::Schema>();
    change("CREATE KEYSPACE zz WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    change("CREATE TYPE zz.address (street text, zip int)");
    change(
        "CREATE TABLE zz.t (id int PRIMARY KEY, a int, \"Big\" text, tx text, bl blob, big bigint, f float, d double,"
        " u uuid, tu timeuuid, ts timestamp, da date, bo boolean, l list<int>, s set<text>, m map<text, int>,"
        " fl frozen<list<int>>, ad address, tup tuple<int, text>, v vector<float, 3>, w vector<float, 3>,"
        " iv vector<int, 2>)");
    change("CREATE CUSTOM INDEX t_v ON zz.t (v) USING 'sai' WITH OPTIONS = {'similarity_function': 'cosine'}");
    change(
        "CREATE TABLE zz.c (k1 int, k2 text, c1 int, c2 int, c3 text, st int static, r int,"
        " PRIMARY KEY ((k1, k2), c1, c2, c3)) WITH CLUSTERING ORDER BY (c1 ASC, c2 DESC, c3 ASC)");
    change("CREATE TABLE zz.n (k text PRIMARY KEY, c counter)");
    change("CREATE TABLE zz.ttl (k int PRIMARY KEY, r int) WITH default_time_to_live = 100");
  }

  Result<PlanPtr> bound(std::string_view text) const {
    SAGITTA_TRY(cql::Statement statement, cql::parse(text));
    return bind(*schema_, "zz", statement);
  }

  PlanPtr plan(std::string_view text) const {
    auto result = bound(text);
    EXPECT_TRUE(result.has_value()) << text << ": " << (result ? "" : result.error().to_string());
    return result ? *result : nullptr;
  }

  /// "" when the statement binds; the values it needs are not looked at.
  std::string error_of(std::string_view text) const {
    auto result = bound(text);
    return result ? "" : result.error().to_string();
  }

  EvalContext context(std::span<const BindValue> values) const {
    EvalContext made;
    made.values = values;
    made.now_us = kNowUs;
    made.timeuuids = &timeuuids_;
    made.random = &random_;
    return made;
  }

  void change(std::string_view text) {
    PlanPtr made = plan(text);
    ASSERT_NE(made, nullptr) << text;
    auto schema_change = make_schema_change(*made, context({}));
    ASSERT_TRUE(schema_change.has_value()) << text;
    auto outcome = schema::apply(schema_, *schema_change);
    ASSERT_TRUE(outcome.has_value()) << text << ": " << outcome.error().to_string();
    schema_ = outcome->schema;
  }

  Result<std::vector<rows::Mutation>> mutations(std::string_view text, std::vector<BindValue> values = {}) const {
    SAGITTA_TRY(PlanPtr made, bound(text));
    SAGITTA_TRY(Write made_of_it, make_write(*made, context(values)));
    return std::move(made_of_it.mutations);
  }

  rows::Mutation mutation(std::string_view text, std::vector<BindValue> values = {}) const {
    auto made = mutations(text, std::move(values));
    EXPECT_TRUE(made.has_value()) << text << ": " << (made ? "" : made.error().to_string());
    if (!made || made->size() != 1) {
      ADD_FAILURE() << text << ": not one mutation";
      return {};
    }
    return (*made)[0];
  }

  Result<BoundSelect> select(std::string_view text, std::vector<BindValue> values = {},
                             std::optional<uint32_t> page_size = {}) const {
    SAGITTA_TRY(PlanPtr made, bound(text));
    return bind_values(std::get<std::shared_ptr<const SelectPlan>>(made->body), context(values), page_size);
  }

  /// The selected item of the row as a literal, or the error's text.
  std::string value_of(std::string_view selected, const FakeRow& row = FakeRow({})) const {
    auto made = select(fmt::format("SELECT {} FROM t", selected));
    if (!made) return made.error().to_string();
    const Expression& expression = made->plan->selected[0].expression;
    auto value = evaluate(expression, context(made->values), &row);
    return value ? types::to_literal(*expression.type, to_view(*value)) : value.error().message();
  }

  uint32_t column_id(std::string_view table, std::string_view column) const {
    return schema_->find_table("zz", table)->find_column(column)->id;
  }

  schema::SchemaPtr schema_;
  ManualClock clock_{kNowUs};
  mutable SeededRandom random_{7};
  mutable TimeUuidSource timeuuids_{clock_, random_};
};

inline BindValue of(Bytes bytes) { return {.value = std::move(bytes)}; }
inline BindValue null_value() { return {}; }
inline BindValue unset() { return BindValue::make_unset(); }
inline Bytes int_bytes(int32_t v) { return types::from_int32(v); }
inline BindValue int_value(int32_t v) { return of(int_bytes(v)); }
inline BindValue floats(std::vector<float> v) { return of(types::from_floats(v)); }

}  // namespace sagitta::plan
