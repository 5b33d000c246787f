/// Typed expressions: what a CQL term, function call or selected item becomes once it is bound to a
/// schema. An expression is immutable and knows no values; evaluating one needs the values of the
/// bind markers and, where columns occur, a row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/base/work_meter.h"
#include "sagitta/schema/schema.h"
#include "sagitta/types/data_type.h"

namespace sagitta {
class Random;
class TimeUuidSource;
}  // namespace sagitta

namespace sagitta::plan {

/// What a bind marker was given: bytes, null (no bytes), or nothing at all (unset).
struct BindValue {
  Value value;
  bool unset = false;

  static BindValue make_unset() { return {.value = {}, .unset = true}; }
};

/// Everything outside a statement that its evaluation may depend on. The references must outlive
/// the evaluation.
struct EvalContext {
  /// One for each marker of the plan, in marker order.
  std::span<const BindValue> values;
  /// The same values where a write may take them in place of copies: a marker stands in one place
  /// of a statement, and a write of one row evaluates each place once. Empty: they are copied.
  std::span<BindValue> takeable = {};
  /// The server's clock: now(), default timestamps, expiry.
  int64_t now_us = 0;
  /// What the client says the time is for expiry (protocol v5); the server's clock where it says
  /// nothing.
  std::optional<int64_t> client_now_s;
  /// The timestamp that the client's driver sent with the request.
  std::optional<int64_t> client_timestamp_us;
  TimeUuidSource* timeuuids = nullptr;
  Random* random = nullptr;
  /// Charged for the key values that a statement names; null: any number. Evaluation that would
  /// spend it fails with kWouldBlock, to be repeated without a meter where turns are longer.
  WorkMeter* meter = nullptr;

  /// Seconds: when what has a lifetime begins it, and what is expired.
  int64_t now_s() const { return client_now_s.value_or(now_us / 1'000'000); }
};

/// A live row as expressions see it. Implemented by whoever reads rows; not owned by any
/// expression.
/// When a cell was written, and the seconds that are left to it. A field that is null has neither.
struct Written {
  std::optional<int64_t> at_us;
  std::optional<int32_t> ttl_s;
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  /// The value, null when there is none. A multi-cell collection or UDT is given as its serialised
  /// whole. Valid until the row moves on.
  virtual ValueView column(const schema::ColumnDef& column) const = 0;
  /// Of the one cell of a column, or of each of its elements or fields; none when it is null.
  virtual std::vector<Written> written(const schema::ColumnDef& column) const = 0;
  /// The result of the `index`-th aggregate of the plan: only a group of rows has one, a single row
  /// must not be asked.
  virtual ValueView aggregate(uint32_t index) const;
};

struct Function;

enum class Aggregate : uint8_t { kCountRows, kCount, kMin, kMax, kSum, kAvg };

struct Expression {
  enum class Kind : uint8_t {
    kConstant,    ///< `constant`
    kMarker,      ///< the value of marker `index`
    kColumn,      ///< `column`
    kWritetime,   ///< of `column`: a list of bigint for each of its cells, or the largest
    kTtl,         ///< of `column`: a list of int for each of its cells, or that of the one
    kCall,        ///< `function` over `arguments`
    kCollection,  ///< list, set, map (key, value, ...), tuple, UDT or vector, by `type`, of `arguments`
    kElement,     ///< `arguments`[0] (a map or set) at key `arguments`[1]
    kSlice,       ///< `arguments`[0] (a map or set) from key `arguments`[1] to `arguments`[2]; without type: open
    kField,       ///< field `index` of the UDT `arguments`[0]
    kAggregate,   ///< the `index`-th of the plan: `aggregate` over `arguments` (none for kCountRows); see Accumulator
  };
  Kind kind = Kind::kConstant;
  types::DataTypePtr type;
  Value constant;
  uint32_t index = 0;
  /// Points into the table of the plan, which holds it.
  const schema::ColumnDef* column = nullptr;
  /// Points into a static registry.
  const Function* function = nullptr;
  Aggregate aggregate = Aggregate::kCountRows;
  std::vector<Expression> arguments;
  /// What the value is for ("v", "in(k)", "[limit]"): the subject of error texts.
  std::string receiver;
};

/// The value; null where CQL says null. An unset marker is kInvalid here (see `evaluate_settable`).
/// `row` may be null only when no column occurs in the expression. kInvalid for values that do not
/// fit their types.
Result<Value> evaluate(const Expression& expression, const EvalContext& context, const RowSource* row = nullptr);

/// As `evaluate`, but an unset marker at the top yields an unset value: a write then leaves its
/// column alone.
Result<BindValue> evaluate_settable(const Expression& expression, const EvalContext& context);

/// Whether an aggregate is anywhere in the expression: it then has a value of a group of rows, and
/// none of a row.
bool has_aggregate(const Expression& expression);

/// Of a kCall, as result columns spell it.
std::string_view function_name(const Expression& call);

/// Computes one aggregate over the rows of a group. Not thread-safe.
class Accumulator {
 public:
  /// `expression` is an aggregate and must outlive this.
  explicit Accumulator(const Expression& expression);
  Accumulator(Accumulator&&) noexcept;
  Accumulator& operator=(Accumulator&&) noexcept;
  ~Accumulator();
  Status add(const EvalContext& context, const RowSource& row);
  /// Of no rows: 0 for counts and sums, null for min and max.
  Result<Value> result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sagitta::plan
