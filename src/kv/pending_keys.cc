// What a batch does to the keys of one family.
#include "pending_keys.h"

#include <algorithm>
#include <cstring>

#include "sagitta/base/assert.h"

namespace sagitta::kv {

Result<std::vector<Bytes>> Batch::row_keys(BytesView from, BytesView to) const {
  std::vector<Bytes> keys;
  SAGITTA_CHECK(visit_rows(from, to, Direction::kForward, [&](BytesView key, BytesView) {
    keys.emplace_back(key);
    return true;
  }));
  return keys;
}

BytesView PendingKeys::copy(BytesView bytes) {
  if (bytes.empty()) return {};
  auto* to = static_cast<char*>(memory_->allocate(bytes.size(), 1));
  std::memcpy(to, bytes.data(), bytes.size());
  size_bytes_ += bytes.size();
  return {to, bytes.size()};
}

void PendingKeys::set(BytesView key, Change change) {
  const auto found = changes_->lower_bound(key);
  if (found == changes_->end() || found->first != key) {
    undo_.emplace_back(changes_->emplace_hint(found, copy(key), change), std::nullopt);
    return;
  }
  undo_.emplace_back(found, found->second);
  found->second = change;
}

void PendingKeys::remove_range(BytesView from, BytesView to) {
  for (auto own = changes_->lower_bound(from); own != changes_->end() && own->first < to; ++own) {
    undo_.emplace_back(own, std::exchange(own->second, std::nullopt));
  }
  removed_ranges_.emplace_back(from, to);
}

bool PendingKeys::is_in_removed_range(BytesView key) const {
  return std::ranges::any_of(removed_ranges_,
                             [key](const auto& range) { return key >= range.first && key < range.second; });
}

const PendingKeys::Change* PendingKeys::find(BytesView key) const {
  static constexpr Change kRemoved;
  const auto found = changes_->find(key);
  if (found != changes_->end()) return &found->second;
  return is_in_removed_range(key) ? &kRemoved : nullptr;
}

Status PendingKeys::visit(Iterator& stored, BytesView from, BytesView to, Direction direction,
                          const EntryVisitor& visit) const {
  if (!to.empty() && from >= to) return {};
  const auto begin = changes().lower_bound(from);
  const auto end = to.empty() ? changes().end() : changes().lower_bound(to);
  return direction == Direction::kForward ? visit_forward(stored, begin, end, visit)
                                          : visit_backward(stored, begin, end, visit);
}

Status PendingKeys::visit_forward(Iterator& stored, Changes::const_iterator own, Changes::const_iterator end,
                                  const EntryVisitor& visit) const {
  stored.seek_to_first();
  while (stored.valid() || own != end) {
    if (own == end || (stored.valid() && stored.key() < own->first)) {
      if (!is_in_removed_range(stored.key()) && !visit(stored.key(), stored.value())) return {};
      stored.next();
      continue;
    }
    if (stored.valid() && stored.key() == own->first) stored.next();
    if (own->second && !visit(own->first, *own->second)) return {};
    ++own;
  }
  return stored.status();
}

Status PendingKeys::visit_backward(Iterator& stored, Changes::const_iterator begin, Changes::const_iterator own,
                                   const EntryVisitor& visit) const {
  stored.seek_to_last();
  while (stored.valid() || own != begin) {
    if (own == begin || (stored.valid() && stored.key() > std::prev(own)->first)) {
      if (!is_in_removed_range(stored.key()) && !visit(stored.key(), stored.value())) return {};
      stored.prev();
      continue;
    }
    --own;
    if (stored.valid() && stored.key() == own->first) stored.prev();
    if (own->second && !visit(own->first, *own->second)) return {};
  }
  return stored.status();
}

void PendingKeys::mark() {
  undo_.clear();
  marked_ranges_ = removed_ranges_.size();
}

void PendingKeys::rollback() {
  for (auto last = undo_.rbegin(); last != undo_.rend(); ++last) {
    if (last->second) {
      last->first->second = *last->second;
    } else {
      changes_->erase(last->first);
    }
  }
  undo_.clear();
  SAGITTA_ASSERT(marked_ranges_ <= removed_ranges_.size());
  removed_ranges_.resize(marked_ranges_);
}

void PendingKeys::clear() {
  undo_.clear();
  changes_.reset();  // before the memory that it is in
  fit_buffer();
  changes_.emplace(&*memory_);
  removed_ranges_.clear();
  marked_ranges_ = 0;
  size_bytes_ = 0;
}

void PendingKeys::fit_buffer() {
  memory_->release();
  // Nodes come on top of the bytes that are counted.
  if (size_bytes_ <= buffer_bytes_ / 4 * 3 || buffer_bytes_ == kBufferBytesMax) return;
  buffer_bytes_ = std::min(2 * buffer_bytes_, kBufferBytesMax);
  buffer_ = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes_);
  memory_.emplace(buffer_.get(), buffer_bytes_);
}

}  // namespace sagitta::kv
