#include "sagitta/rows/mutation.h"

#include <algorithm>

#include "sagitta/types/archive.h"

namespace sagitta::types {

template <>
constexpr auto kMembers<rows::CellOp> =
    std::tuple(&rows::CellOp::column_id, &rows::CellOp::kind, &rows::CellOp::path, &rows::CellOp::value,
               &rows::CellOp::number, &rows::CellOp::elements);
template <>
constexpr auto kMembers<rows::RowMutation> =
    std::tuple(&rows::RowMutation::is_static, &rows::RowMutation::clustering, &rows::RowMutation::insert_marker,
               &rows::RowMutation::delete_row, &rows::RowMutation::ttl_s, &rows::RowMutation::expires_s,
               &rows::RowMutation::cells);
template <>
constexpr auto kMembers<rows::RangeDeletion> =
    std::tuple(&rows::RangeDeletion::start, &rows::RangeDeletion::end, &rows::RangeDeletion::start_inclusive,
               &rows::RangeDeletion::end_inclusive);
template <>
constexpr auto kMembers<rows::Mutation> = std::tuple(
    &rows::Mutation::table_id, &rows::Mutation::partition_key, &rows::Mutation::timestamp_us, &rows::Mutation::stamp,
    &rows::Mutation::delete_partition, &rows::Mutation::deletions, &rows::Mutation::rows);

}  // namespace sagitta::types

namespace sagitta::rows {
namespace {

constexpr uint8_t kMutationsVersion = 1;

}  // namespace

Bytes list_path(bool prepend, const Uuid& statement, uint32_t index) {
  // Appended paths begin with the time, prepended ones with its mirror image; the sign bit puts all
  // prepended before all appended. Earlier programs counted microseconds since 1970 here, which is
  // less than the ticks of any time since: their elements stay in the middle.
  constexpr uint64_t kAppended = uint64_t{1} << 63;
  const uint64_t ticks = timeuuid_ticks(statement);
  Bytes path;
  put_big(path, prepend ? kAppended - 1 - ticks : kAppended | ticks);
  path += BytesView(statement.bytes()).substr(12);
  put_big(path, index);
  return path;
}

void encode(std::span<const Mutation> mutations, Bytes& out) {
  out.push_back(static_cast<char>(kMutationsVersion));
  put_varint(out, mutations.size());
  types::Writer write(out);
  for (const auto& mutation : mutations) write(mutation);
}

Result<std::vector<Mutation>> decode_mutations(BytesView bytes) {
  if (bytes.empty()) return fail(ErrorCode::kCorruption, "mutations: empty");
  if (static_cast<uint8_t>(bytes[0]) != kMutationsVersion)
    return fail(ErrorCode::kFormat, "mutations: unknown version");
  std::vector<Mutation> mutations;
  types::Reader in(bytes.substr(1));
  in(mutations);
  if (!in.complete()) return fail(ErrorCode::kCorruption, "mutations: damaged");
  return mutations;
}

bool only_deletes(const Mutation& mutation) {
  return std::ranges::all_of(mutation.rows, [](const RowMutation& row) { return row.delete_row && row.cells.empty(); });
}

size_t size_bytes(const Mutation& mutation) {
  size_t bytes = 32 + mutation.partition_key.size() + 64 * mutation.deletions.size();
  for (const auto& row : mutation.rows) {
    bytes += 16;
    for (const auto& component : row.clustering) bytes += component.size() + 2;
    for (const auto& cell : row.cells) {
      bytes += 12 + cell.path.size() + (cell.value ? cell.value->size() : 0);
      for (const auto& element : cell.elements) bytes += element.size() + 2;
    }
  }
  return bytes;
}

}  // namespace sagitta::rows
