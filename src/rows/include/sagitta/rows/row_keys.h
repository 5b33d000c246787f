/// Keys of Family::kRows. Key: table id (4) | token (8, sign flipped) | partition key, escaped and
/// ended | kind (1) | clustering, each component by types::append_ordered. Their memcmp order is
/// the order of scans (docs/formats/rows.md).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/rows/row.h"
#include "sagitta/schema/schema.h"
#include "sagitta/types/ordered_bytes.h"

namespace sagitta::rows {

/// What an entry of a partition is; in this order.
enum class EntryKind : uint8_t { kHeader = 0, kStatic = 1, kRow = 2, kDeletions = 3, kStaticCells = 4, kRowCells = 5 };

/// A row key in its parts; the views point into the key.
struct KeyParts {
  int64_t token = 0;
  BytesView partition_prefix;  ///< table, token, partition key: what all entries of the partition begin with
  EntryKind kind = EntryKind::kHeader;
  BytesView clustering;  ///< encoded; of pages, what they are found by
};

/// kInvalid when the bytes are no row key.
Result<KeyParts> split_key(BytesView key);
/// The table in a row key.
inline uint32_t table_of(BytesView key) { return get_big<uint32_t>(key.data()); }
/// The keys of all entries of a table.
types::Interval table_interval(uint32_t table_id);
/// Of its partitions with start <= token <= end; nothing when start > end.
types::Interval token_interval(uint32_t table_id, int64_t start, int64_t end);
Bytes partition_prefix(uint32_t table_id, BytesView partition_key);
Bytes entry_key(BytesView partition_prefix, EntryKind kind, BytesView clustering = {});
/// kCorruption.
Result<std::vector<Bytes>> decode_clustering(const schema::TableDef& table, BytesView encoded);
Result<PartitionKeyPtr> decode_partition(const schema::TableDef& table, const KeyParts& parts);
/// The value of a key column in the key of a row; nothing for a clustering column in that of a
/// static row, and for a key that is none.
std::optional<Bytes> key_part(const schema::TableDef& table, BytesView row_key, const schema::ColumnDef& column);

}  // namespace sagitta::rows
