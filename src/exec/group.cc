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
  std::vector<plan::Written> written(const schema::ColumnDef& column) const override {
    const Cell* cell = find(column);
    return cell == nullptr ? std::vector<plan::Written>() : cell->written;
  }
  ValueView aggregate(uint32_t index) const override { return to_view(results_[index]); }

 private:
  struct Cell {
    Value value;
    std::vector<plan::Written> written;
  };

  void keep_first(const Row& row) {
    for (const auto* column : columns_) {
      first_.push_back({to_value(row.column(*column)), row.written(*column)});
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
  /// `from` is null for the first page.
  Grouping(const SelectRequest& request, const PagingState* from)
      : request_(request), projector_(request), limit_(request.select.limit.value_or(UINT64_MAX)) {
    for (const auto& selected : plan().selected) gather_columns(selected.expression, columns_);
    for (const auto& key : request.select.sort) columns_.push_back(key.column);
    if (!request.select.sort.empty()) sorted_.emplace(request);
    if (plan().group_by.empty()) group_.emplace(request_, columns_);
    if (from == nullptr) return;
    limit_ = from->limit_left.value_or(limit_);
    partition_ = from->last.partition;
    in_partition_ = from->in_partition;
  }

  /// False when the row begins a group beyond PER PARTITION LIMIT, as all that follow it in its
  /// partition then do.
  Result<bool> add(const Row& row) {
    if (!plan().group_by.empty()) SAGITTA_CHECK(find_key(row));
    if (!plan().group_by.empty() && !(group_ && next_key_ == key_)) {
      SAGITTA_CHECK(close_group());
      if (is_done()) return true;
      if (!may_open(row)) return false;
      if (is_page_full()) {
        end_page();
        return true;
      }
      open_group(row);
    }
    SAGITTA_CHECK(group_->add(row));
    if (is_paged()) last_ = row.key();
    return true;
  }
  /// LIMIT is reached, or the page has ended.
  bool is_done() const { return !result_.paging_state.empty() || (!sorted_ && result_.row_count >= limit_); }
  Result<ResultSet> finish() {
    SAGITTA_CHECK(close_group());
    return sorted_ ? std::move(*sorted_).finish() : std::move(result_);
  }

 private:
  const SelectPlan& plan() const { return *request_.select.plan; }

  /// Of the group that the row is in, into `next_key_`.
  Status find_key(const Row& row) {
    next_key_.clear();
    for (const auto* column : plan().group_by) next_key_.push_back(to_value(row.column(*column)));
    if (plan().group_function) {
      SAGITTA_TRY(next_key_.back(), plan::evaluate(*plan().group_function, request_.eval, &row));
    }
    return {};
  }
  /// Within PER PARTITION LIMIT.
  bool may_open(const Row& row) const {
    return row.key().partition != partition_ || in_partition_ != request_.select.per_partition_limit;
  }
  bool is_paged() const { return request_.page_size && !sorted_; }
  bool is_page_full() const {
    return is_paged() && (result_.row_count == *request_.page_size || result_.cells.size() > kPageBytesMax);
  }
  /// The next page begins behind the last row of the last group.
  void end_page() {
    PagingState state{
        .statement_hash = request_.statement_hash, .last = std::move(last_), .in_partition = in_partition_};
    if (request_.select.limit) state.limit_left = limit_ - result_.row_count;
    result_.paging_state = encode_paging_state(state);
  }
  void open_group(const Row& row) {
    if (row.key().partition != partition_) {
      partition_ = row.key().partition;
      in_partition_ = 0;
    }
    ++in_partition_;
    group_.emplace(request_, columns_);
    key_ = next_key_;
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
  std::vector<Value> key_, next_key_;
  /// With an ORDER BY that the storage does not give.
  std::optional<SortedRows> sorted_;
  Bytes partition_;
  /// Groups of the partition so far.
  uint64_t in_partition_ = 0;
  /// Rows of the answer that are left for this page and those behind it.
  uint64_t limit_;
  RowKey last_;
  ResultSet result_;
};

class GroupSink final : public RowSink {
 public:
  GroupSink(Matches& matches, const SelectRequest& request, const PagingState* from)
      : matches_(matches), grouping_(request, from) {}

  Result<bool> add(const Row& row) override {
    SAGITTA_TRY(const bool wanted, grouping_.add(row));
    if (!wanted) matches_.skip_partition();
    return !grouping_.is_done();
  }
  Result<ResultSet> finish() override { return grouping_.finish(); }

 private:
  Matches& matches_;
  Grouping grouping_;
};

}  // namespace

std::unique_ptr<RowSink> make_group_sink(Matches& matches, const SelectRequest& request, const PagingState* from) {
  return std::make_unique<GroupSink>(matches, request, from);
}

}  // namespace sagitta::exec
