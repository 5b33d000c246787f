/// Changes links: puts a fresh slot into the graph, takes buried ones out, and keeps every live slot reachable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "codec.h"
#include "graph.h"
#include "link_scratch.h"
#include "scratch.h"
#include "slot_store.h"

namespace sagitta::ann {

/// What became of a slot that was linked: it met nobody, or has neighbours, or follows a copy.
enum class Linked : uint8_t { kAlone, kToNeighbours, kAsCopy };

/// Thread-safe: several threads may link at once, beside one that repairs. Callers hold a pin of the gate that
/// SlotStore::release waits for, so that no slot they meet is reused.
class Linker {
 public:
  /// `beam` candidates are looked at for each new slot.
  Linker(SlotStore& store, Graph& graph, Level level, uint32_t beam)
      : store_(store), graph_(graph), level_(level), beam_(beam) {}

  /// Links a live slot with its neighbours, both ways, or puts it into the ring of its copies.
  Linked link(uint32_t slot, const Codec& codec, Scratch& scratch);
  /// Gives the links of a buried slot to a live copy that has none. Before the repairs around it.
  void bequeath(uint32_t slot);
  /// Replaces links of `slot` that lead to buried slots by links to where those led, both ways. Costs little when there
  /// are none.
  void repair(uint32_t slot, const Codec& codec, Scratch& scratch, LinkScratch& work);
  /// Makes live slots that no walk can reach reachable. One thread at a time.
  void reconnect(const Codec& codec, Scratch& scratch);
  /// Whether two slots have the same vector; at kI8 the same code.
  bool is_copy(uint32_t a, uint32_t b) const;
  /// The first live copy in the ring of a slot, itself left out; kNoLink when there is none.
  uint32_t live_copy(uint32_t slot) const;
  /// Whether each link of `slot` has its own sketch. Nobody writes meanwhile.
  bool sketches_are_right(uint32_t slot, const Codec& codec) const;
  /// Live, linked slots that no walk can reach.
  std::vector<uint32_t> unreachable() const;

 private:
  bool can_link_to(uint32_t slot) const { return store_.state(slot) == SlotState::kLive; }
  bool is_buried(uint32_t slot) const { return store_.state(slot) == SlotState::kBuried; }
  void prepare(uint32_t slot, const Codec& codec, Scratch& scratch, Codec::Query& out) const;
  /// The nearest live slots that a walk meets, in order: into work.candidates; a copy of the slot: into work.copy.
  void neighbourhood(uint32_t slot, const Codec& codec, Scratch& scratch, LinkScratch& work) const;
  /// The codes of `slots`: into work.
  void gather(std::span<const uint32_t> slots, LinkScratch& work) const;
  /// Distances of what was gathered from the query.
  void estimate(const Codec::Query& query, const Codec& codec, const LinkScratch& work, std::vector<float>& out) const;
  /// From work.candidates, in order, those to link to: into work.chosen.
  void select(const Codec& codec, LinkScratch& work) const;
  /// Adds the nearest of work.ruled_out to work.chosen, up to filled_room() links.
  void fill(LinkScratch& work) const;
  /// The links of a node that has just been linked: the rest of its room is for links back.
  size_t filled_room() const;
  /// The links of `slot` into work.had, which has room for them; those that are not to buried slots into work.staying;
  /// the live of these, and of what the others led to, into work.links: retired ones stay for walks to pass through,
  /// and rule nobody out. False when no link is to a buried slot.
  bool look_beyond(uint32_t slot, LinkScratch& work) const;
  /// Into work.chosen: work.staying, and then the best of work.links for as many as go, or up to filled_room() links.
  void choose(const Codec::Query& query, const Codec& codec, LinkScratch& work) const;
  /// A node that is linked: its slot and its query.
  struct Joining {
    uint32_t slot;
    const Codec::Query& query;
  };
  /// A sketch that need not be made anew: of the link to `slot`.
  struct Known {
    uint32_t slot = kNoLink;
    Sketch sketch;
  };
  /// Writes the links of a node whose lock is held. Sketches that it had are kept.
  void write(uint32_t slot, std::span<const uint32_t> links, const Known& known, const Codec& codec, LinkScratch& work);
  /// Where the node lies is in work.place, if that is not empty.
  Sketch make_sketch(uint32_t slot, uint32_t neighbour, const Codec& codec, LinkScratch& work) const;
  void place(uint32_t slot, const Codec& codec, LinkScratch& work, std::vector<float>& out) const;
  /// Links back to the node from work.chosen, from `first` on; write() wrote those, and nothing since. Whether any of
  /// them links to it afterwards.
  bool link_back_all(const Joining& joining, size_t first, const Codec& codec, LinkScratch& work);
  /// Whether `from` links to `to` afterwards.
  bool link_back(Near from, const Joining& to, const Known& back, const Codec& codec, LinkScratch& work);
  /// Whether work.links, all the links of `from`, lost some to make room for another.
  bool make_room(Near from, const Codec::Query& newcomer, const Codec& codec, LinkScratch& work) const;
  /// Puts a slot behind `copy` in its ring. False when it is too late for that.
  bool join(uint32_t slot, uint32_t copy, const Codec& codec, LinkScratch& work);
  /// Where all of a node's room is full, its farthest link goes. Its lock is held.
  void make_room_for_copy(uint32_t slot, const Codec& codec, LinkScratch& work);
  /// The next copy that is not buried.
  uint32_t next_kept(uint32_t slot) const;
  /// Whether `copy` is met on the way round from a slot.
  bool leads_to(uint32_t slot, uint32_t copy) const;
  /// The copy of a slot that has links, or the slot.
  uint32_t leader_of(uint32_t slot) const;
  void splice(uint32_t from, uint32_t to, const Codec& codec, LinkScratch& work);
  uint32_t put_last(uint32_t from, uint32_t to, const Codec& codec, LinkScratch& work);
  std::vector<bool> reachable() const;
  void mark_reachable(std::vector<bool>& seen, std::span<const uint32_t> from) const;

  SlotStore& store_;
  Graph& graph_;
  const Level level_;
  const uint32_t beam_;
};

}  // namespace sagitta::ann
