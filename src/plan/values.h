/// Checks of bound values, shared by all kinds of statements.
#pragma once

#include <span>
#include <vector>

#include "sagitta/index/index.h"
#include "sagitta/plan/plan.h"

namespace sagitta::plan {

Status check_marker_values(std::span<const MarkerInfo> markers, std::span<const BindValue> values);

/// Whether the indexes on a column take the value; kInvalid with what the first that does not says.
Status check_indexed(const std::vector<index::DefinitionPtr>& indexes, BytesView value);

}  // namespace sagitta::plan
