/// Applies mutations to rows: reads each row concerned, resolves, writes it back into the record's batch.
#pragma once

#include <functional>

#include "sagitta/kv/store.h"
#include "sagitta/log/log.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/rows/row.h"
#include "sagitta/rows/stored_row.h"

namespace sagitta::rows {

/// When a record is applied, on the log's clock.
struct ApplyTime {
  int64_t log_time_us = 0;
  log::Offset offset = 0;
};

/// Told of each row of an indexed table that was written or removed: as it is now, or null when it does not exist any
/// more.
using RowObserver = std::function<void(const schema::TableDef&, BytesView row_key, const LiveRow* now)>;

/// For one record. Rows are read through the batch, so that it sees what it, and the records before it in the same
/// batch, have changed. Not thread-safe.
class RowWriter {
 public:
  RowWriter(kv::Batch& batch, ApplyTime time, RowObserver observer);

  /// The mutation's timestamp is final. kInvalid when it does not fit the rows (a list position out of bounds): the
  /// record is then to be dropped whole.
  Status apply(const schema::TableDef& table, const Mutation& mutation);

 private:
  Result<PartitionHeader> read_header(const schema::TableDef& table, const Bytes& prefix);
  Result<StoredRow> read_row(const schema::TableDef& table, const Bytes& key);
  void write_row(const schema::TableDef& table, const Bytes& key, const StoredRow& row, bool is_static);
  Status shadow_rows(const schema::TableDef& table, const Bytes& from, const Bytes& to, const Tombstone& tombstone);
  Status delete_ranges(const schema::TableDef& table, const Mutation& mutation, const Bytes& prefix,
                       PartitionHeader& header);
  Status write_rows(const schema::TableDef& table, const Mutation& mutation, const RowMutation& change,
                    const Bytes& prefix, const PartitionHeader& header);
  Status apply_cell(const schema::TableDef& table, const Mutation& mutation, const RowMutation& change,
                    const CellOp& op, StoredRow& row) const;

  kv::Batch& batch_;
  const ApplyTime time_;
  const int64_t log_s_;
  const RowObserver observer_;
};

}  // namespace sagitta::rows
