/// Random CQL statements over the whole grammar: mostly such that bind, sometimes not, sometimes
/// with a token too many.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace sagitta::db::test {

/// The same statements for the same seed.
class StatementGenerator {
 public:
  explicit StatementGenerator(uint64_t seed) : engine_(seed) {}

  /// The keyspace, types, tables and indexes that most statements are about. Without the keyspace
  /// they are of `g`.
  static std::vector<std::string> schema();
  std::string next();
  uint64_t below(uint64_t bound) { return engine_() % bound; }

 private:
  bool chance(uint64_t of) { return below(of) == 0; }
  template <class Choices>
  std::string one_of(const Choices& choices) {
    return std::string(choices[below(std::size(choices))]);
  }
  std::string repeat(uint64_t most, const char* separator, std::string (StatementGenerator::*make)());
  std::string spoil(std::string statement);

  std::string select();
  std::string selector();
  std::string insert();
  std::string update();
  std::string assignment();
  std::string remove();
  std::string batch();
  std::string change_schema();
  std::string change_table();
  std::string change_index();

  /// Mostly such that the value fits the column.
  std::pair<std::string, std::string> column_and_value();
  std::string table();
  std::string column();
  std::string type();
  std::string where();
  std::string relation();
  std::string using_clause();
  std::string tail();
  std::string term() { return term(3); }
  /// `depth`: how many levels may be inside.
  std::string term(int depth);
  std::string nested(int depth);
  std::string literal();
  std::string number();

  std::mt19937_64 engine_;
  /// Within a selector: columns may stand in terms.
  bool selecting_ = false;
};

}  // namespace sagitta::db::test
