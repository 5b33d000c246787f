/// Targets (RFC 9112 §3.2) and percent-encoding (RFC 3986 §2.1).
#include "sagitta/http/target.h"

#include <algorithm>

namespace sagitta::http {
namespace {

std::optional<int> digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return {};
}

/// The path of "http://host/path"; the text itself when it begins with '/'.
std::optional<std::string_view> without_authority(std::string_view text) {
  if (text.starts_with('/') || text == "*") return text;
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return {};
  text.remove_prefix(scheme + 3);
  const size_t path = text.find_first_of("/?");
  return path == std::string_view::npos ? "/" : text.substr(path);
}

}  // namespace

std::optional<std::string_view> Target::find(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
  return found == query.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

std::optional<Target> parse_target(std::string_view text) {
  const auto local = without_authority(text.substr(0, text.find('#')));
  if (!local) return {};
  const size_t mark = std::min(local->find('?'), local->size());
  Target target;
  if (mark > 0) target.path = local->substr(0, mark);
  for (std::string_view rest = local->substr(std::min(mark + 1, local->size())); !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode_percent(pair.substr(0, equals), true);
    auto value = decode_percent(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return {};
    target.query.emplace_back(*std::move(name), *std::move(value));
  }
  return target;
}

std::optional<std::string> decode_percent(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += plus_is_blank && text[at] == '+' ? ' ' : text[at];
      continue;
    }
    if (at + 2 >= text.size()) return {};
    const auto high = digit_of(text[at + 1]), low = digit_of(text[at + 2]);
    if (!high || !low) return {};
    decoded += static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  return decoded;
}

}  // namespace sagitta::http
