/// JSON texts as trees.
#include "sagitta/types/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "sagitta/base/limits.h"
#include "sagitta/types/value.h"

#include "java_text.h"

namespace sagitta::types {
namespace {

using Kind = JsonValue::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(uint32_t code, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80U | ((code >> shift) & 0x3fU)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0U | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0U | (code >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0U | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// Takes one text apart, from its front.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<JsonValue> value() {
    skip_blanks();
    if (at_ == text_.size()) return wrong("a value is missing");
    switch (text_[at_]) {
      case '{': return object();
      case '[': return list();
      case '"': return string();
      default: return scalar();
    }
  }

 private:
  std::unexpected<Error> wrong(std::string_view what) const {
    return fail(ErrorCode::kInvalid, fmt::format("{} at byte {}", what, at_ + 1));
  }
  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Status descend() {
    if (++depth_ <= limits::kNestingMax) return {};
    return wrong(fmt::format("more than {} values inside each other", limits::kNestingMax));
  }

  Result<JsonValue> object() {
    SAGITTA_CHECK(descend());
    JsonValue out{.kind = Kind::kObject};
    ++at_;
    if (!accept('}')) {
      do {
        skip_blanks();
        if (at_ == text_.size() || text_[at_] != '"') return wrong("a name is missing");
        SAGITTA_TRY(JsonValue name, string());
        if (!accept(':')) return wrong("':' is missing");
        SAGITTA_TRY(JsonValue element, value());
        out.names.push_back(std::move(name.text));
        out.elements.push_back(std::move(element));
      } while (accept(','));
      if (!accept('}')) return wrong("'}' is missing");
    }
    --depth_;
    return out;
  }

  Result<JsonValue> list() {
    SAGITTA_CHECK(descend());
    JsonValue out{.kind = Kind::kList};
    ++at_;
    if (!accept(']')) {
      do {
        SAGITTA_TRY(JsonValue element, value());
        out.elements.push_back(std::move(element));
      } while (accept(','));
      if (!accept(']')) return wrong("']' is missing");
    }
    --depth_;
    return out;
  }

  Result<JsonValue> string() {
    JsonValue out{.kind = Kind::kString};
    for (++at_; at_ < text_.size() && text_[at_] != '"';) {
      const char c = text_[at_];
      if (static_cast<uint8_t>(c) < 0x20) return wrong("a control character");
      if (c == '\\') {
        SAGITTA_CHECK(escape(out.text));
      } else {
        out.text += c;
        ++at_;
      }
    }
    if (at_ == text_.size()) return wrong("a string does not end");
    ++at_;
    return out;
  }

  Status escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
    if (++at_ == text_.size()) return wrong("a string does not end");
    if (text_[at_] == 'u') {
      ++at_;
      return unicode(out);
    }
    const size_t i = kNames.find(text_[at_]);
    if (i == std::string_view::npos) return wrong("an unknown escape");
    out += kMeant[i];
    ++at_;
    return {};
  }

  Status unicode(std::string& out) {
    SAGITTA_TRY(uint32_t code, hex4());
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_).starts_with("\\u")) {
      at_ += 2;
      SAGITTA_TRY(const uint32_t low, hex4());
      if (low < 0xdc00 || low > 0xdfff) return wrong("half a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code >= 0xd800 && code <= 0xdfff) return wrong("half a surrogate pair");
    append_utf8(code, out);
    return {};
  }

  Result<uint32_t> hex4() {
    const std::string_view digits = text_.substr(at_, 4);
    uint32_t code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() < 4 || error != std::errc() || end != digits.data() + 4) return wrong("no four digits");
    at_ += 4;
    return code;
  }

  /// A word or a number: whatever stands before the next delimiter.
  Result<JsonValue> scalar() {
    const size_t end = std::min(text_.find_first_of(" \t\r\n,]}:", at_), text_.size());
    const std::string_view word = text_.substr(at_, end - at_);
    JsonValue out;
    if (word == "true" || word == "false") {
      out = {.kind = Kind::kBoolean, .text = std::string(word)};
    } else if (is_number(word)) {
      out = number(word);
    } else if (word != "null") {
      return wrong(fmt::format("an unknown word '{}'", word.substr(0, 100)));
    }
    at_ = end;
    return out;
  }

  static bool is_number(std::string_view word) {
    size_t i = word.starts_with('-') ? 1 : 0;
    const auto digits = [&] {
      const size_t begin = i;
      while (i < word.size() && is_digit(word[i])) ++i;
      return i > begin;
    };
    const size_t first = i;
    if (!digits() || (word[first] == '0' && i > first + 1)) return false;
    if (i < word.size() && word[i] == '.' && (++i, !digits())) return false;
    if (i < word.size() && (word[i] == 'e' || word[i] == 'E')) {
      ++i;
      if (i < word.size() && (word[i] == '+' || word[i] == '-')) ++i;
      if (!digits()) return false;
    }
    return i == word.size();
  }

  static JsonValue number(std::string_view word) {
    const std::string text(word);
    if (text.find_first_of(".eE") == std::string::npos) return {.kind = Kind::kInteger, .text = text};
    return {.kind = Kind::kReal, .text = java_real(std::strtod(text.c_str(), nullptr))};
  }

  std::string_view text_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
};

}  // namespace

Result<JsonValue> parse_json(std::string_view text) { return Reader(text).value(); }

std::map<std::string, const JsonValue*, std::less<>> json_members(const JsonValue& object) {
  std::map<std::string, const JsonValue*, std::less<>> members;
  for (size_t i = 0; i < object.names.size(); ++i) {
    std::string name = object.names[i];
    if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"')) {
      name = name.substr(1, name.size() - 2);
    } else {
      std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    }
    members[std::move(name)] = &object.elements[i];
  }
  return members;
}

}  // namespace sagitta::types
