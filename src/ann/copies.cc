// Takes turns among the rings of copies that are open.
#include "copies.h"

namespace sagitta::ann {

void Copies::clear() {
  scratch_.rings.clear();
  scratch_.copies_taken.clear();
  at_ = 0;
  next_ = kNone;
}

void Copies::open(SearchKey key) {
  if (!graph_.has_copies() || graph_.next_copy(slot_of(key)) == kNoLink) return;
  scratch_.rings.push_back({CopyRing(slot_of(key)), distance_of(key), most_});
}

void Copies::begin_round(size_t most) {
  most_ = most;
  for (OpenRing& ring : scratch_.rings) ring.left = most;
  if (next_ == kNone) at_ = 0;
}

const SearchKey* Copies::peek() {
  std::vector<OpenRing>& rings = scratch_.rings;
  while (next_ == kNone && at_ < rings.size()) {
    OpenRing& open = rings[at_];
    if (open.left == 0) {
      ++at_;
      continue;
    }
    const uint32_t slot = open.ring.next(graph_);
    uint32_t unseen;
    if (slot == kNoLink) {
      rings.erase(rings.begin() + static_cast<std::ptrdiff_t>(at_));
    } else if (scratch_.visited.keep_unseen(&slot, 1, &unseen) > 0) {
      next_ = make_key(open.distance, slot);
    }
  }
  return next_ == kNone ? nullptr : &next_;
}

void Copies::take() {
  scratch_.copies_taken.push_back(slot_of(next_));
  --scratch_.rings[at_].left;
  next_ = kNone;
}

}  // namespace sagitta::ann
