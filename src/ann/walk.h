/// A best-first walk over the graph by estimated distances: the beam search of HNSW and Vamana,
/// over one flat layer. It can be widened and then continues where it was.
#pragma once

#include <cstdint>
#include <span>

#include "codec.h"
#include "graph.h"
#include "scratch.h"
#include "search_key.h"

namespace sagitta::ann {

/// Ends a walk early.
class WalkLimits {
 public:
  virtual ~WalkLimits() = default;
  /// Called before each step with the number of distances computed so far.
  virtual bool may_go_on(uint64_t distances) = 0;
};

/// Uses a scratch that it does not own. The caller holds a pin. One thread.
class Walk {
 public:
  struct Work {
    uint64_t expanded = 0;
    uint64_t distances = 0;
  };

  /// The query is scratch.code_query. `keep_rejected` must be true if widen() will be called.
  Walk(const SlotStore& store, const Graph& graph, const Codec& codec, Scratch& scratch, uint32_t beam,
       bool keep_rejected);

  /// Never visits these slots.
  void skip(std::span<const uint32_t> slots);
  /// Adds the graph's entries.
  void enter();
  /// Walks until the nearest `beam` slots seen are expanded. False when `limits` (may be null)
  /// ended it.
  bool run(WalkLimits* limits);
  /// Widens the beam and refills it with what was rejected. If sketches skipped any neighbours, the
  /// next run() expands all nodes again to visit them.
  void widen(uint32_t beam);

  uint32_t beam() const { return beam_; }
  /// The nearest slots seen, in order, at most beam() of them.
  std::span<SearchKey> pool() { return std::span(scratch_.pool).first(length_); }
  /// The other slots seen, in no order; needs keep_rejected.
  std::span<const SearchKey> rejected() const { return std::span(scratch_.rejected).first(rejected_); }
  /// Whether everything reachable has been expanded.
  bool exhausted() const { return length_ < beam_ && rejected_ == 0; }
  const Work& work() const { return work_; }

 private:
  void add(const uint32_t* slots, uint32_t count);
  uint32_t keep_near(SearchKey node, uint32_t* links, uint32_t count);
  void ask_for(uint32_t count);
  uint32_t drop_far(SearchKey* keys, uint32_t count);
  void insert(SearchKey key);
  void make_room_for_rejected(size_t count);
  void prefetch_ahead();

  const SlotStore& store_;
  const Graph& graph_;
  const Codec& codec_;
  Scratch& scratch_;
  uint32_t beam_;
  const bool keep_rejected_;
  const simd::Kernels& kernels_ = simd::kernels();
  bool skims_;  // skips links by their sketches
  bool skimmed_ = false;
  size_t length_ = 0;    // of scratch_.pool
  size_t rejected_ = 0;  // of scratch_.rejected
  size_t next_ = 0;      // pool entries before this are expanded
  Work work_;
};

}  // namespace sagitta::ann
