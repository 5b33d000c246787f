/// Aggregates and GROUP BY.
#include <utility>

#include "sagitta/types/value.h"

#include "row_sink.h"

namespace sagitta::exec {
namespace {

using plan::SelectPlan;

/// Shows no row at all: what an aggregate over nothing selects beside it.
class NoRow final : public plan::RowSource {
 public:
  ValueView column(const schema::ColumnDef&) const override { return std::nullopt; }
  std::optional<int64_t> writetime_us(const schema::ColumnDef&) const override { return std::nullopt; }
  std::optional<int32_t> ttl(const schema::ColumnDef&) const override { return std::nullopt; }
};

/// The rows of one group while they are read: its aggregates, and what its first row selects beside
/// them.
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

class GroupSink final : public RowSink {
 public:
  explicit GroupSink(const SelectRequest& request)
      : request_(request), limit_(request.select.limit.value_or(UINT64_MAX)) {
    if (plan().group_by.empty()) group_.emplace(request_);
  }

  Result<bool> add(const Row& row) override {
    if (!plan().group_by.empty() && (!group_ || !same_group(plan(), key_, row))) {
      if (group_) {
        SAGITTA_CHECK(finish_group());
      }
      if (result_.row_count == limit_) return false;
      group_.emplace(request_);
      key_ = group_of(plan(), row);
    }
    SAGITTA_CHECK(group_->add(row));
    return true;
  }
  Result<ResultSet> finish() override {
    if (group_ && result_.row_count < limit_) {
      SAGITTA_CHECK(finish_group());
    }
    return std::move(result_);
  }

 private:
  const SelectPlan& plan() const { return *request_.select.plan; }
  Status finish_group() {
    SAGITTA_CHECK(group_->append(result_.cells));
    ++result_.row_count;
    return check_result_bytes(result_.cells);
  }

  const SelectRequest& request_;
  const uint64_t limit_;
  std::optional<Group> group_;
  std::vector<Value> key_;
  ResultSet result_;
};

}  // namespace

std::unique_ptr<RowSink> make_group_sink(const SelectRequest& request) { return std::make_unique<GroupSink>(request); }

}  // namespace sagitta::exec
