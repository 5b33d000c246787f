#include "linker.h"

#include <algorithm>

#include "vectors.h"
#include "walk.h"

namespace sagitta::ann {
namespace {

/// A link is spared when another leads this much nearer (RobustPrune of DiskANN); on squared distances.
constexpr float kAlphaSquared = 1.1F * 1.1F;

}  // namespace

void Linker::prepare(uint32_t slot, const Codec& codec, Scratch& scratch, Codec::Query& out) const {
  if (level_ == Level::kI8) return codec.prepare_stored(store_.code(slot), *store_.factors(slot), out);
  scratch.floats.resize(codec.dim());
  read_vector(level_, store_.vector(slot), scratch.floats);
  codec.prepare_geometry(scratch.floats, out);
}

std::vector<Linker::Near> Linker::measure(const Codec::Query& query, std::span<const uint32_t> slots,
                                          const Codec& codec) const {
  std::vector<const uint8_t*> codes(slots.size());
  std::vector<const Codec::Factors*> factors(slots.size());
  std::vector<float> estimates(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    codes[i] = store_.code(slots[i]);
    factors[i] = store_.factors(slots[i]);
    __builtin_prefetch(codes[i]);
    __builtin_prefetch(factors[i]);
  }
  codec.estimate(query, codes.data(), factors.data(), slots.size(), estimates.data());
  std::vector<Near> near(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) near[i] = {estimates[i], slots[i]};
  std::sort(near.begin(), near.end());
  return near;
}

// RobustPrune: the nearest first; each chosen one rules out those it is nearer to than the node is.
std::vector<uint32_t> Linker::select(std::vector<Near> candidates, const Codec& codec) const {
  std::vector<uint32_t> chosen;
  std::vector<const uint8_t*> codes(candidates.size());
  std::vector<const Codec::Factors*> factors(candidates.size());
  std::vector<float> estimates(candidates.size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    codes[i] = store_.code(candidates[i].slot);
    factors[i] = store_.factors(candidates[i].slot);
  }
  Codec::Query query;
  size_t left = candidates.size();
  for (size_t begin = 0; begin < left && chosen.size() < graph_.degree();) {
    chosen.push_back(candidates[begin].slot);
    codec.prepare_stored(codes[begin], *factors[begin], query);
    ++begin;
    codec.estimate(query, codes.data() + begin, factors.data() + begin, left - begin, estimates.data());
    size_t kept = begin;
    for (size_t i = begin; i < left; ++i) {
      candidates[kept] = candidates[i];
      codes[kept] = codes[i];
      factors[kept] = factors[i];
      if (kAlphaSquared * estimates[i - begin] > candidates[i].distance) ++kept;
    }
    left = kept;
  }
  return chosen;
}

// Where all around has been erased and is not repaired yet, the walk goes on until it meets somebody to link to.
std::vector<Linker::Near> Linker::neighbourhood(uint32_t slot, const Codec& codec, Scratch& scratch) const {
  prepare(slot, codec, scratch, scratch.code_query);
  Walk walk(store_, graph_, codec, scratch, beam_, true);
  walk.enter();
  while (true) {
    walk.run(nullptr);
    std::vector<Near> near;
    for (SearchKey key : walk.pool()) {
      if (slot_of(key) != slot && can_link_to(slot_of(key))) near.push_back({distance_of(key), slot_of(key)});
    }
    if (!near.empty() || walk.exhausted()) return near;
    walk.widen(walk.beam() * 2);
  }
}

// Retired slots rule nobody out: a vector is often erased because one like it took its place. They keep what room is
// left, for walks to pass through.
std::vector<uint32_t> Linker::choose(const Codec::Query& query, std::span<const uint32_t> slots,
                                     const Codec& codec) const {
  std::vector<uint32_t> live, retired;
  for (uint32_t slot : slots) {
    const SlotState state = store_.state(slot);
    if (state == SlotState::kLive) live.push_back(slot);
    if (state == SlotState::kRetired) retired.push_back(slot);
  }
  std::vector<uint32_t> chosen = select(measure(query, live, codec), codec);
  retired.resize(std::min<size_t>(retired.size(), graph_.degree() - chosen.size()));
  chosen.insert(chosen.end(), retired.begin(), retired.end());
  return chosen;
}

bool Linker::link(uint32_t slot, const Codec& codec, Scratch& scratch) {
  const std::vector<uint32_t> chosen = select(neighbourhood(slot, codec, scratch), codec);
  {
    NodeLock lock(store_.meta(slot));
    graph_.write(slot, chosen);
  }
  bool reachable = false;
  for (uint32_t other : chosen) reachable |= link_back(other, slot, codec);
  if (!reachable && !chosen.empty()) splice(chosen.front(), slot);
  return !chosen.empty();
}

bool Linker::link_back(uint32_t from, uint32_t to, const Codec& codec) {
  std::vector<uint32_t> links(graph_.degree() + 1);
  NodeLock lock(store_.meta(from));
  const uint32_t count = graph_.neighbours(from, links.data());
  links.resize(count);
  if (std::ranges::find(links, to) != links.end()) return true;
  links.push_back(to);
  if (links.size() > graph_.degree()) {
    Codec::Query query;
    codec.prepare_stored(store_.code(from), *store_.factors(from), query);
    links = choose(query, links, codec);
  }
  graph_.write(from, links);
  return std::ranges::find(links, to) != links.end();
}

// Where `from` has no room, `to` takes the place of its last link and leads on to that: what could be reached before
// can be reached still.
void Linker::splice(uint32_t from, uint32_t to) {
  const uint32_t moved = put_last(from, to);
  // `to` may have been looked at by the repair that is to find every link to a buried slot.
  if (moved != kNoLink && moved != to && store_.state(moved) != SlotState::kBuried) put_last(to, moved);
}

// Returns the link that had to go, kNoLink when there was room or nothing to do.
uint32_t Linker::put_last(uint32_t from, uint32_t to) {
  std::vector<uint32_t> links(graph_.degree());
  NodeLock lock(store_.meta(from));
  links.resize(graph_.neighbours(from, links.data()));
  if (std::ranges::find(links, to) != links.end()) return kNoLink;
  uint32_t gone = kNoLink;
  if (links.size() == graph_.degree()) {
    gone = links.back();
    links.pop_back();
  }
  links.push_back(to);
  graph_.write(from, links);
  return gone;
}

void Linker::repair(uint32_t slot, const Codec& codec, Scratch& scratch) {
  const uint32_t degree = graph_.degree();
  std::vector<uint32_t> links(degree);
  const auto buried = [this](uint32_t s) { return store_.state(s) == SlotState::kBuried; };
  // Without the lock a link that is being moved within the list could be overlooked.
  NodeLock lock(store_.meta(slot));
  const uint32_t count = graph_.neighbours(slot, links.data());
  if (std::none_of(links.begin(), links.begin() + count, buried)) return;
  std::vector<uint32_t> candidates, beyond(degree);
  for (uint32_t i = 0; i < count; ++i) {
    if (!buried(links[i])) {
      candidates.push_back(links[i]);
      continue;
    }
    const uint32_t found = graph_.neighbours(links[i], beyond.data());
    std::copy_if(beyond.begin(), beyond.begin() + found, std::back_inserter(candidates),
                 [&](uint32_t s) { return s != slot && can_link_to(s); });
  }
  std::ranges::sort(candidates);
  candidates.erase(std::ranges::unique(candidates).begin(), candidates.end());
  codec.prepare_stored(store_.code(slot), *store_.factors(slot), scratch.code_query);
  graph_.write(slot, choose(scratch.code_query, candidates, codec));
}

// A slot waits once, so that what waits is never more than the slots.
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
  for (uint32_t slot = 0; slot < seen.size(); ++slot) {
    if (seen[slot] || !store_.is_live(slot) || !store_.meta(slot).linked) continue;
    const std::vector<Near> near = neighbourhood(slot, codec, scratch);
    const auto known = std::ranges::find_if(near, [&](const Near& n) { return n.slot < seen.size(); });
    if (known != near.end()) splice(known->slot, slot);
    mark_reachable(seen, std::span(&slot, 1));
  }
}

}  // namespace sagitta::ann
