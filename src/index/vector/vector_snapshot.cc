/// Saving and loading vector indexes (docs/formats/vector-index.md).
#include <fmt/format.h>

#include <mutex>

#include "sagitta/base/assert.h"

#include "rows_file.h"
#include "vector_index.h"

namespace sagitta::index {
namespace {

/// Of which a save looks up the rows at once.
constexpr size_t kSlotsPerLock = 1024;

/// What a snapshot says of slots, put together with the vectors that it has and the rows that there
/// are.
struct LoadedRows {
  LoadedRows(ann::Index& loaded, const RowMap& known) : vectors(loaded), map(known) {
    rows.resize(vectors.counts().capacity, kNoRow);
    prints.resize(rows.size());
  }

  /// A slot that is not live was filled after the vectors were written, a row's second entry came
  /// after its first, and a row that has no number is gone.
  Status add(const SnapshotRow& row) {
    const auto number = map.find(row.key);
    if (!number) return {};
    if (row.slot == ann::kNoSlot) {
      refused.add(*number);
      return {};
    }
    const auto at = static_cast<size_t>(row.slot);
    if (at >= rows.size() || !vectors.is_live(row.slot)) return {};
    if (rows[at] != kNoRow) return fail(ErrorCode::kCorruption, fmt::format("slot {} belongs to two rows", at));
    if (static_cast<size_t>(*number) >= slots.size()) slots.resize(static_cast<size_t>(*number) + 1, ann::kNoSlot);
    const ann::Slot before = std::exchange(slots[static_cast<size_t>(*number)], row.slot);
    if (before != ann::kNoSlot) rows[static_cast<size_t>(before)] = kNoRow;
    count += static_cast<size_t>(before == ann::kNoSlot);
    rows[at] = *number;
    prints[at] = row.print;
    return {};
  }
  /// Vectors of no row go.
  void finish() {
    for (uint32_t at = 0; at < rows.size(); ++at) {
      if (rows[at] == kNoRow && vectors.is_live(ann::Slot{at})) vectors.erase(ann::Slot{at});
    }
  }

  ann::Index& vectors;
  const RowMap& map;
  std::vector<ann::Slot> slots;
  std::vector<RowNumber> rows;
  std::vector<uint64_t> prints;
  RowSet refused;
  size_t count = 0;
};

}  // namespace

namespace {

struct Pinned {
  RowMap::Pin rows;
  ann::Pin vectors;
};

Status check_reaches(const std::string& path, const Positions& complete_to, const Positions& journal_from) {
  for (size_t p = 0; p < journal_from.size(); ++p) {
    if (complete_to[p] >= journal_from[p]) continue;
    return fail(ErrorCode::kInvalid,
                fmt::format("{} is complete to offset {} of log partition {}, but the journal begins at {}", path,
                            complete_to[p], p, journal_from[p]));
  }
  return {};
}

}  // namespace

std::shared_ptr<const void> VectorIndex::pin() const {
  return std::make_shared<Pinned>(surroundings_.rows->pin(), vectors_->pin());
}

Status VectorIndex::save(const IndexFiles& files, const SnapshotHeader& header,
                         const std::atomic<bool>& cancelled) const {
  SAGITTA_CHECK(vectors_->save(files.files(), files.vectors_path(header), header.tag(), &cancelled));
  RowsWriter out(files.files(), files.rows_path(def().id));
  SAGITTA_CHECK(out.open(header));
  SAGITTA_CHECK(save_rows(out));
  return out.finish();
}

// A few slots at a time, so that writers do not wait: of a row that moves meanwhile, both slots or
// neither may be seen, but then it is in the journal.
Status VectorIndex::save_rows(RowsWriter& out) const {
  const RowMap& map = *surroundings_.rows;
  std::vector<SnapshotRow> rows;
  for (size_t begin = 0;; begin += kSlotsPerLock) {
    rows.clear();
    {
      std::shared_lock lock(mutex_);
      if (begin >= rows_.size()) break;
      for (size_t at = begin; at < std::min(rows_.size(), begin + kSlotsPerLock); ++at) {
        const RowNumber row = rows_[at];
        if (row == kNoRow || static_cast<size_t>(slots_[static_cast<size_t>(row)]) != at) continue;
        rows.push_back({ann::Slot{static_cast<uint32_t>(at)}, prints_[at], Bytes(map.key(row))});
      }
    }
    for (const SnapshotRow& row : rows) SAGITTA_CHECK(out.add(row));
  }
  {
    std::shared_lock lock(mutex_);
    refused_.for_each([&](RowNumber row) { rows.push_back({.key = Bytes(map.key(row))}); });
  }
  for (const SnapshotRow& row : rows) SAGITTA_CHECK(out.add(row));
  return {};
}

Result<Positions> VectorIndex::load(const IndexFiles& files, const Positions& journal_from) {
  RowsReader reader(files.rows_path(def().id));
  SAGITTA_TRY(const SnapshotHeader header, reader.open(files.files()));
  if (header.index_id != def().id)
    return fail(ErrorCode::kCorruption, files.rows_path(def().id) + ": of another index");
  SAGITTA_CHECK(check_reaches(files.rows_path(def().id), header.complete_to, journal_from));
  Bytes tag;
  auto loaded =
      ann::Index::load(files.files(), files.vectors_path(header), ann_options(options(), surroundings_.memory), &tag);
  // Without its vectors it is a damaged snapshot, not none.
  if (!loaded && loaded.error().code() == ErrorCode::kNotFound) {
    return fail(ErrorCode::kCorruption, loaded.error().message());
  }
  if (!loaded) return fail(loaded);
  if (tag != header.tag()) return fail(ErrorCode::kCorruption, files.vectors_path(header) + ": of another snapshot");
  LoadedRows rows(**loaded, *surroundings_.rows);
  SAGITTA_CHECK(reader.for_each([&](const SnapshotRow& row) { return rows.add(row); }));
  rows.finish();
  SAGITTA_TRY(MemoryCharge slots_charge,
              MemoryCharge::take(surroundings_.memory, rows.slots.size() * sizeof(ann::Slot)));
  SAGITTA_TRY(MemoryCharge rows_charge,
              MemoryCharge::take(surroundings_.memory, rows.rows.size() * (sizeof(RowNumber) + sizeof(uint64_t))));
  std::unique_lock lock(mutex_);
  vectors_ = *std::move(loaded);
  slots_ = std::move(rows.slots);
  rows_ = std::move(rows.rows);
  prints_ = std::move(rows.prints);
  refused_ = std::move(rows.refused);
  slots_charge_ = std::move(slots_charge);
  rows_charge_ = std::move(rows_charge);
  count_ = rows.count;
  return header.complete_to;
}

}  // namespace sagitta::index
