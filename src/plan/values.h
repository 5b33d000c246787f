/// Checks of bound values, shared by all kinds of statements.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "sagitta/index/vector_index.h"
#include "sagitta/plan/plan.h"

namespace sagitta::plan {

Status check_marker_values(std::span<const MarkerInfo> markers, std::span<const BindValue> values);

/// The strictest similarity of the vector indexes on a column; nothing when it has none.
using VectorRule = std::optional<index::Similarity>;
VectorRule vector_rule(const schema::TableDef& table, const schema::ColumnDef& column);
/// kInvalid naming the column, with the reason of index::refuse_vector.
Status check_vector(const schema::ColumnDef& column, BytesView vector, const VectorRule& rule);

}  // namespace sagitta::plan
