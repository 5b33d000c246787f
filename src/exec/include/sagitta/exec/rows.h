/// The rows of one table as a SELECT reads them: of the store, or of memory for system tables. Live
/// rows only: what is deleted or expired is gone before it gets here.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/plan/expression.h"
#include "sagitta/plan/select.h"
#include "sagitta/schema/schema.h"

namespace sagitta::exec {

/// The primary key of a row. `clustering` is absent in the one row that shows a partition holding
/// static values only.
struct RowKey {
  Bytes partition;
  std::optional<std::vector<Bytes>> clustering;

  bool operator==(const RowKey&) const = default;
};

/// A row that a stream stands on.
class Row : public plan::RowSource {
 public:
  virtual const RowKey& key() const = 0;
};

/// What to read. The spans must outlive the stream.
struct ReadRange {
  /// One partition; none: every partition of `tokens`.
  std::optional<BytesView> partition;
  plan::TokenRange tokens;
  /// Disjoint and ascending in clustering order.
  std::span<const plan::ClusteringRange> clustering;
  /// Each partition backwards.
  bool reversed = false;
  /// Begin behind this row, which lies in the range but need not exist any more.
  std::optional<RowKey> after;
};

/// Whether the ranges restrict nothing.
bool is_everything(std::span<const plan::ClusteringRange> ranges);
/// The encoded clustering keys of each range.
std::vector<types::Interval> intervals_of(const schema::TableDef& table, std::span<const plan::ClusteringRange> ranges);

/// Yields rows in token order, partition key order and clustering order. Not thread-safe.
class RowStream {
 public:
  virtual ~RowStream() = default;
  /// The next row, null at the end; good until the next call. kWouldBlock when a cache-only read
  /// needs a disk.
  virtual Result<const Row*> next() = 0;
  /// Goes to the end of the partition that the last row belongs to.
  virtual void skip_partition() = 0;
};

/// Thread-safe for reading.
class TableRows {
 public:
  virtual ~TableRows() = default;
  virtual const schema::TableDefPtr& table() const = 0;
  virtual Result<std::unique_ptr<RowStream>> open(const ReadRange& range) const = 0;
};

}  // namespace sagitta::exec
