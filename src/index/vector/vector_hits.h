/// One search of a vector index.
#pragma once

#include <unordered_set>

#include "vector_index.h"

namespace sagitta::index {

/// Each row once: of a vector that changes meanwhile both slots may come up.
class VectorHits final : public Hits {
 public:
  static Result<std::unique_ptr<Hits>> open(const VectorIndex& index, const Probe& probe, const Filter& filter,
                                            int64_t now_s, const RequestContext& context);
  ~VectorHits() override;

  Status next(size_t count, std::vector<Hit>& out) override;
  BytesView key(RowNumber row) const override { return index_.surroundings_.rows->key(row); }
  const SearchReport& report() const override { return report_; }

 private:
  using Found = VectorIndex::Moved;

  VectorHits(const VectorIndex& index, const Filter& filter, const RequestContext& context);
  ann::SearchParams params(const Probe& probe, int64_t now_s);
  ann::Verdict judge(RowNumber row) const;
  void fill(size_t count);
  Status check_ended(const ann::SearchStats& stats) const;
  void take_moved(size_t count);
  void note(const ann::SearchStats& stats);

  const VectorIndex& index_;
  const Filter& filter_;
  const RequestContext context_;
  /// Before the cursor: what a slot of it is called stays so.
  const RowMap::Pin rows_pin_;
  const uint64_t moves_before_;
  std::vector<float> query_;
  ann::SlotBitmap slots_;  ///< of filter_.rows
  std::unique_ptr<ann::Cursor> cursor_;
  std::vector<Found> waiting_;           ///< found and not given, nearest first
  std::unordered_set<RowNumber> known_;  ///< found, given or not
  SearchReport report_;
};

}  // namespace sagitta::index
