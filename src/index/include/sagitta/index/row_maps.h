/// The row maps of a tablet: one for each table with an index, kept in Family::kRowNumbers
/// (docs/formats/rows.md). Rows get and lose their numbers in the batch that changes them; those
/// that were there before the first index get theirs step by step.
#pragma once

#include <map>

#include "sagitta/index/row_map.h"
#include "sagitta/kv/store.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/schema/schema.h"

namespace sagitta::index {

/// The applier's. What it is given must outlive it.
class RowMaps {
 public:
  RowMaps(kv::Store& store, MemoryBudget& memory) : store_(store), memory_(memory) {}

  /// Reads those that the store has, and begins those that the schema needs besides. kCorruption,
  /// kIo.
  Status load(const schema::Schema& schema);

  // In the batch of a record; the maps themselves follow with `committed`.
  /// Begins the maps of tables that have their first index, with numbers for the first rows; drops
  /// those of tables that have none any more.
  Status change_schema(const schema::Schema& after, const rows::ReadView& rows, kv::Batch& batch);
  void truncate(uint32_t table_id, kv::Batch& batch);
  /// Forgets the two.
  void take_back();
  void committed();

  // At the end of a batch.
  /// The row's number, which is new if it had none. kOverloaded when memory is full: the row then
  /// has none in this process, and the table's rows are numbered again at the next start.
  Result<RowNumber> add(uint32_t table_id, BytesView row_key, bool reserved, kv::Batch& batch);
  /// Takes the number of a row from the store. The map keeps it until `release`.
  void remove(uint32_t table_id, RowNumber row, kv::Batch& batch);
  /// After the indexes have forgotten the row.
  void release(uint32_t table_id, RowNumber row);

  /// Whether rows wait for numbers.
  bool is_numbering() const;
  /// Gives numbers to some rows that wait for them, as `rows` has them: what the batch has changed
  /// besides gets its numbers at the batch's end.
  Status number_some(const schema::Schema& schema, const rows::ReadView& rows, kv::Batch& batch);

  /// Null when the table has none.
  RowMapPtr find(uint32_t table_id) const;
  /// Every row of the table that an index can name has its number.
  bool is_complete(uint32_t table_id) const;

 private:
  struct Numbered {
    RowMapPtr map;
    bool complete = false;
    bool full = false;  ///< for want of memory nobody goes on
    Bytes from;         ///< rows up to this key have numbers
  };

  Status load_map(uint32_t table_id, Numbered& table);
  Result<RowNumber> add(uint32_t table_id, Numbered& table, BytesView row_key, bool reserved, kv::Batch& batch);
  Status number_some(uint32_t table_id, Numbered& table, const schema::TableDef& def, const rows::ReadView& rows,
                     kv::Batch& batch);
  Status read_state(uint32_t table_id, Numbered& table);
  void put_state(uint32_t table_id, const Numbered& table, kv::Batch& batch);
  Numbered begin() const;

  kv::Store& store_;
  MemoryBudget& memory_;
  std::map<uint32_t, Numbered> tables_;
  // By the record.
  std::map<uint32_t, Numbered> begun_;
  std::vector<uint32_t> truncated_, dropped_;
};

}  // namespace sagitta::index
