/// Changes links: links fresh slots into the graph, unlinks buried ones, and keeps every live slot
/// reachable.
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

/// The outcome of linking a slot: it met no other slot, has neighbours, or follows a copy.
enum class LinkOutcome : uint8_t { kAlone, kToNeighbours, kAsCopy };

/// Thread-safe: several threads may link at once, while one other repairs. The caller holds a pin
/// of the gate that SlotStore::release() waits for, so that no slot it meets is reused.
class Linker {
 public:
  /// Each new slot chooses its links from `beam` candidates.
  Linker(SlotStore& store, Graph& graph, Level level, uint32_t beam)
      : store_(store), graph_(graph), level_(level), beam_(beam) {}

  /// Links a live slot with its neighbours, in both directions, or joins it to the ring of its
  /// copies.
  LinkOutcome link(uint32_t slot, const Codec& codec, Scratch& scratch);
  /// Gives the links of a buried slot to a live copy without links. Call it before the repairs
  /// around the slot.
  void bequeath(uint32_t slot);
  /// Replaces the links from `slot` to buried slots by links to their neighbours, in both
  /// directions. Cheap when there are none.
  void repair(uint32_t slot, const Codec& codec, Scratch& scratch);
  /// Makes every live slot reachable. One thread at a time.
  void reconnect(const Codec& codec, Scratch& scratch);
  /// Whether two slots have the same vector; at kI8 the same code.
  bool is_copy(uint32_t a, uint32_t b) const;
  /// The first live copy in the ring of `slot`, other than itself; kNoLink when there is none.
  uint32_t live_copy(uint32_t slot) const;
  /// Whether each link of `slot` has its own sketch. Requires that nobody writes meanwhile.
  bool sketches_are_right(uint32_t slot, const Codec& codec) const;
  /// Live, linked slots that no walk can reach.
  std::vector<uint32_t> unreachable() const;

 private:
  bool can_link_to(uint32_t slot) const { return store_.state(slot) == SlotState::kLive; }
  bool is_buried(uint32_t slot) const { return store_.state(slot) == SlotState::kBuried; }
  /// Whether nothing may lead to the slot any more: it is buried, or was and is unlinked by now. A
  /// link that began while it was buried may meet it, and no repair comes behind that. One that is
  /// not gone stays until the link ends, or is repaired around afterwards. The state is read first.
  bool is_gone(uint32_t slot) const { return is_buried(slot) || !store_.meta(slot).linked; }
  void prepare(uint32_t slot, const Codec& codec, Scratch& scratch, Codec::Query& out) const;
  /// Walks to a slot. Fills work.candidates with the nearest live slots in ascending order, and
  /// work.copy with a copy of the slot.
  void neighbourhood(uint32_t slot, const Codec& codec, Scratch& scratch, LinkScratch& work) const;
  /// Fills work.codes and work.factors with those of `slots`.
  void gather(std::span<const uint32_t> slots, LinkScratch& work) const;
  /// Estimates the distances from the query to all gathered slots.
  void estimate(const Codec::Query& query, const Codec& codec, const LinkScratch& work, std::vector<float>& out) const;
  /// Chooses links from work.candidates, which ascend: into work.chosen.
  void select(const Codec& codec, LinkScratch& work) const;
  /// Adds the nearest of work.ruled_out to work.chosen, up to filled_room() links.
  void fill(LinkScratch& work) const;
  /// The number of links a node gets at most when it is linked; the rest of its record is for links
  /// back.
  size_t filled_room() const;
  /// Looks for the buried slots among the links of `slot`; false when there are none. Fills
  /// work.had (which must have room) with the links, work.staying with those to slots that are not
  /// buried, and work.links with the live slots among work.staying and the neighbours of the buried
  /// ones. Retired slots in work.staying stay for walks to pass through, but rule nobody out.
  bool look_beyond(uint32_t slot, LinkScratch& work) const;
  /// Fills work.chosen: all of work.staying, then the best of work.links, up to max(old number of
  /// links, filled_room()).
  void choose(const Codec::Query& query, const Codec& codec, LinkScratch& work) const;
  /// A node that is being linked: its slot and its prepared query.
  struct Joining {
    uint32_t slot;
    const Codec::Query& query;
  };
  /// A sketch that need not be computed again: of the link to `slot`.
  struct KnownSketch {
    uint32_t slot = kNoLink;
    Sketch sketch;
  };
  /// Writes the links of a node whose lock the caller holds. Reuses the sketches the node had.
  void write(uint32_t slot, std::span<const uint32_t> links, const KnownSketch& known, const Codec& codec,
             LinkScratch& work);
  /// The node's own position is in work.place, unless that is empty.
  Sketch make_sketch(uint32_t slot, uint32_t neighbour, const Codec& codec, LinkScratch& work) const;
  void place(uint32_t slot, const Codec& codec, LinkScratch& work, std::vector<float>& out) const;
  /// Links back to the node from each of work.chosen, starting with number `first`. The last
  /// write() must have written these links: work.sketches holds theirs. Returns whether any of them
  /// links to the node afterwards.
  bool link_back_all(const Joining& joining, size_t first, const Codec& codec, LinkScratch& work);
  /// Returns whether `from` links to `to` afterwards.
  bool link_back(Near from, const Joining& to, const KnownSketch& back, const Codec& codec, LinkScratch& work);
  /// Removes links from work.links, all the links of `from`, to make room for `newcomer`. False
  /// when the newcomer is ruled out.
  bool drop_links_for(Near from, const Codec::Query& newcomer, const Codec& codec, LinkScratch& work) const;
  /// Inserts a slot after `copy` in its ring. False when `copy` is already gone.
  bool join(uint32_t slot, uint32_t copy, const Codec& codec, LinkScratch& work);
  /// Drops the farthest link of a node whose record is full. The caller holds its lock.
  void make_room_for_copy(uint32_t slot, const Codec& codec, LinkScratch& work);
  /// The next copy that is not gone.
  uint32_t next_kept(uint32_t slot) const;
  /// Whether the ring that starts at `slot` meets `copy`.
  bool leads_to(uint32_t slot, uint32_t copy) const;
  /// The copy of `slot` that has links, or `slot` itself.
  uint32_t leader_of(uint32_t slot) const;
  void splice(uint32_t from, uint32_t to, const Codec& codec, LinkScratch& work);
  uint32_t put_last(uint32_t from, uint32_t to, const Codec& codec, LinkScratch& work);
  /// Whether a slot that was not seen is to be made reachable. Not if a thread is still linking it.
  bool is_lost(uint32_t slot) const;
  std::vector<bool> reachable() const;
  void mark_reachable(std::vector<bool>& seen, std::span<const uint32_t> from) const;

  SlotStore& store_;
  Graph& graph_;
  const Level level_;
  const uint32_t beam_;
};

}  // namespace sagitta::ann
