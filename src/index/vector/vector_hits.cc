/// One search of a vector index: the cursor's slots become rows, and rows that moved meanwhile are
/// looked at again.
#include "vector_hits.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sagitta/types/value.h"

namespace sagitta::index {

Result<std::unique_ptr<Hits>> VectorHits::open(const VectorIndex& index, const Probe& probe, const Filter& filter,
                                               int64_t now_s, const RequestContext& context) {
  std::unique_ptr<VectorHits> hits(new VectorHits(index, filter, context));
  // Once the rows are pinned: one that ceases to serve later still names them rightly.
  if (index.state() != Reader::State::kServing) {
    return fail(ErrorCode::kUnavailable, "index " + index.def().name + " is being built");
  }
  types::to_floats(std::get<Nearest>(probe.what).vector, hits->query_);
  SAGITTA_TRY(ann::Cursor cursor, index.vectors_->open(hits->query_, hits->params(probe, now_s)));
  hits->cursor_ = std::make_unique<ann::Cursor>(std::move(cursor));
  return hits;
}

VectorHits::VectorHits(const VectorIndex& index, const Filter& filter, const RequestContext& context)
    : index_(index),
      filter_(filter),
      context_(context),
      rows_pin_(index.surroundings_.rows->pin()),
      moves_before_(index.moves()),
      query_(index.options().dim) {}

VectorHits::~VectorHits() = default;

ann::SearchParams VectorHits::params(const Probe& probe, int64_t now_s) {
  ann::SearchParams params{.k = static_cast<uint32_t>(std::min<uint64_t>(probe.limit, UINT32_MAX)),
                           .now_us = now_s * 1'000'000,
                           .deadline = context_.deadline,
                           .clock = &index_.surroundings_.clock,
                           .distances_max = context_.distances_max};
  if (filter_.rows != nullptr) {
    filter_.rows->for_each([&](RowNumber row) {
      const ann::Slot slot = index_.slot_of(row);
      if (slot != ann::kNoSlot) slots_.set(slot);
    });
    params.filter.bitmap = &slots_;
  }
  // Without a filter only what is found needs its row looked up.
  if (filter_.passes) {
    params.filter.predicate = [this](ann::Slot slot) {
      const RowNumber row = index_.row_of(slot);
      return row == kNoRow ? ann::Verdict::kReject : judge(row);
    };
  }
  return params;
}

ann::Verdict VectorHits::judge(RowNumber row) const {
  if (filter_.rows != nullptr && !filter_.rows->contains(row)) return ann::Verdict::kReject;
  if (!filter_.passes) return ann::Verdict::kAccept;
  const auto passes = filter_.passes(row, key(row));
  if (!passes) return ann::Verdict::kStop;
  return *passes ? ann::Verdict::kAccept : ann::Verdict::kReject;
}

Status VectorHits::next(size_t count, std::vector<Hit>& out) {
  fill(count);
  const ann::SearchStats& stats = cursor_->stats();
  report_ = {ann::to_string(stats.path), stats.expanded, stats.distances};
  SAGITTA_CHECK(check_ended(stats));
  if (stats.ended == ann::Ended::kNot) take_moved(count);
  const size_t given = std::min(count, waiting_.size());
  index_.append_hits(std::span(waiting_).first(given), out);
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(given));
  note(stats);
  return {};
}

/// Until `count` rows wait, or the cursor has no more.
void VectorHits::fill(size_t count) {
  std::vector<ann::Candidate> next;
  for (bool more = true; more && waiting_.size() < count;) {
    const size_t missing = count - waiting_.size();
    next.clear();
    more = cursor_->next(missing, next) == missing;
    for (const ann::Candidate& candidate : next) {
      const RowNumber row = index_.row_of(candidate.slot);
      if (row != kNoRow && known_.insert(row).second) waiting_.push_back({row, candidate});
    }
  }
  std::ranges::stable_sort(waiting_, {}, [](const Found& found) { return found.candidate.distance; });
}

Status VectorHits::check_ended(const ann::SearchStats& stats) const {
  if (stats.ended == ann::Ended::kDeadline) {
    return fail(ErrorCode::kReadTimeout, fmt::format("the deadline passed after {} distances", stats.distances));
  }
  if (stats.ended == ann::Ended::kWork) {
    return fail(ErrorCode::kWouldBlock, fmt::format("the search has computed {} distances", stats.distances));
  }
  return {};
}

void VectorHits::take_moved(size_t count) {
  const bool full = waiting_.size() >= count;
  const float worst =
      full && count > 0 ? waiting_[count - 1].candidate.distance : std::numeric_limits<float>::infinity();
  for (const Found& moved : index_.moved_since(moves_before_, query_)) {
    if (known_.contains(moved.row) || (full && moved.candidate.distance >= worst)) continue;
    const ann::Verdict verdict = judge(moved.row);
    if (verdict == ann::Verdict::kStop) break;
    if (verdict != ann::Verdict::kAccept) continue;
    known_.insert(moved.row);
    waiting_.push_back(moved);
  }
  std::ranges::stable_sort(waiting_, {}, [](const Found& found) { return found.candidate.distance; });
}

void VectorHits::note(const ann::SearchStats& stats) {
  context_.note([&] {
    return fmt::format("index {}: path {}, {} nodes expanded, {} distances, {} rows tested for {} hits",
                       index_.def().name, report_.path, stats.expanded, stats.distances, stats.predicate_tests,
                       known_.size());
  });
}

}  // namespace sagitta::index
