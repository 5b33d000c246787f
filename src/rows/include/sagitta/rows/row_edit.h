/// One row while a record changes it: its entry, and the entries of its columns that are kept
/// apart.
#pragma once

#include <optional>
#include <vector>

#include "sagitta/rows/apart_cells.h"
#include "sagitta/rows/cell_observer.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/rows/record_entries.h"
#include "sagitta/rows/stored_row.h"
#include "sagitta/schema/schema.h"

namespace sagitta::rows {

/// Errors: as RecordEntries, kCorruption, kFormat. What it is given must outlive it.
class RowEdit {
 public:
  /// `key` of a row or a static row. Deletions count as absent as of `log_s`. `observer` hears of
  /// every cell that changes; null: nobody does.
  RowEdit(RecordEntries& entries, const schema::TableDef& table, Bytes key, int64_t log_s,
          CellObserver* observer = nullptr)
      : entries_(entries), table_(table), key_(std::move(key)), log_s_(log_s), observer_(observer) {}

  /// First of all.
  Status read();
  /// Resolves the change with the row. `covering` is the strongest deletion of its partition that
  /// the row is under. kInvalid when the change does not fit: a list position out of bounds.
  Status apply(int64_t timestamp_us, RowMutation change, const Tombstone& covering);
  /// Drops what `tombstone` and the row's own deletions cover.
  Status shadow(const Tombstone& tombstone);
  /// Writes the row back; nothing is left of an empty one.
  Status write();
  /// In place of all the others: the row as it is, whole, and the newest timestamp that any of it
  /// has; kNoTimestamp for a row without any.
  struct Whole {
    std::optional<LiveRow> row;
    int64_t newest_us = kNoTimestamp;
  };
  Result<Whole> whole(bool is_static);
  /// In place of all the others: the observer, which there is, hears every cell of the row as new.
  Status show();

  const Bytes& key() const { return key_; }
  /// The row as it was written. It is the last that is asked for.
  StoredRow take() { return std::move(row_); }

 private:
  bool is_static() const;
  void tell_all(bool before);
  void tell_existed();
  Status tell_exists();
  void tell(uint32_t column_id, const std::map<Bytes, Cell>& cells, bool before);
  Status forget_dropped();
  Status apply(CellOp op, Cell cell);
  Status apply_apart(const CellOp& op, const Cell& cell, const Tombstone& covering);
  Status shadow_apart(uint32_t column_id, const Tombstone& tombstone);
  Status put_apart(uint32_t column_id, const std::vector<Bytes>& paths, const Cell& cell, const Tombstone& covering);
  Status set_apart_element(const CellOp& op, const Cell& cell, const Tombstone& covering);
  Status discard_apart_elements(const CellOp& op, const Cell& cell, const Tombstone& covering);
  Result<ApartCells> apart_cells(uint32_t column_id);
  Status move_large_apart();
  Status move_back(uint32_t column_id, const Tombstone& tombstone);

  RecordEntries& entries_;
  const schema::TableDef& table_;
  const Bytes key_;
  const int64_t log_s_;
  CellObserver* const observer_;
  StoredRow row_;
};

}  // namespace sagitta::rows
