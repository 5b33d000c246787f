/// Requests described as Cassandra describes them.
#include "asked.h"

#include <fmt/format.h>

#include <algorithm>

namespace sagitta::db {

std::string Asked::describe(size_t text_bytes_max) const {
  if (kind == Kind::kBatch) return fmt::format("BATCH of [{}] statements", statements);
  const std::string_view all = text();
  const char* const more = all.size() > text_bytes_max ? "..." : "";
  size_t end = std::min(all.size(), text_bytes_max);
  // Not within a character of UTF-8.
  while (end > 0 && end < all.size() && (static_cast<uint8_t>(all[end]) & 0xC0) == 0x80) --end;
  return fmt::format("{} {}{}", kind == Kind::kQuery ? "QUERY" : "EXECUTE", all.substr(0, end), more);
}

}  // namespace sagitta::db
