/// What the client of a batch is warned of, in Cassandra's words.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sagitta/plan/plan.h"

namespace sagitta::plan {

/// Of a batch that changes several partitions: that it is large, and, unless it is logged, that
/// they are many. `mutations` are what its `children` come to.
std::vector<std::string> batch_warnings(types::BatchKind kind, std::span<const PlanPtr> children,
                                        std::span<const rows::Mutation> mutations);

}  // namespace sagitta::plan
