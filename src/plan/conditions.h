/// The IF of a write: bound, and with its values.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sagitta/plan/plan.h"
#include "sagitta/rows/conditional_write.h"

#include "binder.h"
#include "restrictions.h"

namespace sagitta::plan {

/// `column op term`, or of an element or a field of the column.
struct Condition {
  ColumnPtr column = nullptr;
  rows::ColumnCondition::Operator op = rows::ColumnCondition::Operator::kEq;
  rows::ColumnCondition::Of of = rows::ColumnCondition::Of::kWhole;
  std::optional<Expression> key;
  uint16_t field = 0;
  /// One, but for IN, which has any number of them or one list.
  std::vector<Expression> operands;
  std::optional<Expression> in_list;
};

struct Conditions {
  rows::RowCondition::Existence existence = rows::RowCondition::Existence::kAny;
  std::vector<Condition> columns;

  bool empty() const { return existence == rows::RowCondition::Existence::kAny && columns.empty(); }
  /// Of the columns that they are on.
  bool are_on(schema::ColumnKind kind) const;
};

Result<std::vector<Condition>> bind_conditions(Binder& binder, const schema::TableDef& table,
                                               std::span<const cql::Relation> relations);

/// The rows that conditions are on.
struct ConditionedRows {
  /// The static row alone.
  bool static_only = false;
  /// The static row is looked at, though it may have no condition.
  bool shows_statics = false;
  std::vector<Bytes> clustering;
};

/// Appends what the conditions want of the row, and of the static row beside it.
Status append_conditions(const Conditions& conditions, const ConditionedRows& of, const EvalContext& context,
                         std::vector<rows::RowCondition>& out);

/// Brings the conditions of a batch together: one for each row, in the order of the table. kInvalid
/// when those of one row cannot be true together.
Result<std::vector<rows::RowCondition>> merge_conditions(const schema::TableDef& table,
                                                         std::vector<rows::RowCondition> conditions);

}  // namespace sagitta::plan
