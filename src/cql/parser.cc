/// What parse() is: the first word of a statement, and the end of its text.
#include "sagitta/cql/parser.h"

#include <fmt/format.h>

#include <limits>

#include "parser_impl.h"

namespace sagitta::cql {

Result<Statement> Parser::parse_statement() {
  if (at_word("select")) {
    statement_.body = select();
  } else if (at_word("insert")) {
    statement_.body = insert();
  } else if (at_word("update")) {
    statement_.body = update();
  } else if (at_word("delete")) {
    statement_.body = delete_rows();
  } else if (at_word("begin")) {
    statement_.body = batch();
  } else if (accept_word("use")) {
    statement_.body = Use{.keyspace = expect_name()};
  } else if (accept_word("truncate")) {
    if (!accept_word("table")) accept_word("columnfamily");
    statement_.body = Truncate{.name = expect_qualified_name()};
  } else if (at_word("describe") || at_word("desc")) {
    advance();
    statement_.body = describe();
  } else if (at_word("create")) {
    create();
  } else if (at_word("alter")) {
    alter();
  } else if (at_word("drop")) {
    drop();
  } else {
    fail_here();
  }
  while (accept(";")) {
  }
  if (ok() && token_.kind != TokenKind::kEnd) {
    fail_syntax(token_, fmt::format("missing EOF at '{}'", token_text().substr(0, 200)), true);
  }
  if (!ok()) return std::unexpected<Error>(*error_);
  return std::move(statement_);
}

Result<RawType> Parser::parse_lone_type() {
  RawType out = type();
  if (token_.kind != TokenKind::kEnd) fail_here();
  if (!ok()) return std::unexpected<Error>(*error_);
  return out;
}

Result<Statement> parse(std::string_view text) {
  if (text.size() > std::numeric_limits<uint32_t>::max()) return fail(ErrorCode::kSyntax, "statement too long");
  return Parser(text).parse_statement();
}

size_t parse_bytes_max(std::string_view text) {
  const Lexer lexer(text);
  size_t tokens = 0, number_bytes = 0;
  for (Token token = lexer.next(0); token.kind != TokenKind::kEnd; ++tokens) {
    const bool begins_list = token.kind == TokenKind::kSymbol && lexer.text(token) == "[";
    const size_t list_end = begins_list ? lexer.number_list_end(token.end, [](std::string_view) {}) : 0;
    if (list_end != 0) number_bytes += list_end - token.end;
    token = lexer.next(list_end == 0 ? token.end : list_end);
  }
  return tokens * kParsedTokenBytes + number_bytes * kParsedNumberBytes + text.size() * kParsedTextBytes + kParsedBytes;
}

Result<RawType> parse_type(std::string_view text) {
  if (text.size() > std::numeric_limits<uint32_t>::max()) return fail(ErrorCode::kSyntax, "type too long");
  return Parser(text).parse_lone_type();
}

}  // namespace sagitta::cql
