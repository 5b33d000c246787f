#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/limits.h"
#include "sagitta/types/name.h"

#include "parser_impl.h"

namespace sagitta::cql {

namespace {

/// Cassandra shows so many tokens, blanks between them counted, before the offending one.
constexpr size_t kSnippetTokens = 10;
/// Longer tokens are cut in messages: a statement may hold megabytes of literals.
constexpr size_t kQuotedBytesMax = 200;
/// No reserved word is longer: a long one need not be copied to be looked up.
constexpr size_t kReservedBytesMax = 15;

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, kQuotedBytesMax)) {
    if (c != '\r') line.push_back(c == '\n' ? ' ' : c);
  }
  if (text.size() > kQuotedBytesMax) line += "...";
  return line;
}

}  // namespace

Parser::Nesting::Nesting(Parser& parser) : parser_(parser) {
  if (++parser_.depth_ == 1) parser_.links_ = 0;
  if (parser_.depth_ > limits::kNestingMax) {
    parser_.fail_syntax(parser_.token_, fmt::format("nesting deeper than {}", limits::kNestingMax), false);
  }
}

void Parser::move_to(size_t offset) {
  if (!ok()) return;
  token_ = lexer_.next(offset);
  refuse_bad_token();
}

bool Parser::is_symbol(const Token& token, std::string_view symbol) const {
  return token.kind == TokenKind::kSymbol && lexer_.text(token) == symbol;
}

bool Parser::is_word(const Token& token, std::string_view word) const {
  return token.kind == TokenKind::kWord && same_word(lexer_.text(token), word);
}

bool Parser::is_name(const Token& token) const {
  if (token.kind == TokenKind::kQuotedWord) return true;
  const std::string_view text = lexer_.text(token);
  return token.kind == TokenKind::kWord &&
         (text.size() > kReservedBytesMax || !types::is_reserved_word(to_lower(text)));
}

bool Parser::accept(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  advance();
  return true;
}

bool Parser::accept_word(std::string_view word) {
  if (!at_word(word)) return false;
  advance();
  return true;
}

bool Parser::accept_words(std::initializer_list<std::string_view> words) {
  Token token = token_;
  for (const std::string_view word : words) {
    if (!is_word(token, word)) return false;
    token = lexer_.next(token.end);
  }
  token_ = token;
  refuse_bad_token();
  return true;
}

void Parser::expect(std::string_view symbol) {
  if (accept(symbol)) return;
  fail_syntax(token_, fmt::format("mismatched input '{}' expecting '{}'", one_line(token_text()), symbol), true);
}

void Parser::expect_word(std::string_view word) {
  if (accept_word(word)) return;
  std::string upper(word);
  for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  fail_syntax(token_, fmt::format("mismatched input '{}' expecting K_{}", one_line(token_text()), upper), true);
}

void Parser::expect_words(std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) expect_word(word);
}

std::string Parser::expect_name() {
  if (!is_name(token_)) {
    fail_here();
    return {};
  }
  return expect_word_or_name();
}

std::string Parser::expect_word_or_name() {
  if (token_.kind != TokenKind::kWord && token_.kind != TokenKind::kQuotedWord) {
    fail_here();
    return {};
  }
  const std::string_view text = token_text();
  std::string name = token_.kind == TokenKind::kWord ? to_lower(text) : unquote(text);
  if (name.empty()) fail_here();
  advance();
  return name;
}

std::string Parser::expect_string() {
  if (token_.kind != TokenKind::kString) {
    fail_here();
    return {};
  }
  std::string text = unquote(token_text());
  advance();
  return text;
}

QualifiedName Parser::expect_qualified_name() {
  QualifiedName out;
  out.name = expect_name();
  if (accept(".")) {
    out.keyspace = std::move(out.name);
    out.name = expect_name();
  }
  return out;
}

std::vector<std::string> Parser::name_list() {
  std::vector<std::string> names;
  expect("(");
  do names.push_back(expect_name());
  while (accept(","));
  expect(")");
  return names;
}

void Parser::refuse_bad_token() {
  if (token_.kind != TokenKind::kBad) return;
  const std::string_view text = token_text();
  const char first = text.front();
  if (text.size() == 1 || static_cast<unsigned char>(first) >= 0x80U) {
    if (first != '\'' && first != '"') {
      fail_syntax(token_, fmt::format("no viable alternative at character '{}'", text), false);
      return;
    }
  }
  const std::string_view closing = first == '/' ? "*/" : first == '$' ? "$$" : text.substr(0, 1);
  Token end = token_;
  end.begin = end.end;
  fail_syntax(end, fmt::format("mismatched character '<EOF>' expecting '{}'", closing), false);
}

void Parser::fail_here() {
  const bool end = token_.kind == TokenKind::kEnd;
  fail_syntax(token_, fmt::format("no viable alternative at input '{}'", end ? "<EOF>" : one_line(token_text())), true);
}

void Parser::fail_number(std::string_view digits) {
  constexpr size_t kShownMax = 1000;
  fail_with(ErrorCode::kSyntax,
            fmt::format("Failed parsing statement: [{}] reason: NumberFormatException For input string: \"{}\"",
                        lexer_.text().substr(0, kShownMax), digits.substr(0, kShownMax)));
}

void Parser::fail_syntax(const Token& where, std::string_view what, bool with_snippet) {
  if (!ok()) return;
  std::string message = fmt::format("line {} {}", position(where.begin), what);
  if (with_snippet && where.kind != TokenKind::kEnd) message += snippet(where);
  fail_with(ErrorCode::kSyntax, std::move(message));
}

void Parser::fail_with(ErrorCode code, std::string message) {
  if (!ok()) return;
  error_.emplace(code, std::move(message));
  const auto end = static_cast<uint32_t>(lexer_.text().size());
  token_ = {.kind = TokenKind::kEnd, .begin = end, .end = end};
}

std::string Parser::position(size_t offset) const {
  const std::string_view before = lexer_.text().substr(0, offset);
  const auto lines = std::ranges::count(before, '\n');
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto column = std::ranges::count_if(before.substr(line_begin),
                                            [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
  return fmt::format("{}:{}", lines + 1, column);
}

std::string Parser::snippet(const Token& where) const {
  std::vector<uint32_t> begins;
  uint32_t end = 0;
  for (Token token = lexer_.next(0); token.begin < where.begin; token = lexer_.next(token.end)) {
    if (token.begin != end) begins.push_back(end);
    begins.push_back(token.begin);
    if (begins.size() > kSnippetTokens + 1) begins.erase(begins.begin(), begins.end() - kSnippetTokens - 1);
    end = token.end;
  }
  if (where.begin != end) begins.push_back(end);
  const size_t from = begins.empty()                   ? where.begin
                      : begins.size() > kSnippetTokens ? begins[begins.size() - kSnippetTokens]
                                                       : begins.front();
  const std::string_view text = lexer_.text();
  return fmt::format(" ({}{}[{}]{})", from == 0 ? "" : "...", one_line(text.substr(from, where.begin - from)),
                     one_line(lexer_.text(where)), where.end == text.size() ? "" : "...");
}

}  // namespace sagitta::cql
