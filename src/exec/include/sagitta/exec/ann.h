/// Runs ANN selects: through a vector index, or by scoring every matching row when one partition is asked, or when the
/// index is still being built. Both ways give the true nearest rows, ties by row key.
#pragma once

#include <functional>
#include <string_view>

#include "sagitta/exec/select.h"
#include "sagitta/exec/stored_rows.h"
#include "sagitta/index/vector_index.h"

namespace sagitta::exec {

struct AnnSource {
  /// The rows as they are now: called again when the index has moved on from the rows that were seen.
  std::function<StoredRows()> open;
  /// The newest index on the column that serves; null when none does.
  const index::VectorIndex* index = nullptr;
};

struct AnnReport {
  /// "graph", or "exact" when every row or every vector of the index was looked at.
  std::string_view path = "exact";
  /// Graph nodes whose links were followed.
  uint64_t nodes_visited = 0;
  /// Rows looked at.
  uint64_t candidates = 0;
  /// Distances computed.
  uint64_t distances = 0;
};

/// `request.select.ann` is set. Errors as `run`; kWouldBlock as soon as one row needs a disk.
Result<ResultSet> run_ann(const AnnSource& source, const SelectRequest& request, AnnReport& report);

}  // namespace sagitta::exec
