#include "sagitta/exec/select.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/types/value.h"

#include "matches.h"

namespace sagitta::exec {
namespace {

using plan::Expression;
using plan::SelectPlan;

std::string json_name(const std::string& name) {
  bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '(' || c == ')' || c == '.';
  });
  return plain ? "\"" + name + "\"" : "\"\\\"" + name + "\\\"\"";
}

/// Shows no row at all: what an aggregate over nothing selects beside it.
class NoRow final : public plan::RowSource {
 public:
  ValueView column(const schema::ColumnDef&) const override { return std::nullopt; }
  std::optional<int64_t> writetime_us(const schema::ColumnDef&) const override { return std::nullopt; }
  std::optional<int32_t> ttl(const schema::ColumnDef&) const override { return std::nullopt; }
};

Status append_selected(const SelectPlan& plan, const plan::EvalContext& eval, const plan::RowSource& row, Bytes& out) {
  if (!plan.json) {
    for (const auto& selected : plan.selected) {
      if (selected.expression.kind == Expression::Kind::kColumn) {
        append_cell(row.column(*selected.expression.column), out);
        continue;
      }
      SAGITTA_TRY(Value value, plan::evaluate(selected.expression, eval, &row));
      append_cell(to_view(value), out);
    }
    return {};
  }
  std::string json = "{";
  for (const auto& selected : plan.selected) {
    SAGITTA_TRY(Value value, plan::evaluate(selected.expression, eval, &row));
    json += (json.size() > 1 ? ", " : "") + json_name(selected.name) + ": ";
    json += types::to_json(*selected.expression.type, to_view(value));
  }
  append_cell(json + "}", out);
  return {};
}

/// The rows of one group while they are read: its aggregates, and what its first row selects beside them.
class Group {
 public:
  explicit Group(const SelectRequest& request) : request_(request) {
    for (const auto& selected : request.select.plan->selected) {
      if (plan::is_aggregate(selected.expression)) {
        accumulators_.emplace_back(selected.expression);
      }
    }
  }

  Status add(const Row& row) {
    if (std::exchange(empty_, false)) {
      SAGITTA_CHECK(keep_first(row));
    }
    for (auto& accumulator : accumulators_) {
      SAGITTA_CHECK(accumulator.add(request_.eval, row));
    }
    return {};
  }
  Status append(Bytes& out) {
    if (empty_) {
      SAGITTA_CHECK(keep_first(NoRow()));
    }
    size_t next = 0;
    const auto& selected = request_.select.plan->selected;
    std::vector<Value> values;
    for (size_t i = 0; i < selected.size(); ++i) {
      if (!plan::is_aggregate(selected[i].expression)) {
        values.push_back(first_[i]);
        continue;
      }
      SAGITTA_TRY(Value value, accumulators_[next++].result());
      values.push_back(std::move(value));
    }
    append_values(values, out);
    return {};
  }
  bool empty() const { return empty_; }

 private:
  Status keep_first(const plan::RowSource& row) {
    for (const auto& selected : request_.select.plan->selected) {
      Value value;
      if (!plan::is_aggregate(selected.expression)) {
        SAGITTA_TRY(value, plan::evaluate(selected.expression, request_.eval, &row));
      }
      first_.push_back(std::move(value));
    }
    return {};
  }
  void append_values(const std::vector<Value>& values, Bytes& out) const {
    const SelectPlan& plan = *request_.select.plan;
    if (!plan.json) {
      for (const Value& value : values) append_cell(to_view(value), out);
      return;
    }
    std::string json = "{";
    for (size_t i = 0; i < values.size(); ++i) {
      json += (i > 0 ? ", " : "") + json_name(plan.selected[i].name) + ": " +
              types::to_json(*plan.selected[i].expression.type, to_view(values[i]));
    }
    append_cell(json + "}", out);
  }

  const SelectRequest& request_;
  std::vector<plan::Accumulator> accumulators_;
  std::vector<Value> first_;
  bool empty_ = true;
};

bool same_group(const SelectPlan& plan, const std::vector<Value>& group, const Row& row) {
  for (size_t i = 0; i < plan.group_by.size(); ++i) {
    if (to_view(group[i]) != row.column(*plan.group_by[i])) return false;
  }
  return true;
}

std::vector<Value> group_of(const SelectPlan& plan, const Row& row) {
  std::vector<Value> group;
  for (const auto* column : plan.group_by) group.push_back(to_value(row.column(*column)));
  return group;
}

