/// What PREPARE tells of markers and result columns.
#include <fmt/format.h>

#include "fixture.h"

namespace sagitta::plan {
namespace {

class MetadataTest : public PlanTest {
 protected:
  /// "name type, name type"
  std::string markers_of(std::string_view text) const {
    PlanPtr made = plan(text);
    std::string out;
    if (made == nullptr) return "no plan";
    for (const MarkerInfo& marker : made->markers) {
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", marker.name, marker.type->to_cql());
    }
    return out;
  }

  std::string columns_of(std::string_view text) const {
    PlanPtr made = plan(text);
    std::string out;
    if (made == nullptr) return "no plan";
    for (const ResultColumn& column : std::get<std::shared_ptr<const SelectPlan>>(made->body)->result_columns) {
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", column.name, column.type->to_cql());
    }
    return out;
  }
};

TEST_F(MetadataTest, MarkerNamesAndTypes) {
  struct Case {
    std::string_view statement, markers;
  };
  const Case cases[] = {
      {"INSERT INTO t (id, v) VALUES (?, ?) USING TTL ? AND TIMESTAMP ?",
       "id int, v vector<float, 3>, [ttl] int, [timestamp] bigint"},
      {"INSERT INTO t (id, a) VALUES (:key, :a)", "key int, a int"},
      {"SELECT * FROM t WHERE id IN ? LIMIT ?", "in(id) frozen<list<int>>, [limit] int"},
      {"SELECT * FROM t WHERE id IN (?, ?)", "id int, id int"},
      {"SELECT * FROM t WHERE m CONTAINS KEY ? AND m CONTAINS ? AND m[?] = ? ALLOW FILTERING",
       "key(m) text, value(m) int, key(m) text, value(m) int"},
      {"SELECT * FROM t WHERE token(id) > ?", "partition key token bigint"},
      {"SELECT * FROM t ORDER BY v ANN OF ? LIMIT ?", "v vector<float, 3>, [limit] int"},
      {"SELECT similarity_cosine(v, ?) FROM t WHERE v ANN OF ? LIMIT 3",
       "[selection] vector<float, 3>, v vector<float, 3>"},
      {"UPDATE t SET m[?] = ?, ad.zip = ? WHERE id = ?", "key(m) text, value(m) int, ad.zip int, id int"},
      {"UPDATE t SET l[?] = ?, s = s + ?, m = m - ? WHERE id = ?",
       "idx(l) int, value(l) int, s set<text>, m set<text>, id int"},
      {"UPDATE n SET c = c + ? WHERE k = ?", "c counter, k text"},
      {"SELECT * FROM c WHERE k1 = ? AND k2 = ? AND (c1, c2) > (?, ?)", "k1 int, k2 text, c1 int, c2 int"},
      {"BEGIN BATCH INSERT INTO t (id) VALUES (?); UPDATE t SET a = ? WHERE id = ?; APPLY BATCH",
       "id int, a int, id int"},
  };
  for (const Case& c : cases) EXPECT_EQ(markers_of(c.statement), c.markers) << c.statement;
}

TEST_F(MetadataTest, PartitionKeyMarkers) {
  using Indexes = std::vector<uint16_t>;
  EXPECT_EQ(plan("INSERT INTO c (c1, k2, c2, k1, c3) VALUES (?, ?, ?, ?, ?)")->partition_key_markers, (Indexes{3, 1}));
  EXPECT_EQ(plan("SELECT * FROM t WHERE id = ?")->partition_key_markers, (Indexes{0}));
  EXPECT_EQ(plan("SELECT * FROM t WHERE id IN ?")->partition_key_markers, Indexes{});
  EXPECT_EQ(plan("SELECT * FROM c WHERE k1 = 1 AND k2 = ?")->partition_key_markers, Indexes{});
}

TEST_F(MetadataTest, ResultColumns) {
  struct Case {
    std::string_view statement, columns;
  };
  const Case cases[] = {
      {"SELECT id, \"Big\" AS b FROM t", "id int, b text"},
      {"SELECT count(*) FROM t", "count bigint"},
      {"SELECT max(a), count(a) FROM t", "system.max(a) int, system.count(a) bigint"},
      {"SELECT writetime(a), ttl(a) FROM t", "writetime(a) bigint, ttl(a) int"},
      {"SELECT cast(a AS text), (int)? FROM t", "cast(a as text) text, (int)? int"},
      {"SELECT m['a'], ad.zip FROM t", "m['a'] int, ad.zip int"},
      {"SELECT similarity_cosine(v, ?) FROM t", "system.similarity_cosine(v, ?) float"},
      {"SELECT similarity_cosine(v, [1, 0, 0]) FROM t", "system.similarity_cosine(v, [1, 0, 0]) float"},
      {"SELECT toTimestamp(now()) FROM t", "system.totimestamp(system.now()) timestamp"},
      {"SELECT token(id) FROM t", "system.token(id) bigint"},
      {"SELECT JSON id, a FROM t", "[json] text"},
      {"SELECT * FROM c", "k1 int, k2 text, c1 int, c2 int, c3 text, st int, r int"},
  };
  for (const Case& c : cases) EXPECT_EQ(columns_of(c.statement), c.columns) << c.statement;
}

TEST_F(MetadataTest, NamedValuesFindTheirMarkers) {
  PlanPtr made = plan("UPDATE t SET a = :x, tx = :y WHERE id = :k");
  const std::vector<std::pair<std::string, BindValue>> named = {{"k", int_value(1)}, {"x", int_value(2)}};
  auto values = arrange_named(*made, named);
  ASSERT_TRUE(values.has_value());
  EXPECT_EQ((*values)[0].value, int_bytes(2));
  EXPECT_TRUE((*values)[1].unset);
  EXPECT_EQ((*values)[2].value, int_bytes(1));
  const std::vector<std::pair<std::string, BindValue>> stray = {{"z", int_value(1)}};
  EXPECT_FALSE(arrange_named(*made, stray).has_value());
}

}  // namespace
}  // namespace sagitta::plan
