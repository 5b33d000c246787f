/// Which rows match, partition after partition.
#include "filter.h"

#include <fmt/format.h>

#include <algorithm>

namespace sagitta::exec {

Matches::Matches(const TableRows& rows, const SelectRequest& request)
    : rows_(rows), request_(request), projector_(request), check_(request) {
  if (request.select.plan->group_by.empty()) per_partition_ = request.select.per_partition_limit.value_or(UINT64_MAX);
  if (request.select.plan->distinct) per_partition_ = 1;
  for (const auto& filter : request.select.filters) filter_work_ += work::kComparison * (1 + filter.operands.size());
}

Status Matches::start(const PagingState* from) {
  const auto& partitions = request_.select.partitions;
  if (from != nullptr) {
    last_partition_ = from->last.partition;
    in_partition_ = from->in_partition;
    after_ = from->last;
    if (partitions)
      next_partition_ = static_cast<size_t>(std::ranges::find(*partitions, last_partition_) - partitions->begin());
  }
  if (request_.select.clustering.empty() || (partitions && next_partition_ == partitions->size())) return {};
  return open();
}

Result<const Row*> Matches::next() {
  for (;;) {
    if (stream_ == nullptr) return nullptr;
    SAGITTA_CHECK(request_.may_go_on());
    SAGITTA_TRY(const Row* row, stream_->next());
    if (row == nullptr) {
      SAGITTA_CHECK(open_next_partition());
      continue;
    }
    SAGITTA_CHECK(check_.step());
    request_.charge(filter_work_);
    if (row->key().partition != last_partition_) {
      last_partition_ = row->key().partition;
      in_partition_ = 0;
    }
    if (in_partition_ >= per_partition_) {
      stream_->skip_partition();
      continue;
    }
    if (!projector_.passes(*row)) continue;
    ++in_partition_;
    return row;
  }
}

Status Matches::open() {
  ReadRange range;
  const auto& select = request_.select;
  if (select.partitions) range.partition = (*select.partitions)[next_partition_];
  range.tokens = select.tokens;
  range.clustering = select.clustering;
  range.reversed = select.reversed;
  if (after_ && (!range.partition || *range.partition == after_->partition)) range.after = after_;
  SAGITTA_TRY(stream_, rows_.open(range));
  return {};
}

Status Matches::open_next_partition() {
  stream_.reset();
  const auto& partitions = request_.select.partitions;
  if (!partitions || ++next_partition_ >= partitions->size()) return {};
  return open();
}

Status check_result_bytes(const Bytes& cells) {
  if (cells.size() <= kResultBytesMax) return {};
  return fail(ErrorCode::kOverloaded,
              fmt::format("The result is larger than {} bytes: use paging or a LIMIT", kResultBytesMax));
}

}  // namespace sagitta::exec
