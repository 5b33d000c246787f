// Repairs around buried slots, and the paths that keep every vector reachable.
#include <algorithm>

#include "sagitta/base/assert.h"

#include "linker.h"

namespace sagitta::ann {

// If `from` has no room, `to` replaces its last link and links to that one: everything that was
// reachable still is.
void Linker::splice(uint32_t from, uint32_t to, const Codec& codec, LinkScratch& work) {
  const uint32_t moved = put_last(from, to, codec, work);
  // A repair that must find every link to a buried slot may have passed `to` already.
  if (moved != kNoLink && moved != to && !is_gone(moved)) put_last(to, moved, codec, work);
}

// Returns the link that was dropped; kNoLink when there was room or nothing to do.
uint32_t Linker::put_last(uint32_t from, uint32_t to, const Codec& codec, LinkScratch& work) {
  std::vector<uint32_t> links(graph_.degree());
  NodeLock lock(store_.meta(from));
  links.resize(graph_.neighbours(from, links.data()));
  if (std::ranges::find(links, to) != links.end()) return kNoLink;
  uint32_t gone = kNoLink;
  if (links.size() == graph_.room(from)) {
    gone = links.back();
    links.pop_back();
  }
  links.push_back(to);
  write(from, links, {}, codec, work);
  return gone;
}

void Linker::repair(uint32_t slot, const Codec& codec, Scratch& scratch) {
  LinkScratch& work = scratch.link;
  size_t stay = 0;
  work.had.resize(graph_.degree());
  {
    // Without the lock, a link being moved within the list could be missed.
    NodeLock lock(store_.meta(slot));
    const uint32_t next = graph_.next_copy(slot);
    if (next != kNoLink && is_buried(next)) graph_.set_next_copy(slot, next_kept(slot));
    if (!look_beyond(slot, work)) return;
    stay = work.staying.size();
    codec.prepare_stored(store_.code(slot), *store_.factors(slot), scratch.code_query);
    choose(scratch.code_query, codec, work);
    write(slot, work.chosen, {}, codec, work);
  }
  if (can_link_to(slot)) link_back_all({slot, scratch.code_query}, stay, codec, work);
}

bool Linker::look_beyond(uint32_t slot, LinkScratch& work) const {
  const auto buried = [this](uint32_t s) { return is_buried(s); };
  work.had.resize(graph_.neighbours(slot, work.had.data()));
  if (std::ranges::none_of(work.had, buried)) return false;
  work.staying.clear();
  work.links.clear();
  std::vector<uint32_t> beyond(graph_.degree());
  for (uint32_t link : work.had) {
    if (!buried(link)) {
      work.staying.push_back(link);
      work.links.push_back(link);
      continue;
    }
    const uint32_t found = graph_.neighbours(link, beyond.data());
    work.links.insert(work.links.end(), beyond.begin(), beyond.begin() + found);
    const uint32_t copy = graph_.next_copy(link);  // which has inherited its links
    if (copy != kNoLink) work.links.push_back(copy);
  }
  std::ranges::sort(work.links);
  const auto same = std::ranges::unique(work.links);
  work.links.erase(same.begin(), same.end());
  std::erase_if(work.links, [&](uint32_t s) { return s == slot || !can_link_to(s); });
  return true;
}

// Links that stay are not pruned again: a link that another rules out is often one of the few to
// its target, which walks then miss (0.5 percentage points of recall within 25 generations).
void Linker::choose(const Codec::Query& query, const Codec& codec, LinkScratch& work) const {
  gather(work.links, work);
  estimate(query, codec, work, work.estimates);
  work.candidates.clear();
  for (size_t i = 0; i < work.links.size(); ++i) work.candidates.push_back({work.estimates[i], work.links[i]});
  std::sort(work.candidates.begin(), work.candidates.end());
  select(codec, work);
  const size_t room = std::max(work.had.size(), filled_room());
  SAGITTA_ASSERT(work.staying.size() <= room);
  std::erase_if(work.chosen, [&](uint32_t s) { return std::ranges::find(work.staying, s) != work.staying.end(); });
  work.chosen.resize(std::min(work.chosen.size(), room - work.staying.size()));
  work.chosen.insert(work.chosen.begin(), work.staying.begin(), work.staying.end());
}

// Each slot waits at most once, so `waiting` never holds more than all slots.
void Linker::mark_reachable(std::vector<bool>& seen, std::span<const uint32_t> from) const {
  std::vector<uint32_t> links(graph_.degree()), waiting;
  const auto meet = [&](uint32_t slot) {
    if (slot >= seen.size() || seen[slot]) return;
    seen[slot] = true;
    waiting.push_back(slot);
  };
  std::ranges::for_each(from, meet);
  while (!waiting.empty()) {
    const uint32_t slot = waiting.back();
    waiting.pop_back();
    const uint32_t count = graph_.neighbours(slot, links.data());
    std::for_each(links.begin(), links.begin() + count, meet);
    const uint32_t copy = graph_.next_copy(slot);
    if (copy != kNoLink) meet(copy);
  }
}

std::vector<bool> Linker::reachable() const {
  std::vector<bool> seen(store_.end());
  std::vector<uint32_t> entries(Graph::kEntriesMax);
  entries.resize(graph_.entries(entries.data()));
  mark_reachable(seen, entries);
  return seen;
}

// In this order: a slot that is linked and not being linked has all its first links.
bool Linker::is_lost(uint32_t slot) const {
  const SlotMeta& meta = store_.meta(slot);
  return store_.is_live(slot) && meta.linked && !meta.linking;
}

std::vector<uint32_t> Linker::unreachable() const {
  const std::vector<bool> seen = reachable();
  std::vector<uint32_t> lost;
  for (uint32_t slot = 0; slot < seen.size(); ++slot) {
    if (!seen[slot] && is_lost(slot)) lost.push_back(slot);
  }
  return lost;
}

void Linker::reconnect(const Codec& codec, Scratch& scratch) {
  std::vector<bool> seen = reachable();
  LinkScratch& work = scratch.link;
  for (uint32_t slot = 0; slot < seen.size(); ++slot) {
    if (seen[slot] || !is_lost(slot)) continue;
    const uint32_t leader = leader_of(slot);
    if (leader < seen.size() && seen[leader]) {
      if (!leads_to(leader, slot)) join(slot, leader, codec, work);
    } else {
      neighbourhood(leader, codec, scratch, work);
      const auto known = std::ranges::find_if(work.candidates, [&](const Near& n) { return n.slot < seen.size(); });
      if (known != work.candidates.end()) splice(known->slot, leader, codec, work);
    }
    mark_reachable(seen, std::span(&slot, 1));
  }
}

}  // namespace sagitta::ann
