#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sagitta/base/limits.h"
#include "sagitta/types/name.h"

#include "parser_impl.h"

namespace sagitta::cql {

namespace {

bool is_number(const Term& term) {
  const auto* literal = term.get_if<Literal>();
  return literal != nullptr && (literal->kind == LiteralKind::kInteger || literal->kind == LiteralKind::kFloat);
}

std::optional<LiteralKind> literal_kind(TokenKind kind) {
  switch (kind) {
    case TokenKind::kString: return LiteralKind::kString;
    case TokenKind::kInteger: return LiteralKind::kInteger;
    case TokenKind::kFloat: return LiteralKind::kFloat;
    case TokenKind::kUuid: return LiteralKind::kUuid;
    case TokenKind::kBlob: return LiteralKind::kBlob;
    case TokenKind::kDuration: return LiteralKind::kDuration;
    default: return std::nullopt;
  }
}

std::optional<LiteralKind> constant_kind(std::string_view word) {
  if (same_word(word, "null")) return LiteralKind::kNull;
  if (same_word(word, "true") || same_word(word, "false")) return LiteralKind::kBoolean;
  if (same_word(word, "nan") || same_word(word, "infinity")) return LiteralKind::kFloat;
  return std::nullopt;
}

/// Sets a flag for the life of the object.
class Scoped {
 public:
  Scoped(bool& flag, bool value) : flag_(flag), before_(flag) { flag_ = value; }
  ~Scoped() { flag_ = before_; }
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;

