/// Runs ANN selects: through a vector index, or by scoring every matching row when one partition is
/// asked, or when the index is still being built. Both ways give the true nearest rows, ties by row
/// key.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "sagitta/exec/select.h"
#include "sagitta/exec/stored_rows.h"
#include "sagitta/plan/way.h"

namespace sagitta::exec {

struct AnnSource {
  /// The rows as they are now: called again when the index has moved on from the rows that were
  /// seen.
  std::function<StoredRows()> open;
  plan::Way way;
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

/// `request.select.ann` is set. `report` is complete when the run has ended, and must outlive it. A
/// search of the index cannot be left: with rows read from memory only it ends with kWouldBlock for
/// good, to be repeated with rows that may wait for a disk, where it takes the time that it takes.
/// A scan of the rows yields as any.
std::unique_ptr<SelectRun> start_ann(AnnSource source, const SelectRequest& request, AnnReport& report);

}  // namespace sagitta::exec
