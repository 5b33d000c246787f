/// The bound forms of INSERT, UPDATE and DELETE, and what they do with values.
#pragma once

#include <optional>
#include <vector>

#include "sagitta/plan/plan.h"

#include "conditions.h"
#include "restrictions.h"
#include "values.h"

namespace sagitta::plan {

/// What a write does to one column.
struct Operation {
  enum class Kind : uint8_t {
    kSet,            ///< column = value
    kSetElement,     ///< column[key] = value: a map entry or a list position
    kSetField,       ///< column.field = value
    kAppend,         ///< column = column + value: list, set, map, counter
    kPrepend,        ///< column = value + column: list
    kRemove,         ///< column = column - value: list, set, map (by keys), counter
    kDelete,         ///< DELETE column, of a multi-cell one
    kDeleteElement,  ///< DELETE column[key]
  };
  Kind kind = Kind::kSet;
  ColumnPtr column = nullptr;
  std::optional<Expression> key;
  uint32_t field = 0;
  Expression value;
  /// Those on the column: they say which values must not be written.
  std::vector<index::DefinitionPtr> indexes;
};

struct ModificationBody {
  enum class Kind : uint8_t { kInsert, kUpdate, kDelete };
  Kind kind = Kind::kInsert;
  /// One relation a component of the partition key.
  std::vector<Relation> partition;
  ClusteringRestrictions clustering;
  /// The write concerns the static row alone.
  bool static_only = false;
  std::vector<Operation> operations;
  Conditions conditions;
  std::optional<Expression> timestamp, ttl;
  /// Of INSERT JSON: the text. The values of keys and operations are then markers, numbered as the
  /// columns of the table, whose values the text gives.
  std::optional<Expression> json;
  /// A column that the text does not name is left alone rather than set to null.
  bool json_default_unset = false;
  /// Of what is written without a TTL; the table's.
  int32_t default_ttl_s = 0;
};

/// The timestamp and lifetime of one execution.
struct WriteTime {
  int64_t timestamp_us = 0;
  rows::Mutation::Stamp stamp = rows::Mutation::Stamp::kClient;
  int32_t ttl_s = 0;
  int64_t expires_s = 0;
};

/// `batch_timestamp` is the one of USING TIMESTAMP before a batch.
Result<WriteTime> evaluate_write_time(const ModificationBody& body, const schema::TableDef& table,
                                      std::optional<int64_t> batch_timestamp, const EvalContext& context);

/// The value of a USING TIMESTAMP; nothing when it is unset.
Result<std::optional<int64_t>> evaluate_timestamp(const std::optional<Expression>& timestamp,
                                                  const EvalContext& context);

/// Appends the cell changes of `operation` to `row`. An unset value appends none.
Status append_cells(const Operation& operation, const EvalContext& context, rows::RowMutation& row);

/// Appends the mutations and the conditions of one statement; those of a batch are then merged.
Status append_write(const ModificationPlan& plan, std::optional<int64_t> batch_timestamp, const EvalContext& context,
                    Write& out);

}  // namespace sagitta::plan
