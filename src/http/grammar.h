/// Small words of HTTP's grammar that several sources share.
#pragma once

#include <algorithm>
#include <string_view>

namespace sagitta::http {

/// Without the blanks at its ends: what HTTP calls optional whitespace.
inline std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

}  // namespace sagitta::http
