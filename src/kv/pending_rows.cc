#include "pending_rows.h"

#include <algorithm>

namespace sagitta::kv {

Result<std::vector<Bytes>> Batch::row_keys(BytesView from, BytesView to) const {
  std::vector<Bytes> keys;
  SAGITTA_CHECK(visit_rows(from, to, Direction::kForward, [&](BytesView key, BytesView) {
    keys.emplace_back(key);
    return true;
  }));
  return keys;
}

void PendingRows::set(BytesView key, Change change) {
  const auto found = changes_.find(key);
  if (found == changes_.end()) {
    undo_.emplace_back(changes_.emplace(Bytes(key), change).first, std::nullopt);
    return;
  }
  undo_.emplace_back(found, found->second);
  found->second = change;
}

void PendingRows::remove_range(BytesView from, BytesView to) {
  for (const Bytes& key : put_between(from, to)) set(key, std::nullopt);
  removed_ranges_.emplace_back(from, to);
}

bool PendingRows::is_in_removed_range(BytesView key) const {
  return std::ranges::any_of(removed_ranges_,
                             [key](const auto& range) { return key >= range.first && key < range.second; });
}

const PendingRows::Change* PendingRows::find(BytesView key) const {
  static constexpr Change kRemoved;
  const auto found = changes_.find(key);
  if (found != changes_.end()) return &found->second;
  return is_in_removed_range(key) ? &kRemoved : nullptr;
}

Status PendingRows::visit(Iterator& stored, BytesView from, BytesView to, Direction direction,
                          const std::function<BytesView(Place)>& value, const EntryVisitor& visit) const {
  if (!to.empty() && from >= to) return {};
  const auto begin = changes_.lower_bound(from);
  const auto end = to.empty() ? changes_.end() : changes_.lower_bound(to);
  return direction == Direction::kForward ? visit_forward(stored, begin, end, value, visit)
                                          : visit_backward(stored, begin, end, value, visit);
}

Status PendingRows::visit_forward(Iterator& stored, Changes::const_iterator own, Changes::const_iterator end,
                                  const ReadValue& value, const EntryVisitor& visit) const {
  stored.seek_to_first();
  while (stored.valid() || own != end) {
    if (own == end || (stored.valid() && stored.key() < own->first)) {
      if (!is_in_removed_range(stored.key()) && !visit(stored.key(), stored.value())) return {};
      stored.next();
      continue;
    }
    if (stored.valid() && stored.key() == own->first) stored.next();
    if (own->second && !visit(own->first, value(*own->second))) return {};
    ++own;
  }
  return stored.status();
}

Status PendingRows::visit_backward(Iterator& stored, Changes::const_iterator begin, Changes::const_iterator own,
                                   const ReadValue& value, const EntryVisitor& visit) const {
  stored.seek_to_last();
  while (stored.valid() || own != begin) {
    if (own == begin || (stored.valid() && stored.key() > std::prev(own)->first)) {
      if (!is_in_removed_range(stored.key()) && !visit(stored.key(), stored.value())) return {};
      stored.prev();
      continue;
    }
    --own;
    if (stored.valid() && stored.key() == own->first) stored.prev();
    if (own->second && !visit(own->first, value(*own->second))) return {};
  }
  return stored.status();
}

std::vector<Bytes> PendingRows::put_between(BytesView from, BytesView to) const {
  std::vector<Bytes> keys;
  for (auto own = changes_.lower_bound(from); own != changes_.end() && (to.empty() || own->first < to); ++own) {
    if (own->second) keys.push_back(own->first);
  }
  return keys;
}

void PendingRows::mark() {
  undo_.clear();
  marked_ranges_ = removed_ranges_.size();
}

void PendingRows::rollback() {
  for (auto last = undo_.rbegin(); last != undo_.rend(); ++last) {
    if (last->second) {
      last->first->second = *last->second;
    } else {
      changes_.erase(last->first);
    }
  }
  undo_.clear();
  removed_ranges_.resize(marked_ranges_);
}

void PendingRows::clear() {
  undo_.clear();
  changes_.clear();
  removed_ranges_.clear();
  marked_ranges_ = 0;
}

}  // namespace sagitta::kv