 private:
  bool& flag_;
  bool before_;
};

}  // namespace

Literal NumberList::literal(size_t i) const {
  const std::string_view number = (*this)[i];
  const bool integer = number.find_first_not_of("-0123456789") == std::string_view::npos;
  return {.kind = integer ? LiteralKind::kInteger : LiteralKind::kFloat, .text = std::string(number)};
}

void Parser::count_link() {
  if (++links_ <= limits::kNestingMax) return;
  fail_syntax(token_, fmt::format("more than {} operators in one term", limits::kNestingMax), false);
}

Term Parser::selectable() {
  const Scoped scoped(columns_allowed_, true);
  return term();
}

Term Parser::term() {
  const Nesting nesting(*this);
  Term left = product();
  while ((at_symbol("+") || at_symbol("-")) && !names_column_next()) {
    const char op = token_text()[0];
    count_link();
    advance();
    const uint32_t offset = left.offset;
    TermPtr first = TermPtr(std::move(left));
    left = make(offset, Arithmetic{.op = op, .left = std::move(first), .right = TermPtr(product())});
    if (!ok()) break;
  }
  return left;
}

bool Parser::names_column_next() const {
  if (columns_allowed_) return false;
  const Token name = peek();
  if (!is_name(name) || lexer_.iso_duration_end(name.begin) != name.begin) return false;
  const Token behind = lexer_.next(name.end);
  return !is_symbol(behind, "(") && !is_symbol(behind, ".");
}

Term Parser::product() {
  Term left = signed_term();
  while (at_symbol("*") || at_symbol("/") || at_symbol("%")) {
    const char op = token_text()[0];
    count_link();
    advance();
    const uint32_t offset = left.offset;
    TermPtr first = TermPtr(std::move(left));
    left = make(offset, Arithmetic{.op = op, .left = std::move(first), .right = TermPtr(signed_term())});
    if (!ok()) break;
  }
  return left;
}

Term Parser::signed_term() {
  if (!at_symbol("-")) return accessed();
  if (std::optional<Term> negative = negative_literal()) return *std::move(negative);
  const Nesting nesting(*this);
  const uint32_t offset = token_.begin;
  advance();
  if (!ok()) return {};
  return make(offset, Negation{.term = TermPtr(signed_term())});
}

std::optional<Term> Parser::negative_literal() {
  const uint32_t offset = token_.begin;
  Token behind = peek();
  std::optional<LiteralKind> kind = literal_kind(behind.kind);
  if (behind.kind == TokenKind::kWord) {
    const size_t iso_end = lexer_.iso_duration_end(behind.begin);
    if (iso_end != behind.begin) {
      kind = LiteralKind::kDuration;
      behind.end = static_cast<uint32_t>(iso_end);
    } else if (constant_kind(lexer_.text(behind)) == LiteralKind::kFloat) {
      kind = LiteralKind::kFloat;
    }
  }
  if (kind != LiteralKind::kInteger && kind != LiteralKind::kFloat && kind != LiteralKind::kDuration)
    return std::nullopt;
  Term out = make(offset, Literal{.kind = *kind, .text = "-" + std::string(lexer_.text(behind))});
  move_to(behind.end);
  return out;
}

Term Parser::accessed() {
  Term object = primary();
  while (columns_allowed_ && ok() && (at_symbol(".") || at_symbol("["))) {
    count_link();
    if (at_symbol("[")) {
      object = element_access(std::move(object));
      continue;
    }
    advance();
    const uint32_t offset = object.offset;
    TermPtr whole = TermPtr(std::move(object));
    object = make(offset, FieldAccess{.object = std::move(whole), .field = expect_name()});
  }
  return object;
}

Term Parser::element_access(Term object) {
  const Scoped scoped(columns_allowed_, false);
  const uint32_t offset = object.offset;
  ElementAccess access{.object = TermPtr(std::move(object)), .key = {}, .from = {}, .to = {}};
  expect("[");
  if (!at_symbol("..")) access.key = TermPtr(term());
  if (accept("..")) {
    access.slice = true;
    access.from = std::move(access.key);
    if (!at_symbol("]")) access.to = TermPtr(term());
  }
  expect("]");
  return make(offset, std::move(access));
}

Term Parser::literal(LiteralKind kind, std::string text) {
  Term out = make(token_.begin, Literal{.kind = kind, .text = std::move(text)});
  advance();
  return out;
}

Term Parser::primary() {
  if (const auto kind = literal_kind(token_.kind)) {
    switch (*kind) {
      case LiteralKind::kString: return literal(*kind, unquote(token_text()));
      case LiteralKind::kBlob: return literal(*kind, std::string(token_text().substr(2)));
      default: return literal(*kind, std::string(token_text()));
    }
  }
  if (token_.kind == TokenKind::kWord || token_.kind == TokenKind::kQuotedWord) return word_term();
  if (at_marker()) return marker();
  if (at_symbol("[")) return list();
  if (at_symbol("{")) return braces();
  if (at_symbol("(")) return parenthesised();
  fail_here();
  return {};
}

Term Parser::word_term() {
  const uint32_t offset = token_.begin;
  const Token behind = peek();
  if (token_.kind == TokenKind::kWord) {
    if (const auto constant = constant_kind(token_text())) {
      std::string text(token_text());
      return literal(*constant, constant == LiteralKind::kFloat ? std::move(text) : to_lower(text));
    }
    if (at_word("cast") && is_symbol(behind, "(")) return cast_call();
    if (at_word("token") && is_symbol(behind, "(")) {
      QualifiedName name{.keyspace = {}, .name = expect_word_or_name()};
      return call(std::move(name), offset);
    }
    const size_t iso_end = lexer_.iso_duration_end(offset);
    if (!columns_allowed_ && iso_end != offset) {
      token_.end = static_cast<uint32_t>(iso_end);
      return literal(LiteralKind::kDuration, std::string(token_text()));
    }
  }
  std::string name = expect_name();
  if (is_symbol(behind, "(")) return call({.keyspace = {}, .name = std::move(name)}, offset);
  if (is_symbol(behind, ".") && ok()) {
    const Token function = peek();
    if (is_name(function) && is_symbol(lexer_.next(function.end), "(")) {
      advance();
      std::string function_name = expect_name();
      return call({.keyspace = std::move(name), .name = std::move(function_name)}, offset);
    }
  }
  if (columns_allowed_) return make(offset, ColumnRef{.name = std::move(name)});
  fail_here();
  return {};
}

Term Parser::call(QualifiedName name, uint32_t offset) {
  FunctionCall out{.name = std::move(name), .arguments = {}};
  expect("(");
  const bool count = out.name.name == "count" && (out.name.keyspace.empty() || out.name.keyspace == "system");
  if (count && (at_symbol("*") || token_.kind == TokenKind::kInteger)) {
    out.star = true;
    advance();
    expect(")");
    return make(offset, std::move(out));
  }
  out.arguments = terms_until(")");
  return make(offset, std::move(out));
}

std::vector<Term> Parser::terms_until(std::string_view close) {
  std::vector<Term> out;
  if (accept(close)) return out;
  Siblings siblings(*this);
  do out.push_back(siblings.next());
  while (accept(","));
  expect(close);
  return out;
}

Term Parser::cast_call() {
  const uint32_t offset = token_.begin;
  Cast cast{.type = {}, .term = {}, .converts = true};
  advance();
  expect("(");
  cast.term = TermPtr(term());
  expect_word("as");
  cast.type = type();
  expect(")");
  return make(offset, std::move(cast));
}

Term Parser::parenthesised() {
  const uint32_t offset = token_.begin;
  const bool is_cast = at_cast();
  expect("(");
  if (!is_cast) {
    TupleLiteral tuple;
    Siblings siblings(*this);
    do tuple.elements.push_back(siblings.next());
    while (accept(","));
    expect(")");
    return make(offset, std::move(tuple));
  }
  const Nesting nesting(*this);
  Cast cast{.type = type(), .term = {}};
  expect(")");
  if (!ok()) return {};
  cast.term = TermPtr(signed_term());
  return make(offset, std::move(cast));
}

bool Parser::at_cast() const {
  const Token first = peek();
  if (first.kind == TokenKind::kInteger) return false;
  const std::optional<Token> close = skip_type(first);
  if (!close || !is_symbol(*close, ")")) return false;
  const Token behind = lexer_.next(close->end);
  // A minus behind a column is an operator.
  if (is_symbol(behind, "-")) return !columns_allowed_ || names_type(first);
  return begins_term(behind);
}

bool Parser::names_type(const Token& token) const {
  const std::string name = to_lower(lexer_.text(token));
  return token.kind == TokenKind::kWord && types::quote_type_name(name) != name;
}

std::optional<Token> Parser::skip_type(Token token) const {
  size_t open = 0;
  do {
    if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kBad) return std::nullopt;
    const bool part = is_name(token) || is_word(token, "set") || token.kind == TokenKind::kInteger ||
                      token.kind == TokenKind::kString || is_symbol(token, ",") || is_symbol(token, ".");
    if (is_symbol(token, "<")) {
      ++open;
    } else if (is_symbol(token, ">") && open > 0) {
      --open;
    } else if (!part) {
      return std::nullopt;
    }
    token = lexer_.next(token.end);
    if (open == 0 && is_symbol(token, ",")) return std::nullopt;
  } while (open > 0 || !is_symbol(token, ")"));
  return token;
}

