/// ORDER BY over several partitions.
#include "sort.h"

#include <algorithm>

#include "sagitta/types/value.h"

#include "row_sink.h"

namespace sagitta::exec {
namespace {

class SortSink final : public RowSink {
 public:
  explicit SortSink(const SelectRequest& request) : sorted_(request) {}
  Result<bool> add(const Row& row) override {
    SAGITTA_CHECK(sorted_.add(row));
    return true;
  }
  Result<ResultSet> finish() override { return std::move(sorted_).finish(); }

 private:
  SortedRows sorted_;
};

}  // namespace

std::unique_ptr<RowSink> make_sort_sink(const SelectRequest& request) { return std::make_unique<SortSink>(request); }

Status SortedRows::add(const plan::RowSource& row) {
  Sorted& sorted = rows_.emplace_back();
  for (const auto& key : request_.select.sort) sorted.keys.push_back(to_value(row.column(*key.column)));
  SAGITTA_CHECK(projector_.append(row, sorted.cells));
  bytes_ += sorted.cells.size();
  if (bytes_ > kResultBytesMax) return fail(ErrorCode::kOverloaded, "The rows to sort are too many");
  return {};
}

ResultSet SortedRows::finish() && {
  std::ranges::stable_sort(rows_, [this](const Sorted& a, const Sorted& b) { return before(a, b); });
  ResultSet result;
  const size_t count = std::min<uint64_t>(rows_.size(), request_.select.limit.value_or(UINT64_MAX));
  for (size_t i = 0; i < count; ++i) result.cells += rows_[i].cells;
  result.row_count = static_cast<uint32_t>(count);
  return result;
}

bool SortedRows::before(const Sorted& a, const Sorted& b) const {
  const auto& sort = request_.select.sort;
  for (size_t i = 0; i < sort.size(); ++i) {
    if (a.keys[i].has_value() != b.keys[i].has_value()) return !a.keys[i].has_value() != sort[i].descending;
    if (!a.keys[i]) continue;
    const auto order = types::compare(*sort[i].column->type, *a.keys[i], *b.keys[i]);
    if (order != std::strong_ordering::equal) return (order == std::strong_ordering::less) != sort[i].descending;
  }
  return false;
}

}  // namespace sagitta::exec
