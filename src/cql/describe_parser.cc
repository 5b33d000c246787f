/// DESCRIBE, behind its first word.
#include <array>
#include <utility>

#include "parser_impl.h"

namespace sagitta::cql {
namespace {

using What = Describe::What;

/// Words that want no name behind them.
constexpr std::array kLists = std::to_array<std::pair<std::string_view, What>>({{"cluster", What::kCluster},
                                                                                {"keyspaces", What::kKeyspaces},
                                                                                {"tables", What::kTables},
                                                                                {"types", What::kTypes},
                                                                                {"functions", What::kFunctions},
                                                                                {"aggregates", What::kAggregates}});
/// Words that want one.
constexpr std::array kNamed = std::to_array<std::pair<std::string_view, What>>({{"table", What::kTable},
                                                                                {"columnfamily", What::kTable},
                                                                                {"type", What::kType},
                                                                                {"index", What::kIndex},
                                                                                {"function", What::kFunction},
                                                                                {"aggregate", What::kAggregate}});

}  // namespace

Describe Parser::describe() {
  Describe out = described();
  if (accept_words({"with", "internals"})) out.with_internals = true;
  return out;
}

/// What is described: a word that is known stands for itself, any other name for what has it.
Describe Parser::described() {
  if (accept_words({"full", "schema"})) return {.what = What::kSchema, .full = true};
  if (accept_words({"only", "keyspace"})) return {.what = What::kKeyspace, .name = maybe_keyspace(), .only = true};
  if (accept_words({"materialized", "view"})) return {.what = What::kView, .name = expect_qualified_name()};
  if (accept_word("schema")) return {.what = What::kSchema};
  if (accept_word("keyspace")) return {.what = What::kKeyspace, .name = maybe_keyspace()};
  for (const auto& [word, what] : kLists) {
    if (accept_word(word)) return {.what = what};
  }
  for (const auto& [word, what] : kNamed) {
    if (accept_word(word)) return {.what = what, .name = expect_qualified_name()};
  }
  return {.name = expect_qualified_name()};
}

QualifiedName Parser::maybe_keyspace() {
  return is_name(token_) ? QualifiedName{.name = expect_name()} : QualifiedName();
}

}  // namespace sagitta::cql
