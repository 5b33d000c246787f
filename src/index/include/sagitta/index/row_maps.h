/// The row maps of a log partition: its part of the map of each table with an index, kept in
/// Family::kRowNumbers of its store (docs/formats/rows.md). Rows get and lose their numbers in the
/// batch that changes them; those that were there before the first index get theirs step by step.
#pragma once

#include <map>

#include "sagitta/index/shared_row_maps.h"
#include "sagitta/kv/store.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/schema/schema.h"

namespace sagitta::index {

/// The applier's. What it is given must outlive it.
class RowMaps {
 public:
  RowMaps(kv::Store& store, SharedRowMaps& shared, log::Partition partition)
      : store_(store), shared_(shared), partition_(partition) {}

  /// Reads those that the store has, and begins those that the schema needs besides. Numbers of a
  /// block that another partition has are forgotten, with the others of the table: its rows get new
  /// ones. kCorruption, kIo.
  Status load(const schema::Schema& schema);

  // In the batch of a record; the maps themselves follow with `committed`.
  /// Begins the maps of tables that have their first index, with numbers for the first rows; drops
  /// those of tables that have none any more. Rows of tables with an index on a further column are
  /// looked through again.
  Status change_schema(const schema::Schema& before, const schema::Schema& after, const rows::ReadView& rows,
                       kv::Batch& batch);
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

 private:
  struct Numbered {
    RowMapPtr map;
    bool complete = false;  ///< every row that an index can name has its number
    bool full = false;      ///< for want of memory nobody goes on
    Bytes from;             ///< rows up to this key have numbers
  };

  Status load_map(uint32_t table_id, Numbered& table);
  Status begin_again(uint32_t table_id, Numbered& table);
  Result<RowNumber> add(uint32_t table_id, Numbered& table, BytesView row_key, bool reserved, kv::Batch& batch);
  Status number_some(uint32_t table_id, Numbered& table, const schema::TableDef& def, const rows::ReadView& rows,
                     kv::Batch& batch);
  Status read_state(uint32_t table_id, Numbered& table);
  void put_state(uint32_t table_id, const Numbered& table, kv::Batch& batch);
  Numbered begin(uint32_t table_id) const;
  void report();

  kv::Store& store_;
  SharedRowMaps& shared_;
  const log::Partition partition_;
  bool changed_ = false;  ///< which tables are complete
  std::map<uint32_t, Numbered> tables_;
  // By the record.
  std::map<uint32_t, Numbered> begun_;
  std::vector<uint32_t> truncated_, dropped_, widened_;
};

}  // namespace sagitta::index
