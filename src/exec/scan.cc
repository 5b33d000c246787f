/// A select over all matching rows, a step at a time.
#include <fmt/format.h>

#include <utility>

#include "sagitta/exec/select.h"

#include "row_sink.h"

namespace sagitta::exec {
namespace {

std::unique_ptr<RowSink> make_sink(const SelectRequest& request, Matches& matches, const PagingState* from) {
  const auto& select = request.select;
  if (select.plan->aggregate || !select.plan->group_by.empty()) return make_group_sink(matches, request, from);
  if (!select.sort.empty()) return make_sort_sink(request);
  const auto limit = from != nullptr && from->limit_left ? from->limit_left : select.limit;
  return make_page_sink(matches, request, limit.value_or(UINT64_MAX));
}

}  // namespace

Status SelectRequest::may_go_on() const {
  if (meter == nullptr || !meter->spent()) return {};
  return fail(ErrorCode::kWouldBlock, "the work of a turn is done");
}

Status DeadlineCheck::look() const {
  const RequestContext& context = request_.context;
  if (context.patience != nullptr && context.patience->passed(request_.clock)) {
    return fail(ErrorCode::kReadTimeout, fmt::format("The client left after {} rows were read", steps_));
  }
  if (!context.deadline.passed(request_.clock)) return {};
  return fail(ErrorCode::kReadTimeout, fmt::format("Operation timed out after reading {} rows", steps_));
}

Status ScanRun::start() {
  std::optional<PagingState> from;
  if (!request_.paging_state.empty()) {
    SAGITTA_TRY(from, decode_paging_state(request_.paging_state, request_.statement_hash));
  }
  SAGITTA_CHECK(matches_.start(from ? &*from : nullptr));
  sink_ = make_sink_(request_, matches_, from ? &*from : nullptr);
  return {};
}

Result<ResultSet> ScanRun::step() {
  SAGITTA_CHECK(matches_.check_deadline());
  if (sink_ == nullptr) {
    SAGITTA_CHECK(start());
  }
  for (bool wants_more = true; wants_more;) {
    SAGITTA_TRY(const Row* row, matches_.next());
    if (row == nullptr) break;
    SAGITTA_TRY(wants_more, sink_->add(*row));
  }
  request_.context.note([&] { return fmt::format("Read {} live rows", matches_.rows_read()); });
  return sink_->finish();
}

std::unique_ptr<SelectRun> start(const TableRows& rows, const SelectRequest& request) {
  return std::make_unique<ScanRun>(rows, request, make_sink);
}

Result<ResultSet> run(const TableRows& rows, const SelectRequest& request) { return start(rows, request)->step(); }

}  // namespace sagitta::exec
