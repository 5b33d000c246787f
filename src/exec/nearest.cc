/// Runs of ANN selects: through the index that the way names, else over the rows.
#include "sagitta/exec/ann.h"
#include "sagitta/exec/indexed_rows.h"
#include "sagitta/rows/row_keys.h"

#include "fetch.h"
#include "filtered_probe.h"
#include "probe.h"
#include "score.h"

namespace sagitta::exec {
namespace {

/// The index moves on while rows are read: after so many tries the rows alone are asked.
constexpr int kTriesMax = 3;

/// One search of the whole index: its hits are the answer, or each row of it is fetched once.
/// Nothing when the index does not stand for the rows: some are being deleted, or have changed
/// since they were found.
Result<std::optional<ResultSet>> probe_all(const AnnSource& source, const SelectRequest& request, AnnReport& report) {
  // The rows are those of a moment after the search: all that was found was written before.
  const StoredRows before = source.open();
  // The index still names rows that a deletion under way has not come to.
  if (before.deletes_rows()) return std::nullopt;
  SAGITTA_TRY(const ProbeAnswer answer,
              probe(*source.way.index, {}, before.now_s(), request, before.is_on_core(), report));
  const std::string_view score_function = source.way.index->definition()->score_function();
  SAGITTA_TRY(const auto keys, KeyProjection::make(request, score_function));
  if (keys) {
    SAGITTA_TRY(ResultSet result, keys->answer(answer.hits));
    return result;
  }
  report.candidates += answer.hits.size();
  return fetch_hits(source.open(), request, *request.select.ann->column, answer.hits);
}

/// The numbers of the rows that the postings of every probe name; nothing when an index is not
/// whole any more. What a number means may change meanwhile: rows are tested again when they are
/// fetched.
Result<std::optional<index::RowSet>> named_rows(const StoredRows& rows, const index::RowMap& map,
                                                std::span<const plan::IndexProbe> probes,
                                                const SelectRequest& request) {
  const std::vector<index::PostingProbe> asked = asked_of(probes);
  index::RowSet named;
  DeadlineCheck deadline(request);
  for (size_t p = 0; p < rows.views().count(); ++p) {
    // It cannot be left; on a worker it takes the time that it takes.
    WorkMeter work(rows.is_on_core() && request.meter != nullptr ? request.meter->left() : UINT64_MAX);
    const rows::ReadView view = rows.views().at(p).metered(work);
    SAGITTA_TRY(const bool are_whole, index::are_whole(view, asked));
    if (!are_whole) return std::nullopt;
    const auto keys = index::open_keys(view, asked);
    const types::Interval table = rows::table_interval(rows.table()->id);
    for (Bytes wanted = table.from;;) {
      SAGITTA_CHECK(deadline.step());
      SAGITTA_CHECK(view.may_go_on());
      SAGITTA_TRY(const auto key, keys->seek(wanted));
      if (!key || *key >= table.to) break;
      if (const auto number = map.find(*key)) named.add(*number);
      wanted = Bytes(*key) + '\0';
    }
    request.charge(work.used());
  }
  return named;
}

class AnnRun final : public SelectRun {
 public:
  AnnRun(AnnSource source, const SelectRequest& request, AnnReport& report)
      : source_(std::move(source)), request_(request), report_(report) {}

  Result<ResultSet> step() override {
    if (scan_ == nullptr) {
      SAGITTA_CHECK(DeadlineCheck(request_).look());
      SAGITTA_TRY(auto found, search());
      if (found) return *std::move(found);
      start_scan();
    }
    return scan_->step();
  }

 private:
  /// Nothing when the rows are to be scanned.
  Result<std::optional<ResultSet>> search() {
    if (source_.way.index == nullptr) return std::nullopt;
    for (int i = source_.way.filters ? kTriesMax : 0; i < 2 * kTriesMax; ++i) {
      auto result = i < kTriesMax ? probe_all(source_, request_, report_) : probe_filtered();
      if (!result && result.error().code() == ErrorCode::kUnavailable) break;
      if (!result || *result) return result;
    }
    return std::nullopt;
  }
  Result<std::optional<ResultSet>> probe_filtered() {
    const StoredRows rows = source_.open();
    const index::Reader& index = *source_.way.index;
    if (source_.way.probes.empty()) return FilteredProbe(rows, request_).run(index, nullptr, report_);
    SAGITTA_TRY(const auto named, named_rows(rows, *index.rows(), source_.way.probes, request_));
    return FilteredProbe(rows, request_).run(index, named ? &*named : nullptr, report_);
  }
  void start_scan() {
    report_.path = "exact";
    rows_ = source_.open();
    scan_ = std::make_unique<ScanRun>(*rows_, request_, [this](const auto& request, const auto&, const auto*) {
      return make_nearest_sink(request, report_);
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
