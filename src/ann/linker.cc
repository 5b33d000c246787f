// Linking: finds the neighbours of a slot, prunes them, and writes links in both directions.
#include "linker.h"

#include <algorithm>
#include <limits>

#include "sagitta/base/assert.h"

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
  SAGITTA_ASSERT(work.codes.size() == work.factors.size());
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
  SAGITTA_ASSERT(std::ranges::is_sorted(work.candidates, std::less<>()));
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
      if (work.copy == kNoLink && is_copy(met, slot) && !is_gone(met)) work.copy = met;
      if (can_link_to(met)) work.candidates.push_back({distance_of(key), met});
    }
    if (!work.candidates.empty() || walk.exhausted()) return;
  }
}

LinkOutcome Linker::link(uint32_t slot, const Codec& codec, Scratch& scratch) {
  LinkScratch& work = scratch.link;
  neighbourhood(slot, codec, scratch, work);
  if (work.copy != kNoLink && join(slot, work.copy, codec, work)) return LinkOutcome::kAsCopy;
  if (work.candidates.empty()) return LinkOutcome::kAlone;
  select(codec, work);
  {
    NodeLock lock(store_.meta(slot));
    write(slot, work.chosen, {}, codec, work);
  }
  if (!link_back_all({slot, scratch.code_query}, 0, codec, work)) splice(work.chosen.front(), slot, codec, work);
  return LinkOutcome::kToNeighbours;
}

bool Linker::link_back_all(const Joining& joining, size_t first, const Codec& codec, LinkScratch& work) {
  SAGITTA_ASSERT(first <= work.chosen.size());
  const std::span<const uint32_t> links = std::span(work.chosen).subspan(first);
  work.chosen_sketches = work.sketches;  // each link back overwrites these
  gather(links, work);
  for (uint32_t other : links) graph_.prefetch(other);
  std::vector<float>& distances = work.to_chosen;
  estimate(joining.query, codec, work, distances);
  bool reachable = false;
  for (size_t i = 0; i < distances.size(); ++i) {
    const KnownSketch back{joining.slot,
                           graph_.has_sketches() ? work.chosen_sketches.at(first + i).reversed() : Sketch{}};
    reachable |= link_back({distances[i], links[i]}, joining, back, codec, work);
  }
  return reachable;
}

bool Linker::link_back(Near from, const Joining& to, const KnownSketch& back, const Codec& codec, LinkScratch& work) {
  std::vector<uint32_t>& links = work.links;
  links.resize(graph_.degree());
  NodeLock lock(store_.meta(from.slot));
  links.resize(graph_.neighbours(from.slot, links.data()));
  if (std::ranges::find(links, to.slot) != links.end()) return true;
  if (links.size() == graph_.room(from.slot) && !drop_links_for(from, to.query, codec, work)) return false;
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
void Linker::write(uint32_t slot, std::span<const uint32_t> links, const KnownSketch& known, const Codec& codec,
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
bool Linker::drop_links_for(Near from, const Codec::Query& newcomer, const Codec& codec, LinkScratch& work) const {
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

}  // namespace sagitta::ann
