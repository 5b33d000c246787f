/// Rows as they are stored, and how writes resolve (docs/formats/rows.md). The rules are
/// Cassandra's: the higher timestamp wins; on a tie a tombstone over anything, an expiring cell
/// over one that lives for ever, the later expiry, the larger value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/rows/row.h"
#include "sagitta/rows/row_keys.h"
#include "sagitta/rows/tombstone.h"
#include "sagitta/schema/schema.h"
#include "sagitta/types/ordered_bytes.h"

namespace sagitta::rows {

struct Cell {
  int64_t timestamp_us = kNoTimestamp;
  /// No value: a tombstone, made at `deleted_s`.
  Value value;
  int64_t deleted_s = 0;
  int32_t ttl_s = 0;
  int64_t expires_s = 0;  ///< 0 = never

  bool is_live(int64_t now_s) const { return value && (expires_s == 0 || expires_s > now_s); }
};
/// Whether `a` stays when both were written to one place.
bool wins(const Cell& a, const Cell& b);

/// That the row exists without any cell: what INSERT writes.
struct Marker {
  int64_t timestamp_us = kNoTimestamp;
  int32_t ttl_s = 0;
  int64_t expires_s = 0;

  bool is_set() const { return timestamp_us != kNoTimestamp; }
  bool is_live(int64_t now_s) const { return is_set() && (expires_s == 0 || expires_s > now_s); }
};

/// A multi-cell column.
struct CellMap {
  Tombstone deletion;
  std::map<Bytes, Cell> cells;  ///< by path

  void put(Bytes path, Cell cell);
  /// Drops what `tombstone` covers, and remembers it.
  void shadow(const Tombstone& tombstone);
};

/// A multi-cell column whose cells are kept apart from the row (apart_cells.h). No cell that its
/// deletion covers is there.
struct ApartColumn {
  Tombstone deletion;
  int64_t oldest_us = 0, newest_us = 0;  ///< no cell was written before, or after

  /// The column has a cell of this time from now on.
  void extend(int64_t timestamp_us) {
    oldest_us = std::min(oldest_us, timestamp_us);
    newest_us = std::max(newest_us, timestamp_us);
  }
};

struct StoredRow {
  /// The number of the last deletion under way that it was written through (sweeps.h); 0: of none.
  uint64_t epoch = 0;
  Marker marker;
  Tombstone deletion;
  std::map<uint32_t, Cell> cells;
  std::map<uint32_t, CellMap> maps;
  std::map<uint32_t, ApartColumn> apart;  ///< columns that are not in `maps`

  void put(uint32_t column_id, Cell cell);
  void put(const Marker& other);
  /// Cells that are deleted or have expired, counted in `maps` too.
  size_t dead_cells(int64_t now_s) const;
  /// Drops what `tombstone` and the row's own deletions cover; leaves columns that are apart.
  void shadow(const Tombstone& tombstone);
  /// Drops tombstones and expired cells that count as absent: older than the grace period on the
  /// log's clock. Whether there were any.
  bool purge(int64_t log_s, int64_t gc_grace_s);
  /// Drops what columns that were dropped and added again had before.
  void forget_dropped(const schema::TableDef& table);
  bool is_empty() const;

  void encode(Bytes& out) const;
  /// kCorruption, kFormat.
  static Result<StoredRow> decode(BytesView bytes);
};

/// The row as it is at `now_s`, without the columns that are apart and what columns had before they
/// were dropped; nothing when it does not exist then. `is_static` rows exist by their cells alone.
std::optional<LiveRow> live_row(const schema::TableDef& table, StoredRow stored, bool is_static, int64_t now_s);

}  // namespace sagitta::rows
