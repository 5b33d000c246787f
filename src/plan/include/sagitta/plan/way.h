/// How the rows of a bound select are found. It is chosen here and nowhere else, carried out by
/// `exec`, and shown by the trace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sagitta/index/index.h"
#include "sagitta/plan/select.h"

namespace sagitta::plan {

struct Way {
  enum class Kind : uint8_t {
    kPartitions,  ///< the rows of the partitions that the statement names
    kTokens,      ///< the rows of every partition of a range of tokens
    kIndex,       ///< the hits of an index that is kept in memory, best first
    kPostings,    ///< the rows that postings name, of several indexes those that all of them name
  };
  Kind kind = Kind::kTokens;
  /// For kIndex.
  index::ReaderPtr index;
  /// For kPostings; for kIndex those that filter its hits, if any.
  std::vector<IndexProbe> probes = {};
  uint64_t rows = 0;  ///< that they name, about
  /// What is found has to pass filters or lie in clustering ranges.
  bool filters = false;
  /// For the client; empty when there is nothing to say.
  std::string warning = {};

  /// "index i, filtered", "postings of index i", "3 partitions", "all partitions".
  std::string describe(const BoundSelect& select) const;
};

/// `indexes` are those that there are now. An index that ends to serve meanwhile is left for the
/// rows by whoever asks it.
Way choose_way(const BoundSelect& select, const index::IndexSet& indexes);

}  // namespace sagitta::plan
