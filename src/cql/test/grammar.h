/// Random CQL: a grammar as data, and what expands it. Some of what comes out is refused by the
/// parser, most is not.
#pragma once

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sagitta::cql::testing {

/// `$word` stands for one of the alternatives of `word`, the first of which ends the recursion.
using Grammar = std::map<std::string_view, std::vector<std::string_view>>;

inline const Grammar& grammar() {
  static const Grammar rules = {
      {"name", {"a",          "b2",    "\"Big\"",  "\"select\"",   "\"with space\"", "\"q\"\"q\"",
                "key",        "ttl",   "\"json\"", "\"distinct\"", "\"as\"",         "\"cast\"",
                "\"exists\"", "p1y",   "\"p1y\"",  "\"types\"",    "\"token\"",      "per",
                "\"int\"",    "count", "ann",      "values",       "static",         "\"nan\""}},
      {"named", {"$name", "ks.$name", "\"K s\".$name"}},
      {"atom", {"1",         "-7",
                "0.5",       "1e-05",
                "1.",        "NaN",
                "-Infinity", "'x'",
                "'it''s'",   "$$a'b$$",
                "null",      "TRUE",
                "0xab",      "?",
                ":m",        ":\"M\"",
                "$name",     "550e8400-e29b-41d4-a716-446655440000",
                "1y2mo",     "-PT5M",
                "P1Y2M",     "[]",
                "{}",        "now()",
                "count(*)",  "system.count(1)"}},
      {"type",
       {"int", "text", "ks.udt", "\"Udt\"", "\"Int\"", "\"int\"", "counter", "'a.b.C'", "list<$type>",
        "frozen<set<$type>>", "map<$type, $type>", "tuple<$type, $type>", "vector<$type, 7>",
        "frozen<vector<float, -3>>", "frozen<udt>"}},
      {"term",
       {"$atom",
        "$atom",
        "[$term, $term]",
        "[1, -2.5, NaN]",
        "[1]",
        "{$term, $term}",
        "{$term: $term}",
        "{$name: $term, a: 1}",
        "($term, $term)",
        "($term)",
        "($type)$atom",
        "(int)-$term",
        "cast($term as $type)",
        "$named($term, $term)",
        "$named()",
        "token($term)",
        "$atom[$term]",
        "$name[$term..]",
        "$name[..$term]",
        "$name[1. .. 2]",
        "$atom .$name",
        "$name.$name.a",
        "- $term",
        "- -$atom",
        "($term + $term)",
        "$term * $term - $term",
        "$term / $atom % 2"}},
      {"as", {"", "", " AS $name"}},
      {"selectors", {"*", "$term$as", "$term$as, $term$as"}},
      {"flag", {"", "", "JSON ", "DISTINCT ", "json distinct "}},
      {"op", {"=", "<", ">", "<=", ">=", "!=", "CONTAINS", "CONTAINS KEY", "LIKE", "ANN OF"}},
      {"relation",
       {"$name $op $term", "$name IN ($term, $term)", "$name IN ()", "$name IN ?", "$name IS NOT NULL",
        "$name[$term] = $term", "($name, $name) > ($term, 1)", "($name) IN ((1), (2))", "($name) >= (1)",
        "token($name, $name) < $term", "($name = $term)"}},
      {"where", {" WHERE $relation", " WHERE $relation AND $relation"}},
      {"maybe_where", {"", "$where"}},
      {"group", {"", "", " GROUP BY $name, $term"}},
      {"order",
       {"", "", " ORDER BY $name DESC, $name ASC", " ORDER BY $name ANN OF [1, 2]", " ORDER BY ANN($name, ?)"}},
      {"count", {"1", "?", ":n", "-5"}},
      {"limit", {"", " LIMIT $count", " PER PARTITION LIMIT $count", " PER PARTITION LIMIT $count LIMIT $count"}},
      {"tail", {"", " ALLOW FILTERING", " BYPASS CACHE", " USING TIMEOUT 5ms", " ALLOW FILTERING USING TIMEOUT ?"}},
      {"select", {"SELECT $flag$selectors FROM $named$maybe_where$group$order$limit$tail"}},
      {"using",
       {"", "", " USING TIMESTAMP $count", " USING TTL $count AND TIMESTAMP $count", " USING TIMESTAMP ? AND TTL ?",
        " USING TIMEOUT 1s AND TTL ?"}},
      {"using_time", {"", " USING TIMESTAMP $count", " USING TIMEOUT ? AND TIMESTAMP ?"}},
      {"if",
       {"", "", " IF EXISTS", " IF $name = $term", " IF $name.$name != $term AND $name[$term] IN ($term)",
        " IF $name IN :x", " IF $name CONTAINS $term"}},
      {"if_not_exists", {"", " IF NOT EXISTS"}},
      {"if_exists", {"", " IF EXISTS"}},
      {"insert",
       {"INSERT INTO $named ($name, $name) VALUES ($term, $term)$if_not_exists$using",
        "INSERT INTO $named JSON $json$if_not_exists$using"}},
      {"json", {"'{}'", "?", ":j DEFAULT UNSET", "'{}' DEFAULT NULL"}},
      {"assignment",
       {"$name = $term", "a = a + $term", "a = a - $term", "b2 = [$term] + b2", "p1y = p1y - 1",
        "\"p1y\" = $term + \"p1y\"", "$name += $term", "$name -= $term", "$name[$term] = $term",
        "$name.$name = $term"}},
      {"update", {"UPDATE $named$using SET $assignment$where$if", "UPDATE $named SET $assignment, $assignment$where"}},
      {"target", {"$name", "$name[$term]", "$name.$name"}},
      {"delete", {"DELETE FROM $named$using_time$where$if", "DELETE $target, $target FROM $named$where$if"}},
      {"modification", {"$insert", "$update", "$delete"}},
      {"batch",
       {"BEGIN BATCH$using_time $modification; $modification APPLY BATCH", "BEGIN UNLOGGED BATCH APPLY BATCH",
        "BEGIN COUNTER BATCH $update; APPLY BATCH;"}},
      {"scalar", {"1", "-1.5", "'x'", "word", "\"Word\"", "true", "NaN", "0xff", "1h"}},
      {"value", {"$scalar", "{}", "[]", "{'a': $value, b: $value, 3: $scalar}", "[$value, $value]"}},
      {"options", {"$name = $value", "x = $value AND $name = $value"}},
      {"keyspace",
       {"CREATE KEYSPACE$if_not_exists $name", "CREATE KEYSPACE$if_not_exists $name WITH $options",
        "ALTER KEYSPACE$if_exists $name WITH $options", "DROP KEYSPACE$if_exists $name"}},
      {"column", {"$name $type", "$name $type STATIC"}},
      {"with",
       {"", " WITH $options", " WITH CLUSTERING ORDER BY ($name DESC, $name ASC)",
        " WITH CLUSTERING ORDER BY ($name DESC) AND $options"}},
      {"create_table",
       {"CREATE TABLE$if_not_exists $named ($name $type PRIMARY KEY, $column)$with",
        "CREATE TABLE $named ($column, $column, PRIMARY KEY (($name, $name), $name))$with"}},
      {"alter_table",
       {"ALTER TABLE$if_exists $named ADD$if_not_exists $column, $column",
        "ALTER TABLE$if_exists $named DROP$if_exists $name, $name", "ALTER TABLE a DROP $name USING TIMESTAMP -5",
        "ALTER TABLE $named RENAME$if_exists $name TO $name AND $name TO $name",
        "ALTER TABLE $named ALTER $name TYPE $type", "ALTER TABLE $named WITH $options"}},
      {"type_statement",
       {"CREATE TYPE$if_not_exists $named ($name $type, $name $type)",
        "ALTER TYPE$if_exists $named ADD$if_not_exists $name $type, $name $type",
        "ALTER TYPE $named RENAME$if_exists $name TO $name", "ALTER TYPE $named ALTER $name TYPE $type",
        "DROP TYPE$if_exists $named"}},
      {"indexed", {"$name", "keys($name)", "VALUES($name)", "entries($name)", "full($name)", "($name, $name), $name"}},
      {"index",
       {"CREATE INDEX$if_not_exists ON $named ($indexed)", "CREATE INDEX $name ON $named ($indexed) USING 'sai'",
        "CREATE CUSTOM INDEX$if_not_exists $name ON $named ($indexed) USING 'x' WITH OPTIONS = {'a': $value}",
        "CREATE CUSTOM INDEX ON $named ()", "DROP INDEX$if_exists $named"}},
      {"described",
       {"$named", "SCHEMA", "FULL SCHEMA", "CLUSTER", "KEYSPACES", "TABLES", "TYPES", "FUNCTIONS", "AGGREGATES",
        "KEYSPACE", "KEYSPACE $name", "ONLY KEYSPACE $name", "TABLE $named", "TYPE $named", "INDEX $named",
        "FUNCTION $named", "AGGREGATE $named", "MATERIALIZED VIEW $named"}},
      {"describe", {"DESCRIBE $described", "DESC $described WITH INTERNALS"}},
      {"other", {"USE $name", "TRUNCATE $named", "TRUNCATE TABLE $named", "DROP TABLE$if_exists $named"}},
      {"statement",
       {"$select", "$insert", "$update", "$delete", "$batch", "$keyspace", "$create_table", "$alter_table",
        "$type_statement", "$index", "$describe", "$other"}},
  };
  return rules;
}

/// One of what `rule` stands for; below `depth` rules inside each other, the first alternatives.
inline std::string expand(std::string_view rule, std::mt19937_64& engine, int depth) {
  const auto& alternatives = grammar().at(rule);
  const std::string_view chosen = alternatives[depth <= 0 ? 0 : engine() % alternatives.size()];
  std::string out;
  for (size_t i = 0; i < chosen.size();) {
    if (chosen[i] != '$' || chosen.substr(i, 2) == "$$") {
      const size_t length = chosen[i] == '$' ? chosen.find("$$", i + 2) + 2 - i : 1;
      out += chosen.substr(i, length);
      i += length;
      continue;
    }
    const size_t end = std::min(chosen.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", i + 1), chosen.size());
    out += expand(chosen.substr(i + 1, end - i - 1), engine, depth - 1);
    i = end;
  }
  return out;
}

}  // namespace sagitta::cql::testing
