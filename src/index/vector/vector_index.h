/// The vector index of one column: the ann index over the vectors of live rows, and which slot
/// belongs to which row.
#pragma once

#include <deque>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/index/index.h"

#include "vector_kind.h"

namespace sagitta::index {

class RowsWriter;

ann::IndexOptions ann_options(const VectorOptions& options, MemoryBudget& budget);

/// Rows with a new slot that are remembered for the searches under way.
inline constexpr size_t kMovedMax = 16'384;

/// A search sees, of each row, the slot that it had or the one that it has: `moved_since` tells
/// which rows to look at again.
class VectorIndex final : public Index {
 public:
  static Result<IndexPtr> make(std::shared_ptr<const VectorDefinition> definition, const schema::TableDefPtr& table,
                               const Surroundings& surroundings);
  ~VectorIndex() override;

  Stats stats() const override;
  std::optional<Cover> covers(const Probe& probe) const override;
  Result<std::unique_ptr<Hits>> open(const Probe& probe, const Filter& filter, int64_t now_s,
                                     const RequestContext& context) const override;
  Result<std::shared_ptr<const void>> reserve(size_t added, size_t replaced) const override;
  bool has(RowNumber row) const override { return slot_of(row) != ann::kNoSlot; }
  void expired(int64_t now_s, size_t most, std::vector<RowNumber>& out) const override;

  bool has_snapshots() const override { return true; }
  std::shared_ptr<const void> pin() const override;
  Status save(const IndexFiles& files, const SnapshotHeader& header, const std::atomic<bool>& cancelled) const override;
  Result<Positions> load(const IndexFiles& files, const Positions& journal_from) override;

 private:
  friend class VectorHits;
  /// A row and where its vector is now.
  struct Moved {
    RowNumber row;
    ann::Candidate candidate;
  };

  VectorIndex(std::shared_ptr<const VectorDefinition> definition, const schema::TableDefPtr& table,
              const Surroundings& surroundings, std::unique_ptr<ann::Index> vectors);
  const VectorOptions& options() const;

  Status do_update(const RowChange& change) override;
  void do_clear() override;
  Status put(const RowChange& change, const rows::LiveCell& cell);
  void remove(RowNumber row);
  Status make_place(RowNumber row);
  void note_moved(RowNumber row);
  ann::Slot slot_of(RowNumber row) const;
  Status save_rows(RowsWriter& out) const;

  // For searches.
  /// The row of this vector, or of the one that has taken its place; kNoRow when it has none any
  /// more.
  RowNumber row_of(ann::Slot slot) const;
  uint64_t moves() const;
  /// The rows that took a new slot since `moves_before`, as they are now. A search may have passed
  /// the new slot's place before it was filled, and the old slot's after it was emptied.
  std::vector<Moved> moved_since(uint64_t moves_before, std::span<const float> query) const;
  /// Appends hits of these slots; the caller pins them.
  void append_hits(std::span<const Moved> found, std::vector<Hit>& out) const;

  const Surroundings surroundings_;
  std::unique_ptr<ann::Index> vectors_;

  /// Held exclusively from the moment a vector becomes visible until its row is known, so that no
  /// search maps a reused slot to the row it had before.
  mutable std::shared_mutex mutex_;
  std::vector<ann::Slot> slots_;  ///< by row number; kNoSlot
  std::vector<RowNumber> rows_;   ///< by slot; kept until it is reused, for searches that began before an erase
  std::vector<uint64_t> prints_;  ///< by slot
  MemoryCharge slots_charge_, rows_charge_;
  size_t count_ = 0;  ///< rows with a slot
  RowSet refused_;
  std::deque<RowNumber> moved_;  ///< rows that took a new slot, the last kMovedMax
  uint64_t moves_ = 0;           ///< as many there ever were
  std::vector<float> scratch_;   ///< the writer's
};

}  // namespace sagitta::index
