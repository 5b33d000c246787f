/// DESCRIBE, behind its first word.
#include <array>
#include <string_view>

#include "parser_impl.h"

namespace sagitta::cql {
namespace {

using What = Describe::What;

struct Word {
  std::string_view word;
  What what;
  bool wants_name;
};
constexpr std::array kWords = std::to_array<Word>({{"schema", What::kSchema, false},
                                                   {"cluster", What::kCluster, false},
                                                   {"keyspaces", What::kKeyspaces, false},
                                                   {"tables", What::kTables, false},
                                                   {"types", What::kTypes, false},
                                                   {"functions", What::kFunctions, false},
                                                   {"aggregates", What::kAggregates, false},
                                                   {"table", What::kTable, true},
                                                   {"columnfamily", What::kTable, true},
                                                   {"type", What::kType, true},
                                                   {"index", What::kIndex, true},
                                                   {"function", What::kFunction, true},
                                                   {"aggregate", What::kAggregate, true}});

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
  if (accept_word("keyspace")) return {.what = What::kKeyspace, .name = maybe_keyspace()};
  for (const auto& [word, what, wants_name] : kWords) {
    if (accept_word(word)) return {.what = what, .name = wants_name ? expect_qualified_name() : QualifiedName()};
  }
  return {.name = expect_qualified_name()};
}

QualifiedName Parser::maybe_keyspace() {
  return is_name(token_) ? QualifiedName{.name = expect_name()} : QualifiedName();
}

}  // namespace sagitta::cql
