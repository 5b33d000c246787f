/// The rows that a select is about, one after the other: filtered, and within PER PARTITION LIMIT.
/// That of a GROUP BY counts groups, and is its own to keep.
#pragma once

#include "sagitta/exec/paging.h"
#include "sagitta/exec/select.h"

namespace sagitta::exec {

/// The references must outlive it.
class Matches {
 public:
  Matches(const TableRows& rows, const SelectRequest& request);
  /// `from` is null for the first page.
  Status start(const PagingState* from);
  /// The next match; null at the end. kWouldBlock when the request's meter is spent: call again to
  /// go on.
  Result<const Row*> next();
  /// Goes to the end of the partition of the last match.
  void skip_partition() { stream_->skip_partition(); }
  uint64_t in_partition() const { return in_partition_; }
  uint64_t rows_read() const { return check_.steps(); }
  Status check_deadline() const { return check_.look(); }

 private:
  Status open();
  Status open_next_partition();

  const TableRows& rows_;
  const SelectRequest& request_;
  Projector projector_;
  DeadlineCheck check_;
  std::unique_ptr<RowStream> stream_;
  size_t next_partition_ = 0;
  std::optional<RowKey> after_;
  Bytes last_partition_;
  uint64_t in_partition_ = 0;
  uint64_t per_partition_ = UINT64_MAX;
  /// Work of the filters for one row.
  uint64_t filter_work_ = 0;
};

Status check_result_bytes(const Bytes& cells);

}  // namespace sagitta::exec
