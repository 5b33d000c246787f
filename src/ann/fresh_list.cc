// Places of the fresh list: given, claimed and freed.
#include "fresh_list.h"

#include "sagitta/base/assert.h"

namespace sagitta::ann {

FreshList::FreshList() {
  for (auto& slot : slots_) slot.store(kNoLink, std::memory_order_relaxed);
}

uint32_t FreshList::add(uint32_t slot) {
  SAGITTA_ASSERT(!full());
  uint32_t place = end_.load(std::memory_order_relaxed);
  if (holes_.empty()) {
    slots_[place].store(slot, std::memory_order_release);
    end_.store(place + 1, std::memory_order_release);
  } else {
    place = holes_.back();
    holes_.pop_back();
    slots_[place].store(slot, std::memory_order_release);
  }
  size_.fetch_add(1, std::memory_order_relaxed);
  return place;
}

void FreshList::remove(uint32_t place) {
  SAGITTA_ASSERT(place < end_.load(std::memory_order_relaxed) && at(place) != kNoLink);
  slots_[place].store(kNoLink, std::memory_order_release);
  if (claimed_[place]) --claimed_count_;
  claimed_[place] = false;
  holes_.push_back(place);
  if (size_.fetch_sub(1, std::memory_order_relaxed) == 1) {
    holes_.clear();
    end_.store(0, std::memory_order_release);
  }
}

std::optional<uint32_t> FreshList::claim() {
  SAGITTA_ASSERT(claimed_count_ <= size());
  if (claimed_count_ == size()) return std::nullopt;
  const uint32_t end = end_.load(std::memory_order_relaxed);
  while (true) {
    if (next_claim_ >= end) next_claim_ = 0;
    const uint32_t place = next_claim_++;
    if (at(place) == kNoLink || claimed_[place]) continue;
    claimed_[place] = true;
    ++claimed_count_;
    return place;
  }
}

bool FreshList::holds(uint32_t slot) const {
  for (const auto& s : slots_) {
    if (s.load(std::memory_order_relaxed) == slot) return true;
  }
  return false;
}

void FreshList::scan(std::vector<uint32_t>& out) const {
  const uint32_t end = end_.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < end; ++i) {
    const uint32_t slot = slots_[i].load(std::memory_order_acquire);
    if (slot != kNoLink) out.push_back(slot);
  }
}

}  // namespace sagitta::ann
