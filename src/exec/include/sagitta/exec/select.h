/// Runs bound selects over rows: filters, expressions, aggregates, limits, paging.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/base/clock.h"
#include "sagitta/base/trace.h"
#include "sagitta/base/work_meter.h"
#include "sagitta/exec/rows.h"
#include "sagitta/plan/plan.h"

namespace sagitta::exec {

/// What one run of a select needs. The references must outlive the run.
struct SelectRequest {
  const plan::BoundSelect& select;
  const plan::EvalContext& eval;
  RequestContext context;
  const Clock& clock;
  /// Rows per page; none: all at once.
  std::optional<uint32_t> page_size;
  /// Empty for the first page.
  BytesView paging_state;
  /// Ties paging states to the statement.
  uint64_t statement_hash = 0;
  /// Charged for what the run does, and asked whether it may go on; null: it may. A view that is
  /// read is to charge the same.
  WorkMeter* meter = nullptr;

  void charge(uint64_t units) const {
    if (meter != nullptr) meter->add(units);
  }
  /// kWouldBlock when the meter is spent.
  Status may_go_on() const;
};

struct ResultSet {
  uint32_t row_count = 0;
  /// Row by row, each cell [int32 length][bytes], length -1 = null.
  Bytes cells;
  /// Not empty when there are more rows.
  Bytes paging_state;
};

/// A page that grows past this ends early; an unpaged result that grows past kResultBytesMax is
/// refused.
inline constexpr size_t kPageBytesMax = size_t{16} << 20;
inline constexpr size_t kResultBytesMax = size_t{128} << 20;

/// A select under way. It may be left between two steps, and taken up by another thread.
class SelectRun {
 public:
  virtual ~SelectRun() = default;
  /// Goes on until the answer is there. kWouldBlock: the meter is spent (refill it, and call again
  /// to go on), or a cache-only read needs a disk (the run is of no more use). Other errors end it:
  /// kReadTimeout when the deadline passes, kOverloaded when the result would be too large,
  /// kProtocol for a bad paging state, kInvalid from expressions.
  virtual Result<ResultSet> step() = 0;
};

/// Any select but ANN. `rows` must outlive the run.
std::unique_ptr<SelectRun> start(const TableRows& rows, const SelectRequest& request);
/// All of it in one step.
Result<ResultSet> run(const TableRows& rows, const SelectRequest& request);

/// Tests rows against a select's filters and encodes what it selects: the part that scans and ANN
/// queries share. Not thread-safe.
class Projector {
 public:
  explicit Projector(const SelectRequest& request) : request_(request) {}
  bool passes(const Row& row) const;
  /// Appends one result row: of a row, or of a group of rows.
  Status append(const plan::RowSource& row, Bytes& out) const;

 private:
  Status append_columns(const plan::RowSource& row, Bytes& out) const;
  Status append_json(const plan::RowSource& row, Bytes& out) const;
  const SelectRequest& request_;
};

/// Counts rows and looks at the clock every so many. kReadTimeout once the deadline has passed, or
/// nobody waits for the answer.
class DeadlineCheck {
 public:
  explicit DeadlineCheck(const SelectRequest& request) : request_(request) {}
  Status step() { return (++steps_ & 255U) == 0 ? look() : Status(); }
  Status look() const;
  uint64_t steps() const { return steps_; }

 private:
  const SelectRequest& request_;
  uint64_t steps_ = 0;
};

void append_cell(ValueView value, Bytes& out);

}  // namespace sagitta::exec
