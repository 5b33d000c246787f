/// Requests described as Cassandra describes them.
#include "asked.h"

#include <fmt/format.h>

namespace sagitta::db {

std::string Asked::describe(size_t text_bytes_max) const {
  if (kind == Kind::kBatch) return fmt::format("BATCH of [{}] statements", statements);
  const std::string_view all = text();
  const char* const more = all.size() > text_bytes_max ? "..." : "";
  return fmt::format("{} {}{}", kind == Kind::kQuery ? "QUERY" : "EXECUTE", all.substr(0, text_bytes_max), more);
}

}  // namespace sagitta::db
