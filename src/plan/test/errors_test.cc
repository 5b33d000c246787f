/// What is refused, and in which words: one line a statement.
#include "fixture.h"

namespace sagitta::plan {
namespace {

struct Refusal {
  std::string_view statement, error;
};

class RefusalTest : public PlanTest {
 protected:
  void expect(std::initializer_list<Refusal> refusals) const {
    for (const Refusal& refusal : refusals) EXPECT_EQ(error_of(refusal.statement), refusal.error) << refusal.statement;
  }
};

constexpr std::string_view kFiltering =
    "Invalid: Cannot execute this query as it might involve data filtering and thus may have unpredictable "
    "performance. "
    "If you want to execute this query despite the performance unpredictability, use ALLOW FILTERING";

TEST_F(RefusalTest, Names) {
  expect({
      {"SELECT * FROM zz.missing", "Invalid: table missing does not exist"},
      {"SELECT * FROM nowhere.t", "Invalid: keyspace nowhere does not exist"},
      {"SELECT nope FROM zz.t", "Invalid: Undefined column name nope in table zz.t"},
      {"INSERT INTO t (id, nope) VALUES (1, 2)", "Invalid: Undefined column name nope in table zz.t"},
      {"SELECT nope(a) FROM zz.t", "Invalid: Unknown function 'nope'"},
      {"USE nowhere", "Invalid: Keyspace 'nowhere' does not exist"},
      {"CREATE TABLE nowhere.x (k int PRIMARY KEY)", "Invalid: Keyspace 'nowhere' doesn't exist"},
      {"CREATE TABLE x (k foo PRIMARY KEY)", "Invalid: Unknown type zz.foo"},
  });
}

TEST_F(RefusalTest, Literals) {
  expect({
      {"INSERT INTO t (id, a) VALUES (1, 'x')", "Invalid: Invalid STRING constant (x) for \"a\" of type int"},
      {"INSERT INTO t (id, bl) VALUES (1, 5)", "Invalid: Invalid INTEGER constant (5) for \"bl\" of type blob"},
      {"INSERT INTO t (id, v) VALUES (1, [1, 2])",
       "Invalid: Invalid vector literal for v of type vector<float, 3>; expected 3 elements, but given 2"},
      {"INSERT INTO t (id, iv) VALUES (1, [1.5, 2])",
       "Invalid: Invalid vector literal for iv: value 1.5 is not of type int"},
      {"INSERT INTO t (id, v) VALUES (1, [1, 2, null])", "Invalid: null is not supported inside vectors"},
      {"INSERT INTO t (id, tx) VALUES (1, [1, 2])",
       "Invalid: Unexpected receiver type 'text'; only list and vector are expected"},
      {"INSERT INTO t (id, l) VALUES (1, {1})", "Invalid: Invalid set literal for l of type list<int>"},
      {"INSERT INTO t (id, ad) VALUES (1, {city: 'x'})",
       "Invalid: Unknown field 'city' in value of user defined type address"},
      {"INSERT INTO t (id, tup) VALUES (1, (1, 'a', 2))",
       "Invalid: Invalid tuple literal for tup: too many elements. Type frozen<tuple<int, text>> expects 2 but got 3"},
      {"INSERT INTO t (id, a) VALUES (1, now())",
       "Invalid: Type error: cannot assign result of function system.now (type timeuuid) to a (type int)"},
  });
}

TEST_F(RefusalTest, KeysOfWrites) {
  expect({
      {"INSERT INTO t (a) VALUES (1)", "Invalid: Some partition key parts are missing: id"},
      {"INSERT INTO c (k1, c1) VALUES (1, 1)", "Invalid: Some partition key parts are missing: k2"},
      {"INSERT INTO c (k1, k2, c1, r) VALUES (1, 'a', 1, 1)", "Invalid: Some clustering keys are missing: c2, c3"},
      {"UPDATE c SET r = 1 WHERE k1 = 1 AND k2 = 'a'", "Invalid: Some clustering keys are missing: c1, c2, c3"},
      {"UPDATE t SET id = 2 WHERE id = 1", "Invalid: PRIMARY KEY part id found in SET part"},
      {"UPDATE t SET a = 2 WHERE id > 1",
       "Invalid: Only EQ and IN relation are supported on the partition key (unless you use the token() function) for "
       "UPDATE statements"},
      {"UPDATE t SET a = 2 WHERE id = 1 AND tx = 'x'", "Invalid: Non PRIMARY KEY columns found in where clause: tx "},
      {"DELETE r FROM c WHERE k1 = 1 AND k2 = 'a' AND c1 = 1 AND c2 > 2",
       "Invalid: Range deletions are not supported for specific columns"},
      {"DELETE FROM c WHERE k1 = 1 AND k2 = 'a' AND c2 = 1",
       "Invalid: PRIMARY KEY column \"c2\" cannot be restricted as preceding column \"c1\" is not restricted"},
  });
}

TEST_F(RefusalTest, Counters) {
  expect({
      {"INSERT INTO n (k, c) VALUES ('a', 1)",
       "Invalid: INSERT statements are not allowed on counter tables, use UPDATE instead"},
      {"UPDATE n SET c = 1 WHERE k = 'a'",
       "Invalid: Cannot set the value of counter column c (counters can only be incremented/decremented, not set)"},
      {"UPDATE n USING TTL 5 SET c = c + 1 WHERE k = 'a'", "Invalid: Cannot provide custom TTL for counter updates"},
      {"BEGIN BATCH UPDATE n SET c = c + 1 WHERE k = 'a'; APPLY BATCH",
       "Invalid: Cannot include a counter statement in a logged batch"},
      {"BEGIN UNLOGGED BATCH UPDATE n SET c = c + 1 WHERE k = 'a'; UPDATE t SET a = 1 WHERE id = 1; APPLY BATCH",
       "Invalid: Counter and non-counter mutations cannot exist in the same batch"},
      {"BEGIN COUNTER BATCH UPDATE t SET a = 1 WHERE id = 1; APPLY BATCH",
       "Invalid: Cannot include non-counter statement in a counter batch"},
  });
}

TEST_F(RefusalTest, Restrictions) {
  expect({
      {"SELECT * FROM t WHERE a = 1", kFiltering},
      {"SELECT * FROM c WHERE k1 = 1", kFiltering},
      {"SELECT * FROM c WHERE c1 = 1", kFiltering},
      {"SELECT * FROM t WHERE id > 1", kFiltering},
      {"SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' AND c2 = 1",
       "Invalid: PRIMARY KEY column \"c2\" cannot be restricted as preceding column \"c1\" is not restricted"},
      {"SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' AND c1 > 1 AND c2 = 1",
       "Invalid: Clustering column \"c2\" cannot be restricted (preceding column \"c1\" is restricted by a non-EQ "
       "relation)"},
      {"SELECT * FROM t WHERE id = 1 AND id = 2",
       "Invalid: id cannot be restricted by more than one relation if it includes an Equal"},
      {"SELECT * FROM t WHERE l = [1] ALLOW FILTERING",
       "Invalid: Collection column 'l' (list<int>) cannot be restricted by a '=' relation"},
      {"SELECT * FROM t WHERE a CONTAINS 1 ALLOW FILTERING", "Invalid: Cannot use CONTAINS on non-collection column a"},
      {"SELECT * FROM t ORDER BY id",
       "Invalid: ORDER BY is only supported when the partition key is restricted by an EQ or an IN."},
      {"SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' ORDER BY r",
       "Invalid: Order by is currently only supported on the clustered columns of the PRIMARY KEY, got r"},
      {"SELECT * FROM c WHERE k1 = 1 AND k2 = 'a' ORDER BY c1 ASC, c2 ASC", "Invalid: Unsupported order by relation"},
      {"SELECT DISTINCT r FROM c",
       "Invalid: SELECT DISTINCT queries must only request partition key columns and/or static columns (not r)"},
      {"SELECT writetime(id) FROM t", "Invalid: Cannot use selection function writetime on PRIMARY KEY part id"},
  });
  EXPECT_EQ(error_of("SELECT * FROM t WHERE a = 1 ALLOW FILTERING"), "");
}

TEST_F(RefusalTest, Ann) {
  expect({
      {"SELECT * FROM t ORDER BY w ANN OF [1, 2, 3] LIMIT 5",
       "Invalid: ANN ordering by vector requires the column to be indexed"},
      {"SELECT * FROM t ORDER BY v ANN OF [1, 2, 3]",
       "Invalid: Top-K queries must have a limit specified and the limit must be less than the query page size"},
      {"SELECT * FROM t ORDER BY v ANN OF [1, 2] LIMIT 5",
       "Invalid: Invalid vector literal for v of type vector<float, 3>; expected 3 elements, but given 2"},
      {"SELECT * FROM t ORDER BY v ANN OF [1, 2, 3] DESC LIMIT 5", "Invalid: Descending ANN ordering is not supported"},
      {"SELECT * FROM t ORDER BY v ANN OF [1, 2, 3], v ANN OF [1, 2, 3] LIMIT 5",
       "Invalid: Cannot specify more than one ANN ordering"},
      {"SELECT * FROM t ORDER BY v ANN OF [1, 2, 3], a LIMIT 5",
       "Invalid: ANN ordering does not support any other ordering"},
      {"SELECT count(*) FROM t ORDER BY v ANN OF [1, 2, 3] LIMIT 5",
       "Invalid: Top-K queries can not be run with aggregation"},
      {"SELECT * FROM t ORDER BY v ANN OF [1, 2, 3] PER PARTITION LIMIT 1 LIMIT 5",
       "Invalid: Top-K queries do not support per-partition limits"},
      {"SELECT * FROM t ORDER BY tx ANN OF [1, 2, 3] LIMIT 5",
       "Invalid: Unexpected receiver type 'text'; only list and vector are expected"},
      {"SELECT * FROM t WHERE v = [1, 2, 3] ALLOW FILTERING", "Invalid: Vector indexes only support ANN queries"},
      {"SELECT similarity_cosine(?, ?) FROM t",
       "Invalid: Cannot infer type of argument ? in call to function system.similarity_cosine(vector<float, n>, "
       "vector<float, n>): use type casts to "
       "disambiguate"},
      {"SELECT similarity_cosine(v, [1, 2]) FROM t", "Invalid: All arguments must have the same vector dimensions"},
      {"SELECT similarity_cosine(v) FROM t",
       "Invalid: Invalid number of arguments for function system.similarity_cosine(vector<float, n>, vector<float, "
       "n>)"},
      {"SELECT similarity_cosine(tx, [1, 2]) FROM t",
       "Invalid: Function system.similarity_cosine requires a float vector argument, but found argument tx of type "
       "text"},
  });
}

TEST_F(RefusalTest, Tables) {
  expect({
      {"CREATE TABLE x (k int, PRIMARY KEY (q))",
       "Invalid: Unknown column 'q' referenced in PRIMARY KEY for table 'x'"},
      {"CREATE TABLE x (k list<int> PRIMARY KEY)",
       "Invalid: Invalid non-frozen collection type list<int> for PRIMARY KEY column 'k'"},
      {"CREATE TABLE x (k int PRIMARY KEY, s int static)",
       "Invalid: Static columns are only useful (and thus allowed) if the table has at least one clustering column"},
      {"CREATE TABLE x (k int PRIMARY KEY, a int, c counter)",
       "Invalid: Cannot mix counter and non counter columns in the same table"},
      {"CREATE TABLE x (k int PRIMARY KEY) WITH nonsense = 1", "Syntax: Unknown property 'nonsense'"},
      {"CREATE TABLE x (k int PRIMARY KEY) WITH gc_grace_seconds = 'abc'",
       "Syntax: Invalid integer value abc for 'gc_grace_seconds'"},
      {"CREATE TABLE x (k int PRIMARY KEY) WITH compaction = {'enabled': true}",
       "Config: Missing sub-option 'class' for the 'compaction' option"},
      {"CREATE TABLE x (k int PRIMARY KEY, l list<list<int>>)",
       "Invalid: Non-frozen collections are not allowed inside collections: list<list<int>>"},
      {"CREATE TABLE x (k int PRIMARY KEY, v vector<float, 0>)",
       "Invalid: vectors may only have positive dimensions; given 0"},
      {"CREATE TABLE x (k int, c int, PRIMARY KEY (k, c)) WITH CLUSTERING ORDER BY (k DESC)",
       "Invalid: Only clustering key columns can be defined in CLUSTERING ORDER directive: [k] are not clustering "
       "columns"},
      {"CREATE KEYSPACE y WITH replication = {'replication_factor': 1}", "Config: Missing replication strategy class"},
      {"CREATE KEYSPACE y WITH replication = {'class': 'NetworkTopologyStrategy', 'nodc': 1}",
       "Config: Unrecognized strategy option {nodc} passed to NetworkTopologyStrategy for keyspace y"},
      {"DROP TABLE system.local", "Unauthorized: system keyspace is not user-modifiable."},
  });
}

TEST_F(RefusalTest, Indexes) {
  expect({
      {"CREATE CUSTOM INDEX ON t (iv) USING 'sai'",
       "Invalid: SAI ANN indexes are only allowed on vector columns with float elements"},
      {"CREATE CUSTOM INDEX ON t (w) USING 'nonsense'", "Config: Unable to find custom indexer class 'nonsense'"},
      {"CREATE CUSTOM INDEX ON zz.nowhere (v) USING 'sai'", "Invalid: Table 'zz.nowhere' doesn't exist"},
      {"CREATE CUSTOM INDEX i ON t (w) USING 'sai' WITH OPTIONS = {'x': 'y'}",
       "Config: Properties specified [x] are not understood by StorageAttachedIndex"},
  });
}

}  // namespace
}  // namespace sagitta::plan
