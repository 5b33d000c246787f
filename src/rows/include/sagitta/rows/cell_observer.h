/// Who hears what a record changes in a row, cell by cell: what was stored of it, and what is from
/// there on. That is what postings are made of (index/postings.h).
#pragma once

#include <optional>

#include "sagitta/base/bytes.h"
#include "sagitta/rows/stored_row.h"
#include "sagitta/schema/schema.h"

namespace sagitta::rows {

/// Of one record at a time. Cells that stay may be told as both; those of a column that is kept
/// apart from its row are told only when they change. What was told as new may be told as gone in
/// the same row, and as new again: the last stands. Cells without a value are told too, and expired
/// ones.
class CellObserver {
 public:
  virtual ~CellObserver() = default;
  /// Whether it hears of the table's rows.
  virtual bool wants(const schema::TableDef& table) const = 0;

  /// What follows is of this row or static row, up to `end_row`.
  virtual void begin_row(const schema::TableDef& table, BytesView row_key) = 0;
  /// `path` is empty in a column of one cell.
  virtual void was(uint32_t column_id, BytesView path, const Cell& cell) = 0;
  virtual void is(uint32_t column_id, BytesView path, const Cell& cell) = 0;
  /// The row existed, or exists now, until it expires (seconds since the epoch; 0 = never; nothing:
  /// that is not known).
  virtual void existed(std::optional<int64_t> expires_s) = 0;
  virtual void exists(int64_t expires_s) = 0;
  virtual void end_row() = 0;
};

}  // namespace sagitta::rows