/// Of the words that may follow a term in parentheses, those that are not reserved.
bool Parser::begins_clause(const Token& token) const {
  static constexpr std::pair<std::string_view, std::string_view> kClauses[] = {
      {"per", "partition"}, {"group", "by"}, {"bypass", "cache"}};
  if (is_word(token, "as")) return true;
  const Token behind = lexer_.next(token.end);
  return std::ranges::any_of(
      kClauses, [&](const auto& words) { return is_word(token, words.first) && is_word(behind, words.second); });
}

bool Parser::begins_term(const Token& token) const {
  switch (token.kind) {
    case TokenKind::kEnd:
    case TokenKind::kBad: return false;
    case TokenKind::kWord:
      return constant_kind(lexer_.text(token)).has_value() || (is_name(token) && !begins_clause(token));
    case TokenKind::kSymbol: return std::string_view("?:([{").find(lexer_.text(token)) != std::string_view::npos;
    default: return true;
  }
}

Term Parser::list() {
  const uint32_t offset = token_.begin;
  if (NumberList numbers; number_list(numbers)) return make(offset, std::move(numbers));
  expect("[");
  std::vector<Term> elements = terms_until("]");
  if (elements.empty() || !std::ranges::all_of(elements, is_number)) {
    return make(offset, ListLiteral{.elements = std::move(elements)});
  }
  NumberList numbers;
  for (const Term& element : elements) {
    numbers.text += element.get_if<Literal>()->text;
    numbers.ends.push_back(static_cast<uint32_t>(numbers.text.size()));
  }
  return make(offset, std::move(numbers));
}

// The plain case, without a token and a term for each element: lists of signed numbers and blanks.
bool Parser::number_list(NumberList& numbers) {
  const size_t end = lexer_.number_list_end(token_.end, [&](std::string_view number) {
    numbers.text += number;
    numbers.ends.push_back(static_cast<uint32_t>(numbers.text.size()));
  });
  if (end == 0) return false;
  move_to(end);
  return true;
}

Term Parser::braces() {
  const uint32_t offset = token_.begin;
  expect("{");
  if (accept("}")) return make(offset, SetLiteral{});
  Siblings siblings(*this);
  if (is_name(token_) && is_symbol(peek(), ":")) {
    UdtLiteral udt;
    do {
      std::string field = expect_name();
      expect(":");
      udt.fields.emplace_back(std::move(field), siblings.next());
    } while (accept(","));
    expect("}");
    return make(offset, std::move(udt));
  }
  Term first = siblings.next();
  if (!at_symbol(":")) {
    SetLiteral set;
    set.elements.push_back(std::move(first));
    while (accept(",")) set.elements.push_back(siblings.next());
    expect("}");
    return make(offset, std::move(set));
  }
  MapLiteral map;
  expect(":");
  map.entries.emplace_back(std::move(first), siblings.next());
  while (accept(",")) {
    Term key = siblings.next();
    expect(":");
    map.entries.emplace_back(std::move(key), siblings.next());
  }
  expect("}");
  return make(offset, std::move(map));
}

Term Parser::marker() {
  const uint32_t offset = token_.begin;
  std::string name;
  if (!accept("?")) {
    expect(":");
    name = expect_word_or_name();
  }
  const Marker out{.index = static_cast<uint32_t>(statement_.markers.size())};
  statement_.markers.push_back(std::move(name));
  return make(offset, out);
}

int64_t Parser::expect_int64() {
  const std::string digits = (accept("-") ? "-" : "") + std::string(token_text());
  int64_t value = 0;
  if (token_.kind != TokenKind::kInteger) {
    fail_here();
  } else if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) {
    fail_number(digits);
  }
  advance();
  return value;
}

}  // namespace sagitta::cql
