/// What Cassandra and ScyllaDB have and Sagitta has not: refused by name, not as a slip of the pen.
#include <fmt/format.h>

#include "parser_impl.h"

namespace sagitta::cql {

/// Behind CREATE, ALTER or DROP.
void Parser::refuse_definition() {
  accept_words({"or", "replace"});
  if (at_word("materialized")) return refuse_feature("Materialized views are");
  if (at_word("function")) return refuse_feature("User-defined functions are");
  if (at_word("aggregate")) return refuse_feature("User-defined aggregates are");
  if (at_word("trigger")) return refuse_feature("Triggers are");
  fail_here();
}

/// Behind the type of a column.
void Parser::refuse_marks_of_column() {
  if (at_word("ttl")) return refuse_feature("Per-row TTL is");
  if (at_word("masked")) refuse_feature("Dynamic data masking of columns is");
}

void Parser::refuse_compact_storage() { fail_with(ErrorCode::kInvalid, "COMPACT STORAGE is not supported"); }

void Parser::refuse_feature(std::string_view subject) {
  fail_with(ErrorCode::kInvalid, fmt::format("{} not supported", subject));
}

}  // namespace sagitta::cql
