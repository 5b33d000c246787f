/// ORDER BY where the store has another order.
#include <algorithm>

#include "sagitta/types/value.h"

#include "row_sink.h"

namespace sagitta::exec {
namespace {

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

class SortSink final : public RowSink {
 public:
  explicit SortSink(const SelectRequest& request) : request_(request), projector_(request) {}

  Result<bool> add(const Row& row) override {
    SortedRow& one = rows_.emplace_back();
    for (const auto& key : request_.select.sort) one.keys.push_back(to_value(row.column(*key.column)));
    SAGITTA_CHECK(projector_.append(row, one.cells));
    bytes_ += one.cells.size();
    if (bytes_ > kResultBytesMax) return fail(ErrorCode::kOverloaded, "The rows to sort are too many");
    return true;
  }
  Result<ResultSet> finish() override {
    const auto& sort = request_.select.sort;
    std::ranges::stable_sort(rows_, [&](const auto& a, const auto& b) { return sorts_before(sort, a, b); });
    ResultSet result;
    const size_t count = std::min<uint64_t>(rows_.size(), request_.select.limit.value_or(UINT64_MAX));
    for (size_t i = 0; i < count; ++i) result.cells += rows_[i].cells;
    result.row_count = static_cast<uint32_t>(count);
    return result;
  }

 private:
  const SelectRequest& request_;
  const Projector projector_;
  std::vector<SortedRow> rows_;
  size_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<RowSink> make_sort_sink(const SelectRequest& request) { return std::make_unique<SortSink>(request); }

}  // namespace sagitta::exec
