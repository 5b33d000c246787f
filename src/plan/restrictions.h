/// The WHERE clause, bound: relations between columns and typed terms, and what becomes of them
/// once their values are known.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sagitta/plan/expression.h"
#include "sagitta/plan/select.h"

namespace sagitta::plan {

using ColumnPtr = const schema::ColumnDef*;

/// The right side of a relation: a term for each column, or one tuple-valued term for all of them.
struct Operand {
  std::vector<Expression> parts;
  bool packed = false;
};

/// `columns op operands`. Exactly one operand, but for IN, which has any number of them or one
/// list-valued `in_list`.
struct Relation {
  std::vector<ColumnPtr> columns;
  Operator op = Operator::kEq;
  /// token(partition key) rather than the columns themselves.
  bool on_token = false;
  /// Of m[key] op value.
  std::optional<Expression> map_key;
  std::vector<Operand> operands;
  std::optional<Expression> in_list;

  bool is_equality() const { return (op == Operator::kEq || op == Operator::kIn) && !map_key && !on_token; }
  /// IN, unless of one value that is written out: that is an equality.
  bool may_name_several() const { return op == Operator::kIn && (in_list || operands.size() > 1); }
  bool is_slice() const {
    return op == Operator::kLt || op == Operator::kLe || op == Operator::kGt || op == Operator::kGe;
  }
};

/// One value for each column, of each operand.
using Tuple = std::vector<Value>;

/// The operands as bytes. Unset values are kInvalid; nulls are let through.
Result<std::vector<Tuple>> evaluate_operands(const Relation& relation, const EvalContext& context);

/// As `evaluate_operands`, for key columns: what can be no part of a key is kInvalid as well.
Result<std::vector<std::vector<Bytes>>> evaluate_key_operands(const Relation& relation, const EvalContext& context);

/// The serialised partition keys that `=` and IN on every partition-key column name, in the order
/// of their components' values, one of those that are equal. `relations` has one relation a
/// component, in key order.
Result<std::vector<Bytes>> evaluate_partition_keys(std::span<const Relation> relations, const EvalContext& context);

/// How the clustering columns are restricted: equalities on a prefix of them, then at most a slice.
struct ClusteringRestrictions {
  /// Each covers the columns that follow those of the one before.
  std::vector<Relation> equalities;
  /// Slices that begin right after the equalities; at most one lower and one upper bound.
  std::vector<Relation> slices;

  bool empty() const { return equalities.empty() && slices.empty(); }
  /// Columns covered by the equalities.
  size_t prefix_length() const;
};

/// Disjoint ranges in storage order.
Result<std::vector<ClusteringRange>> evaluate_clustering(const ClusteringRestrictions& restrictions,
                                                         const EvalContext& context);

Result<TokenRange> evaluate_token_range(std::span<const Relation> relations, const EvalContext& context);

Result<Filter> evaluate_filter(const Relation& relation, const EvalContext& context);

}  // namespace sagitta::plan
