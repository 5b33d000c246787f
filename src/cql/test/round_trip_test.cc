/// What parses is printed as what parses to the same tree: statements of the test suite and random
/// ones. No text, however cut or changed, does harm. The seed is printed; SAGITTA_SEED replays.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "sagitta/cql/parser.h"

#include "grammar.h"

namespace sagitta::cql {
namespace {

using Kinds = std::set<size_t>;
constexpr size_t kKinds = std::variant_size_v<decltype(Statement::body)>;

class RoundTrip : public ::testing::Test {
 protected:
  RoundTrip() : seed_(seed()), engine_(seed_) { fmt::print("SAGITTA_SEED={}\n", seed_); }

  std::string random(std::string_view rule, int depth) { return testing::expand(rule, engine_, depth); }
  /// Whether `text` parses; then it must read back as itself.
  static bool reads_back(const std::string& text, Kinds& kinds) {
    const Result<Statement> once = parse(text);
    if (!once) return false;
    kinds.insert(once->body.index());
    const std::string printed = to_string(*once);
    const Result<Statement> twice = parse(printed);
    EXPECT_TRUE(twice.has_value()) << text << "\nis printed as\n" << printed << "\n" << twice.error().message();
    EXPECT_TRUE(!twice || *twice == *once) << text << "\nis printed as\n" << printed;
    return true;
  }

  static uint64_t seed() {
    const char* fixed = std::getenv("SAGITTA_SEED");
    return fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : std::random_device()();
  }

  const uint64_t seed_;
  std::mt19937_64 engine_;
};

/// The statements of a file of test/cql: all that ends with `;` at the end of a line.
std::vector<std::string> statements_of(const std::filesystem::path& file) {
  std::vector<std::string> out;
  std::ifstream in(file);
  std::string text;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with('#')) {
      text.clear();
      continue;
    }
    text += line + '\n';
    if (!line.ends_with(';')) continue;
    out.push_back(std::move(text));
    text.clear();
  }
  return out;
}

TEST_F(RoundTrip, EveryStatementOfTheSuiteReadsBackAsItself) {
  int parsed = 0;
  Kinds kinds;
  for (const auto& entry : std::filesystem::directory_iterator(SAGITTA_SOURCE_DIR "/test/cql")) {
    if (entry.path().extension() != ".test") continue;
    for (const std::string& text : statements_of(entry.path())) parsed += reads_back(text, kinds);
    ASSERT_FALSE(HasFailure()) << entry.path();
  }
  fmt::print("{} statements of test/cql parse\n", parsed);
  EXPECT_GT(parsed, 1'500);
  EXPECT_EQ(kinds.size(), kKinds) << "a kind of statement is not in test/cql";
}

TEST_F(RoundTrip, ARandomStatementReadsBackAsItself) {
  constexpr int kTried = 20'000;
  int parsed = 0;
  Kinds kinds;
  for (int i = 0; i < kTried && !HasFailure(); ++i) parsed += reads_back(random("statement", 7), kinds);
  fmt::print("{} of {} random statements parse\n", parsed, kTried);
  EXPECT_GT(parsed, kTried / 2);
  EXPECT_EQ(kinds.size(), kKinds) << "a kind of statement is not in the grammar";
}

TEST_F(RoundTrip, ARandomTermReadsBackAsItself) {
  constexpr int kTried = 20'000;
  int parsed = 0;
  Kinds kinds;
  for (int i = 0; i < kTried && !HasFailure(); ++i) {
    parsed += reads_back("SELECT " + random("term", 5) + " FROM t", kinds);
    parsed += reads_back("UPDATE t SET x = " + random("term", 5) + " WHERE k = 1", kinds);
  }
  fmt::print("{} of {} random terms parse\n", parsed, 2 * kTried);
  EXPECT_GT(parsed, kTried / 2);
}

/// Positions are not part of a tree; all else is.
TEST_F(RoundTrip, TreesAreEqualWhenTheySayTheSame) {
  EXPECT_TRUE(*parse("SELECT  a FROM t") == *parse("select A from T;"));
  const char* different[] = {"SELECT f(a) FROM t",       "SELECT f(b) FROM t",          "SELECT f(a, a) FROM t",
                             "SELECT [1, 2] FROM t",     "SELECT [12] FROM t",          "SELECT {a: 1} FROM t",
                             "SELECT {'a': 1} FROM t",   "SELECT (int)a FROM t",        "SELECT cast(a as int) FROM t",
                             "SELECT -a FROM t",         "SELECT a FROM t LIMIT 1",     "SELECT a FROM t LIMIT ?",
                             "SELECT a FROM t LIMIT :m", "SELECT a FROM t WHERE b = 1", "SELECT a.b FROM t",
                             "SELECT a[1] FROM t",       "SELECT a[1..] FROM t",        "SELECT a[..1] FROM t"};
  for (const char* one : different) {
    for (const char* other : different) EXPECT_EQ(*parse(one) == *parse(other), one == other) << one << ", " << other;
  }
}

TEST_F(RoundTrip, ARandomTypeReadsBackAsItself) {
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = random("type", 4);
    const Result<RawType> once = parse_type(text);
    ASSERT_TRUE(once.has_value()) << text << ": " << once.error().message();
    const Result<RawType> twice = parse_type(to_string(*once));
    ASSERT_TRUE(twice.has_value()) << text << " is printed as " << to_string(*once);
    ASSERT_EQ(*twice, *once) << text;
  }
}

TEST_F(RoundTrip, TextCutOrChangedAnywhereIsReadOrRefused) {
  for (int i = 0; i < 20; ++i) {
    const std::string statement = random("statement", 6);
    for (size_t at = 0; at <= statement.size(); ++at) {
      const Result<Statement> cut = parse(statement.substr(0, at));
      const bool expected =
          cut || cut.error().code() == ErrorCode::kSyntax || cut.error().code() == ErrorCode::kInvalid;
      ASSERT_TRUE(expected) << statement.substr(0, at);
      std::string changed = statement;
      if (at < changed.size()) changed[at] = static_cast<char>(engine_() % 256);
      const Result<Statement> other = parse(changed);
      ASSERT_TRUE(other || !other.error().message().empty()) << changed;
    }
  }
}

}  // namespace
}  // namespace sagitta::cql
