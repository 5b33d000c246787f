/// A text beside a pattern, from left to right; after a mismatch the last % takes one character
/// more.
#include "sagitta/text/like.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace sagitta::text {
namespace {

/// Of the character that begins the text, which is not empty.
size_t length_of_first(BytesView text) {
  const auto first = static_cast<uint8_t>(text[0]);
  const size_t length = first < 0x80 ? 1 : static_cast<size_t>(std::countl_one(first));
  if (length == 0 || length > 4 || length > text.size()) return 1;
  const bool is_whole = std::ranges::all_of(text.substr(1, length - 1),
                                            [](char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; });
  return is_whole ? length : 1;
}

/// What a pattern begins with.
struct Step {
  enum class Kind : uint8_t { kMany, kOne, kByte } kind;
  char byte;
  size_t length;  ///< in the pattern
};

Step first_step(BytesView pattern) {
  if (pattern[0] == '%') return {Step::Kind::kMany, 0, 1};
  if (pattern[0] == '_') return {Step::Kind::kOne, 0, 1};
  const bool is_escape =
      pattern[0] == '\\' && pattern.size() > 1 && (pattern[1] == '%' || pattern[1] == '_' || pattern[1] == '\\');
  return {Step::Kind::kByte, pattern[is_escape ? 1 : 0], is_escape ? size_t{2} : 1};
}

/// How much of the text the step takes; nothing when it does not match. Not for kMany.
std::optional<size_t> taken(const Step& step, BytesView text) {
  if (text.empty()) return std::nullopt;
  if (step.kind == Step::Kind::kOne) return length_of_first(text);
  return text[0] == step.byte ? std::optional(size_t{1}) : std::nullopt;
}

}  // namespace

bool is_like(BytesView text, BytesView pattern) {
  std::optional<BytesView> after_many;  // the pattern behind the last %
  BytesView many_ends;                  // and the text that it is tried on
  for (;;) {
    if (!pattern.empty()) {
      const Step step = first_step(pattern);
      if (step.kind == Step::Kind::kMany) {
        pattern.remove_prefix(1);
        after_many = pattern;
        many_ends = text;
        continue;
      }
      if (const auto length = taken(step, text)) {
        text.remove_prefix(*length);
        pattern.remove_prefix(step.length);
        continue;
      }
    } else if (text.empty()) {
      return true;
    }
    if (!after_many || many_ends.empty()) return false;
    many_ends.remove_prefix(length_of_first(many_ends));
    text = many_ends;
    pattern = *after_many;
  }
}

}  // namespace sagitta::text
