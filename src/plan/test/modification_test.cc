#include <limits>

#include "fixture.h"

namespace sagitta::plan {
namespace {

using rows::CellOp;
using rows::Mutation;

class ModificationTest : public PlanTest {
 protected:
  const CellOp* cell(const Mutation& mutation, std::string_view table, std::string_view column) const {
    const uint32_t id = column_id(table, column);
    for (const rows::RowMutation& row : mutation.rows) {
      for (const CellOp& op : row.cells) {
        if (op.column_id == id) return &op;
      }
    }
    return nullptr;
  }

  std::string refusal(std::string_view text, std::vector<BindValue> values) const {
    auto made = mutations(text, std::move(values));
    return made ? "" : made.error().to_string();
  }
};

TEST_F(ModificationTest, InsertHasMarkerKeyAndCells) {
  const Mutation made = mutation("INSERT INTO t (id, a, tx) VALUES (?, ?, 'x')", {int_value(7), int_value(8)});
  EXPECT_EQ(made.partition_key, int_bytes(7));
  EXPECT_EQ(made.timestamp_us, kNowUs);
  EXPECT_EQ(made.stamp, rows::Mutation::Stamp::kProposed);
  ASSERT_EQ(made.rows.size(), 1U);
  EXPECT_TRUE(made.rows[0].insert_marker);
  EXPECT_EQ(made.rows[0].ttl_s, 0);
  EXPECT_EQ(cell(made, "t", "a")->value, int_bytes(8));
  EXPECT_EQ(cell(made, "t", "tx")->value, "x");
}

TEST_F(ModificationTest, UnsetIsNoTombstoneAndNullIsOne) {
  const Mutation made = mutation("INSERT INTO t (id, a, tx) VALUES (?, ?, ?)", {int_value(7), unset(), null_value()});
  EXPECT_EQ(cell(made, "t", "a"), nullptr);
  ASSERT_NE(cell(made, "t", "tx"), nullptr);
  EXPECT_EQ(cell(made, "t", "tx")->value, std::nullopt);
}

TEST_F(ModificationTest, AJsonTextGivesEveryColumn) {
  const Mutation made = mutation(R"(INSERT INTO t JSON '{"id": 7, "\"Big\"": "x", "l": [1]}' USING TIMESTAMP 42)");
  EXPECT_EQ(made.partition_key, int_bytes(7));
  EXPECT_EQ(made.timestamp_us, 42);
  ASSERT_EQ(made.rows.size(), 1U);
  EXPECT_TRUE(made.rows[0].insert_marker);
  EXPECT_EQ(cell(made, "t", "Big")->value, "x");
  EXPECT_EQ(cell(made, "t", "l")->kind, CellOp::Kind::kClear);
  ASSERT_NE(cell(made, "t", "a"), nullptr);
  EXPECT_EQ(cell(made, "t", "a")->value, std::nullopt);
}

TEST_F(ModificationTest, DefaultUnsetLeavesOtherColumnsAlone) {
  const Mutation made = mutation("INSERT INTO t JSON ? DEFAULT UNSET", {of(R"({"ID": 7, "a": 8})")});
  EXPECT_EQ(made.partition_key, int_bytes(7));
  ASSERT_EQ(made.rows[0].cells.size(), 1U);
  EXPECT_EQ(cell(made, "t", "a")->value, int_bytes(8));
}

TEST_F(ModificationTest, AJsonMarkerIsAText) {
  const PlanPtr made = plan("INSERT INTO t JSON ? USING TTL ?");
  ASSERT_EQ(made->markers.size(), 2U);
  EXPECT_EQ(made->markers[0].name, "[json]");
  EXPECT_EQ(made->markers[0].type->to_cql(), "text");
  EXPECT_EQ(made->markers[1].name, "[ttl]");
  EXPECT_TRUE(made->partition_key_markers.empty());
}

TEST_F(ModificationTest, JsonThatIsNoRowIsRefused) {
  const auto refused = [&](std::string json) { return refusal("INSERT INTO t JSON ?", {of(std::move(json))}); };
  EXPECT_EQ(refusal("INSERT INTO t JSON ?", {null_value()}), "Invalid: Got null for INSERT JSON values");
  EXPECT_EQ(refused("null"), "Invalid: Got null for INSERT JSON values");
  EXPECT_EQ(refused("[1]"), "Invalid: Could not decode JSON string as a map: it is no object. (String was: [1])");
  EXPECT_EQ(refused("{"),
            "Invalid: Could not decode JSON string as a map: a name is missing at byte 2. (String was: {)");
  EXPECT_EQ(refused(R"({"id": 1, "x": 2})"), "Invalid: JSON values map contains unrecognized column: x");
  EXPECT_EQ(refused(R"({"id": "x"})"), "Invalid: Error decoding JSON value for id: Unable to make int from 'x'");
  EXPECT_EQ(refused(R"({"a": 1})"), "Invalid: Invalid null value in condition for column id");
  EXPECT_EQ(refused(R"({"id": 1, "v": [0, 0, 0]})").substr(0, 9), "Invalid: ");
}

TEST_F(ModificationTest, FromJsonTakesTheTypeOfItsColumn) {
  EXPECT_EQ(cell(mutation("INSERT INTO t (id, fl) VALUES (1, from_json('[1, 2]'))"), "t", "fl")->value,
            types::pack_list(std::vector<Bytes>{int_bytes(1), int_bytes(2)}));
  EXPECT_EQ(cell(mutation("UPDATE t SET a = fromJson(?) WHERE id = 1", {of("5")}), "t", "a")->value, int_bytes(5));
  EXPECT_EQ(
      refusal("UPDATE t SET a = from_json(?) WHERE id = 1", {of("{")}),
      "Function: execution of 'system.from_json[text]' failed: Could not decode JSON string '{': a name is missing "
      "at byte 2");
  EXPECT_EQ(refusal("UPDATE t SET a = from_json('[]') WHERE id = 1", {}),
            "Function: Expected an int value, but got a ArrayList: []");
  EXPECT_EQ(error_of("SELECT from_json('1') FROM t"),
            "Invalid: from_json() cannot be used in the selection clause of a SELECT statement");
}

TEST_F(ModificationTest, TimestampsComeFromTheStatementThenTheClientThenTheServer) {
  PlanPtr with = plan("INSERT INTO t (id) VALUES (1) USING TIMESTAMP 42");
  PlanPtr without = plan("INSERT INTO t (id) VALUES (1)");
  EvalContext client = context({});
  client.client_timestamp_us = 50;
  EXPECT_EQ(make_write(*with, client)->mutations[0].timestamp_us, 42);
  EXPECT_EQ(make_write(*without, client)->mutations[0].timestamp_us, 50);
  EXPECT_EQ(make_write(*without, client)->mutations[0].stamp, rows::Mutation::Stamp::kClient);
}

TEST_F(ModificationTest, CountersAreTimedByTheServer) {
  PlanPtr add = plan("UPDATE n SET c = c + 1 WHERE k = 'x'");
  EvalContext client = context({});
  client.client_timestamp_us = INT64_MAX;
  EXPECT_EQ(make_write(*add, client)->mutations[0].timestamp_us, kNowUs);
  EXPECT_EQ(make_write(*add, client)->mutations[0].stamp, rows::Mutation::Stamp::kProposed);
}

TEST_F(ModificationTest, TheTimestampThatMeansNoneIsRefused) {
  constexpr std::string_view kReason =
      "Invalid: Out of bound timestamp, must be in [-9223372036854775807, 9223372036854775807]";
  EXPECT_EQ(refusal("INSERT INTO t (id) VALUES (1) USING TIMESTAMP -9223372036854775808", {}), kReason);
  EXPECT_EQ(refusal("DELETE FROM t USING TIMESTAMP -9223372036854775808 WHERE id = 1", {}), kReason);
  EXPECT_EQ(refusal("BEGIN BATCH USING TIMESTAMP -9223372036854775808 INSERT INTO t (id) VALUES (1); APPLY BATCH", {}),
            kReason);
  EXPECT_EQ(mutation("INSERT INTO t (id) VALUES (1) USING TIMESTAMP -9223372036854775807", {}).timestamp_us,
            -9223372036854775807);
}

TEST_F(ModificationTest, TimeToLive) {
  constexpr std::string_view kText = "INSERT INTO ttl (k, r) VALUES (1, 2) USING TTL ?";
  const auto ttl_of = [&](BindValue value) { return mutation(kText, {std::move(value)}).rows[0].ttl_s; };
  EXPECT_EQ(ttl_of(int_value(5)), 5);
  EXPECT_EQ(ttl_of(int_value(0)), 0);
  EXPECT_EQ(ttl_of(unset()), 100);
  EXPECT_EQ(mutation(kText, {int_value(5)}).rows[0].expires_s, kNowUs / 1'000'000 + 5);
  EXPECT_EQ(mutation("INSERT INTO ttl (k, r) VALUES (1, 2)").rows[0].ttl_s, 100);
  EXPECT_EQ(refusal(kText, {int_value(-1)}), "Invalid: A TTL must be greater or equal to 0, but was -1");
  EXPECT_EQ(refusal(kText, {int_value(630720001)}),
            "Invalid: ttl is too large. requested (630720001) maximum (630720000)");
}

TEST_F(ModificationTest, KeysThatAreNone) {
  constexpr std::string_view kText = "INSERT INTO t (id) VALUES (?)";
  EXPECT_EQ(refusal(kText, {null_value()}), "Invalid: Invalid null value in condition for column id");
  EXPECT_EQ(refusal(kText, {unset()}), "Invalid: Invalid unset value for column id");
  EXPECT_EQ(refusal("UPDATE n SET c = c + 1 WHERE k = ?", {of("")}), "Invalid: Key may not be empty");
  EXPECT_EQ(refusal("UPDATE n SET c = c + 1 WHERE k = ?", {of(Bytes(70000, 'x'))}),
            "Invalid: Key length of 70000 is longer than maximum of 65535");
  EXPECT_EQ(refusal(kText, {}), "Invalid: there were 1 markers(?) in CQL but 0 bound variables");
}

TEST_F(ModificationTest, ValuesOfWrongLength) {
  EXPECT_EQ(refusal("INSERT INTO t (id, v) VALUES (1, ?)", {floats({1, 2})}),
            "Invalid: Invalid vector literal for v of type vector<float, 3>; expected 3 elements, but given 2");
  EXPECT_NE(refusal("INSERT INTO t (id, a) VALUES (1, ?)", {of("abc")}), "");
}

TEST_F(ModificationTest, VectorsThatAnIndexRefuses) {
  constexpr std::string_view kText = "INSERT INTO t (id, v) VALUES (1, ?)";
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(refusal(kText, {floats({1, nan, 2})}), "Invalid: Invalid vector for column v: element 1 is NaN");
  EXPECT_EQ(refusal(kText, {floats({1, 2, -infinity})}), "Invalid: Invalid vector for column v: element 2 is infinite");
  EXPECT_NE(refusal(kText, {floats({0, 0, 0})}), "");
  EXPECT_EQ(refusal(kText, {null_value()}), "");
  EXPECT_EQ(refusal("INSERT INTO t (id, w) VALUES (1, ?)", {floats({0, nan, 0})}), "");
}

TEST_F(ModificationTest, StaticAndRegularColumnsGoToTheirRows) {
  const Mutation both =
      mutation("UPDATE c SET st = 1, r = 2 WHERE k1 = 1 AND k2 = 'a' AND c1 = 1 AND c2 = 2 AND c3 = 'x'");
  ASSERT_EQ(both.rows.size(), 2U);
  EXPECT_NE(both.rows[0].is_static, both.rows[1].is_static);
  const Mutation only = mutation("INSERT INTO c (k1, k2, st) VALUES (1, 'a', 5)");
  ASSERT_EQ(only.rows.size(), 1U);
  EXPECT_TRUE(only.rows[0].is_static);
  EXPECT_FALSE(only.rows[0].insert_marker);
}

TEST_F(ModificationTest, Collections) {
  const Mutation made =
      mutation("UPDATE t SET s = {'b', 'a'}, m['k'] = 5, l = l + [1, 2], ad.zip = 9, fl = [3] WHERE id = 1");
  std::vector<CellOp::Kind> kinds;
  for (const CellOp& op : made.rows[0].cells) kinds.push_back(op.kind);
  using enum CellOp::Kind;
  EXPECT_EQ(kinds,
            (std::vector{kClear, kSetElement, kSetElement, kSetElement, kSetElement, kSetElement, kSetElement, kSet}));
  EXPECT_EQ(made.rows[0].cells[1].path, "a");
  EXPECT_EQ(made.rows[0].cells[3].path, "k");
  EXPECT_LT(made.rows[0].cells[4].path, made.rows[0].cells[5].path);
  EXPECT_EQ(made.rows[0].cells[6].path, Bytes("\0\1", 2));
}

TEST_F(ModificationTest, RemovalsFromCollections) {
  const Mutation made = mutation("UPDATE t SET l = l - [1], s = s - {'a'}, m = m - {'k'}, l[2] = null WHERE id = 1");
  const auto& cells = made.rows[0].cells;
  ASSERT_EQ(cells.size(), 4U);
  EXPECT_EQ(cells[0].kind, CellOp::Kind::kListDiscard);
  EXPECT_EQ(cells[0].elements, std::vector<Bytes>{int_bytes(1)});
  EXPECT_EQ(cells[1].path, "a");
  EXPECT_EQ(cells[1].value, std::nullopt);
  EXPECT_EQ(cells[2].path, "k");
  EXPECT_EQ(cells[3].kind, CellOp::Kind::kListSet);
  EXPECT_EQ(cells[3].number, 2);
}

TEST_F(ModificationTest, Counters) {
  EXPECT_EQ(mutation("UPDATE n SET c = c - 5 WHERE k = 'a'").rows[0].cells[0].number, -5);
  EXPECT_EQ(mutation("UPDATE n SET c += 5 WHERE k = 'a'").rows[0].cells[0].number, 5);
}

TEST_F(ModificationTest, Deletions) {
  EXPECT_TRUE(mutation("DELETE FROM t WHERE id = 1").delete_partition);
  EXPECT_TRUE(mutation("DELETE FROM c WHERE k1 = 1 AND k2 = 'a'").delete_partition);
  const Mutation row = mutation("DELETE FROM c WHERE k1 = 1 AND k2 = 'a' AND c1 = 1 AND c2 = 2 AND c3 = 'x'");
  ASSERT_EQ(row.rows.size(), 1U);
  EXPECT_TRUE(row.rows[0].delete_row);
  const Mutation range = mutation("DELETE FROM c WHERE k1 = 1 AND k2 = 'a' AND c1 = 1 AND c2 > 2");
  ASSERT_EQ(range.deletions.size(), 1U);
  // c2 descends: its lower bound is where the range ends.
  EXPECT_EQ(range.deletions[0].start, (std::vector{int_bytes(1)}));
  EXPECT_EQ(range.deletions[0].end, (std::vector{int_bytes(1), int_bytes(2)}));
  EXPECT_FALSE(range.deletions[0].end_inclusive);
  const Mutation column = mutation("DELETE a, m['k'] FROM t WHERE id = 1");
  ASSERT_EQ(column.rows[0].cells.size(), 2U);
  EXPECT_EQ(column.rows[0].cells[0].value, std::nullopt);
}

TEST_F(ModificationTest, InWritesEveryPartition) {
  auto made = mutations("UPDATE t SET a = 1 WHERE id IN (3, 1, 3)");
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->size(), 2U);
}

TEST_F(ModificationTest, AWriteOfOneRowTakesItsValuesAndOneOfManyCopiesThem) {
  const Bytes text(1000, 'x');
  std::vector<BindValue> values = {int_value(1), {.value = text}};
  const char* const bytes = values[1].value->data();
  EvalContext eval = context(values);
  eval.takeable = values;
  const auto one = make_write(*plan("INSERT INTO t (id, tx) VALUES (?, ?)"), eval);
  ASSERT_TRUE(one) << one.error().to_string();
  EXPECT_EQ(one->mutations[0].rows[0].cells[0].value->data(), bytes);
  values = {int_value(7), int_value(1), {.value = text}, int_value(1), int_value(1), {.value = "x"}, {.value = "y"}};
  eval.values = eval.takeable = values;
  const auto many =
      make_write(*plan("UPDATE c SET r = ? WHERE k1 = ? AND k2 = ? AND c1 = ? AND c2 = ? AND c3 IN (?, ?)"), eval);
  ASSERT_TRUE(many) << many.error().to_string();
  ASSERT_EQ(many->mutations[0].rows.size(), 2U);
  for (const auto& row : many->mutations[0].rows) EXPECT_EQ(row.cells[0].value, int_bytes(7));
}

TEST_F(ModificationTest, Batches) {
  auto made =
      mutations("BEGIN BATCH USING TIMESTAMP 9 INSERT INTO t (id) VALUES (?); DELETE FROM t WHERE id = ?; APPLY BATCH",
                {int_value(1), int_value(2)});
  ASSERT_TRUE(made.has_value());
  ASSERT_EQ(made->size(), 2U);
  EXPECT_EQ((*made)[0].timestamp_us, 9);
  EXPECT_EQ((*made)[1].partition_key, int_bytes(2));
  std::vector<BatchEntry> entries = {{plan("INSERT INTO t (id) VALUES (?)"), {int_value(4)}},
                                     {plan("SELECT * FROM t"), {}}};
  EXPECT_EQ(make_batch(types::BatchKind::kLogged, {entries.data(), 1}, context({}))->mutations.size(), 1U);
  EXPECT_FALSE(make_batch(types::BatchKind::kLogged, entries, context({})).has_value());
}

}  // namespace
}  // namespace sagitta::plan
