/// The options of a vector index, parsed.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sagitta/ann/index.h"
#include "sagitta/schema/schema.h"

namespace sagitta::index {

/// What class, options and defaults come to.
struct VectorOptions {
  ann::Metric similarity = ann::Metric::kCosine;
  ann::Profile profile = ann::Profile::kCompact;
  uint32_t dim = 0;
  uint32_t maximum_node_connections = 16;
  uint32_t construction_beam_width = 128;
  uint32_t search_beam_width = 64;
  float oversampling = 1.0F;
  bool rescoring = false;
};

/// Of options that were checked; those that are missing or not understood have their defaults.
VectorOptions parse_vector_options(const schema::IndexDef& def, const schema::ColumnDef& column);

/// Why a vector cannot be in an index; empty when it can: "element 3 is NaN", "all elements from 0
/// to 2 are zero, which cosine similarity does not support".
std::string refuse_vector(ann::Metric similarity, std::span<const float> vector);

/// CQL's similarity of a distance. Normalised vectors may be a rounding error longer than 1.
float score_of(ann::Metric similarity, float distance);

}  // namespace sagitta::index
