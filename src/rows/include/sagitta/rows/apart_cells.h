/// Cells of large multi-cell columns, which are kept apart from their row: in pages that are
/// entries of their own, found by the path of their first cell, so that one cell changes alone
/// (docs/formats/rows.md, docs/adr/0012).
#pragma once

#include <functional>
#include <map>

#include "sagitta/rows/record_entries.h"
#include "sagitta/rows/stored_row.h"

namespace sagitta::rows {

/// Cells that lie beside one another in the order of their paths.
struct CellPage {
  uint64_t epoch = 0;  ///< see StoredRow
  std::map<Bytes, Cell> cells;

  /// Drops what counts as absent; whether there was any.
  bool purge(int64_t log_s, int64_t gc_grace_s);
  bool is_empty() const { return cells.empty(); }

  void encode(Bytes& out) const;
  /// kCorruption, kFormat.
  static Result<CellPage> decode(BytesView bytes);
};

/// Past either a page is divided, unless it has one cell.
inline constexpr size_t kPageCellsMax = 64;
inline constexpr size_t kPageCellBytesMax = 4096;

/// Whether a column with these cells is kept apart: they are more than one page, or much longer.
bool is_large(const std::map<Bytes, Cell>& cells);

/// What the keys of all pages of a column begin with; `row_key` is that of its row or static row.
/// kInvalid.
Result<Bytes> cells_base(BytesView row_key, uint32_t column_id);

/// All cells of a column, for readers, but for pages that a deletion under way takes. Errors: the
/// store's, kCorruption, kFormat.
Result<std::map<Bytes, Cell>> read_apart(kv::Store& store, const Bytes& base, kv::ReadMode mode,
                                         const kv::SnapshotPtr& snapshot, const Sweeps& sweeps);

/// The cells of one column, for one record. Errors: as RecordEntries, kCorruption, kFormat.
class ApartCells {
 public:
  /// `entries` must outlive it. Cells count as absent as of `log_s`.
  ApartCells(RecordEntries& entries, Bytes base, int64_t log_s, int64_t gc_grace_s)
      : entries_(entries), base_(std::move(base)), log_s_(log_s), gc_grace_s_(gc_grace_s) {}

  /// Resolves the cell with the one at `path`, which it returns if there was one.
  Result<std::optional<Cell>> put(const Bytes& path, const Cell& cell);
  /// Calls `each` with the cells by path until it returns false.
  Status visit(const std::function<bool(const Bytes& path, const Cell& cell)>& each) const;
  Result<std::map<Bytes, Cell>> all() const;

  /// There are no pages yet.
  void write_all(const std::map<Bytes, Cell>& cells);
  Status remove_all();

 private:
  Result<CellPage> read_page(BytesView bytes) const;
  void write_pages(Bytes key, std::map<Bytes, Cell> cells, bool at_end);

  RecordEntries& entries_;
  const Bytes base_;
  const int64_t log_s_, gc_grace_s_;
};

}  // namespace sagitta::rows
