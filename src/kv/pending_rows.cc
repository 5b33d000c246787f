#include "pending_rows.h"

#include <algorithm>

namespace sagitta::kv {

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

Result<std::vector<Bytes>> PendingRows::merge(Iterator& stored, BytesView from, BytesView to) const {
  std::vector<Bytes> keys;
  auto own = changes_.lower_bound(from);
  const auto take_own = [&](std::optional<BytesView> end) {
    for (; own != changes_.end() && (!end || own->first < *end); ++own) {
      if (own->second) keys.push_back(own->first);
    }
  };
  for (stored.seek_to_first(); stored.valid(); stored.next()) {
    take_own(stored.key());
    const bool is_changed = own != changes_.end() && own->first == stored.key();
    if (!is_changed && !is_in_removed_range(stored.key())) keys.emplace_back(stored.key());
  }
  SAGITTA_CHECK(stored.status());
  take_own(to.empty() ? std::nullopt : std::optional(to));
  return keys;
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
