/// Keys lie in segments that never move, so that searches read them without a lock; the way back is
/// a hash table of numbers.
#include "sagitta/index/row_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <ranges>

#include "sagitta/base/assert.h"

namespace sagitta::index {
namespace {

constexpr size_t kFirstSegment = 1024;
constexpr size_t kCellsMin = 64;
constexpr size_t kLengthBytes = sizeof(uint32_t);
/// What the allocator keeps beside a key, about.
constexpr size_t kKeyOverheadBytes = 16;
constexpr log::Partition kNobody = UINT16_MAX;

size_t size_of(size_t segment) { return kFirstSegment << segment; }

size_t key_bytes(BytesView key) { return key.size() + kLengthBytes + kKeyOverheadBytes; }

const char* make_blob(BytesView key) {
  char* blob = new char[kLengthBytes + key.size()];
  const auto length = static_cast<uint32_t>(key.size());
  std::memcpy(blob, &length, kLengthBytes);
  std::memcpy(blob + kLengthBytes, key.data(), key.size());
  return blob;
}

BytesView view_of(const char* blob) {
  uint32_t length = 0;
  std::memcpy(&length, blob, kLengthBytes);
  return {blob + kLengthBytes, length};
}

}  // namespace

// ---- RowSet ----

void RowSet::add(RowNumber row) {
  const auto at = static_cast<size_t>(row);
  if (at / 64 >= words_.size()) words_.resize(at / 64 + 1);
  const uint64_t bit = uint64_t{1} << (at % 64);
  count_ += static_cast<size_t>((words_[at / 64] & bit) == 0);
  words_[at / 64] |= bit;
}

void RowSet::remove(RowNumber row) {
  if (!contains(row)) return;
  words_[static_cast<size_t>(row) / 64] &= ~(uint64_t{1} << (static_cast<size_t>(row) % 64));
  --count_;
}

void RowSet::clear() {
  words_.clear();
  count_ = 0;
}

bool RowSet::contains(RowNumber row) const {
  const auto at = static_cast<size_t>(row);
  return at / 64 < words_.size() && (words_[at / 64] >> (at % 64) & 1U) != 0;
}

// ---- NumberTable ----

size_t NumberTable::home(BytesView key) const { return std::hash<BytesView>()(key) & (cells_.size() - 1); }

/// Of the key's number, or of the free cell where it belongs.
size_t NumberTable::place(BytesView key) const {
  size_t at = home(key);
  while (cells_[at] != kNoRow && key_of_(cells_[at]) != key) at = (at + 1) & (cells_.size() - 1);
  return at;
}

std::optional<RowNumber> NumberTable::find(BytesView key) const {
  if (size_ == 0) return std::nullopt;
  const RowNumber found = cells_[place(key)];
  return found == kNoRow ? std::nullopt : std::optional(found);
}

size_t NumberTable::bytes_after_insert() const {
  const bool fits = (size_ + 1) * 3 <= cells_.size() * 2;
  return fits ? bytes() : std::max(kCellsMin, 2 * cells_.size()) * sizeof(RowNumber);
}

void NumberTable::insert(RowNumber row) {
  if (bytes_after_insert() != bytes()) grow();
  RowNumber& cell = cells_[place(key_of_(row))];
  SAGITTA_ASSERT(cell == kNoRow);
  cell = row;
  ++size_;
}

void NumberTable::grow() {
  std::vector<RowNumber> before(bytes_after_insert() / sizeof(RowNumber), kNoRow);
  before.swap(cells_);
  for (const RowNumber row : before) {
    if (row != kNoRow) cells_[place(key_of_(row))] = row;
  }
}

/// Those behind it that were pushed on move back, so that no search ends at the gap.
void NumberTable::erase(RowNumber row) {
  const size_t mask = cells_.size() - 1;
  size_t gap = place(key_of_(row));
  SAGITTA_ASSERT(cells_[gap] == row);
  for (size_t at = (gap + 1) & mask; cells_[at] != kNoRow; at = (at + 1) & mask) {
    const size_t wanted = home(key_of_(cells_[at]));
    if (((at - wanted) & mask) < ((at - gap) & mask)) continue;
    cells_[gap] = cells_[at];
    gap = at;
  }
  cells_[gap] = kNoRow;
  --size_;
}

void NumberTable::clear() {
  cells_.clear();
  size_ = 0;
}

// ---- RowMap ----

RowMap::RowMap(MemoryBudget& memory, log::Partition partitions)
    : memory_(memory), table_([this](RowNumber row) { return key(row); }), shares_(partitions) {}

RowMap::~RowMap() {
  for (size_t s = 0; s < kSegments; ++s) {
    std::atomic<const char*>* segment = segments_[s];
    if (segment == nullptr) continue;
    for (size_t at = 0; at < size_of(s); ++at) delete[] segment[at].load();
    delete[] segment;
  }
  memory_.release(charged_);
}

RowMap::Place RowMap::place(RowNumber row) {
  const size_t scaled = static_cast<size_t>(row) / kFirstSegment + 1;
  const size_t segment = static_cast<size_t>(std::bit_width(scaled)) - 1;
  return {segment, static_cast<size_t>(row) - kFirstSegment * ((size_t{1} << segment) - 1)};
}

const char* RowMap::blob(RowNumber row) const {
  const Place where = place(row);
  if (where.segment >= kSegments) return nullptr;
  const std::atomic<const char*>* segment = segments_[where.segment].load(std::memory_order_acquire);
  return segment == nullptr ? nullptr : segment[where.at].load(std::memory_order_acquire);
}

BytesView RowMap::key(RowNumber row) const {
  const char* found = blob(row);
  SAGITTA_ASSERT(found != nullptr);
  return view_of(found);
}

std::optional<RowNumber> RowMap::find(BytesView key) const {
  std::shared_lock lock(table_mutex_);
  return table_.find(key);
}

size_t RowMap::size() const {
  std::shared_lock lock(table_mutex_);
  return table_.size();
}

Status RowMap::charge(size_t bytes, bool reserved) {
  if (reserved) {
    memory_.overdraw(bytes);
  } else {
    SAGITTA_CHECK(memory_.charge(bytes));
  }
  charged_ += bytes;
  return {};
}

Status RowMap::make_segment(size_t segment, bool reserved) {
  if (segments_[segment] != nullptr) return {};
  SAGITTA_CHECK(charge(size_of(segment) * sizeof(std::atomic<const char*>), reserved));
  segments_[segment].store(new std::atomic<const char*>[size_of(segment)] {}, std::memory_order_release);
  return {};
}

Status RowMap::put(RowNumber row, BytesView key, bool reserved) {
  const Place where = place(row);
  SAGITTA_CHECK(make_segment(where.segment, reserved));
  std::unique_lock lock(table_mutex_);
  SAGITTA_CHECK(charge(key_bytes(key) + table_.bytes_after_insert() - table_.bytes(), reserved));
  segments_[where.segment].load()[where.at].store(make_blob(key), std::memory_order_release);
  table_.insert(row);
  return {};
}

// A table that grows takes more than a row's part of it: growth is what many rows have reserved
// for.
Result<MemoryCharge> RowMap::reserve(size_t rows, size_t key_bytes) const {
  constexpr size_t kPlaceBytes = sizeof(const char*) + 3 * sizeof(RowNumber);
  return MemoryCharge::take(memory_, key_bytes + rows * (kLengthBytes + kKeyOverheadBytes + kPlaceBytes));
}

log::Partition RowMap::owner(RowNumber row) const {
  std::lock_guard lock(writers_mutex_);
  return owners_[block(row)];
}

std::vector<RowNumber> RowMap::rows_of(log::Partition partition) const {
  std::lock_guard lock(writers_mutex_);
  return live_rows(shares_[partition]);
}

/// Ascending. Removed ones keep their keys while they are pinned, and are none.
std::vector<RowNumber> RowMap::live_rows(const Share& share) const {
  std::vector<RowNumber> rows;
  for (const uint32_t block : share.blocks) {
    for (uint32_t row = block * kBlockRows; row < (block + 1) * kBlockRows; ++row) {
      const char* found = blob(RowNumber{row});
      if (found != nullptr && find(view_of(found)) == RowNumber{row}) rows.push_back(RowNumber{row});
    }
  }
  return rows;
}

Status RowMap::take_block(log::Partition partition) {
  while (first_without_owner_ < owners_.size() && owners_[first_without_owner_] != kNobody) ++first_without_owner_;
  const uint32_t taken = first_without_owner_;
  if (place(RowNumber{taken * kBlockRows}).segment >= kSegments)
    return fail(ErrorCode::kOverloaded, fmt::format("all {} blocks of row numbers are given", taken));
  if (taken == owners_.size()) owners_.push_back(kNobody);
  owners_[taken] = partition;
  Share& share = shares_[partition];
  share.blocks.push_back(taken);
  share.next = taken * kBlockRows;
  share.end = share.next + kBlockRows;
  return {};
}

Result<RowNumber> RowMap::add(log::Partition partition, BytesView key, bool reserved) {
  if (const auto known = find(key)) return *known;
  std::lock_guard lock(writers_mutex_);
  reclaim();
  Share& share = shares_[partition];
  if (share.free.empty() && share.next == share.end) SAGITTA_CHECK(take_block(partition));
  const RowNumber row = share.free.empty() ? RowNumber{share.next} : share.free.back();
  SAGITTA_CHECK(put(row, key, reserved));
  if (share.free.empty()) {
    ++share.next;
  } else {
    share.free.pop_back();
  }
  return row;
}

Status RowMap::restore(log::Partition partition, RowNumber row, BytesView key) {
  const uint32_t number = static_cast<uint32_t>(row), of = block(row);
  if (place(row).segment >= kSegments)
    return fail(ErrorCode::kCorruption, fmt::format("row number {} is too large", number));
  std::lock_guard lock(writers_mutex_);
  if (of >= owners_.size()) owners_.resize(of + 1, kNobody);
  if (owners_[of] != kNobody && owners_[of] != partition) {
    return fail(ErrorCode::kAlreadyExists,
                fmt::format("row number {} is of a block that log partition {} has", number, owners_[of]));
  }
  if (blob(row) != nullptr || find(key)) {
    return fail(ErrorCode::kCorruption, fmt::format("row number {} or its key is given twice", number));
  }
  SAGITTA_CHECK(put(row, key, false));
  Share& share = shares_[partition];
  if (std::exchange(owners_[of], partition) == kNobody) share.blocks.push_back(of);
  share.next = std::max(share.next, number + 1);
  return {};
}

void RowMap::restored(log::Partition partition) {
  std::lock_guard lock(writers_mutex_);
  Share& share = shares_[partition];
  std::ranges::sort(share.blocks);
  share.free.clear();
  for (const uint32_t block : std::views::reverse(share.blocks)) {
    share.end = std::max(share.end, (block + 1) * kBlockRows);
    for (uint32_t row = std::min((block + 1) * kBlockRows, share.next); row-- > block * kBlockRows;) {
      if (blob(RowNumber{row}) == nullptr) share.free.push_back(RowNumber{row});
    }
  }
}

void RowMap::remove(RowNumber row) {
  std::lock_guard lock(writers_mutex_);
  {
    std::unique_lock table_lock(table_mutex_);
    table_.erase(row);
  }
  retire(row);
  reclaim();
}

void RowMap::clear(log::Partition partition) {
  std::lock_guard lock(writers_mutex_);
  const std::vector<RowNumber> rows = live_rows(shares_[partition]);
  drop_all(rows);
  for (const RowNumber row : rows) retire(row);
  reclaim();
}

/// From the table: at once when they are all that it has.
void RowMap::drop_all(const std::vector<RowNumber>& rows) {
  std::unique_lock lock(table_mutex_);
  if (rows.size() != table_.size()) {
    for (const RowNumber row : rows) table_.erase(row);
    return;
  }
  const size_t before = table_.bytes();
  table_.clear();
  memory_.release(before);
  charged_ -= before;
}

void RowMap::retire(RowNumber row) {
  std::lock_guard lock(pins_mutex_);
  retired_.push_back({++epoch_, row});
}

/// A pin of epoch e needs what was removed after e.
void RowMap::reclaim() {
  std::lock_guard lock(pins_mutex_);
  const uint64_t oldest = pins_.empty() ? UINT64_MAX : pins_.begin()->first;
  for (; !retired_.empty() && retired_.front().epoch <= oldest; retired_.pop_front()) free_key(retired_.front().row);
}

void RowMap::free_key(RowNumber row) {
  const Place where = place(row);
  const char* freed = segments_[where.segment].load()[where.at].exchange(nullptr);
  const size_t bytes = key_bytes(view_of(freed));
  delete[] freed;
  memory_.release(bytes);
  charged_ -= bytes;
  shares_[owners_[block(row)]].free.push_back(row);
}

RowMap::Pin RowMap::pin() const {
  std::lock_guard lock(pins_mutex_);
  ++pins_[epoch_];
  return {*this, epoch_};
}

std::vector<RowNumber> RowMap::removed_since(const Pin& pin) const {
  std::lock_guard lock(pins_mutex_);
  const auto first = std::ranges::upper_bound(retired_, pin.epoch_, {}, &Retired::epoch);
  std::vector<RowNumber> removed;
  for (auto one = first; one != retired_.end(); ++one) removed.push_back(one->row);
  return removed;
}

void RowMap::unpin(uint64_t epoch) const {
  std::lock_guard lock(pins_mutex_);
  const auto held = pins_.find(epoch);
  if (--held->second == 0) pins_.erase(held);
}

}  // namespace sagitta::index
