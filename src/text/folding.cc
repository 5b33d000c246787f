/// Foldings, by utf8proc's tables.
#include "sagitta/text/folding.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

namespace sagitta::text {
namespace {

/// Letters that Unicode does not take apart, and what they become.
struct Letter {
  utf8proc_int32_t from;
  std::string_view to;
};
constexpr auto kLetters = std::to_array<Letter>({
    {0x00C6, "AE"}, {0x00D0, "D"},  {0x00D8, "O"},  {0x00DE, "TH"}, {0x00DF, "ss"}, {0x00E6, "ae"}, {0x00F0, "d"},
    {0x00F8, "o"},  {0x00FE, "th"}, {0x0110, "D"},  {0x0111, "d"},  {0x0126, "H"},  {0x0127, "h"},  {0x0131, "i"},
    {0x0138, "q"},  {0x0141, "L"},  {0x0142, "l"},  {0x014A, "N"},  {0x014B, "n"},  {0x0152, "OE"}, {0x0153, "oe"},
    {0x0166, "T"},  {0x0167, "t"},  {0x0180, "b"},  {0x0189, "D"},  {0x018F, "A"},  {0x0190, "E"},  {0x0192, "f"},
    {0x0197, "I"},  {0x019A, "l"},  {0x01B5, "Z"},  {0x01B6, "z"},  {0x0243, "B"},  {0x0244, "U"},  {0x0246, "E"},
    {0x0247, "e"},  {0x0248, "J"},  {0x0249, "j"},  {0x0250, "a"},  {0x0253, "b"},  {0x0259, "a"},  {0x025B, "e"},
    {0x1E9E, "SS"}, {0x2010, "-"},  {0x2011, "-"},  {0x2012, "-"},  {0x2013, "-"},  {0x2014, "-"},  {0x2018, "'"},
    {0x2019, "'"},  {0x201A, "'"},  {0x201C, "\""}, {0x201D, "\""}, {0x201E, "\""}, {0x2039, "'"},  {0x203A, "'"},
    {0x00AB, "\""}, {0x00BB, "\""},
});

/// Nothing when the text is no UTF-8.
std::optional<Bytes> map(BytesView text, int options) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (size < 0) return std::nullopt;
  return Bytes(reinterpret_cast<const char*>(mapped), static_cast<size_t>(size));
}

/// Calls `each` with the text's code points; whether it is UTF-8.
template <class Each>
bool visit(BytesView text, Each each) {
  auto at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t point = 0;
    const auto size = utf8proc_iterate(at, left, &point);
    if (size <= 0) return false;
    each(point);
    at += size;
    left -= size;
  }
  return true;
}

void append(utf8proc_int32_t point, Bytes& out) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto size = utf8proc_encode_char(point, bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(size));
}

/// Letter by letter, as languages with one lower-case letter for each have it.
std::optional<Bytes> lower(BytesView text) {
  Bytes out;
  out.reserve(text.size());
  if (!visit(text, [&](utf8proc_int32_t point) { append(utf8proc_tolower(point), out); })) return std::nullopt;
  return out;
}

std::optional<Bytes> ascii(BytesView text) {
  const auto apart = map(text, UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK);
  if (!apart) return std::nullopt;
  Bytes out;
  visit(*apart, [&](utf8proc_int32_t point) {
    const auto letter = std::ranges::find(kLetters, point, &Letter::from);
    letter == kLetters.end() ? append(point, out) : void(out += letter->to);
  });
  return out;
}

}  // namespace

Bytes Folding::fold(BytesView text) const {
  Bytes folded(text);
  const auto apply = [&](bool wanted, auto&& step) {
    if (!wanted) return;
    if (auto next = step(folded)) folded = *std::move(next);
  };
  apply(ignores_case, [](BytesView t) { return lower(t); });
  apply(normalises, [](BytesView t) { return map(t, UTF8PROC_STABLE | UTF8PROC_COMPOSE); });
  apply(to_ascii, [](BytesView t) { return ascii(t); });
  return folded;
}

}  // namespace sagitta::text
