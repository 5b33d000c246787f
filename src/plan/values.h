/// Checks of bound values, shared by all kinds of statements.
#pragma once

#include <span>
#include <string_view>

#include "sagitta/plan/plan.h"

namespace sagitta::plan {

Status check_marker_values(std::span<const MarkerInfo> markers, std::span<const BindValue> values);

/// What an index on a vector column demands of a vector.
struct VectorRule {
  bool indexed = false;
  /// Some index on the column measures angles, which a zero vector has none of.
  bool no_zero = false;
};
VectorRule vector_rule(const table::TableDef& table, const table::ColumnDef& column);
/// kInvalid naming the column and the position for NaN and infinity, and for a zero vector where the rule forbids it.
Status check_vector(const table::ColumnDef& column, BytesView vector, const VectorRule& rule);

}  // namespace sagitta::plan
