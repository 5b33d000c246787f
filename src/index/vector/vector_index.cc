/// The vector index of one column: what changes it, and what searches ask of it.
#include "vector_index.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <unordered_set>

#include "sagitta/base/assert.h"
#include "sagitta/base/work_meter.h"
#include "sagitta/types/value.h"

#include "vector_hits.h"

namespace sagitta::index {
namespace {

/// What has been applied cannot be refused: it waits as long as it may.
constexpr std::chrono::hours kInsertWait(1);
constexpr size_t kPlacesMin = 1024;

ann::Expiry to_expiry(int64_t expires_s) {
  return expires_s == 0 ? ann::Expiry::kNever : ann::Expiry{expires_s * 1'000'000};
}

/// Makes room for one more, charged; doubles, so that it seldom copies.
template <class T>
Status grow(std::vector<T>& places, size_t at, T filler, MemoryCharge& charge, MemoryBudget& memory, size_t bytes) {
  if (at < places.size()) return {};
  const size_t size = std::max({kPlacesMin, 2 * places.size(), at + 1});
  SAGITTA_TRY(MemoryCharge more, MemoryCharge::take(memory, size * bytes));
  places.resize(size, filler);
  charge = std::move(more);
  return {};
}

}  // namespace

ann::IndexOptions ann_options(const VectorOptions& options, MemoryBudget& budget) {
  return {.dim = options.dim,
          .metric = options.similarity,
          .profile = options.profile,
          .connections = options.maximum_node_connections,
          .expansion_add = options.construction_beam_width,
          .expansion_search = options.search_beam_width,
          .insert_wait = kInsertWait,
          .budget = &budget};
}

Result<IndexPtr> VectorIndex::make(std::shared_ptr<const VectorDefinition> definition, const schema::TableDefPtr& table,
                                   const Surroundings& surroundings) {
  SAGITTA_TRY(auto vectors, ann::Index::make(ann_options(definition->options(), surroundings.memory)));
  return IndexPtr(new VectorIndex(std::move(definition), table, surroundings, std::move(vectors)));
}

VectorIndex::VectorIndex(std::shared_ptr<const VectorDefinition> definition, const schema::TableDefPtr& table,
                         const Surroundings& surroundings, std::unique_ptr<ann::Index> vectors)
    : Index(std::move(definition), table, surroundings.rows),
      surroundings_(surroundings),
      vectors_(std::move(vectors)),
      scratch_(options().dim) {}

VectorIndex::~VectorIndex() = default;

const VectorOptions& VectorIndex::options() const {
  return static_cast<const VectorDefinition&>(*definition()).options();
}

// ---- for searches ----

Reader::Stats VectorIndex::stats() const {
  std::shared_lock lock(mutex_);
  return {.rows = count_,
          .refused = refused_.count(),
          .bytes = vectors_->memory().total_bytes() + slots_charge_.bytes() + rows_charge_.bytes()};
}

std::optional<Cover> VectorIndex::covers(const Probe& probe) const {
  if (!definition()->answers(probe)) return std::nullopt;
  const uint64_t rows = stats().rows;
  const uint64_t walked = (options().search_beam_width + probe.limit) * 2 * options().maximum_node_connections;
  return Cover{.rows = std::min(rows, probe.limit),
               .cost = std::min(rows, walked) * work::distance(options().dim),
               .order = HitOrder::kByScore,
               .exact = false};
}

Result<std::unique_ptr<Hits>> VectorIndex::open(const Probe& probe, const Filter& filter, int64_t now_s,
                                                const RequestContext& context) const {
  return VectorHits::open(*this, probe, filter, now_s, context);
}

namespace {

struct Kept {
  ann::Reservation added, replaced;
};

}  // namespace

// A replaced vector needs a slot of its own until searches have left the old one.
Result<std::shared_ptr<const void>> VectorIndex::reserve(size_t added, size_t replaced) const {
  auto kept = std::make_shared<Kept>();
  SAGITTA_TRY(kept->added, vectors_->reserve(added));
  SAGITTA_TRY(kept->replaced, vectors_->reserve(replaced, ann::Incoming::kReplacing));
  return kept;
}

void VectorIndex::expired(int64_t now_s, size_t most, std::vector<RowNumber>& out) const {
  std::vector<ann::Slot> slots;
  vectors_->expired(now_s * 1'000'000, most, slots);
  std::shared_lock lock(mutex_);
  for (const ann::Slot slot : slots) {
    const auto at = static_cast<size_t>(slot);
    if (at < rows_.size() && rows_[at] != kNoRow) out.push_back(rows_[at]);
  }
}

ann::Slot VectorIndex::slot_of(RowNumber row) const {
  std::shared_lock lock(mutex_);
  const auto at = static_cast<size_t>(row);
  return at < slots_.size() ? slots_[at] : ann::kNoSlot;
}

RowNumber VectorIndex::row_of(ann::Slot slot) const {
  std::shared_lock lock(mutex_);
  const auto at = static_cast<size_t>(slot);
  if (at >= rows_.size() || rows_[at] == kNoRow) return kNoRow;
  const RowNumber row = rows_[at];
  return slots_[static_cast<size_t>(row)] == ann::kNoSlot ? kNoRow : row;
}

uint64_t VectorIndex::moves() const {
  std::shared_lock lock(mutex_);
  return moves_;
}

std::vector<VectorIndex::Moved> VectorIndex::moved_since(uint64_t moves_before, std::span<const float> query) const {
  std::shared_lock lock(mutex_);
  if (moves_ == moves_before) return {};
  const ann::Pin pin = vectors_->pin();
  const size_t count = std::min<size_t>(moves_ - moves_before, moved_.size());
  const std::unordered_set<RowNumber> rows(moved_.end() - static_cast<std::ptrdiff_t>(count), moved_.end());
  std::vector<Moved> moved;
  for (const RowNumber row : rows) {
    ann::Candidate now{.slot = slots_[static_cast<size_t>(row)]};
    if (now.slot == ann::kNoSlot) continue;
    const Status scored = vectors_->score(query, std::span(&now.slot, 1), std::span(&now.distance, 1));
    SAGITTA_ASSERT(scored.has_value());
    moved.push_back({row, now});
  }
  return moved;
}

void VectorIndex::append_hits(std::span<const Moved> found, std::vector<Hit>& out) const {
  std::shared_lock lock(mutex_);
  for (const Moved& one : found) {
    out.push_back({.row = one.row,
                   .score = score_of(options().similarity, one.candidate.distance),
                   .fingerprint = prints_[static_cast<size_t>(one.candidate.slot)]});
  }
}

// ---- changes ----

Status VectorIndex::do_update(const RowChange& change) {
  const rows::LiveCell* cell = change.now == nullptr ? nullptr : change.now->find(definition()->column().id);
  if (cell == nullptr) {
    remove(change.row);
    return {};
  }
  types::to_floats(cell->value, scratch_);
  if (!refuse_vector(options().similarity, scratch_).empty()) {
    remove(change.row);
    std::unique_lock lock(mutex_);
    refused_.add(change.row);
    return {};
  }
  return put(change, *cell);
}

Status VectorIndex::make_place(RowNumber row) {
  std::unique_lock lock(mutex_);
  SAGITTA_CHECK(
      grow(slots_, static_cast<size_t>(row), ann::kNoSlot, slots_charge_, surroundings_.memory, sizeof(ann::Slot)));
  const size_t slots = vectors_->counts().capacity;
  if (slots <= rows_.size()) return {};
  const size_t bytes = sizeof(RowNumber) + sizeof(uint64_t);
  SAGITTA_CHECK(grow(rows_, slots - 1, kNoRow, rows_charge_, surroundings_.memory, bytes));
  prints_.resize(rows_.size());
  return {};
}

Status VectorIndex::put(const RowChange& change, const rows::LiveCell& cell) {
  const RowNumber row = change.row;
  const ann::Room room = change.reserved ? ann::Room::kReserved : ann::Room::kUnreserved;
  const ann::Expiry expiry = to_expiry(cell.expires_s);
  const uint64_t print = fingerprint(cell);
  // Nobody else writes: so nothing is linked while searches wait for the lock, but at the memory
  // ceiling.
  SAGITTA_CHECK(vectors_->make_room(room));
  SAGITTA_CHECK(make_place(row));
  std::unique_lock lock(mutex_);
  refused_.remove(row);
  ann::Slot& slot = slots_[static_cast<size_t>(row)];
  // A new slot would hide the row from searches under way that have passed the place of it.
  if (slot != ann::kNoSlot && prints_[static_cast<size_t>(slot)] == print) return {};
  const bool is_new = slot == ann::kNoSlot;
  const auto filled =
      is_new ? vectors_->insert(scratch_, expiry, room) : vectors_->replace(slot, scratch_, expiry, room);
  if (!filled) return fail(filled);
  const auto at = static_cast<size_t>(*filled);
  if (at >= rows_.size()) {
    rows_.resize(at + 1, kNoRow);
    prints_.resize(at + 1);
  }
  if (!is_new) note_moved(row);
  count_ += static_cast<size_t>(is_new);
  slot = *filled;
  rows_[at] = row;
  prints_[at] = print;
  return {};
}

void VectorIndex::note_moved(RowNumber row) {
  ++moves_;
  moved_.push_back(row);
  if (moved_.size() > kMovedMax) moved_.pop_front();
}

void VectorIndex::remove(RowNumber row) {
  std::unique_lock lock(mutex_);
  refused_.remove(row);
  const auto at = static_cast<size_t>(row);
  if (at >= slots_.size() || slots_[at] == ann::kNoSlot) return;
  vectors_->erase(std::exchange(slots_[at], ann::kNoSlot));
  --count_;
}

void VectorIndex::do_clear() {
  std::unique_lock lock(mutex_);
  vectors_->clear();
  std::ranges::fill(slots_, ann::kNoSlot);
  refused_.clear();
  count_ = 0;
}

}  // namespace sagitta::index
