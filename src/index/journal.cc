#include "sagitta/index/journal.h"

#include <algorithm>

#include "sagitta/base/assert.h"

namespace sagitta::index {
namespace {

using kv::Family;
using kv::ReadMode;

/// No row changes at offset 0: a table comes before its rows.
constexpr log::Offset kFirst = 1;
/// Of the entry that says that all rows went: behind what else is at the place of a record. A
/// truncation has a record of its own, or comes between two, at the place of the first.
constexpr uint32_t kClearNumber = uint32_t{1} << 31;

Bytes journal_key(uint32_t id, log::Offset offset, uint32_t number = 0) {
  Bytes key;
  put_big<uint32_t>(key, id);
  put_big<uint64_t>(key, offset);
  put_big<uint32_t>(key, number);
  return key;
}

log::Offset offset_in(BytesView key) { return get_big<uint64_t>(key.data() + sizeof(uint32_t)); }

void put_beginning(uint32_t id, log::Offset offset, kv::Batch& batch) {
  Bytes value;
  put_big<uint64_t>(value, offset);
  batch.put(Family::kJournal, journal_key(id, 0), value);
}

}  // namespace

Status IndexJournal::start(const std::set<uint32_t>& ids, log::Offset next) {
  const auto batch = store_.make_batch();
  uint32_t gap = 0;
  for (uint32_t id : ids) {
    batch->remove_range(Family::kJournal, journal_key(gap, 0), journal_key(id, 0));
    gap = id + 1;
    SAGITTA_TRY(const auto beginning, complete_from(id));
    if (beginning) continue;
    drop(id, *batch);
    put_beginning(id, next, *batch);
  }
  batch->remove_range(Family::kJournal, journal_key(gap, 0), journal_key(UINT32_MAX, UINT64_MAX));
  return store_.write(*batch);
}

void IndexJournal::begin_record(log::Offset offset, kv::Batch& batch) {
  SAGITTA_ASSERT(offset >= offset_);
  offset_ = offset;
  number_ = 0;
  std::lock_guard lock(mutex_);
  if (in_batch_ != trims_) put_trims(batch);
}

void IndexJournal::put_trims(kv::Batch& batch) {
  in_batch_ = trims_;
  for (const auto& [id, offset] : in_batch_) {
    batch.remove_range(Family::kJournal, journal_key(id, kFirst), journal_key(id, offset));
    put_beginning(id, offset, batch);
  }
}

void IndexJournal::committed() {
  std::lock_guard lock(mutex_);
  for (const auto& [id, offset] : std::exchange(in_batch_, {})) {
    trimmed_[id] = offset;
    if (trims_[id] == offset) trims_.erase(id);
  }
}

void IndexJournal::create(uint32_t id, kv::Batch& batch) { put_beginning(id, offset_, batch); }

void IndexJournal::drop(uint32_t id, kv::Batch& batch) {
  {
    std::lock_guard lock(mutex_);
    lengths_.erase(id);
    trims_.erase(id);
    in_batch_.erase(id);
  }
  batch.remove_range(Family::kJournal, journal_key(id, 0), journal_key(id, UINT64_MAX));
}

void IndexJournal::add(uint32_t id, uint32_t number, BytesView value, kv::Batch& batch) {
  batch.put(Family::kJournal, journal_key(id, offset_, number), value);
  std::lock_guard lock(mutex_);
  ++lengths_[id];
}

void IndexJournal::add_clear(uint32_t id, kv::Batch& batch) { add(id, kClearNumber, {}, batch); }

uint64_t IndexJournal::length(uint32_t id) const {
  std::lock_guard lock(mutex_);
  const auto found = lengths_.find(id);
  return found == lengths_.end() ? 0 : found->second;
}

void IndexJournal::trim_later(uint32_t id, log::Offset offset) {
  std::lock_guard lock(mutex_);
  // Never back: entries before an earlier trim are gone.
  const log::Offset latest = std::max({trims_[id], trimmed_[id], kFirst});
  lengths_[id] = 0;
  trims_[id] = std::max(latest, offset);
}

Status IndexJournal::write_trims() {
  const auto batch = store_.make_batch();
  {
    std::lock_guard lock(mutex_);
    if (trims_.empty()) return {};
    put_trims(*batch);
  }
  SAGITTA_CHECK(store_.write(*batch));
  committed();
  return {};
}

Result<std::optional<log::Offset>> IndexJournal::complete_from(uint32_t id) const {
  SAGITTA_TRY(const auto value, store_.get(Family::kJournal, journal_key(id, 0), ReadMode::kBlocking));
  if (!value || value->size() != sizeof(uint64_t)) return std::nullopt;
  return get_big<uint64_t>(value->data());
}

Result<IndexJournal::Changes> IndexJournal::read(uint32_t id, log::Offset from, const kv::SnapshotPtr& snapshot) const {
  Changes changes{.next = from};
  const auto it = store_.iterate(Family::kJournal, journal_key(id, std::max(from, kFirst)), journal_key(id, UINT64_MAX),
                                 ReadMode::kBlocking, snapshot);
  for (it->seek_to_first(); it->valid(); it->next()) {
    changes.next = offset_in(it->key()) + 1;
    if (!it->value().empty()) {
      changes.rows.emplace(it->value());
      continue;
    }
    changes.cleared = true;
    changes.rows.clear();
  }
  SAGITTA_CHECK(it->status());
  return changes;
}

}  // namespace sagitta::index
