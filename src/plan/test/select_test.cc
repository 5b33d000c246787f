#include "fixture.h"

namespace sagitta::plan {
namespace {

class SelectTest : public PlanTest {
 protected:
  BoundSelect run(std::string_view text, std::vector<BindValue> values = {}) const {
    auto made = select(text, std::move(values));
    EXPECT_TRUE(made.has_value()) << text << ": " << (made ? "" : made.error().to_string());
    return made ? *std::move(made) : BoundSelect{};
  }
  std::string refusal(std::string_view text, std::vector<BindValue> values) const {
    auto made = select(text, std::move(values));
    return made ? "" : made.error().to_string();
  }
};

using Components = std::vector<Bytes>;

TEST_F(SelectTest, PartitionsAreUnitedAndInTokenOrder) {
  const BoundSelect made = run("SELECT * FROM t WHERE id IN (3, 1, 2, 3)");
  ASSERT_TRUE(made.partitions.has_value());
  EXPECT_EQ(made.partitions->size(), 3U);
  EXPECT_EQ(run("SELECT * FROM t").partitions, std::nullopt);
  EXPECT_EQ(run("SELECT * FROM c WHERE k1 IN (1, 2) AND k2 IN ('a', 'b')").partitions->size(), 4U);
}

TEST_F(SelectTest, ClusteringRanges) {
  constexpr std::string_view kPartition = "SELECT * FROM c WHERE k1 = 1 AND k2 = 'a'";
  EXPECT_EQ(run(kPartition).clustering.size(), 1U);
  EXPECT_TRUE(run(kPartition).clustering[0].start.empty());

  const BoundSelect slice = run("SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' AND c1 > 1 AND c1 <= 5");
  ASSERT_EQ(slice.clustering.size(), 1U);
  EXPECT_EQ(slice.clustering[0].start, Components{int_bytes(1)});
  EXPECT_FALSE(slice.clustering[0].start_inclusive);
  EXPECT_EQ(slice.clustering[0].end, Components{int_bytes(5)});
  EXPECT_TRUE(slice.clustering[0].end_inclusive);

  const BoundSelect in = run("SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' AND c1 IN (2, 1) AND c2 IN (1, 2)");
  ASSERT_EQ(in.clustering.size(), 4U);
  EXPECT_EQ(in.clustering[0].start, (Components{int_bytes(1), int_bytes(2)}));
  EXPECT_EQ(in.clustering[1].start, (Components{int_bytes(1), int_bytes(1)}));

  EXPECT_TRUE(run("SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' AND c1 IN ()").clustering.empty());
  EXPECT_TRUE(run("SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' AND c1 > 5 AND c1 < 3").clustering.empty());
}

TEST_F(SelectTest, TupleRelations) {
  const BoundSelect equal = run("SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' AND (c1, c2) = (1, 2)");
  ASSERT_EQ(equal.clustering.size(), 1U);
  EXPECT_EQ(equal.clustering[0].start, (Components{int_bytes(1), int_bytes(2)}));
  // c1 ascends and c2 descends: not one range of the storage order, so rows are tested.
  const BoundSelect mixed = run("SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' AND (c1, c2) > (1, 2)");
  ASSERT_EQ(mixed.filters.size(), 1U);
  EXPECT_TRUE(matches(mixed.filters[0], FakeRow({{"c1", int_bytes(1)}, {"c2", int_bytes(3)}})));
  EXPECT_FALSE(matches(mixed.filters[0], FakeRow({{"c1", int_bytes(1)}, {"c2", int_bytes(2)}})));
}

TEST_F(SelectTest, Tokens) {
  const BoundSelect made = run("SELECT * FROM t WHERE token(id) > ? AND token(id) <= 100", {of(types::from_int64(5))});
  EXPECT_EQ(made.tokens.start, 6);
  EXPECT_EQ(made.tokens.end, 100);
  const BoundSelect of_key = run("SELECT * FROM t WHERE token(id) > token(1)");
  EXPECT_EQ(of_key.tokens.end, INT64_MAX);
  EXPECT_NE(of_key.tokens.start, INT64_MIN);
}

TEST_F(SelectTest, Order) {
  constexpr std::string_view kPartition = "SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' ";
  EXPECT_FALSE(run(std::string(kPartition) + "ORDER BY c1 ASC, c2 DESC").reversed);
  EXPECT_TRUE(run(std::string(kPartition) + "ORDER BY c1 DESC, c2 ASC").reversed);
  EXPECT_TRUE(run(std::string(kPartition) + "AND c1 = 1 ORDER BY c2 ASC").reversed);
  EXPECT_EQ(run("SELECT * FROM c WHERE k1 = 1 AND k2 IN ('a', 'b') ORDER BY c1").sort.size(), 1U);
}

TEST_F(SelectTest, Limits) {
  EXPECT_EQ(run("SELECT * FROM t LIMIT 5").limit, 5U);
  EXPECT_EQ(run("SELECT * FROM t LIMIT ?", {unset()}).limit, std::nullopt);
  EXPECT_EQ(refusal("SELECT * FROM t LIMIT 0", {}), "Invalid: LIMIT must be strictly positive");
  EXPECT_EQ(refusal("SELECT * FROM t LIMIT ?", {null_value()}), "Invalid: Invalid null value of limit");
}

TEST_F(SelectTest, Filters) {
  const BoundSelect made =
      run("SELECT * FROM t WHERE a > 5 AND s CONTAINS 'x' AND m['k'] = 3 AND tx IN ('p', 'q') ALLOW FILTERING");
  ASSERT_EQ(made.filters.size(), 4U);
  const std::vector<Bytes> set_elements = {"x", "y"};
  const std::vector<std::pair<Bytes, Bytes>> entries = {{"k", int_bytes(3)}};
  const FakeRow good(
      {{"a", int_bytes(6)}, {"s", types::pack_list(set_elements)}, {"m", types::pack_map(entries)}, {"tx", "q"}});
  const FakeRow bad({{"a", int_bytes(5)}, {"tx", "r"}});
  for (const Filter& filter : made.filters) {
    EXPECT_TRUE(matches(filter, good));
    EXPECT_FALSE(matches(filter, bad));
  }
}

TEST_F(SelectTest, AnnTakesAnyFilterInBothSpellings) {
  for (std::string_view text : {"SELECT * FROM t WHERE a = 1 AND tx > 'x' ORDER BY v ANN OF ? LIMIT 5",
                                "SELECT * FROM t WHERE v ANN OF ? AND a = 1 AND tx > 'x' LIMIT 5 ALLOW FILTERING"}) {
    const BoundSelect made = run(text, {floats({1, 0, 0})});
    ASSERT_TRUE(made.ann.has_value()) << text;
    EXPECT_EQ(made.ann->column->name, "v");
    EXPECT_EQ(made.ann->indexes.size(), 1U);
    EXPECT_EQ(made.ann->query, types::from_floats(std::vector<float>{1, 0, 0}));
    EXPECT_EQ(made.filters.size(), 2U);
    EXPECT_EQ(made.limit, 5U);
  }
}

TEST_F(SelectTest, AnnValues) {
  constexpr std::string_view kText = "SELECT * FROM t ORDER BY v ANN OF ? LIMIT 5";
  EXPECT_EQ(
      refusal("SELECT * FROM t ORDER BY v ANN OF [1, 0, 0] LIMIT 1001", {}),
      "Invalid: Use of ANN OF in an ORDER BY clause requires a LIMIT that is not greater than 1000. LIMIT was 1001");
  EXPECT_EQ(refusal(kText, {null_value()}), "Invalid: Unsupported null value for column v");
  EXPECT_EQ(refusal(kText, {floats({1, 2, std::numeric_limits<float>::quiet_NaN()})}),
            "Invalid: Invalid vector for column v: element 2 is NaN");
  EXPECT_NE(refusal(kText, {floats({0, 0, 0})}), "");
  EXPECT_EQ(select(kText, {floats({1, 0, 0})}, 2)->warnings.size(), 1U);
  EXPECT_TRUE(select(kText, {floats({1, 0, 0})}, 5)->warnings.empty());
}

TEST_F(SelectTest, Functions) {
  const FakeRow row({{"id", int_bytes(1)},
                     {"a", int_bytes(41)},
                     {"ts", types::from_int64(86'400'000)},
                     {"m", types::pack_map(std::vector<std::pair<Bytes, Bytes>>{{"k", int_bytes(3)}})},
                     {"v", types::from_floats(std::vector<float>{1, 0, 0})}});
  struct Case {
    std::string_view selected, value;
  };
  const Case cases[] = {
      {"a + 1", "42"},
      {"a / 2", "20"},
      {"cast(a AS text)", "'41'"},
      {"cast(a AS double)", "41.0"},
      {"m['k']", "3"},
      {"m['x']", "null"},
      {"todate(ts)", "'1970-01-02'"},
      {"tounixtimestamp(ts)", "86400000"},
      {"writetime(a)", "77"},
      {"ttl(a)", "null"},
      {"intasblob(a)", "0x00000029"},
      {"blobasint(0x0000002a)", "42"},
      {"similarity_dot_product(v, [0.5, 1, 1])", "0.75"},
      {"similarity_euclidean(v, [1, 0, 1])", "0.5"},
      {"similarity_cosine(v, [0, 1, 0])", "0.5"},
      {"similarity_cosine(v, [0, 0, 0])", "Function system.similarity_cosine doesn't support all-zero vectors."},
      {"similarity_cosine(w, [0, 1, 0])", "null"},
      {"currenttimestamp()", "'2023-11-14 22:13:20.000Z'"},
  };
  for (const Case& c : cases) EXPECT_EQ(value_of(c.selected, row), c.value) << c.selected;
}

TEST_F(SelectTest, Aggregates) {
  const BoundSelect made = run("SELECT count(*), count(a), min(a), max(a), sum(a), avg(a) FROM t");
  EXPECT_TRUE(made.plan->aggregate);
  ASSERT_EQ(made.plan->aggregates.size(), made.plan->selected.size());
  std::vector<std::string> results;
  for (const SelectedColumn& column : made.plan->selected) {
    Accumulator accumulator(column.expression);
    for (int32_t a : {5, 1, 6}) ASSERT_TRUE(accumulator.add(context({}), FakeRow({{"a", int_bytes(a)}})).has_value());
    ASSERT_TRUE(accumulator.add(context({}), FakeRow({})).has_value());
    results.push_back(types::to_literal(*column.expression.type, to_view(*accumulator.result())));
  }
  EXPECT_EQ(results, (std::vector<std::string>{"4", "3", "1", "6", "12", "4"}));
}

TEST_F(SelectTest, ATimeoutIsATimeInMilliseconds) {
  const auto timeout = [&](std::string_view text, std::vector<BindValue> values = {}) -> std::string {
    const PlanPtr made = plan(text);
    const auto us = evaluate_timeout_us(*made, context(values));
    if (!us) return us.error().message();
    return *us ? std::to_string(**us) : "none";
  };
  EXPECT_EQ(timeout("SELECT * FROM t"), "none");
  EXPECT_EQ(timeout("SELECT * FROM t BYPASS CACHE USING TIMEOUT 50ms"), "50000");
  EXPECT_EQ(timeout("INSERT INTO t (id) VALUES (1) USING TIMEOUT 1m30s AND TTL 5"), "90000000");
  EXPECT_EQ(timeout("UPDATE t USING TIMEOUT 2s SET a = 1 WHERE id = 1"), "2000000");
  EXPECT_EQ(timeout("DELETE FROM t USING TIMEOUT 2s WHERE id = 1"), "2000000");
  EXPECT_EQ(timeout("BEGIN BATCH USING TIMEOUT 2s APPLY BATCH"), "2000000");
  EXPECT_EQ(timeout("SELECT * FROM t USING TIMEOUT ?", {null_value()}), "Timeout value cannot be null");
  EXPECT_EQ(timeout("SELECT * FROM t USING TIMEOUT 1d"), "Timeout values cannot be expressed in days/months");
  EXPECT_EQ(timeout("SELECT * FROM t USING TIMEOUT 5us"),
            "Timeout values cannot have granularity finer than milliseconds");
  EXPECT_EQ(timeout("SELECT * FROM t USING TIMEOUT ?", {of(*from_hex("000001"))}),
            "Timeout values cannot have granularity finer than milliseconds");
}

}  // namespace
}  // namespace sagitta::plan
