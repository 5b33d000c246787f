/// The target of a request in parts: path and query, with their escapes undone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagitta::http {

struct Target {
  /// As it travelled, escapes and all: a '/' within a segment stays "%2F".
  std::string path = "/";
  /// In order, decoded; a name without '=' has an empty value.
  std::vector<std::pair<std::string, std::string>> query = {};

  /// The first value of that name.
  std::optional<std::string_view> find(std::string_view name) const;
};

/// Of "/path?a=1&b" or "http://host/path?a=1". Nothing when it is neither or an escape of the query
/// is damaged.
std::optional<Target> parse_target(std::string_view text);

/// "%41b" is "Ab"; nothing when a '%' lacks its two digits. With `plus_is_blank`, as forms have it.
std::optional<std::string> decode_percent(std::string_view text, bool plus_is_blank = false);

}  // namespace sagitta::http
