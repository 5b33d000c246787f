/// Checks of bound values, shared by all kinds of statements.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "sagitta/plan/plan.h"
#include "sagitta/table/vector_index.h"

namespace sagitta::plan {

Status check_marker_values(std::span<const MarkerInfo> markers, std::span<const BindValue> values);

/// The strictest similarity of the vector indexes on a column; nothing when it has none.
using VectorRule = std::optional<table::Similarity>;
VectorRule vector_rule(const table::TableDef& table, const table::ColumnDef& column);
/// kInvalid naming the column, with the reason of table::refuse_vector.
Status check_vector(const table::ColumnDef& column, BytesView vector, const VectorRule& rule);

}  // namespace sagitta::plan
