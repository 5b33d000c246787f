#include "sagitta/exec/select.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/types/value.h"

#include "row_sink.h"

namespace sagitta::exec {
namespace {

std::unique_ptr<RowSink> make_sink(const SelectRequest& request, Matches& matches, const PagingState* from) {
  const auto& select = request.select;
  if (select.plan->aggregate || !select.plan->group_by.empty()) return make_group_sink(matches, request);
  if (!select.sort.empty()) return make_sort_sink(request);
  const auto limit = from != nullptr && from->limit_left ? from->limit_left : select.limit;
  return make_page_sink(matches, request, limit.value_or(UINT64_MAX));
}

}  // namespace

void append_cell(ValueView value, Bytes& out) {
  if (!value) {
    put_big(out, int32_t{-1});
    return;
  }
  put_big(out, static_cast<int32_t>(value->size()));
  out.append(*value);
}

bool Projector::passes(const Row& row) const {
  return std::ranges::all_of(request_.select.filters, [&](const auto& filter) { return plan::matches(filter, row); });
}

Status Projector::append(const plan::RowSource& row, Bytes& out) const {
  const size_t before = out.size();
  SAGITTA_CHECK(request_.select.plan->json ? append_json(row, out) : append_columns(row, out));
  const size_t expressions = request_.select.plan->selected.size();
  request_.charge(work::kExpression * expressions + work::bytes(out.size() - before));
  return {};
}

Status Projector::append_columns(const plan::RowSource& row, Bytes& out) const {
  for (const auto& selected : request_.select.plan->selected) {
    if (selected.expression.kind == plan::Expression::Kind::kColumn) {
      append_cell(row.column(*selected.expression.column), out);
      continue;
    }
    SAGITTA_TRY(Value value, plan::evaluate(selected.expression, request_.eval, &row));
    append_cell(to_view(value), out);
  }
  return {};
}

Status Projector::append_json(const plan::RowSource& row, Bytes& out) const {
  types::JsonObject object;
  for (const auto& selected : request_.select.plan->selected) {
    SAGITTA_TRY(Value value, plan::evaluate(selected.expression, request_.eval, &row));
    object.add(selected.name, *selected.expression.type, to_view(value));
  }
  append_cell(std::move(object).text(), out);
  return {};
}

Status SelectRequest::may_go_on() const {
  if (meter == nullptr || !meter->spent()) return {};
  return fail(ErrorCode::kWouldBlock, "the work of a turn is done");
}

Status DeadlineCheck::look() const {
  if (!request_.context.deadline.passed(request_.clock)) return {};
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
