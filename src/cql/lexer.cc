#include "lexer.h"

#include <algorithm>
#include <array>

namespace sagitta::cql {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_word_char(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr auto kSymbolsOfTwo = std::to_array<std::string_view>({"<=", ">=", "!=", "+=", "-=", ".."});
constexpr std::string_view kSymbolsOfOne = ";()[]{},.:=<>+-*/%?";

}  // namespace

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string to_lower(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

bool same_word(std::string_view word, std::string_view keyword) {
  return std::ranges::equal(word, keyword, [](char a, char b) { return to_lower(a) == b; });
}

std::string unquote(std::string_view token) {
  if (token.starts_with('$')) return std::string(token.substr(2, token.size() - 4));
  const char quote = token[0];
  std::string out;
  out.reserve(token.size() - 2);
  for (size_t i = 1; i + 1 < token.size(); ++i) {
    out.push_back(token[i]);
    if (token[i] == quote) ++i;
  }
  return out;
}

Token Lexer::token(TokenKind kind, size_t begin, size_t end) const {
  return {.kind = kind, .begin = static_cast<uint32_t>(begin), .end = static_cast<uint32_t>(end)};
}

size_t Lexer::digits_end(size_t i) const {
  while (is_digit(at(i))) ++i;
  return i;
}

size_t Lexer::skip_blanks(size_t i) const {
  while (is_blank(at(i))) ++i;
  return i;
}

size_t Lexer::skip_hidden(size_t i, bool& unfinished) const {
  for (;;) {
    i = skip_blanks(i);
    const std::string_view two = text_.substr(std::min(i, text_.size()), 2);
    if (two == "--" || two == "//" || two.starts_with('#')) {
      i = std::min(text_.find_first_of("\n\r", i), text_.size());
    } else if (two == "/*") {
      const size_t close = text_.find("*/", i + 2);
      if (close == std::string_view::npos) {
        unfinished = true;
        return i;
      }
      i = close + 2;
    } else {
      return i;
    }
  }
}

Token Lexer::next(size_t offset) const {
  bool unfinished = false;
  const size_t i = skip_hidden(offset, unfinished);
  if (unfinished) return token(TokenKind::kBad, i, text_.size());
  if (i >= text_.size()) return token(TokenKind::kEnd, text_.size(), text_.size());
  const char c = text_[i];
  if (is_hex(c) && is_uuid(i)) return token(TokenKind::kUuid, i, i + 36);
  if (is_digit(c)) return number(i);
  if (is_letter(c)) {
    size_t end = i;
    while (is_word_char(at(end))) ++end;
    return token(TokenKind::kWord, i, end);
  }
  if (c == '"') return quoted(i, TokenKind::kQuotedWord);
  if (c == '\'') return quoted(i, TokenKind::kString);
  if (c == '$' && at(i + 1) == '$') return dollar_string(i);
  return symbol(i);
}

bool Lexer::is_uuid(size_t i) const {
  if (text_.size() - i < 36 || text_[i + 8] != '-') return false;
  for (size_t k = 0; k < 36; ++k) {
    const bool dash = k == 8 || k == 13 || k == 18 || k == 23;
    if (dash ? text_[i + k] != '-' : !is_hex(text_[i + k])) return false;
  }
  return !is_word_char(at(i + 36));
}

size_t Lexer::number_end(size_t offset) const {
  size_t i = digits_end(offset);
  if (i == offset) return offset;
  if (at(i) == '.' && at(i + 1) != '.') i = digits_end(i + 1);
  if (at(i) != 'e' && at(i) != 'E') return i;
  const size_t exponent = i + (at(i + 1) == '+' || at(i + 1) == '-' ? 2 : 1);
  const size_t end = digits_end(exponent);
  return end == exponent ? i : end;
}

Token Lexer::number(size_t i) const {
  if (at(i) == '0' && (at(i + 1) == 'x' || at(i + 1) == 'X')) {
    size_t end = i + 2;
    while (is_hex(at(end))) ++end;
    return token(TokenKind::kBlob, i, end);
  }
  if (const size_t end = duration_end(i); end != i) return token(TokenKind::kDuration, i, end);
  const size_t end = number_end(i);
  return token(end == digits_end(i) ? TokenKind::kInteger : TokenKind::kFloat, i, end);
}

size_t Lexer::duration_end(size_t i) const {
  static constexpr auto kUnits =
      std::to_array<std::string_view>({"mo", "ms", "us", "\xC2\xB5s", "ns", "y", "w", "d", "h", "m", "s"});
  const size_t begin = i;
  while (is_digit(at(i))) {
    i = digits_end(i);
    const auto unit = std::ranges::find_if(
        kUnits, [&](std::string_view u) { return same_word(text_.substr(std::min(i, text_.size()), u.size()), u); });
    if (unit == kUnits.end()) return begin;
    i += unit->size();
  }
  return is_word_char(at(i)) ? begin : i;
}

size_t Lexer::iso_duration_end(size_t offset) const {
  if (to_lower(at(offset)) != 'p') return offset;
  size_t i = offset + 1;
  size_t amounts = 0;
  for (;;) {
    if (to_lower(at(i)) == 't') ++i;
    const size_t digits = digits_end(i);
    if (digits == i) break;
    const char unit = to_lower(at(digits));
    if (std::string_view("ymwdhs-:t").find(unit) == std::string_view::npos) {
      // Only the last number of the alternative form P0001-02-03T04:05:06 has nothing behind it.
      const char before = at(i - 1);
      i = before == ':' || before == '-' ? digits : offset;
      break;
    }
    i = unit == 't' ? digits : digits + 1;
    ++amounts;
  }
  return amounts == 0 || is_word_char(at(i)) ? offset : i;
}

Token Lexer::quoted(size_t i, TokenKind kind) const {
  for (size_t end = i + 1;; end += 2) {
    end = text_.find(text_[i], end);
    if (end == std::string_view::npos) return token(TokenKind::kBad, i, text_.size());
    if (at(end + 1) != text_[i]) return token(kind, i, end + 1);
  }
}

Token Lexer::dollar_string(size_t i) const {
  const size_t close = text_.find("$$", i + 2);
  if (close == std::string_view::npos) return token(TokenKind::kBad, i, text_.size());
  return token(TokenKind::kString, i, close + 2);
}

Token Lexer::symbol(size_t i) const {
  if (std::ranges::find(kSymbolsOfTwo, text_.substr(i, 2)) != kSymbolsOfTwo.end()) {
    return token(TokenKind::kSymbol, i, i + 2);
  }
  if (kSymbolsOfOne.find(text_[i]) != std::string_view::npos) return token(TokenKind::kSymbol, i, i + 1);
  size_t end = i + 1;
  while ((static_cast<unsigned char>(at(end)) & 0xC0U) == 0x80U) ++end;
  return token(TokenKind::kBad, i, end);
}

}  // namespace sagitta::cql
