// Rings of copies: which slots are equal, who leads them, how one joins, and who inherits the
// links.
#include <algorithm>
#include <cstring>

#include "linker.h"

namespace sagitta::ann {

bool Linker::is_copy(uint32_t a, uint32_t b) const {
  const SlotShape& shape = store_.shape();
  // A level may keep no codes or no vectors; then there is no address.
  const auto equal = [](const void* x, const void* y, size_t bytes) {
    return bytes == 0 || std::memcmp(x, y, bytes) == 0;
  };
  return equal(store_.code(a), store_.code(b), shape.code_bytes) &&
         equal(store_.factors(a), store_.factors(b), sizeof(Codec::Factors)) &&
         equal(store_.vector(a), store_.vector(b), shape.vector_bytes);
}

uint32_t Linker::next_kept(uint32_t slot) const {
  CopyRing ring(slot);
  uint32_t next = ring.next(graph_);
  while (next != kNoLink && is_gone(next)) next = ring.next(graph_);
  return next;
}

uint32_t Linker::live_copy(uint32_t slot) const {
  CopyRing ring(slot);
  uint32_t next = ring.next(graph_);
  while (next != kNoLink && !can_link_to(next)) next = ring.next(graph_);
  return next;
}

uint32_t Linker::leader_of(uint32_t slot) const {
  if (!graph_.is_follower(slot)) return slot;
  CopyRing ring(slot);
  uint32_t next = ring.next(graph_);
  while (next != kNoLink && graph_.is_follower(next)) next = ring.next(graph_);
  return next != kNoLink ? next : slot;
}

bool Linker::leads_to(uint32_t slot, uint32_t copy) const {
  CopyRing ring(slot);
  uint32_t next = ring.next(graph_);
  while (next != kNoLink && next != copy) next = ring.next(graph_);
  return next == copy;
}

// Joining a retired copy is safe: it hands its links on when it is buried. One that is gone may
// have done that already.
bool Linker::join(uint32_t slot, uint32_t copy, const Codec& codec, LinkScratch& work) {
  NodeLock lock(store_.meta(copy));
  if (is_gone(copy)) return false;
  graph_.expect_copies();
  make_room_for_copy(copy, codec, work);
  const uint32_t next = next_kept(copy);
  graph_.set_next_copy(slot, next != kNoLink ? next : copy);  // no other thread changes the slot
  graph_.set_next_copy(copy, slot);
  return true;
}

void Linker::make_room_for_copy(uint32_t slot, const Codec& codec, LinkScratch& work) {
  std::vector<uint32_t>& links = work.links;
  links.resize(graph_.degree());
  links.resize(graph_.neighbours(slot, links.data()));
  if (links.size() < graph_.degree()) return;
  gather(links, work);
  codec.prepare_stored(store_.code(slot), *store_.factors(slot), work.query);
  estimate(work.query, codec, work, work.estimates);
  links.erase(links.begin() + (std::ranges::max_element(work.estimates) - work.estimates.begin()));
  write(slot, links, {}, codec, work);
}

// Equal vectors have equal sketches.
void Linker::bequeath(uint32_t slot) {
  std::vector<uint32_t> links(graph_.degree());
  links.resize(graph_.neighbours(slot, links.data()));
  if (links.empty()) return;
  const uint32_t heir = live_copy(slot);
  graph_.set_next_copy(slot, heir);
  if (heir == kNoLink) return;
  NodeLock lock(store_.meta(heir));
  if (!graph_.is_follower(heir)) return;
  SketchBlock sketches;
  if (graph_.has_sketches()) graph_.sketches(slot, sketches);
  for (size_t i = links.size(); i-- > 0;) {
    if (links[i] != heir) continue;  // more than once only where a file says so
    if (graph_.has_sketches()) sketches.set(i, sketches.at(links.size() - 1));
    links[i] = links.back();
    links.pop_back();
  }
  links.resize(std::min<size_t>(links.size(), graph_.room(heir)));
  if (!graph_.has_sketches()) return graph_.write(heir, links);
  graph_.write(heir, links, sketches);
}

}  // namespace sagitta::ann
