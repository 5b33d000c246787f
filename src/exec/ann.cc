#include "sagitta/exec/ann.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "sagitta/ann/metric.h"
#include "sagitta/types/value.h"

#include "row_sink.h"

namespace sagitta::exec {
namespace {

/// The index moves on while rows are read: after so many tries the rows alone are asked.
constexpr int kTriesMax = 3;

ann::Metric metric_of(index::Similarity similarity) {
  switch (similarity) {
    case index::Similarity::kEuclidean: return ann::Metric::kL2;
    case index::Similarity::kDotProduct: return ann::Metric::kDot;
    case index::Similarity::kCosine: break;
  }
  return ann::Metric::kCosine;
}

/// Scores rows against the query vector.
class Scorer {
 public:
  Scorer(const schema::TableDef& table, const plan::AnnQuery& ann) : column_(*ann.column) {
    const auto* index = table.find_index(ann.index_ids.back());
    if (index != nullptr) similarity_ = index::vector_options(*index, table).similarity;
    query_.resize(column_.type->dim());
    vector_.resize(column_.type->dim());
    types::to_floats(ann.query, query_);
  }
  /// Nothing for a row that no index would hold.
  std::optional<float> score(const Row& row) {
    const ValueView value = row.column(column_);
    if (!value || value->size() != vector_.size() * sizeof(float)) return std::nullopt;
    types::to_floats(*value, vector_);
    if (!index::refuse_vector(similarity_, vector_).empty()) return std::nullopt;
    return ann::similarity(metric_of(similarity_), query_, vector_);
  }
  std::span<const float> query() const { return query_; }

 private:
  const schema::ColumnDef& column_;
  index::Similarity similarity_ = index::Similarity::kCosine;
  std::vector<float> query_, vector_;
};

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

/// Of all rows the nearest.
class NearestSink final : public RowSink {
 public:
  NearestSink(const schema::TableDef& table, const SelectRequest& request, AnnReport& report)
      : request_(request),
        report_(report),
        scorer_(table, *request.select.ann),
        projector_(request),
        best_(*request.select.limit) {}

  Result<bool> add(const Row& row) override {
    ++report_.candidates;
    request_.charge(work::distance(scorer_.query().size()));
    const auto score = scorer_.score(row);
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
  Scorer scorer_;
  const Projector projector_;
  Best best_;
  uint64_t order_ = 0;
};

/// One search through the index: rows are fetched and filtered as the index comes upon them.
class IndexSearch {
 public:
  IndexSearch(const StoredRows& rows, const SelectRequest& request)
      : rows_(rows), request_(request), scorer_(*rows.table(), *request.select.ann), projector_(request) {
    const auto& ranges = request.select.clustering;
    if (!is_everything(ranges)) intervals_ = intervals_of(*rows.table(), ranges);
  }

  /// Nothing when the index has moved on from these rows.
  Result<std::optional<ResultSet>> run(const index::VectorIndex& index, AnnReport& report) {
    const size_t limit = *request_.select.limit;
    const index::RowFilter filter = [this](BytesView key) { return accept(key); };
    RequestContext context = request_.context;
    SearchReport search;
    context.search = &search;
    if (is_on_core() && request_.meter != nullptr) {
      context.distances_max = request_.meter->left() / work::distance(scorer_.query().size());
    }
    auto hits = index.search(scorer_.query(), limit, rows_.view().now_s(), &filter, context);
    report.path = search.path;
    report.nodes_visited += search.nodes_visited;
    report.distances += search.distances;
    report.candidates += candidates_;
    request_.charge(search.distances * work::distance(scorer_.query().size()));
    // All of what was allowed, to within a step.
    if (search.distances >= context.distances_max) request_.charge(request_.meter->left());
    if (error_) return std::unexpected(*error_);
    if (!hits) return fail(hits);
    std::vector<std::pair<const Bytes*, const Accepted*>> ordered;
    for (const auto& hit : *hits) {
      auto it = accepted_.find(hit.row_key);
      if (it == accepted_.end() || !agrees(hit.score, it->second.score)) return std::nullopt;
      ordered.emplace_back(&it->first, &it->second);
    }
    std::ranges::sort(ordered, [](const auto& a, const auto& b) {
      return a.second->score != b.second->score ? a.second->score > b.second->score : *a.first < *b.first;
    });
    ResultSet result;
    for (const auto& one : ordered) result.cells += one.second->cells;
    result.row_count = static_cast<uint32_t>(ordered.size());
    return result;
  }

