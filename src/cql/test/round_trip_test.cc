/// Random terms and types: what is printed reads back as the same, and no text, however cut or
/// changed, does harm. The seed is printed; SAGITTA_SEED replays.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>

#include "sagitta/cql/parser.h"

namespace sagitta::cql {
namespace {

class RoundTrip : public testing::Test {
 protected:
  RoundTrip() : seed_(seed()), engine_(seed_) { fmt::print("SAGITTA_SEED={}\n", seed_); }

  uint64_t below(uint64_t bound) { return engine_() % bound; }
  template <size_t N>
  std::string one_of(const char* const (&choices)[N]) {
    return choices[below(N)];
  }

  std::string name() {
    return one_of({"a", "b2", "\"Big\"", "\"select\"", "\"with space\"", "\"q\"\"q\"", "key", "ttl"});
  }
  std::string atom() {
    return one_of({"1",     "-7",      "0.5",  "1e-05",   "NaN",
                   "'x'",   "'it''s'", "null", "true",    "0xab",
                   "?",     ":m",      "a",    "\"Big\"", "550e8400-e29b-41d4-a716-446655440000",
                   "1y2mo", "[]",      "{}",   "now()",   "count(*)"});
  }
  std::string type(int depth) {
    if (depth == 0 || below(2) == 0) return one_of({"int", "text", "ks.udt", "\"Udt\"", "timeuuid", "counter"});
    switch (below(6)) {
      case 0: return fmt::format("list<{}>", type(depth - 1));
      case 1: return fmt::format("frozen<set<{}>>", type(depth - 1));
      case 2: return fmt::format("map<{}, {}>", type(depth - 1), type(depth - 1));
      case 3: return fmt::format("tuple<{}, {}>", type(depth - 1), type(depth - 1));
      case 4: return fmt::format("vector<{}, {}>", type(depth - 1), 1 + below(20));
      default: return fmt::format("frozen<{}>", one_of({"list<int>", "udt", "tuple<int>"}));
    }
  }
  std::string term(int depth) {
    if (depth == 0 || below(4) == 0) return atom();
    switch (below(10)) {
      case 0: return fmt::format("[{}, {}]", term(depth - 1), term(depth - 1));
      case 1: return fmt::format("{{{}, {}}}", term(depth - 1), term(depth - 1));
      case 2: return fmt::format("{{{}: {}}}", term(depth - 1), term(depth - 1));
      case 3: return fmt::format("{{{}: {}}}", name(), term(depth - 1));
      case 4: return fmt::format("({}, {})", term(depth - 1), term(depth - 1));
      case 5: return fmt::format("({}){}", type(2), atom());
      case 6: return fmt::format("cast({} as {})", term(depth - 1), type(1));
      case 7: return fmt::format("f({}, {})", term(depth - 1), term(depth - 1));
      case 8: return fmt::format("{}[{}]", name(), term(depth - 1));
      default: return fmt::format("({} {} {})", term(depth - 1), one_of({"+", "-", "*", "/", "%"}), term(depth - 1));
    }
  }
  /// The first selector printed again, or nothing when the text is none.
  static std::optional<std::string> reprint(const std::string& term) {
    const Result<Statement> statement = parse("SELECT " + term + " FROM t");
    if (!statement || statement->get_if<Select>() == nullptr) return std::nullopt;
    const auto& selectors = statement->get_if<Select>()->selectors;
    if (selectors.empty()) return std::nullopt;
    return to_string(selectors[0].term, statement->markers);
  }

  static uint64_t seed() {
    const char* fixed = std::getenv("SAGITTA_SEED");
    return fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : std::random_device()();
  }

  const uint64_t seed_;
  std::mt19937_64 engine_;
};

TEST_F(RoundTrip, APrintedTermReadsBackAsItself) {
  int printed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = term(3);
    const auto once = reprint(text);
    if (!once) continue;
    ++printed;
    const auto twice = reprint(*once);
    ASSERT_TRUE(twice.has_value()) << text << " is printed as " << *once;
    ASSERT_EQ(*twice, *once) << text;
  }
  // Most of what is made is a term.
  EXPECT_GT(printed, 10'000);
}

TEST_F(RoundTrip, APrintedTypeReadsBackAsItself) {
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = type(3);
    const Result<RawType> once = parse_type(text);
    ASSERT_TRUE(once.has_value()) << text << ": " << once.error().message();
    const Result<RawType> twice = parse_type(to_string(*once));
    ASSERT_TRUE(twice.has_value()) << text << " is printed as " << to_string(*once);
    ASSERT_EQ(*twice, *once) << text;
  }
}

TEST_F(RoundTrip, TextCutOrChangedAnywhereIsReadOrRefused) {
  const std::string statements[] = {
      "INSERT INTO ks.t (a, \"B\") VALUES (" + term(2) + ", " + term(2) + ") USING TTL 5",
      "SELECT " + term(2) + " AS x FROM t WHERE a = " + term(2) +
          " AND (b, c) > (1, 2) ORDER BY v ANN OF [1, 2] LIMIT 3",
      "UPDATE t SET a[" + term(1) + "] = " + term(2) + ", b = b + {1} WHERE k IN (1, 2) IF c = 3",
      "CREATE TABLE t (a int, b " + type(2) + ", PRIMARY KEY ((a), b)) WITH CLUSTERING ORDER BY (b DESC)",
      "BEGIN BATCH DELETE a FROM t WHERE k = 1; INSERT INTO t (k) VALUES (2) APPLY BATCH"};
  for (const std::string& statement : statements) {
    for (size_t at = 0; at <= statement.size(); ++at) {
      const Result<Statement> cut = parse(statement.substr(0, at));
      const bool expected =
          cut || cut.error().code() == ErrorCode::kSyntax || cut.error().code() == ErrorCode::kInvalid;
      ASSERT_TRUE(expected) << statement.substr(0, at);
      std::string changed = statement;
      if (at < changed.size()) changed[at] = static_cast<char>(below(256));
      const Result<Statement> other = parse(changed);
      ASSERT_TRUE(other || !other.error().message().empty()) << changed;
    }
  }
}

}  // namespace
}  // namespace sagitta::cql