/// Aggregates, with GROUP BY or over all rows. Answers in one page: a group is small, and reading it is the work.
Result<ResultSet> run_aggregate(Matches& matches, const SelectRequest& request) {
  const SelectPlan& plan = *request.select.plan;
  ResultSet result;
  const uint64_t limit = request.select.limit.value_or(UINT64_MAX);
  std::optional<Group> group;
  std::vector<Value> key;
  if (plan.group_by.empty()) group.emplace(request);
  auto finish = [&]() -> Status {
    SAGITTA_CHECK(group->append(result.cells));
    ++result.row_count;
    return check_result_bytes(result.cells);
  };
  while (result.row_count < limit) {
    SAGITTA_TRY(const Row* row, matches.next());
    if (row == nullptr) break;
    if (!plan.group_by.empty() && (!group || !same_group(plan, key, *row))) {
      if (group) {
        SAGITTA_CHECK(finish());
      }
      if (result.row_count == limit) return result;
      group.emplace(request);
      key = group_of(plan, *row);
    }
    SAGITTA_CHECK(group->add(*row));
  }
  if (group && result.row_count < limit) {
    SAGITTA_CHECK(finish());
  }
  return result;
}

struct SortedRow {
  std::vector<Value> keys;
  Bytes cells;
};

bool sorts_before(const std::vector<plan::SortKey>& sort, const SortedRow& a, const SortedRow& b) {
  for (size_t i = 0; i < sort.size(); ++i) {
    if (a.keys[i].has_value() != b.keys[i].has_value()) return !a.keys[i].has_value() != sort[i].descending;
    if (!a.keys[i]) continue;
    auto order = types::compare(*sort[i].column->type, *a.keys[i], *b.keys[i]);
    if (order != std::strong_ordering::equal) return (order == std::strong_ordering::less) != sort[i].descending;
  }
  return false;
}

Result<ResultSet> run_sorted(Matches& matches, const SelectRequest& request) {
  const auto& sort = request.select.sort;
  const Projector projector(request);
  std::vector<SortedRow> sorted;
  size_t bytes = 0;
  for (;;) {
    SAGITTA_TRY(const Row* row, matches.next());
    if (row == nullptr) break;
    SortedRow& one = sorted.emplace_back();
    for (const auto& key : sort) one.keys.push_back(to_value(row->column(*key.column)));
    SAGITTA_CHECK(projector.append(*row, one.cells));
    bytes += one.cells.size();
    if (bytes > kResultBytesMax) return fail(ErrorCode::kOverloaded, "The rows to sort are too many");
  }
  std::ranges::stable_sort(sorted, [&](const auto& a, const auto& b) { return sorts_before(sort, a, b); });
  ResultSet result;
  const size_t count = std::min<uint64_t>(sorted.size(), request.select.limit.value_or(UINT64_MAX));
  for (size_t i = 0; i < count; ++i) result.cells += sorted[i].cells;
  result.row_count = static_cast<uint32_t>(count);
  return result;
}

Result<ResultSet> run_paged(Matches& matches, const SelectRequest& request, uint64_t limit) {
  const Projector projector(request);
  const bool limited = request.select.limit.has_value();
  const uint64_t page = request.page_size.value_or(UINT32_MAX);
  const size_t bytes_max = request.page_size ? kPageBytesMax : kResultBytesMax;
  ResultSet result;
  PagingState state;
  state.statement_hash = request.statement_hash;
  while (result.row_count < limit) {
    SAGITTA_TRY(const Row* row, matches.next());
    if (row == nullptr) return result;
    if (result.row_count == page || (request.page_size && result.cells.size() > bytes_max)) {
      if (limited) state.limit_left = limit - result.row_count;
      result.paging_state = encode_paging_state(state);
      return result;
    }
    SAGITTA_CHECK(projector.append(*row, result.cells));
    SAGITTA_CHECK(check_result_bytes(result.cells));
    ++result.row_count;
    state.last = row->key();
    state.in_partition = matches.in_partition();
  }
  return result;
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

Status Projector::append(const Row& row, Bytes& out) const {
  return append_selected(*request_.select.plan, request_.eval, row, out);
}

Status DeadlineCheck::look() const {
  if (!request_.context.deadline.passed(request_.clock)) return {};
  return fail(ErrorCode::kReadTimeout, fmt::format("Operation timed out after reading {} rows", steps_));
}

Result<ResultSet> run(const TableRows& rows, const SelectRequest& request) {
  const auto& select = request.select;
  std::optional<PagingState> from;
  if (!request.paging_state.empty()) {
    SAGITTA_TRY(from, decode_paging_state(request.paging_state, request.statement_hash));
  }
  Matches matches(rows, request);
  SAGITTA_CHECK(matches.start(from ? &*from : nullptr));
  Result<ResultSet> result = [&] {
    if (select.plan->aggregate || !select.plan->group_by.empty()) return run_aggregate(matches, request);
    if (!select.sort.empty()) return run_sorted(matches, request);
    return run_paged(matches, request,
                     from && from->limit_left ? *from->limit_left : select.limit.value_or(UINT64_MAX));
  }();
  request.context.note([&] { return fmt::format("Read {} live rows", matches.rows_read()); });
  return result;
}

}  // namespace sagitta::exec
