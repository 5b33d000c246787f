#include "sagitta/exec/ann.h"

#include <algorithm>
#include <map>

#include "sagitta/ann/metric.h"
#include "sagitta/types/value.h"

#include "hits.h"
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
  /// The CQL function that gives the same scores.
  std::string_view function() const {
    switch (similarity_) {
      case index::Similarity::kEuclidean: return "similarity_euclidean";
      case index::Similarity::kDotProduct: return "similarity_dot_product";
      case index::Similarity::kCosine: break;
    }
    return "similarity_cosine";
  }

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

/// Searches the index on the account of the request. `on_core`: nothing may take long.
Result<std::vector<index::VectorHit>> ask(const index::VectorIndex& index, std::span<const float> query, int64_t now_s,
                                          const index::RowFilter* filter, const SelectRequest& request, bool on_core,
                                          AnnReport& report) {
  const uint64_t distance_work = work::distance(query.size());
  RequestContext context = request.context;
  SearchReport search;
  context.search = &search;
  if (on_core && request.meter != nullptr) context.distances_max = request.meter->left() / distance_work;
  auto hits = index.search(query, *request.select.limit, now_s, filter, context);
  report.path = search.path;
  report.nodes_visited += search.nodes_visited;
  report.distances += search.distances;
  request.charge(search.distances * distance_work);
  // It ended for want of work, not of rows in memory.
  if (!hits && hits.error().code() == ErrorCode::kWouldBlock) request.charge(context.distances_max * distance_work);
  return hits;
}

/// Rows come from memory only where nothing may take long.
bool is_on_core(const StoredRows& rows) { return rows.view().mode() == kv::ReadMode::kCacheOnly; }

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
    const index::RowFilter filter = [this](BytesView key) { return accept(key); };
    auto hits = ask(index, scorer_.query(), rows_.view().now_s(), &filter, request_, is_on_core(rows_), report);
    report.candidates += candidates_;
    if (error_) return std::unexpected(*error_);
    if (!hits) return fail(hits);
    std::vector<std::pair<const Bytes*, const Accepted*>> ordered;
    for (const auto& hit : *hits) {
      auto it = accepted_.find(hit.row_key);
      if (it == accepted_.end() || it->second.fingerprint != hit.fingerprint) return std::nullopt;
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
    uint64_t fingerprint = 0;
    Bytes cells;
  };

  /// Nothing when there is no use in going on: a row could not be read, or not without waiting.
  std::optional<bool> accept(BytesView key) {
    ++candidates_;
    auto accepted = look_at(key);
    if (accepted) return *accepted;
    error_ = accepted.error();
    return std::nullopt;
  }
  Result<bool> look_at(BytesView key) {
    if (is_on_core(rows_)) {
      SAGITTA_CHECK(request_.may_go_on());
    }
    SAGITTA_TRY(auto row, rows_.get(key));
    if (row == nullptr || !in_ranges(*row) || !projector_.passes(*row)) return false;
    const auto score = scorer_.score(*row);
    if (!score) return false;
    Accepted& accepted = accepted_[Bytes(key)];
    accepted.score = *score;
    accepted.fingerprint = index::fingerprint(*row->cell(*request_.select.ann->column));
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

bool filters_rows(const plan::BoundSelect& select) {
  return !select.filters.empty() || !is_everything(select.clustering);
}

/// One search of the whole index: its hits are the answer, or each row of it is fetched once.
class NearestRows {
 public:
  NearestRows(const AnnSource& source, const SelectRequest& request)
      : source_(source), request_(request), scorer_(*request.select.plan->table, *request.select.ann) {}

  /// Nothing when the index does not stand for the rows: some are being deleted, or have changed
  /// since they were found.
  Result<std::optional<ResultSet>> run(AnnReport& report) {
    // The rows are those of a moment after the search: all that was found was written before.
    const StoredRows before = source_.open();
    // The index still names rows that a deletion under way has not come to.
    if (before.view().deletes_rows_of(*before.table())) return std::nullopt;
    SAGITTA_TRY(auto hits, ask(*source_.index, scorer_.query(), before.view().now_s(), nullptr, request_,
                               is_on_core(before), report));
    std::ranges::sort(hits, [](const auto& a, const auto& b) {
      return a.score != b.score ? a.score > b.score : a.row_key < b.row_key;
    });
    SAGITTA_TRY(const auto keys, KeyProjection::make(request_, scorer_.function()));
    if (keys) return keys->answer(hits);
    report.candidates += hits.size();
    return fetch_hits(source_.open(), request_, *request_.select.ann->column, hits);
  }

 private:
  const AnnSource& source_;
  const SelectRequest& request_;
  const Scorer scorer_;
};

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
    const bool filters = filters_rows(request_.select);
    for (int i = filters ? kTriesMax : 0; i < 2 * kTriesMax; ++i) {
      auto result = i < kTriesMax ? NearestRows(source_, request_).run(report_) : search_and_filter();
      if (!result && result.error().code() == ErrorCode::kUnavailable) break;
      if (!result || *result) return result;
    }
    return std::nullopt;
  }
  Result<std::optional<ResultSet>> search_and_filter() {
    const StoredRows rows = source_.open();
    return IndexSearch(rows, request_).run(*source_.index, report_);
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
