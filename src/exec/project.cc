/// What a result row shows of a row.
#include <algorithm>

#include "sagitta/exec/select.h"
#include "sagitta/types/value.h"

namespace sagitta::exec {

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

}  // namespace sagitta::exec
