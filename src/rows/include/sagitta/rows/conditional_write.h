/// A conditional write: mutations of one partition that are applied if its rows are as the write
/// wants them, which is decided at its place in the log. As data, before it is applied.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/rows/row.h"
#include "sagitta/schema/schema.h"

namespace sagitta::rows {

/// `column op operand`. The numbers are the format's.
struct ColumnCondition {
  enum class Operator : uint8_t {
    kEq = 1,
    kNotEq = 2,
    kLt = 3,
    kLe = 4,
    kGt = 5,
    kGe = 6,
    kIn = 7,
    kContains = 8,
    kContainsKey = 9,
  };
  enum class Of : uint8_t {
    kWhole = 1,
    kElement = 2,  ///< of a map by key, of a list by number (int32)
    kField = 3,    ///< of a UDT, by number (u16, big-endian)
  };
  uint32_t column_id = 0;
  Operator op = Operator::kEq;
  Of of = Of::kWhole;
  Bytes key;
  /// One, but for kIn. Null is equal to null and to nothing else, and neither less nor greater than
  /// anything.
  std::vector<Value> operands;
};

/// What a row, or the static row, must be like.
struct RowCondition {
  bool is_static = false;
  /// All clustering components; empty for the static row.
  std::vector<Bytes> clustering;
  enum class Existence : uint8_t { kAny = 1, kExists = 2, kNotExists = 3 };
  Existence existence = Existence::kAny;
  /// Of a row that does not exist every column is null.
  std::vector<ColumnCondition> columns;
};

struct ConditionalWrite {
  uint32_t table_id = 0;
  Bytes partition_key;
  /// All must hold; there is at least one.
  std::vector<RowCondition> conditions;
  /// Of the partition. Their timestamps are given when they are applied.
  std::vector<Mutation> mutations;
};

/// What became of a conditional write.
struct Decision {
  bool applied = false;
  /// If it was not applied: the rows of its conditions that exist, in the order of the table, and
  /// the static row. Of conditions on static columns alone, the first row of the partition.
  std::vector<LiveRow> rows;
  std::optional<LiveRow> statics;
};

/// Whether the row (null: none) is as the condition wants it. A condition on a column that was
/// dropped meanwhile does not hold.
bool holds(const schema::TableDef& table, const RowCondition& condition, const LiveRow* row);

/// The payload of a log record of kind kConditional (docs/formats/rows.md).
void encode(const ConditionalWrite& write, Bytes& out);
/// kCorruption; kFormat for a newer version.
Result<ConditionalWrite> decode_conditional_write(BytesView bytes);

}  // namespace sagitta::rows
