/// A vector index on one column: the ann index over the vectors of live rows, and which slot
/// belongs to which row. It is derived from the rows: updated when a mutation is applied, loaded
/// from its snapshot at a start, and built from a scan by CREATE INDEX.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/base/trace.h"
#include "sagitta/rows/row.h"
#include "sagitta/schema/schema.h"

namespace sagitta::index {

enum class Similarity : uint8_t { kCosine, kEuclidean, kDotProduct };
/// What an index is made for: little memory, or short searches (ann::Profile).
enum class Profile : uint8_t { kCompact, kFast };

/// The options of a vector index, resolved: what class, options and defaults come to.
struct VectorOptions {
  Similarity similarity = Similarity::kCosine;
  Profile profile = Profile::kCompact;
  uint32_t dim = 0;
  uint32_t maximum_node_connections = 16;
  uint32_t construction_beam_width = 128;
  uint32_t search_beam_width = 64;
  float oversampling = 1.0F;
  bool rescoring = false;
};

/// Of an IndexDef that `plan` has validated; options that are missing or not understood have their
/// defaults.
VectorOptions vector_options(const schema::IndexDef& index, const schema::TableDef& table);

/// Why a vector cannot be in an index; empty when it can: "element 3 is NaN", "all elements from 0
/// to 2 are zero, which cosine similarity does not support".
std::string refuse_vector(Similarity similarity, std::span<const float> vector);

/// What tells whether a row's vector, or its expiry, has changed since it was indexed.
uint64_t fingerprint(const rows::LiveCell& cell);

/// A row that was found: its key, the similarity score of CQL (larger is nearer), and the
/// fingerprint of the cell that was indexed.
struct VectorHit {
  Bytes row_key;
  float score = 0;
  uint64_t fingerprint = 0;
};

/// Whether the row of this key may be in the answer; nothing ends the search, with the hits so far.
/// Called during a search, many times; must not block for long.
using RowFilter = std::function<std::optional<bool>(BytesView row_key)>;

/// Thread-safe: any number of searches beside the one thread that applies.
class VectorIndex {
 public:
  enum class State : uint8_t {
    kBuilding,  ///< rows are missing yet: answer exactly, by scanning them
    kServing,
  };
  struct Stats {
    uint64_t vectors = 0;
    /// Rows whose vector is null are not counted; NaN, infinite and (cosine) zero vectors are.
    uint64_t refused = 0;
    uint64_t bytes = 0;
  };

  virtual ~VectorIndex() = default;
  virtual const schema::IndexDef& def() const = 0;
  virtual const VectorOptions& options() const = 0;
  virtual State state() const = 0;
  virtual Stats stats() const = 0;
  /// Up to `k` nearest vectors that are not expired at `now_s` and pass `filter` (null = all),
  /// nearest first, ties in an unspecified order; fewer only when there are no more. It is as new
  /// as the last applied mutation: a hit may be newer or older than the caller's ReadView; its
  /// fingerprint tells. A row whose vector changes meanwhile is found once, by its old vector or
  /// its new. kReadTimeout past the deadline, kWouldBlock past the context's distances,
  /// kUnavailable while building.
  virtual Result<std::vector<VectorHit>> search(std::span<const float> query, size_t k, int64_t now_s,
                                                const RowFilter* filter, const RequestContext& context) const = 0;
};
using VectorIndexPtr = std::shared_ptr<const VectorIndex>;

/// All vector indexes by id, at one moment. Immutable.
struct VectorIndexSet {
  std::map<uint32_t, VectorIndexPtr> indexes;

  /// Null when there is none.
  const VectorIndex* find(uint32_t index_id) const {
    auto it = indexes.find(index_id);
    return it == indexes.end() ? nullptr : it->second.get();
  }
};
using VectorIndexSetPtr = std::shared_ptr<const VectorIndexSet>;

}  // namespace sagitta::index
