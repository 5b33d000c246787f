// Linking: finds the neighbours of a slot, prunes them, and writes links in both directions.
#include "linker.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "vectors.h"
#include "walk.h"

namespace sagitta::ann {
namespace {

/// RobustPrune of DiskANN, on squared distances: a candidate is dropped when a chosen link is
/// nearer to it, by this factor, than the node is. A factor much larger than 1 drops too little: in
/// a tight cluster, where all distances are similar, all links would stay within the cluster.
constexpr float kAlphaSquared = 1.02F * 1.02F;
float alpha_squared(const Codec& codec) {
  return codec.neighbours() == Neighbours::kByProduct ? 1 : kAlphaSquared;  // products may be negative
}
/// The part of a node's record that pruned candidates may fill, nearest first; the rest is for
/// links back.
constexpr uint32_t kFilledNumerator = 13, kFilledDenominator = 16;
/// Stands for the distance of a retired slot: farther than any.
constexpr float kFirstToGo = std::numeric_limits<float>::infinity();

}  // namespace

void Linker::prepare(uint32_t slot, const Codec& codec, Scratch& scratch, Codec::Query& out) const {
  if (level_ == Level::kI8) return codec.prepare_stored(store_.code(slot), *store_.factors(slot), out);
  scratch.floats.resize(codec.dim());
  read_vector(level_, store_.vector(slot), scratch.floats);
  codec.prepare_geometry(scratch.floats, out);
}

void Linker::gather(std::span<const uint32_t> slots, LinkScratch& work) const {
  work.codes.resize(slots.size());
  work.factors.resize(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    work.codes[i] = store_.code(slots[i]);
    work.factors[i] = store_.factors(slots[i]);
    __builtin_prefetch(work.codes[i]);
    __builtin_prefetch(work.factors[i]);
    __builtin_prefetch(&store_.meta(slots[i]));
  }
}

void Linker::estimate(const Codec::Query& query, const Codec& codec, const LinkScratch& work,
                      std::vector<float>& out) const {
  out.resize(work.codes.size());
  codec.estimate(query, work.codes.data(), work.factors.data(), work.codes.size(), out.data());
}

size_t Linker::filled_room() const { return size_t{graph_.degree()} * kFilledNumerator / kFilledDenominator; }

void Linker::fill(LinkScratch& work) const {
  const size_t room = filled_room();
  if (work.chosen.size() >= room) return;
  const size_t count = std::min(room - work.chosen.size(), work.ruled_out.size());
  const auto end = work.ruled_out.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(work.ruled_out.begin(), end, work.ruled_out.end());
  std::transform(work.ruled_out.begin(), end, std::back_inserter(work.chosen), [](const Near& n) { return n.slot; });
}

// RobustPrune: takes the nearest candidate, drops the candidates that are nearer to it than to the
// node, and repeats. The nearest of the dropped ones then fill part of the record.
void Linker::select(const Codec& codec, LinkScratch& work) const {
  Near* const candidates = work.candidates.data();
  size_t left = work.candidates.size();
  work.codes.resize(left);
  work.factors.resize(left);
  work.estimates.resize(left);
  const uint8_t** const codes = work.codes.data();
  const Codec::Factors** const factors = work.factors.data();
  float* const estimates = work.estimates.data();
  for (size_t i = 0; i < left; ++i) {
    codes[i] = store_.code(candidates[i].slot);
    factors[i] = store_.factors(candidates[i].slot);
  }
  work.chosen.clear();
  work.ruled_out.resize(left);
  size_t ruled_out = 0;
  const float alpha = alpha_squared(codec);
  for (size_t begin = 0; begin < left && work.chosen.size() < graph_.degree();) {
    work.chosen.push_back(candidates[begin].slot);
    codec.prepare_stored(codes[begin], *factors[begin], work.query);
    ++begin;
    codec.estimate(work.query, codes + begin, factors + begin, left - begin, estimates);
    size_t kept = begin;
    for (size_t i = begin; i < left; ++i) {
      const Near candidate = candidates[i];
      candidates[kept] = candidate;
      codes[kept] = codes[i];
      factors[kept] = factors[i];
      const bool stays = alpha * estimates[i - begin] > candidate.distance;
      work.ruled_out[ruled_out] = candidate;
      kept += stays ? 1 : 0;
      ruled_out += stays ? 0 : 1;
    }
    left = kept;
  }
  work.ruled_out.resize(ruled_out);
  fill(work);
}

// Where everything around was erased and not repaired yet, only a wider walk meets a slot to link
// to.
void Linker::neighbourhood(uint32_t slot, const Codec& codec, Scratch& scratch, LinkScratch& work) const {
  prepare(slot, codec, scratch, scratch.code_query);
  work.candidates.clear();
  work.copy = kNoLink;
  for (uint32_t beam = beam_;; beam *= 2) {
    Walk walk(store_, graph_, codec, scratch, beam, false);
    walk.enter();
    walk.run(nullptr);
    for (SearchKey key : walk.pool()) {
      const uint32_t met = slot_of(key);
      if (met == slot) continue;
      if (work.copy == kNoLink && is_copy(met, slot) && !is_buried(met)) work.copy = met;
      if (can_link_to(met)) work.candidates.push_back({distance_of(key), met});
    }
    if (!work.candidates.empty() || walk.exhausted()) return;
  }
}

Linked Linker::link(uint32_t slot, const Codec& codec, Scratch& scratch) {
  LinkScratch work;
  neighbourhood(slot, codec, scratch, work);
  if (work.copy != kNoLink && join(slot, work.copy, codec, work)) return Linked::kAsCopy;
  if (work.candidates.empty()) return Linked::kAlone;
  select(codec, work);
  {
    NodeLock lock(store_.meta(slot));
    write(slot, work.chosen, {}, codec, work);
  }
  if (!link_back_all({slot, scratch.code_query}, 0, codec, work)) splice(work.chosen.front(), slot, codec, work);
  return Linked::kToNeighbours;
}

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
  while (next != kNoLink && is_buried(next)) next = ring.next(graph_);
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

// Joining a retired copy is safe: it hands its links on when it is buried. A buried one may have
// done that already.
bool Linker::join(uint32_t slot, uint32_t copy, const Codec& codec, LinkScratch& work) {
  NodeLock lock(store_.meta(copy));
  if (is_buried(copy)) return false;
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
  const auto itself = static_cast<size_t>(std::ranges::find(links, heir) - links.begin());
  if (itself < links.size()) {
    if (graph_.has_sketches()) sketches.set(itself, sketches.at(links.size() - 1));
    links[itself] = links.back();
    links.pop_back();
  }
  links.resize(std::min<size_t>(links.size(), graph_.room(heir)));
  if (!graph_.has_sketches()) return graph_.write(heir, links);
  graph_.write(heir, links, sketches);
}

bool Linker::link_back_all(const Joining& joining, size_t first, const Codec& codec, LinkScratch& work) {
  const std::span<const uint32_t> links = std::span(work.chosen).subspan(first);
  const SketchBlock sketches = work.sketches;  // a copy, as each link back overwrites work.sketches
  gather(links, work);
  for (uint32_t other : links) graph_.prefetch(other);
  std::vector<float> distances;
  estimate(joining.query, codec, work, distances);
  bool reachable = false;
  for (size_t i = 0; i < distances.size(); ++i) {
    const Known back{joining.slot, graph_.has_sketches() ? sketches.at(first + i).reversed() : Sketch{}};
    reachable |= link_back({distances[i], links[i]}, joining, back, codec, work);
  }
  return reachable;
}

bool Linker::link_back(Near from, const Joining& to, const Known& back, const Codec& codec, LinkScratch& work) {
  std::vector<uint32_t>& links = work.links;
  links.resize(graph_.degree());
  NodeLock lock(store_.meta(from.slot));
  links.resize(graph_.neighbours(from.slot, links.data()));
  if (std::ranges::find(links, to.slot) != links.end()) return true;
  if (links.size() == graph_.room(from.slot) && !make_room(from, to.query, codec, work)) return false;
  links.push_back(to.slot);
  write(from.slot, links, back, codec, work);
  return true;
}

void Linker::place(uint32_t slot, const Codec& codec, LinkScratch& work, std::vector<float>& out) const {
  if (level_ == Level::kI8) return codec.place_code(store_.code(slot), *store_.factors(slot), out);
  work.vector.resize(codec.dim());
  read_vector(level_, store_.vector(slot), work.vector);
  codec.place(work.vector, out);
}

// Most links stay in place. Those that move keep their order, so each is searched for behind the
// previous one first.
void Linker::write(uint32_t slot, std::span<const uint32_t> links, const Known& known, const Codec& codec,
                   LinkScratch& work) {
  if (!graph_.has_sketches()) return graph_.write(slot, links);
  work.had.resize(graph_.degree());
  work.had.resize(graph_.neighbours(slot, work.had.data()));
  graph_.sketches(slot, work.sketches_had);
  work.sketches = work.sketches_had;
  work.place.clear();
  auto next = work.had.begin();
  for (size_t i = 0; i < links.size(); ++i) {
    if (i < work.had.size() && links[i] == work.had[i]) continue;
    if (links[i] == known.slot) {
      work.sketches.set(i, known.sketch);
      continue;
    }
    auto found = std::find(next, work.had.end(), links[i]);
    if (found == work.had.end()) found = std::find(work.had.begin(), work.had.end(), links[i]);
    if (found == work.had.end()) {
      work.sketches.set(i, make_sketch(slot, links[i], codec, work));
    } else {
      work.sketches.set(i, work.sketches_had.at(static_cast<size_t>(found - work.had.begin())));
      next = found + 1;
    }
  }
  graph_.write(slot, links, work.sketches);
}

Sketch Linker::make_sketch(uint32_t slot, uint32_t neighbour, const Codec& codec, LinkScratch& work) const {
  if (work.place.empty()) place(slot, codec, work, work.place);
  place(neighbour, codec, work, work.place_of_neighbour);
  return sketch_between(work.place, work.place_of_neighbour);
}

bool Linker::sketches_are_right(uint32_t slot, const Codec& codec) const {
  LinkScratch work;
  std::vector<uint32_t> links(graph_.degree());
  links.resize(graph_.neighbours(slot, links.data()));
  graph_.sketches(slot, work.sketches);
  place(slot, codec, work, work.place);
  for (size_t i = 0; i < links.size(); ++i) {
    place(links[i], codec, work, work.place_of_neighbour);
    if (!is_between(work.sketches.at(i), work.place, work.place_of_neighbour)) return false;
  }
  return true;
}

// Nearly always gives the result of pruning the whole list again, at a tenth of the cost: either a
// nearer link rules the newcomer out, or the newcomer rules out links, or one link goes: a retired
// one, else the farthest.
bool Linker::make_room(Near from, const Codec::Query& newcomer, const Codec& codec, LinkScratch& work) const {
  std::vector<uint32_t>& links = work.links;
  gather(links, work);
  estimate(newcomer, codec, work, work.from_newcomer);
  codec.prepare_stored(store_.code(from.slot), *store_.factors(from.slot), work.query);
  estimate(work.query, codec, work, work.estimates);
  const float* const across = work.from_newcomer.data();
  float* const here = work.estimates.data();
  const float alpha = alpha_squared(codec);
  for (size_t i = 0; i < links.size(); ++i) {
    if (!can_link_to(links[i])) {
      here[i] = kFirstToGo;
    } else if (here[i] < from.distance && alpha * across[i] <= from.distance) {
      return false;
    }
  }
  const auto farthest = static_cast<size_t>(std::ranges::max_element(work.estimates) - work.estimates.begin());
  size_t kept = 0;
  for (size_t i = 0; i < links.size(); ++i) {
    links[kept] = links[i];
    const bool ruled_out = here[i] >= from.distance && alpha * across[i] <= here[i] && here[i] < kFirstToGo;
    kept += ruled_out ? 0 : 1;
  }
  if (kept == links.size()) {
    if (here[farthest] < from.distance) return false;
    links[farthest] = links[--kept];
  }
  links.resize(kept);
  return true;
}

// If `from` has no room, `to` replaces its last link and links to that one: everything that was
// reachable still is.
void Linker::splice(uint32_t from, uint32_t to, const Codec& codec, LinkScratch& work) {
  const uint32_t moved = put_last(from, to, codec, work);
  // A repair that must find every link to a buried slot may have passed `to` already.
  if (moved != kNoLink && moved != to && !is_buried(moved)) put_last(to, moved, codec, work);
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

void Linker::repair(uint32_t slot, const Codec& codec, Scratch& scratch, LinkScratch& work) {
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

std::vector<uint32_t> Linker::unreachable() const {
  const std::vector<bool> seen = reachable();
  std::vector<uint32_t> lost;
  for (uint32_t slot = 0; slot < seen.size(); ++slot) {
    if (!seen[slot] && store_.is_live(slot) && store_.meta(slot).linked) lost.push_back(slot);
  }
  return lost;
}

void Linker::reconnect(const Codec& codec, Scratch& scratch) {
  std::vector<bool> seen = reachable();
  LinkScratch work;
  for (uint32_t slot = 0; slot < seen.size(); ++slot) {
    if (seen[slot] || !store_.is_live(slot) || !store_.meta(slot).linked) continue;
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
