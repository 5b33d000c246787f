/// Splits CQL text into tokens, one at a time. A token is a range of the text; nothing is copied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sagitta::cql {

enum class TokenKind : uint8_t {
  kEnd,
  kWord,        ///< an unquoted identifier or keyword
  kQuotedWord,  ///< "..." with its quotes
  kString,      ///< '...' or $$...$$ with its quotes
  kInteger,     ///< digits, without a sign
  kFloat,       ///< without a sign
  kUuid,
  kBlob,  ///< 0x...
  kDuration,
  kSymbol,
  kBad,  ///< what no token begins with, or an unfinished string or comment
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t begin = 0, end = 0;
};

/// The text must outlive the lexer and be shorter than 4 GiB.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::string_view text() const { return text_; }
  std::string_view text(const Token& token) const { return text_.substr(token.begin, token.end - token.begin); }

  /// The first token at or behind `offset`, behind blanks and comments.
  Token next(size_t offset) const;
  /// Where an ISO 8601 duration ("P1Y2M", "P0001-02-03T04:05:06") that begins at `offset` ends;
  /// `offset` if none does.
  size_t iso_duration_end(size_t offset) const;
  /// Where an unsigned number that begins at `offset` ends; `offset` if none does.
  size_t number_end(size_t offset) const;
  /// Behind a `[` at `offset`: where the list ends if it is of signed numbers and blanks alone,
  /// else
  /// 0. Calls `each` with the text of every number, up to what is none.
  template <class Each>
  size_t number_list_end(size_t offset, Each each) const;

 private:
  char at(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  size_t digits_end(size_t i) const;
  size_t skip_blanks(size_t i) const;
  /// Sets `unfinished` when a comment does not end.
  size_t skip_hidden(size_t i, bool& unfinished) const;
  bool is_uuid(size_t i) const;
  size_t duration_end(size_t i) const;
  Token number(size_t i) const;
  Token quoted(size_t i, TokenKind kind) const;
  Token dollar_string(size_t i) const;
  Token symbol(size_t i) const;
  Token token(TokenKind kind, size_t begin, size_t end) const;

  std::string_view text_;
};

template <class Each>
size_t Lexer::number_list_end(size_t offset, Each each) const {
  size_t i = skip_blanks(offset);
  for (;; i = skip_blanks(i + 1)) {
    const size_t begin = i;
    if (at(i) == '-') ++i;
    const size_t end = number_end(i);
    if (end == i) return 0;
    each(text_.substr(begin, end - begin));
    i = skip_blanks(end);
    if (at(i) == ']') return i + 1;
    if (at(i) != ',') return 0;
  }
}

/// ASCII only, as CQL's case folding.
char to_lower(char c);
std::string to_lower(std::string_view word);
/// Whether `word` is `keyword`, which is in lower case, in any case.
bool same_word(std::string_view word, std::string_view keyword);
/// The contents of a kQuotedWord or kString token.
std::string unquote(std::string_view token);

}  // namespace sagitta::cql
