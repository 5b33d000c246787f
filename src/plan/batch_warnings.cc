/// Warnings of batches: measured as Cassandra measures them, so that a client hears the same of
/// both.
#include "batch_warnings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "sagitta/types/name.h"

namespace sagitta::plan {
namespace {

constexpr size_t kBytesMost = 5 * 1024;
constexpr size_t kPartitionsMost = 10;

/// What Cassandra counts beside keys and values: times of writing and of expiry, and deletions.
constexpr size_t kPartitionBytes = 29, kRowBytes = 21, kCellBytes = 20, kColumnOfCellsBytes = 12, kLifetimeBytes = 12,
                 kRangeBytes = 16;

size_t bytes_of(std::span<const Bytes> components) {
  size_t bytes = 0;
  for (const Bytes& component : components) bytes += component.size();
  return bytes;
}

size_t bytes_of(const rows::RowMutation& row) {
  size_t bytes = row.is_static ? 0 : kRowBytes + bytes_of(row.clustering);
  if (row.insert_marker && row.ttl_s > 0) bytes += kLifetimeBytes;
  const rows::CellOp* last = nullptr;
  for (const rows::CellOp& cell : row.cells) {
    const bool in_column = cell.kind != rows::CellOp::Kind::kSet;
    if (in_column && (last == nullptr || last->column_id != cell.column_id)) bytes += kColumnOfCellsBytes;
    last = &cell;
    if (cell.kind == rows::CellOp::Kind::kClear || cell.kind == rows::CellOp::Kind::kDelete) continue;
    bytes += kCellBytes + cell.path.size() + (cell.value ? cell.value->size() : 0);
  }
  return bytes;
}

size_t bytes_of(const rows::Mutation& mutation) {
  size_t bytes = 0;
  for (const rows::RowMutation& row : mutation.rows) bytes += bytes_of(row);
  for (const rows::RangeDeletion& range : mutation.deletions) {
    bytes += kRangeBytes + bytes_of(range.start) + bytes_of(range.end);
  }
  return bytes;
}

std::set<std::string> names_of_tables(std::span<const PlanPtr> children) {
  std::set<std::string> names;
  for (const PlanPtr& child : children) {
    names.insert(types::quote_name(child->keyspace) + "." + types::quote_name(child->table));
  }
  return names;
}

}  // namespace

std::vector<std::string> batch_warnings(types::BatchKind kind, std::span<const PlanPtr> children,
                                        std::span<const rows::Mutation> mutations) {
  const auto is_first = [&](const rows::Mutation& other) { return other.partition_key == mutations[0].partition_key; };
  if (std::ranges::all_of(mutations, is_first)) return {};
  std::set<BytesView> keys;
  std::set<std::pair<uint32_t, BytesView>> partitions;
  size_t bytes = 0;
  for (const rows::Mutation& mutation : mutations) {
    keys.insert(mutation.partition_key);
    if (partitions.emplace(mutation.table_id, mutation.partition_key).second) bytes += kPartitionBytes;
    bytes += bytes_of(mutation);
  }
  std::vector<std::string> warnings;
  const bool covers_many = kind != types::BatchKind::kLogged && keys.size() > kPartitionsMost;
  if (bytes <= kBytesMost && !covers_many) return warnings;
  const auto tables = names_of_tables(children);
  if (bytes > kBytesMost) {
    warnings.push_back(fmt::format("Batch for [{}] is of size {}, exceeding specified threshold of {} by {}.",
                                   fmt::join(tables, ", "), bytes, kBytesMost, bytes - kBytesMost));
  }
  if (covers_many) {
    warnings.push_back(
        fmt::format("Unlogged batch covering {} partitions detected against table{} [{}]. You should use a logged "
                    "batch for atomicity, or asynchronous writes for performance.",
                    keys.size(), tables.size() == 1 ? "" : "s", fmt::join(tables, ", ")));
  }
  return warnings;
}

}  // namespace sagitta::plan
