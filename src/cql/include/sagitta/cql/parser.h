/// CQL text to syntax trees. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "sagitta/base/result.h"
#include "sagitta/cql/ast.h"

namespace sagitta::cql {

/// Parses one statement, with or without a closing semicolon. Errors: kSyntax "line 1:0 no viable
/// alternative at input 'selekt' ([selekt])", lines from 1 and columns from 0; kInvalid for what
/// Cassandra parses and then refuses without looking at a schema. Takes time linear in the text and
/// stack bounded by `limits::kNestingMax`.
Result<Statement> parse(std::string_view text);

/// The most that parse() allocates for `text`, in bytes, all in all: kParsedTokenBytes a token
/// outside of lists of numbers, kParsedNumberBytes a byte of such lists, kParsedTextBytes a byte of
/// the text, and kParsedBytes. Reads the text once and allocates nothing.
size_t parse_bytes_max(std::string_view text);
inline constexpr size_t kParsedTokenBytes = 256, kParsedNumberBytes = 16, kParsedTextBytes = 4, kParsedBytes = 4096;

/// Parses a type alone: "frozen<list<ks.udt>>", "vector<float, 3>". Errors: kSyntax.
Result<RawType> parse_type(std::string_view text);

}  // namespace sagitta::cql
