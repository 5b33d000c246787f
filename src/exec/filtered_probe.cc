/// Rows are fetched and filtered as the index comes upon them.
#include "filtered_probe.h"

#include "probe.h"

namespace sagitta::exec {
FilteredProbe::FilteredProbe(const StoredRows& rows, const SelectRequest& request)
    : rows_(rows), request_(request), scorer_(request.select.ann->scorer(*request.select.limit)), projector_(request) {
  const auto& ranges = request.select.clustering;
  if (!is_everything(ranges)) intervals_ = intervals_of(*rows.table(), ranges);
}

Result<std::optional<ResultSet>> FilteredProbe::run(const index::Reader& index, const index::RowSet* named,
                                                    AnnReport& report) {
  const index::Filter filter{.rows = named,
                             .passes = [this](index::RowNumber row, BytesView key) { return accept(row, key); }};
  auto answer = probe(index, filter, rows_.now_s(), request_, rows_.is_on_core(), report);
  report.candidates += candidates_;
  if (error_) return std::unexpected(*error_);
  if (!answer) return fail(answer);
  ResultSet result;
  for (const KeyedHit& hit : answer->hits) {
    const auto accepted = accepted_.find(hit.row);
    if (accepted == accepted_.end() || accepted->second.fingerprint != hit.fingerprint) return std::nullopt;
    result.cells += accepted->second.cells;
  }
  result.row_count = static_cast<uint32_t>(answer->hits.size());
  return result;
}

/// Nothing when there is no use in going on: a row could not be read, or not without waiting.
std::optional<bool> FilteredProbe::accept(index::RowNumber row, BytesView key) {
  ++candidates_;
  auto accepted = look_at(row, key);
  if (accepted) return *accepted;
  error_ = accepted.error();
  return std::nullopt;
}

Result<bool> FilteredProbe::look_at(index::RowNumber number, BytesView key) {
  if (rows_.is_on_core()) {
    SAGITTA_CHECK(request_.may_go_on());
  }
  SAGITTA_CHECK(deadline_.step());
  SAGITTA_TRY(auto row, rows_.get(key));
  if (row == nullptr || !in_ranges(*row) || !projector_.passes(*row)) return false;
  const rows::LiveCell* cell = row->cell(*request_.select.ann->column);
  // What no index would hold is no answer, whatever the index says.
  if (cell == nullptr || !scorer_->score(cell->value)) return false;
  Accepted& accepted = accepted_[number];
  accepted.fingerprint = index::fingerprint(*cell);
  accepted.cells.clear();
  SAGITTA_CHECK(projector_.append(*row, accepted.cells));
  return true;
}

bool FilteredProbe::in_ranges(const Row& row) const {
  if (intervals_.empty()) return !request_.select.clustering.empty();
  if (!row.key().clustering) return false;
  return types::contains(intervals_, rows::encode_clustering(*rows_.table(), *row.key().clustering));
}

}  // namespace sagitta::exec
