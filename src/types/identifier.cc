#include "identifier.h"

#include <algorithm>

namespace sagitta::types {

std::string quoted_if_needed(const std::string& name) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto plain = [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '_'; };
  if (!name.empty() && lower(name[0]) && std::ranges::all_of(name, plain)) return name;
  std::string quoted = "\"";
  for (char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace sagitta::types
