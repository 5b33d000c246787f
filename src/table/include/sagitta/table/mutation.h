/// A change of rows as data, before it is applied. All that is not deterministic (now(), timestamps, expiry, list
/// paths) is already fixed in it: replaying it gives the same rows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/table/schema.h"

namespace sagitta::table {

/// One change of one column. Single-cell columns take kSet and kDelete; the others are for columns that are not frozen.
struct CellOp {
  enum class Kind : uint8_t {
    kSet = 1,            ///< value: the cell; for a multi-cell column: replaces the whole by the serialised `value`
    kDelete = 2,         ///< the cell or the whole collection
    kPutElement = 3,     ///< path: map key, set element, 16-byte list path, or 2-byte UDT field index; value: the
                         ///< element's (set: empty)
    kDeleteElement = 4,  ///< path as above
    kAppend = 5,    ///< list + value: a serialised list; the applier gives ascending paths after `path` (a timeuuid)
    kPrepend = 6,   ///< value + list; paths descending before all that is there
    kSetAt = 7,     ///< path: 4-byte index into the live list; kInvalid at apply when out of bounds
    kDeleteAt = 8,  ///< path: 4-byte index
    kDiscard = 9,   ///< list or set - value: removes all elements equal to one of the serialised `value`
    kAdd = 10,      ///< counter += value (8-byte signed)
  };
  Kind kind = Kind::kSet;
  ColumnId column = 0;
  Bytes path;
  Bytes value;
};

/// Cells of one row (or of the partition's static row), and whether the row itself is written (INSERT) or only cells
/// (UPDATE).
struct RowChange {
  bool is_static = false;
  /// INSERT: the row exists even when all its cells are null.
  bool insert = false;
  /// One per clustering column; empty for the static row and for tables without clustering columns.
  std::vector<Bytes> clustering;
  std::vector<CellOp> cells;
};

/// A prefix of the clustering key and whether rows that begin with it are inside. No components: unbounded.
struct ClusteringBound {
  std::vector<Bytes> components;
  bool inclusive = true;
};

struct Deletion {
  enum class Kind : uint8_t { kPartition = 1, kRow = 2, kRange = 3 };
  Kind kind = Kind::kPartition;
  /// kRow: the row.
  std::vector<Bytes> clustering;
  /// kRange, in the table's clustering order.
  ClusteringBound start, end;
};

/// Changes of one partition that become visible together, with one timestamp.
struct Mutation {
  TableId table = 0;
  Bytes partition_key;
  int64_t timestamp_us = 0;
  /// The server chose the timestamp: applying takes max(timestamp_us, the partition clock + 1).
  bool server_timestamp = false;
  /// Seconds, 0 = for ever; and when that is over, seconds since the epoch.
  int32_t ttl_s = 0;
  int64_t expires_at_s = 0;
  std::vector<Deletion> deletions;
  std::vector<RowChange> rows;
};

/// The payload of a kMutation record.
void encode(const std::vector<Mutation>& mutations, Bytes& out);
Result<std::vector<Mutation>> decode_mutations(BytesView bytes);

}  // namespace sagitta::table