 private:
  struct Accepted {
    float score = 0;
    Bytes cells;
  };
  static bool agrees(float a, float b) { return std::abs(a - b) <= 1e-4F * std::max(1.0F, std::abs(a)); }

  /// Rows come from memory only where nothing may take long.
  bool is_on_core() const { return rows_.view().mode() == kv::ReadMode::kCacheOnly; }

  /// Nothing when there is no use in going on: a row could not be read, or not without waiting.
  std::optional<bool> accept(BytesView key) {
    ++candidates_;
    auto accepted = look_at(key);
    if (accepted) return *accepted;
    error_ = accepted.error();
    return std::nullopt;
  }
  Result<bool> look_at(BytesView key) {
    if (is_on_core()) {
      SAGITTA_CHECK(request_.may_go_on());
    }
    SAGITTA_TRY(auto row, rows_.get(key));
    if (row == nullptr || !in_ranges(*row) || !projector_.passes(*row)) return false;
    const auto score = scorer_.score(*row);
    if (!score) return false;
    Accepted& accepted = accepted_[Bytes(key)];
    accepted.score = *score;
    accepted.cells.clear();
    SAGITTA_CHECK(projector_.append(*row, accepted.cells));
    return true;
  }
  bool in_ranges(const Row& row) const {
    if (intervals_.empty()) return !request_.select.clustering.empty();
    if (!row.key().clustering) return false;
    return types::contains(intervals_, rows::encode_clustering(*rows_.table(), *row.key().clustering));
  }

  const StoredRows& rows_;
  const SelectRequest& request_;
  Scorer scorer_;
  Projector projector_;
  std::vector<types::Interval> intervals_;
  std::map<Bytes, Accepted, std::less<>> accepted_;
  uint64_t candidates_ = 0;
  std::optional<Error> error_;
};

bool restricts_partitions(const plan::BoundSelect& select) {
  return select.partitions || select.tokens.start != INT64_MIN || select.tokens.end != INT64_MAX;
}

class AnnRun final : public SelectRun {
 public:
  AnnRun(AnnSource source, const SelectRequest& request, AnnReport& report)
      : source_(std::move(source)), request_(request), report_(report) {}

  Result<ResultSet> step() override {
    if (scan_ == nullptr) {
      SAGITTA_TRY(auto found, search());
      if (found) return *std::move(found);
      start_scan();
    }
    return scan_->step();
  }

 private:
  /// Nothing when the rows are to be scanned.
  Result<std::optional<ResultSet>> search() {
    if (source_.index == nullptr || restricts_partitions(request_.select)) return std::nullopt;
    for (int i = 0; i < kTriesMax; ++i) {
      const StoredRows rows = source_.open();
      auto result = IndexSearch(rows, request_).run(*source_.index, report_);
      if (!result && result.error().code() == ErrorCode::kUnavailable) break;
      if (!result || *result) return result;
    }
    return std::nullopt;
  }
  void start_scan() {
    report_.path = "exact";
    rows_ = source_.open();
    scan_ = std::make_unique<ScanRun>(*rows_, request_, [this](const auto& request, const auto&, const auto*) {
      return std::make_unique<NearestSink>(*rows_->table(), request, report_);
    });
  }

  const AnnSource source_;
  const SelectRequest request_;
  AnnReport& report_;
  std::optional<StoredRows> rows_;
  std::unique_ptr<ScanRun> scan_;
};

}  // namespace

std::unique_ptr<SelectRun> start_ann(AnnSource source, const SelectRequest& request, AnnReport& report) {
  return std::make_unique<AnnRun>(std::move(source), request, report);
}

}  // namespace sagitta::exec
