/// The vector index of one column: the ann index and the two ways between slots and row keys. See vector_index.h.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/index/index_files.h"
#include "sagitta/index/vector_index.h"
#include "sagitta/rows/row.h"

namespace sagitta::index {

/// Rows with a new slot that are remembered for the searches under way.
inline constexpr size_t kMovedMax = 16'384;

/// Thread-safe: any number of searches beside one writer at a time (the applier, or the builder before it serves).
class VectorIndexImpl final : public VectorIndex {
 public:
  static Result<std::shared_ptr<VectorIndexImpl>> make(const schema::TableDefPtr& table, const schema::IndexDef& def,
                                                       MemoryBudget& budget, const Clock& clock);

  const schema::IndexDef& def() const override { return def_; }
  const VectorOptions& options() const override { return options_; }
  State state() const override { return state_; }
  Stats stats() const override;
  Result<std::vector<VectorHit>> search(std::span<const float> query, size_t k, int64_t now_s, const RowFilter* filter,
                                        const RequestContext& context) const override;

  const schema::TableDefPtr& table() const { return table_; }
  void set_state(State state) { state_ = state; }
  /// It misses rows that it had no memory for, and will not serve again in this process.
  void give_up() {
    state_ = State::kBuilding;
    given_up_ = true;
  }
  bool has_given_up() const { return given_up_; }
  /// A build is to come or under way; it reads the journal.
  bool is_building() const { return state_ == State::kBuilding && !given_up_; }
  /// Makes the index show `now` (null: no row) under `row_key`. kOverloaded when the memory budget is full: the index
  /// then lacks the row and must not serve.
  Status update(BytesView row_key, const rows::LiveRow* now);
  void clear();

  /// While it lives, slots are what they are: hold it from the moment that a snapshot is complete to until it is saved.
  ann::Pin pin() const { return vectors_->pin(); }
  /// Writes what it has, while it serves and changes. A row that changes meanwhile may be in the snapshot as it was, as
  /// it is, or not at all: the journal from `header.complete_to` on tells. Errors as ann::Index::save.
  Status save(const IndexFiles& files, const SnapshotHeader& header, const std::atomic<bool>& cancelled) const;
  /// Takes the snapshot's content in place of its own, while it is being built, and returns what the snapshot is
  /// complete to. kNotFound when there is none; kInvalid when it does not reach `journal_from`; kCorruption and others
  /// name what is wrong with it. After an error nothing has changed.
  Result<log::Offset> load(const IndexFiles& files, log::Offset journal_from, MemoryBudget& budget);
  /// Rows that were given to it, ever.
  uint64_t changes() const { return changes_; }
  /// Set by whoever saves.
  std::atomic<uint64_t> tried_changes{0};  ///< changes() when a save last began
  std::atomic<uint64_t> saved_changes{0};  ///< and one that succeeded
  std::atomic<bool> save_claimed{false}, save_running{false}, cancel_save{false};

 private:
  VectorIndexImpl(schema::TableDefPtr table, schema::IndexDef def, VectorOptions options,
                  std::unique_ptr<ann::Index> vectors, const Clock& clock);
  /// The row of this vector, or of the one that has taken its place; nothing when the row has none any more.
  std::optional<Bytes> row_of(ann::Slot slot) const;
  template <class Hits>
  std::vector<VectorHit> to_hits(Hits& found) const;
  using Moved = std::map<Bytes, ann::Candidate>;
  uint64_t moves() const;
  /// The rows that took a new slot since `moves_before`, as they are now. A search may have passed the new slot's place
  /// before it was filled, and the old slot's after it was emptied.
  Result<Moved> moved_since(uint64_t moves_before, std::span<const float> query) const;
  Status put(const Bytes& row_key, const rows::LiveCell& cell);
  Status save_rows(RowsWriter& out) const;
  void remove(const Bytes& row_key);

  const schema::TableDefPtr table_;
  const schema::IndexDef def_;
  const VectorOptions options_;
  const uint32_t column_id_;
  std::unique_ptr<ann::Index> vectors_;
  const Clock& clock_;  ///< of the deadlines of searches
  std::atomic<State> state_{State::kBuilding};
  std::atomic<bool> given_up_{false};
  std::atomic<uint64_t> changes_{0};

  /// Held exclusively from the moment a vector becomes visible until its key is known, so that no search maps a reused
  /// slot to the row it had before.
  mutable std::shared_mutex mutex_;
  std::unordered_map<Bytes, ann::Slot> slots_;
  std::vector<Bytes> keys_;       ///< by slot; kept until it is reused, for searches that began before an erase
  std::vector<uint64_t> prints_;  ///< by slot: of its vector and expiry, to know a write that changed neither
  std::unordered_map<Bytes, bool> refused_;
  std::deque<Bytes> moved_;  ///< rows that took a new slot, the last kMovedMax
  uint64_t moves_ = 0;       ///< as many there ever were
  std::vector<float> scratch_;
};

}  // namespace sagitta::index
