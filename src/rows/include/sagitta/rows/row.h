/// Rows as they are stored: cells with timestamps, expiry and tombstones, and how two of them
/// resolve (docs/formats/rows.md). Readers above this library see only LiveRow.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/schema/schema.h"

namespace sagitta::rows {

inline constexpr int64_t kNoTimestamp = INT64_MIN;

/// When something was written, and when it ends.
struct CellTime {
  int64_t timestamp_us = kNoTimestamp;
  /// Seconds since the epoch; 0 = lives forever.
  int64_t expires_s = 0;
};

/// A live cell, as readers see it. A multi-cell column is one such cell: its packed whole, with its
/// largest timestamp and no expiry.
struct LiveCell {
  uint32_t column_id = 0;
  Bytes value;
  int64_t timestamp_us = kNoTimestamp;
  /// Seconds since the epoch; 0 = lives forever.
  int64_t expires_s = 0;
  /// Of a multi-cell column: for each element, or field of a UDT, in their order. No timestamp for
  /// a field that is null.
  std::vector<CellTime> elements;
};

/// What all rows of one partition share.
struct PartitionKey {
  int64_t token = 0;
  Bytes key;
  /// The components of `key`.
  std::vector<Bytes> components;
};
using PartitionKeyPtr = std::shared_ptr<const PartitionKey>;

/// A row that exists at the time of a read: no deleted, expired or dropped cell is in it.
struct LiveRow {
  PartitionKeyPtr partition;
  bool is_static = false;
  std::vector<Bytes> clustering;
  /// By ascending column id; no cell = null.
  std::vector<LiveCell> cells;

  /// Null when the column is null. Only for static and regular columns.
  const LiveCell* find(uint32_t column_id) const;
  /// Of any column of this row: key components included; null when there is no value (or it is in
  /// the static row).
  ValueView value(const schema::ColumnDef& column) const;
};

}  // namespace sagitta::rows
