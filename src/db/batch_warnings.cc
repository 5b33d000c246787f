/// Sizes of batches, and how many partitions they cover.
#include "batch_warnings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <string_view>
#include <unordered_set>

namespace sagitta::db {
namespace {

std::set<std::string> tables_of(const schema::Schema& schema, std::span<const rows::Mutation> mutations) {
  std::set<std::string> names;
  uint32_t last = 0;
  for (const rows::Mutation& mutation : mutations) {
    if (mutation.table_id == last) continue;
    last = mutation.table_id;
    const schema::TableDefPtr table = schema.find_table(mutation.table_id);
    if (table != nullptr) names.insert(table->keyspace + "." + table->name);
  }
  return names;
}

}  // namespace

std::vector<std::string> batch_warnings(const schema::Schema& schema, types::BatchKind kind,
                                        std::span<const rows::Mutation> mutations) {
  std::vector<std::string> warnings;
  std::unordered_set<BytesView> partitions;
  size_t bytes = 0;
  for (const rows::Mutation& mutation : mutations) {
    partitions.insert(mutation.partition_key);
    bytes += rows::size_bytes(mutation);
  }
  if (partitions.size() < 2) return warnings;
  const bool covers_many = kind != types::BatchKind::kLogged && partitions.size() > kBatchWarnPartitions;
  if (bytes <= kBatchWarnBytes && !covers_many) return warnings;
  const std::set<std::string> names = tables_of(schema, mutations);
  const std::string tables = fmt::format("[{}]", fmt::join(names, ", "));
  if (bytes > kBatchWarnBytes) {
    warnings.push_back(fmt::format("Batch for {} is of size {}, exceeding specified threshold of {} by {}.", tables,
                                   bytes, kBatchWarnBytes, bytes - kBatchWarnBytes));
  }
  if (covers_many) {
    warnings.push_back(
        fmt::format("Unlogged batch covering {} partitions detected against table{} {}. You should use a logged batch "
                    "for atomicity, or asynchronous writes for performance.",
                    partitions.size(), names.size() == 1 ? "" : "s", tables));
  }
  return warnings;
}

}  // namespace sagitta::db
