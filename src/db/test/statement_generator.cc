#include "statement_generator.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace sagitta::db::test {
namespace {

constexpr auto kTables = std::to_array<std::string_view>(
    {"a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "b", "n", "v", "v", "x", "g.a", "system.local", "missing"});
constexpr auto kColumns = std::to_array<std::string_view>(
    {"p",  "p",    "c1", "c1", "c2", "st", "i",  "i",  "bi", "si", "ti", "f", "d",  "de", "vi",      "tx",
     "tx", "asc1", "bl", "bo", "u",  "tu", "ts", "da", "tm", "du", "ip", "l", "l",  "s",  "s",       "m",
     "m",  "fl",   "fm", "ad", "fa", "tp", "v",  "v",  "vt", "q1", "q2", "r", "n1", "n2", "\"Big\"", "nope"});
constexpr auto kNatives = std::to_array<std::string_view>(
    {"ascii",    "bigint",  "blob", "boolean", "counter",  "date",   "decimal", "double",
     "duration", "float",   "inet", "int",     "smallint", "text",   "time",    "timestamp",
     "timeuuid", "tinyint", "uuid", "varchar", "varint",   "address"});
constexpr auto kFunctions = std::to_array<std::string_view>({"now",
                                                             "uuid",
                                                             "current_timestamp",
                                                             "currentdate",
                                                             "current_time",
                                                             "currenttimeuuid",
                                                             "totimestamp",
                                                             "to_date",
                                                             "tounixtimestamp",
                                                             "dateof",
                                                             "unixtimestampof",
                                                             "mintimeuuid",
                                                             "max_timeuuid",
                                                             "intasblob",
                                                             "blobasint",
                                                             "text_as_blob",
                                                             "blob_as_text",
                                                             "bigintasblob",
                                                             "blobasbigint",
                                                             "varcharasblob",
                                                             "blobasuuid",
                                                             "durationasblob",
                                                             "token",
                                                             "tojson",
                                                             "to_json",
                                                             "writetime",
                                                             "maxwritetime",
                                                             "ttl",
                                                             "similarity_cosine",
                                                             "similarity_euclidean",
                                                             "similarity_dot_product",
                                                             "count",
                                                             "min",
                                                             "max",
                                                             "sum",
                                                             "avg",
                                                             "system.max",
                                                             "g.nothing",
                                                             "nothing"});
constexpr auto kStrings = std::to_array<std::string_view>({"''", "'a'", "'it''s'", "'\u20ac'", "'2026-01-31'",
                                                           "'12:30:00.5'", "'2026-01-31 10:00:00+0100'", "'127.0.0.1'",
                                                           "'::1'", "$$dollar$$", "'5.5'", "'1d'"});
constexpr auto kNumbers = std::to_array<std::string_view>({"0",
                                                           "1",
                                                           "1",
                                                           "2",
                                                           "3",
                                                           "-1",
                                                           "127",
                                                           "128",
                                                           "-129",
                                                           "32768",
                                                           "2147483647",
                                                           "2147483648",
                                                           "-2147483649",
                                                           "9223372036854775807",
                                                           "9223372036854775808",
                                                           "123456789012345678901234567890",
                                                           "0.5",
                                                           "-0.0",
                                                           "1e38",
                                                           "1e39",
                                                           "1e400",
                                                           "1e-45",
                                                           "NaN",
                                                           "Infinity",
                                                           "-Infinity"});
constexpr auto kOthers = std::to_array<std::string_view>(
    {"null", "true", "false", "0x", "0xff", "0x0", "0x00000001", "550e8400-e29b-41d4-a716-446655440000",
     "50554d6e-29bb-11e5-b345-feff819cdc9f", "1y2mo3d", "-5s", "P1Y", "?", "?", ":name"});
constexpr auto kOperators =
    std::to_array<std::string_view>({"=", "=", "=", "<", "<=", ">", ">=", "!=", "CONTAINS", "CONTAINS KEY"});
/// Columns of table a, each with a value that fits.
constexpr auto kFitting =
    std::to_array<std::pair<std::string_view, std::string_view>>({{"st", "3"},
                                                                  {"i", "5"},
                                                                  {"bi", "-7"},
                                                                  {"si", "1"},
                                                                  {"ti", "127"},
                                                                  {"f", "1.5"},
                                                                  {"d", "NaN"},
                                                                  {"de", "1.50"},
                                                                  {"vi", "123456789012345678901234567890"},
                                                                  {"tx", "'a'"},
                                                                  {"asc1", "'b'"},
                                                                  {"bl", "0x00ff"},
                                                                  {"bo", "true"},
                                                                  {"u", "uuid()"},
                                                                  {"tu", "now()"},
                                                                  {"ts", "'2026-01-31'"},
                                                                  {"da", "'2026-01-31'"},
                                                                  {"tm", "'12:30:00'"},
                                                                  {"du", "1mo2d"},
                                                                  {"ip", "'::1'"},
                                                                  {"l", "[1, 2]"},
                                                                  {"s", "{'a', 'b'}"},
                                                                  {"m", "{'a': 1}"},
                                                                  {"fl", "[1]"},
                                                                  {"fm", "{1: ['a']}"},
                                                                  {"ad", "{street: 'x', zip: 1}"},
                                                                  {"fa", "{zip: 4}"},
                                                                  {"tp", "(1, 'x')"},
                                                                  {"v", "[1, 2]"},
                                                                  {"vt", "['a', 'b']"},
                                                                  {"\"Big\"", "0"},
                                                                  {"c1", "1"},
                                                                  {"c2", "'1'"},
                                                                  {"i", "null"},
                                                                  {"l", "null"},
                                                                  {"i", "?"},
                                                                  {"m", "?"},
                                                                  {"v", "?"}});
constexpr auto kSigns = std::to_array<std::string_view>({"+", "-", "*", "/", "%"});
constexpr auto kTokens =
    std::to_array<std::string_view>({"(", ")", "[",      "]",    "{",     "}",  ",",    ";", ".",  ":",  "'",   "\"",
                                     "?", "=", "SELECT", "FROM", "WHERE", "AS", "null", "1", "--", "/*", "\x01"});

}  // namespace

std::vector<std::string> StatementGenerator::schema() {
  return {
      "CREATE KEYSPACE IF NOT EXISTS g WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
      "CREATE TYPE IF NOT EXISTS g.address (street text, zip int, tags frozen<set<text>>)",
      "CREATE TABLE IF NOT EXISTS g.a (p int, c1 tinyint, c2 text, st int static, i int, bi bigint, si smallint, "
      "ti tinyint, f float, d double, de decimal, vi varint, tx text, asc1 ascii, bl blob, bo boolean, u uuid, tu "
      "timeuuid, ts timestamp, da date, tm time, du duration, ip inet, l list<int>, s set<text>, m map<text, int>, fl "
      "frozen<list<int>>, fm frozen<map<int, frozen<list<text>>>>, ad address, fa frozen<address>, tp tuple<int, "
      "text>, "
      "v vector<float, 2>, vt vector<text, 2>, \"Big\" int, PRIMARY KEY (p, c1, c2))",
      "CREATE TABLE IF NOT EXISTS g.b (q1 text, q2 decimal, c1 timeuuid, c2 frozen<list<int>>, r int, st list<int> "
      "static, l list<text>, PRIMARY KEY ((q1, q2), c1, c2)) WITH CLUSTERING ORDER BY (c1 DESC, c2 ASC)",
      "CREATE TABLE IF NOT EXISTS g.n (p int, c1 int, n1 counter, n2 counter, PRIMARY KEY (p, c1))",
      "CREATE TABLE IF NOT EXISTS g.v (p int PRIMARY KEY, i int, tx text, m map<text, int>, v vector<float, 2>)",
      "CREATE CUSTOM INDEX IF NOT EXISTS v_v ON g.v (v) USING 'sai' WITH OPTIONS = {'similarity_function': "
      "'euclidean'}"};
}

std::string StatementGenerator::next() {
  const uint64_t roll = below(1000);
  std::string statement;
  if (roll < 430) {
    statement = select();
  } else if (roll < 600) {
    statement = insert();
  } else if (roll < 770) {
    statement = update();
  } else if (roll < 860) {
    statement = remove();
  } else if (roll < 950) {
    statement = batch();
  } else if (roll < 953) {
    statement = "TRUNCATE " + table();
  } else if (roll < 960) {
    statement = "USE " + one_of(std::to_array<std::string_view>({"g", "system", "nowhere"}));
  } else {
    statement = change_schema();
  }
  return chance(8) ? spoil(std::move(statement)) : statement;
}

std::string StatementGenerator::repeat(uint64_t most, const char* separator,
                                       std::string (StatementGenerator::*make)()) {
  std::string text = (this->*make)();
  for (uint64_t more = below(most); more > 0; --more) text += separator + (this->*make)();
  return text;
}

/// A word goes, comes twice, or another token stands before it.
std::string StatementGenerator::spoil(std::string statement) {
  const size_t at = statement.find(' ', below(statement.size()));
  if (at == std::string::npos) return statement + one_of(kTokens);
  const size_t end = std::min(statement.find(' ', at + 1), statement.size());
  switch (below(4)) {
    case 0: return statement.erase(at, end - at);
    case 1: return statement.insert(at, statement.substr(at, end - at));
    case 2: return statement.substr(0, at);
    default: return statement.insert(at, " " + one_of(kTokens));
  }
}

// --------------------------------------------------------------------------------------------------------- statements

std::string StatementGenerator::select() {
  std::string text = "SELECT ";
  if (chance(12)) text += "JSON ";
  if (chance(12)) text += "DISTINCT ";
  text += chance(5) ? "*" : repeat(3, ", ", &StatementGenerator::selector);
  text += " FROM " + table();
  if (!chance(4)) text += " WHERE " + where();
  if (chance(5))
    text += " GROUP BY " + (chance(3) ? repeat(3, ", ", &StatementGenerator::column) : chance(2) ? "p" : "p, c1");
  return text + tail();
}

std::string StatementGenerator::tail() {
  std::string text;
  if (chance(10)) {
    text += " ORDER BY v ANN OF " + term(1);
  } else if (chance(8)) {
    text += " ORDER BY " + column() + one_of(std::to_array<std::string_view>({"", " ASC", " DESC"}));
  }
  if (chance(8)) text += " PER PARTITION LIMIT " + (chance(4) ? term(1) : "2");
  if (chance(3)) text += " LIMIT " + (chance(6) ? term(1) : std::to_string(1 + below(5)));
  return chance(3) ? text : text + " ALLOW FILTERING";
}

std::string StatementGenerator::selector() {
  std::string text;
  if (chance(2)) {
    text = column();
  } else if (chance(8)) {
    text = chance(2) ? "count(*)" : "count(1)";
  } else {
    selecting_ = true;
    text = term(3);
    selecting_ = false;
  }
  return chance(8) ? text + " AS alias" : text;
}

std::string StatementGenerator::insert() {
  const bool main_table = !chance(5);
  std::string names = main_table ? "p, c1, c2" : column();
  std::string values = main_table ? fmt::format("{}, {}, '{}'", below(3), below(3), below(3)) : term();
  for (uint64_t more = below(4); more > 0; --more) {
    const auto [name, value] = column_and_value();
    names += ", " + name;
    values += ", " + value;
  }
  std::string text = fmt::format("INSERT INTO {} ({}) VALUES ({})", main_table ? "a" : table(), names, values);
  if (chance(20)) text = "INSERT INTO " + table() + " JSON " + literal();
  if (chance(30)) text += " IF NOT EXISTS";
  return text + using_clause();
}

std::string StatementGenerator::using_clause() {
  switch (below(8)) {
    case 0: return " USING TTL " + (chance(4) ? term(1) : "100");
    case 1: return " USING TIMESTAMP " + (chance(4) ? term(1) : std::to_string(below(1000)));
    case 2: return " USING TIMESTAMP 5 AND TTL 7";
    default: return "";
  }
}

std::string StatementGenerator::update() {
  const std::string name = table();
  std::string text = "UPDATE " + name + using_clause() + " SET " + repeat(3, ", ", &StatementGenerator::assignment) +
                     " WHERE " + where();
  return chance(30) ? text + " IF EXISTS" : text;
}

std::string StatementGenerator::assignment() {
  if (chance(2)) {
    const auto [name, value] = column_and_value();
    return fmt::format(fmt::runtime(chance(3) ? "{0} = {0} + {1}" : "{0} = {1}"), name, value);
  }
  const std::string name = column();
  switch (below(8)) {
    case 0: return fmt::format("{0} = {0} + {1}", name, term(2));
    case 1: return fmt::format("{0} = {1} + {0}", name, term(2));
    case 2: return fmt::format("{0} = {0} - {1}", name, term(2));
    case 3: return fmt::format("{}[{}] = {}", name, term(1), term(2));
    case 4: return fmt::format("{}.zip = {}", name, term(1));
    case 5: return fmt::format("{} += {}", name, term(2));
    default: return fmt::format("{} = {}", name, term(3));
  }
}

std::string StatementGenerator::remove() {
  std::string text = "DELETE ";
  switch (below(5)) {
    case 0: text += column() + " "; break;
    case 1: text += fmt::format("{}[{}] ", column(), term(1)); break;
    case 2: text += column() + ".zip "; break;
    default: break;
  }
  return text + "FROM " + table() + (chance(4) ? using_clause() : "") + " WHERE " + where();
}

std::string StatementGenerator::batch() {
  std::string text =
      one_of(std::to_array<std::string_view>({"BEGIN BATCH", "BEGIN UNLOGGED BATCH", "BEGIN COUNTER BATCH"}));
  if (chance(8)) text += using_clause();
  for (uint64_t n = below(5); n > 0; --n) {
    const uint64_t kind = below(3);
    text += " " + (kind == 0 ? insert() : kind == 1 ? update() : remove()) + (chance(4) ? "" : ";");
  }
  return text + " APPLY BATCH";
}

std::string StatementGenerator::change_schema() {
  switch (below(6)) {
    case 0: return change_index();
    case 1:
      return "CREATE TYPE " + std::string(chance(2) ? "IF NOT EXISTS " : "") + "g.t" + std::to_string(below(3)) +
             " (a " + type() + ", b " + type() + ")";
    case 2: return "ALTER TYPE g.t" + std::to_string(below(3)) + (chance(2) ? " ADD c " + type() : " RENAME a TO e");
    case 3: return "DROP TYPE " + std::string(chance(2) ? "IF EXISTS " : "") + "g.t" + std::to_string(below(3));
    case 4:
      return chance(2) ? "ALTER KEYSPACE g WITH durable_writes = " + literal()
                       : "CREATE KEYSPACE h WITH replication = {'class': " + literal() + "}";
    default: return change_table();
  }
}

std::string StatementGenerator::change_table() {
  switch (below(5)) {
    case 0:
      return fmt::format("CREATE TABLE {}x (p {}, c1 {}, i {}, l {}, PRIMARY KEY (p, c1))",
                         chance(2) ? "IF NOT EXISTS " : "", type(), type(), type(), type());
    case 1: return "DROP TABLE x";
    case 2: return "ALTER TABLE x ADD " + column() + " " + type();
    case 3: return "ALTER TABLE x DROP " + column();
    default: return "ALTER TABLE a WITH gc_grace_seconds = " + literal();
  }
}

std::string StatementGenerator::change_index() {
  if (chance(3)) return "DROP INDEX " + std::string(chance(2) ? "IF EXISTS " : "") + "g.v_v2";
  return fmt::format(
      "CREATE CUSTOM INDEX {}{} ON {} ({}) USING {}{}", chance(2) ? "IF NOT EXISTS " : "", chance(2) ? "v_v2" : "",
      table(), column(), chance(8) ? literal() : "'vector_index'",
      chance(3) ? " WITH OPTIONS = {'similarity_function': 'cosine', 'maximum_node_connections': " + literal() + "}"
                : "");
}

// ----------------------------------------------------------------------------------------------------------- clauses

std::pair<std::string, std::string> StatementGenerator::column_and_value() {
  if (chance(4)) return {column(), term()};
  const auto& [name, value] = kFitting[below(kFitting.size())];
  return {std::string(name), std::string(value)};
}

std::string StatementGenerator::table() { return one_of(kTables); }
std::string StatementGenerator::column() { return one_of(kColumns); }

std::string StatementGenerator::type() {
  switch (below(10)) {
    case 0: return "list<" + type() + ">";
    case 1: return "frozen<set<" + type() + ">>";
    case 2: return "map<" + type() + ", " + type() + ">";
    case 3: return "tuple<" + type() + ", " + type() + ">";
    case 4: return "vector<" + type() + ", " + one_of(kNumbers) + ">";
    default: return one_of(kNatives);
  }
}

std::string StatementGenerator::where() {
  switch (below(6)) {
    case 0: return fmt::format("p = {}", below(3));
    case 1: return fmt::format("p = {} AND c1 = {} AND c2 = '{}'", below(3), below(3), below(3));
    case 2: return fmt::format("p IN ({}, {}) AND {}", below(3), below(3), relation());
    case 3: return fmt::format("p = {} AND {}", below(3), relation());
    default: return repeat(3, " AND ", &StatementGenerator::relation);
  }
}

std::string StatementGenerator::relation() {
  if (chance(2)) {
    const auto [name, value] = column_and_value();
    return fmt::format("{} {} {}", name, one_of(kOperators), value);
  }
  switch (below(11)) {
    case 10: return "v ANN OF " + term(1);
    case 0: return fmt::format("token(p) {} {}", one_of(kOperators), term(1));
    case 1: return fmt::format("(c1, c2) {} ({}, {})", one_of(kOperators), term(1), term(1));
    case 2: return fmt::format("(c1, c2) IN (({}, {}), ?)", term(1), term(1));
    case 3: return fmt::format("{} IN ({}, {})", column(), term(2), term(1));
    case 4: return fmt::format("{}[{}] {} {}", column(), term(1), one_of(kOperators), term(1));
    default: return fmt::format("{} {} {}", column(), one_of(kOperators), term(2));
  }
}

// ------------------------------------------------------------------------------------------------------------- terms

std::string StatementGenerator::number() { return one_of(kNumbers); }

std::string StatementGenerator::literal() {
  switch (below(4)) {
    case 0: return one_of(kStrings);
    case 1: return one_of(kOthers);
    default: return number();
  }
}

std::string StatementGenerator::term(int depth) {
  if (depth > 0 && chance(2)) return nested(depth - 1);
  if (selecting_ && !chance(3)) return column();
  return chance(3) ? "?" : literal();
}

std::string StatementGenerator::nested(int depth) {
  // What follows a column belongs to selectors, and only there may columns stand.
  switch (below(selecting_ ? 13 : 10)) {
    case 0: return fmt::format("[{}, {}]", term(depth), term(depth));
    case 1: return fmt::format("[{}, {}]", number(), number());
    case 2: return fmt::format("{{{}, {}}}", term(depth), term(depth));
    case 3: return fmt::format("{{{}: {}}}", term(depth), term(depth));
    case 4: return fmt::format("{{street: {}, zip: {}}}", term(depth), term(depth));
    case 5: return fmt::format("({}, {})", term(depth), term(depth));
    case 6: return fmt::format("({}){}", chance(8) ? type() : one_of(kNatives), chance(2) ? "?" : literal());
    case 7: return fmt::format("{}({})", one_of(kFunctions), chance(4) ? "" : term(depth));
    case 8: return fmt::format("{}({}, {})", one_of(kFunctions), term(depth), term(depth));
    case 9: return fmt::format("{} {} {}", term(depth), one_of(kSigns), term(depth));
    case 10: return fmt::format("cast({} AS {})", term(depth), one_of(kNatives));
    case 11: return fmt::format("{}.zip", chance(2) ? "ad" : fmt::format("max({})", column()));
    default: return fmt::format("{}[{}]", chance(2) ? "m" : fmt::format("max({})", column()), term(depth));
  }
}

}  // namespace sagitta::db::test
