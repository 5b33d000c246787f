/// Rows scored one by one; the best are kept.
#include "score.h"

#include <algorithm>

namespace sagitta::exec {
namespace {

struct Scored {
  float score = 0;
  uint64_t order = 0;
  Bytes cells;
};

/// Nearest first; of equals the earlier.
bool nearer(const Scored& a, const Scored& b) { return a.score != b.score ? a.score > b.score : a.order < b.order; }

/// The best `limit` of all that were offered.
class Best {
 public:
  explicit Best(size_t limit) : limit_(limit) {}
  bool wants(float score, uint64_t order) const {
    return heap_.size() < limit_ || nearer(Scored{score, order, {}}, heap_.front());
  }
  void add(Scored scored) {
    if (heap_.size() == limit_) {
      std::ranges::pop_heap(heap_, nearer);
      heap_.pop_back();
    }
    heap_.push_back(std::move(scored));
    std::ranges::push_heap(heap_, nearer);
  }
  ResultSet take() {
    std::ranges::sort(heap_, nearer);
    ResultSet result;
    for (const Scored& one : heap_) result.cells += one.cells;
    result.row_count = static_cast<uint32_t>(heap_.size());
    return result;
  }

 private:
  size_t limit_;
  std::vector<Scored> heap_;
};

class NearestSink final : public RowSink {
 public:
  NearestSink(const SelectRequest& request, AnnReport& report)
      : request_(request),
        report_(report),
        scorer_(request.select.ann->scorer(*request.select.limit)),
        projector_(request),
        best_(*request.select.limit) {}

  Result<bool> add(const Row& row) override {
    ++report_.candidates;
    request_.charge(scorer_->work());
    const ValueView value = row.column(*request_.select.ann->column);
    const auto score = value ? scorer_->score(*value) : std::nullopt;
    const uint64_t order = order_++;
    if (!score) return true;
    ++report_.distances;
    if (!best_.wants(*score, order)) return true;
    Scored scored{*score, order, {}};
    SAGITTA_CHECK(projector_.append(row, scored.cells));
    best_.add(std::move(scored));
    return true;
  }
  Result<ResultSet> finish() override { return best_.take(); }

 private:
  const SelectRequest& request_;
  AnnReport& report_;
  const std::unique_ptr<index::Scorer> scorer_;
  const Projector projector_;
  Best best_;
  uint64_t order_ = 0;
};

}  // namespace

std::unique_ptr<RowSink> make_nearest_sink(const SelectRequest& request, AnnReport& report) {
  return std::make_unique<NearestSink>(request, report);
}

}  // namespace sagitta::exec
