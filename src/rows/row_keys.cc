#include "sagitta/rows/row_keys.h"

#include "sagitta/rows/read_view.h"
#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

namespace sagitta::rows {
namespace {

constexpr size_t kFixedBytes = 4 + 8;
/// What ends escaped bytes, of which each may take two.
constexpr size_t kEndBytes = 2;

/// The length of escaped bytes at the front of `in`, their end included; 0 when they do not end.
size_t escaped_size(BytesView in) {
  for (size_t i = 0; i + 1 < in.size(); ++i) {
    if (in[i] != '\0') continue;
    if (in[i + 1] == '\1') return i + 2;
    ++i;
  }
  return 0;
}

std::unexpected<Error> no_row_key() { return fail(ErrorCode::kInvalid, "bytes that are no row key"); }

}  // namespace

Result<KeyParts> split_key(BytesView key) {
  if (key.size() < kFixedBytes) return no_row_key();
  const size_t escaped = escaped_size(key.substr(kFixedBytes));
  const size_t prefix = kFixedBytes + escaped;
  if (escaped == 0 || key.size() <= prefix) return no_row_key();
  const auto kind = static_cast<uint8_t>(key[prefix]);
  if (kind > static_cast<uint8_t>(EntryKind::kRowCells)) return no_row_key();
  return KeyParts{.token = static_cast<int64_t>(get_big<uint64_t>(key.data() + 4) ^ (uint64_t{1} << 63)),
                  .partition_prefix = key.substr(0, prefix),
                  .kind = static_cast<EntryKind>(kind),
                  .clustering = key.substr(prefix + 1)};
}

types::Interval table_interval(uint32_t table_id) {
  types::Interval interval;
  put_big<uint32_t>(interval.from, table_id);
  put_big<uint32_t>(interval.to, table_id + 1);
  return interval;
}

types::Interval token_interval(uint32_t table_id, int64_t start, int64_t end) {
  const auto begin = [](uint32_t id, int64_t token) {
    Bytes key;
    put_big<uint32_t>(key, id);
    put_big<uint64_t>(key, static_cast<uint64_t>(token) ^ (uint64_t{1} << 63));
    return key;
  };
  types::Interval interval{.from = begin(table_id, start), .to = begin(table_id + 1, INT64_MIN)};
  if (end != INT64_MAX) interval.to = begin(table_id, end + 1);
  if (start > end) interval.to = interval.from;
  return interval;
}

Bytes partition_prefix(uint32_t table_id, BytesView partition_key) {
  Bytes prefix;
  prefix.reserve(kFixedBytes + 2 * partition_key.size() + kEndBytes);
  put_big<uint32_t>(prefix, table_id);
  put_big<uint64_t>(prefix, static_cast<uint64_t>(types::token_of(partition_key)) ^ (uint64_t{1} << 63));
  types::append_escaped(partition_key, prefix);
  return prefix;
}

Bytes entry_key(BytesView prefix, EntryKind kind, BytesView clustering) {
  Bytes key;
  key.reserve(prefix.size() + 1 + clustering.size());
  key += prefix;
  key.push_back(static_cast<char>(kind));
  key += clustering;
  return key;
}

Bytes encode_clustering(const schema::TableDef& table, std::span<const Bytes> components) {
  Bytes encoded;
  for (size_t i = 0; i < components.size(); ++i) {
    const schema::ColumnDef& column = table.clustering_column(i);
    types::append_ordered(*column.type, components[i], column.descending, encoded);
  }
  return encoded;
}

Result<std::vector<Bytes>> decode_clustering(const schema::TableDef& table, BytesView encoded) {
  std::vector<Bytes> components;
  ByteReader in(encoded);
  for (uint32_t i = 0; i < table.clustering_count; ++i) {
    const schema::ColumnDef& column = table.clustering_column(i);
    SAGITTA_TRY(auto component, types::take_ordered(*column.type, column.descending, in));
    components.push_back(std::move(component));
  }
  if (!in.empty()) return fail(ErrorCode::kCorruption, "a row key with bytes after its clustering columns");
  return components;
}

Result<PartitionKeyPtr> decode_partition(const schema::TableDef& table, const KeyParts& parts) {
  ByteReader escaped(parts.partition_prefix.substr(kFixedBytes));
  const auto key = types::take_escaped(escaped);
  if (!key) return no_row_key();
  SAGITTA_TRY(auto components, types::unpack_partition_key(*key, table.partition_key_count));
  return std::make_shared<const PartitionKey>(PartitionKey{parts.token, *key, std::move(components)});
}

types::Interval interval_of(const schema::TableDef& table, const ClusteringRange& range) {
  const Bytes start = encode_clustering(table, range.start), end = encode_clustering(table, range.end);
  return types::interval_between({start, range.start_inclusive}, {end, range.end_inclusive});
}

Bytes row_key(const schema::TableDef& table, BytesView partition_key, std::span<const Bytes> clustering) {
  return entry_key(partition_prefix(table.id, partition_key), EntryKind::kRow, encode_clustering(table, clustering));
}

Bytes static_row_key(const schema::TableDef& table, BytesView partition_key) {
  return entry_key(partition_prefix(table.id, partition_key), EntryKind::kStatic);
}

std::optional<Bytes> key_part(const schema::TableDef& table, BytesView row_key, const schema::ColumnDef& column) {
  const auto parts = split_key(row_key);
  if (!parts) return std::nullopt;
  if (column.kind == schema::ColumnKind::kPartitionKey) {
    auto partition = decode_partition(table, *parts);
    return partition ? std::optional((*partition)->components[column.position]) : std::nullopt;
  }
  if (parts->kind != EntryKind::kRow) return std::nullopt;
  auto clustering = decode_clustering(table, parts->clustering);
  return clustering ? std::optional((*clustering)[column.position]) : std::nullopt;
}

}  // namespace sagitta::rows
