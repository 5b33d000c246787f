#include "sagitta/table/mutation.h"

#include "archive.h"

namespace sagitta::table {
namespace {

constexpr uint8_t kMutationsVersion = 1;

}  // namespace

template <>
constexpr auto kMembers<CellOp> =
    std::tuple(&CellOp::column_id, &CellOp::kind, &CellOp::path, &CellOp::value, &CellOp::number, &CellOp::elements);
template <>
constexpr auto kMembers<RowMutation> =
    std::tuple(&RowMutation::is_static, &RowMutation::clustering, &RowMutation::insert_marker, &RowMutation::delete_row,
               &RowMutation::ttl_s, &RowMutation::expires_s, &RowMutation::cells);
template <>
constexpr auto kMembers<RangeDeletion> = std::tuple(&RangeDeletion::start, &RangeDeletion::end,
                                                    &RangeDeletion::start_inclusive, &RangeDeletion::end_inclusive);
template <>
constexpr auto kMembers<Mutation> =
    std::tuple(&Mutation::table_id, &Mutation::partition_key, &Mutation::timestamp_us, &Mutation::server_timestamp,
               &Mutation::delete_partition, &Mutation::deletions, &Mutation::rows);

Bytes list_path(bool prepend, int64_t timestamp_us, uint64_t salt, uint32_t index, uint32_t /*count*/) {
  // Appended paths begin with the time, prepended ones with its mirror image; the sign bit puts all prepended before
  // all appended.
  constexpr uint64_t kAppended = uint64_t{1} << 63;
  const auto time = static_cast<uint64_t>(timestamp_us) & (kAppended - 1);
  Bytes path;
  put_big(path, prepend ? kAppended - 1 - time : kAppended | time);
  put_big(path, static_cast<uint32_t>(salt));
  put_big(path, index);
  return path;
}

void encode(std::span<const Mutation> mutations, Bytes& out) {
  out.push_back(static_cast<char>(kMutationsVersion));
  put_varint(out, mutations.size());
  Writer write(out);
  for (const auto& mutation : mutations) write(mutation);
}

Result<std::vector<Mutation>> decode_mutations(BytesView bytes) {
  if (bytes.empty()) return fail(ErrorCode::kCorruption, "mutations: empty");
  if (static_cast<uint8_t>(bytes[0]) != kMutationsVersion)
    return fail(ErrorCode::kFormat, "mutations: unknown version");
  std::vector<Mutation> mutations;
  Reader in(bytes.substr(1));
  in(mutations);
  if (!in.complete()) return fail(ErrorCode::kCorruption, "mutations: damaged");
  return mutations;
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

}  // namespace sagitta::table
