/// GROUP BY and aggregates.
#include <algorithm>
#include <utility>

#include "sagitta/base/assert.h"

#include "row_sink.h"
#include "sort.h"

namespace sagitta::exec {
namespace {

using plan::Expression;
using plan::SelectPlan;

using Columns = std::vector<const schema::ColumnDef*>;

/// The columns that an expression reads beside its aggregates.
void gather_columns(const Expression& expression, Columns& columns) {
  if (expression.kind == Expression::Kind::kAggregate) return;
  if (expression.column != nullptr && std::ranges::find(columns, expression.column) == columns.end()) {
    columns.push_back(expression.column);
  }
  for (const Expression& argument : expression.arguments) gather_columns(argument, columns);
}

/// A group of rows as a selected item sees it: the results of its aggregates, and the columns of
/// its first row.
class Group final : public plan::RowSource {
 public:
  Group(const SelectRequest& request, const Columns& columns) : request_(request), columns_(columns) {
    for (const Expression* aggregate : request.select.plan->aggregates) accumulators_.emplace_back(*aggregate);
  }

  Status add(const Row& row) {
    if (first_.empty()) keep_first(row);
    for (auto& accumulator : accumulators_) SAGITTA_CHECK(accumulator.add(request_.eval, row));
    return {};
  }
  /// No row comes any more.
  Status close() {
    for (const auto& accumulator : accumulators_) {
      SAGITTA_TRY(Value value, accumulator.result());
      results_.push_back(std::move(value));
    }
    return {};
  }

  ValueView column(const schema::ColumnDef& column) const override {
    const Cell* cell = find(column);
    return cell == nullptr ? ValueView() : to_view(cell->value);
  }
  std::optional<int64_t> writetime_us(const schema::ColumnDef& column) const override {
    const Cell* cell = find(column);
    return cell == nullptr ? std::nullopt : cell->writetime_us;
  }
  std::optional<int32_t> ttl(const schema::ColumnDef& column) const override {
    const Cell* cell = find(column);
    return cell == nullptr ? std::nullopt : cell->ttl;
  }
  ValueView aggregate(uint32_t index) const override { return to_view(results_[index]); }

 private:
  struct Cell {
    Value value;
    std::optional<int64_t> writetime_us;
    std::optional<int32_t> ttl;
  };

  void keep_first(const Row& row) {
    for (const auto* column : columns_) {
      first_.push_back({to_value(row.column(*column)), row.writetime_us(*column), row.ttl(*column)});
    }
  }
  /// Null when there was no row.
  const Cell* find(const schema::ColumnDef& column) const {
    if (first_.empty()) return nullptr;
    const auto at = std::ranges::find(columns_, &column);
    SAGITTA_ASSERT(at != columns_.end());
    return &first_[static_cast<size_t>(at - columns_.begin())];
  }

  const SelectRequest& request_;
  const Columns& columns_;
  std::vector<plan::Accumulator> accumulators_;
  /// In the order of `columns_`.
  std::vector<Cell> first_;
  std::vector<Value> results_;
};

/// Rows into groups, groups into result rows.
class Grouping {
 public:
  explicit Grouping(const SelectRequest& request) : request_(request), projector_(request) {
    for (const auto& selected : plan().selected) gather_columns(selected.expression, columns_);
    for (const auto& key : request.select.sort) columns_.push_back(key.column);
    if (!request.select.sort.empty()) sorted_.emplace(request);
    if (plan().group_by.empty()) group_.emplace(request_, columns_);
  }

  /// False when the row begins a group beyond PER PARTITION LIMIT, as all that follow it in its
  /// partition then do.
  Result<bool> add(const Row& row) {
    if (!plan().group_by.empty() && !(group_ && in_group(row))) {
      SAGITTA_CHECK(close_group());
      if (is_full()) return true;
      if (!open_group(row)) return false;
    }
    SAGITTA_CHECK(group_->add(row));
    return true;
  }
  /// LIMIT is reached.
  bool is_full() const { return !sorted_ && result_.row_count >= request_.select.limit.value_or(UINT64_MAX); }
  Result<ResultSet> finish() {
    SAGITTA_CHECK(close_group());
    return sorted_ ? std::move(*sorted_).finish() : std::move(result_);
  }

 private:
  const SelectPlan& plan() const { return *request_.select.plan; }

  bool in_group(const Row& row) const {
    for (size_t i = 0; i < key_.size(); ++i) {
      if (to_view(key_[i]) != row.column(*plan().group_by[i])) return false;
    }
    return true;
  }
  bool open_group(const Row& row) {
    if (row.key().partition != partition_) {
      partition_ = row.key().partition;
      in_partition_ = 0;
    }
    if (in_partition_ == request_.select.per_partition_limit) return false;
    ++in_partition_;
    group_.emplace(request_, columns_);
    key_.clear();
    for (const auto* column : plan().group_by) key_.push_back(to_value(row.column(*column)));
    return true;
  }
  Status close_group() {
    if (!group_) return {};
    SAGITTA_CHECK(group_->close());
    const Group group = *std::exchange(group_, std::nullopt);
    if (sorted_) return sorted_->add(group);
    SAGITTA_CHECK(projector_.append(group, result_.cells));
    ++result_.row_count;
    return check_result_bytes(result_.cells);
  }

  const SelectRequest& request_;
  const Projector projector_;
  Columns columns_;
  std::optional<Group> group_;
  std::vector<Value> key_;
  /// With an ORDER BY that the storage does not give.
  std::optional<SortedRows> sorted_;
  Bytes partition_;
  uint64_t in_partition_ = 0;
  ResultSet result_;
};

class GroupSink final : public RowSink {
 public:
  GroupSink(Matches& matches, const SelectRequest& request) : matches_(matches), grouping_(request) {}

  Result<bool> add(const Row& row) override {
    SAGITTA_TRY(const bool wanted, grouping_.add(row));
    if (!wanted) matches_.skip_partition();
    return !grouping_.is_full();
  }
  Result<ResultSet> finish() override { return grouping_.finish(); }

 private:
  Matches& matches_;
  Grouping grouping_;
};

}  // namespace

std::unique_ptr<RowSink> make_group_sink(Matches& matches, const SelectRequest& request) {
  return std::make_unique<GroupSink>(matches, request);
}

}  // namespace sagitta::exec
