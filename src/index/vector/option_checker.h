/// The options of a vector index as users write them: ScyllaDB's and Cassandra's flat names, and
/// USearch's, nested or not. All spellings of one thing become one stored option.
#pragma once

#include <span>

#include "sagitta/index/index.h"

namespace sagitta::index {

/// kInvalid for a bad value, for two spellings that contradict each other, and for a dimension that
/// is not the column's; kConfig (Cassandra's classes) or kInvalid for a name that is not known.
Result<CheckedOptions> check_vector_options(std::span<const WrittenOption> written, const Target& target);

}  // namespace sagitta::index
