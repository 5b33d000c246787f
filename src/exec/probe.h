/// Asks an index on the account of a request.
#pragma once

#include <memory>
#include <vector>

#include "sagitta/exec/ann.h"
#include "sagitta/exec/select.h"

namespace sagitta::exec {

/// A hit with the key of its row, which lives as long as the answer that it is of.
struct KeyedHit {
  index::RowNumber row{};
  BytesView key;
  float score = 0;
  uint64_t fingerprint = 0;
};

/// As many hits as the request has as its LIMIT, or fewer when there are no more: best first, ties
/// by row key.
struct ProbeAnswer {
  std::unique_ptr<index::Hits> source;
  std::vector<KeyedHit> hits;
};

/// `on_core`: nothing may take long. `filter` need not outlive the call. Errors as
/// index::Hits::next.
Result<ProbeAnswer> probe(const index::Reader& index, const index::Filter& filter, int64_t now_s,
                          const SelectRequest& request, bool on_core, AnnReport& report);

}  // namespace sagitta::exec
