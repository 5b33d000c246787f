#include "sagitta/types/name.h"

#include <algorithm>
#include <array>

#include "native_names.h"

namespace sagitta::types {
namespace {

constexpr auto kReserved = std::to_array<std::string_view>({
    "add",    "allow",        "alter",    "and",    "apply",        "asc",      "authorize", "batch",       "begin",
    "by",     "columnfamily", "create",   "delete", "desc",         "describe", "drop",      "entries",     "execute",
    "false",  "from",         "full",     "grant",  "if",           "in",       "index",     "infinity",    "insert",
    "into",   "is",           "keyspace", "limit",  "materialized", "modify",   "nan",       "norecursive", "not",
    "null",   "of",           "on",       "or",     "order",        "primary",  "rename",    "revoke",      "schema",
    "select", "set",          "table",    "to",     "token",        "true",     "truncate",  "unlogged",    "update",
    "use",    "using",        "view",     "where",  "with",
});
static_assert(std::ranges::is_sorted(kReserved));

/// Types that have types inside.
constexpr auto kParametric = std::to_array<std::string_view>({"frozen", "list", "map", "set", "tuple", "vector"});

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

}  // namespace

bool is_reserved_word(std::string_view word) { return std::ranges::binary_search(kReserved, word); }

bool is_plain_word(std::string_view text) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto fits = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && is_letter(text[0]) && std::ranges::all_of(text, fits);
}

std::optional<Kind> native_kind(std::string_view word) {
  if (word == "varchar") return Kind::kText;
  const auto* it = std::ranges::find(kNatives, word, &NativeName::cql);
  return it == kNatives.end() ? std::nullopt : std::optional(it->kind);
}

std::string quote_name(std::string_view name) {
  return is_plain_word(name) && !is_reserved_word(name) ? std::string(name) : quoted(name);
}

std::string quote_type_name(std::string_view name) {
  const bool means_another = native_kind(name) || std::ranges::find(kParametric, name) != kParametric.end();
  return means_another ? quoted(name) : quote_name(name);
}

}  // namespace sagitta::types
