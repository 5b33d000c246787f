/// GROUP BY: what groups have in common.
#pragma once

#include <optional>
#include <vector>

#include "sagitta/cql/ast.h"

#include "binder.h"

namespace sagitta::plan {

struct GroupBy {
  /// Of the primary key.
  std::vector<const schema::ColumnDef*> columns;
  /// A function of the last column that has one value for a run of its values, such as floor.
  std::optional<Expression> function;
};

/// kInvalid with Cassandra's texts. The order of the columns is not looked at.
Result<GroupBy> bind_group_by(Binder& binder, const schema::TableDef& table, const std::vector<cql::Term>& terms);

}  // namespace sagitta::plan
