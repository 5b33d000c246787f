/// Result rows in an order that the storage does not give: several partitions with ORDER BY.
#pragma once

#include "sagitta/exec/select.h"

namespace sagitta::exec {

/// Keeps all rows until the last has come, then gives the first LIMIT of them. `request` must
/// outlive it.
class SortedRows {
 public:
  explicit SortedRows(const SelectRequest& request) : request_(request), projector_(request) {}
  /// A row, or a group of rows. kOverloaded past kResultBytesMax.
  Status add(const plan::RowSource& row);
  ResultSet finish() &&;

 private:
  struct Sorted {
    std::vector<Value> keys;
    Bytes cells;
  };
  bool before(const Sorted& a, const Sorted& b) const;

  const SelectRequest& request_;
  const Projector projector_;
  std::vector<Sorted> rows_;
  size_t bytes_ = 0;
};

}  // namespace sagitta::exec
