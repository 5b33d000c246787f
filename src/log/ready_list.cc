// Marks, turns and waits of feeds.
#include "ready_list.h"

#include <algorithm>

#include "sagitta/base/assert.h"

namespace sagitta::log {

void ReadyList::mark(Partition partition) {
  {
    std::lock_guard lock(mutex_);
    SAGITTA_ASSERT(partition < ready_.size());
    if (ready_[partition]) return;
    ready_[partition] = true;
    ++count_;
  }
  changed_.notify_one();
}

void ReadyList::stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
}

bool ReadyList::stopped() const {
  std::lock_guard lock(mutex_);
  return stopped_;
}

std::optional<Partition> ReadyList::take(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto can_go_on = [this] { return count_ > 0 || stopped_; };
  if (!can_go_on() && std::chrono::steady_clock::now() < deadline) changed_.wait_until(lock, deadline, can_go_on);
  if (count_ == 0) return std::nullopt;
  while (!ready_[next_]) next_ = (next_ + 1) % ready_.size();
  const auto taken = static_cast<Partition>(next_);
  ready_[taken] = false;
  --count_;
  next_ = (next_ + 1) % ready_.size();
  return taken;
}

void Followers::add(ReadyList& list) {
  std::lock_guard lock(mutex_);
  if (std::ranges::find(lists_, &list) == lists_.end()) lists_.push_back(&list);
  if (stopped_) list.stop();
}

void Followers::remove(ReadyList& list) {
  std::lock_guard lock(mutex_);
  std::erase(lists_, &list);
}

void Followers::mark(Partition partition) {
  std::lock_guard lock(mutex_);
  for (ReadyList* list : lists_) list->mark(partition);
}

void Followers::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  for (ReadyList* list : lists_) list->stop();
}

}  // namespace sagitta::log
