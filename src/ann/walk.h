/// A best-first walk over the graph by estimated distances: the beam search of HNSW and Vamana, over one flat layer. It
/// can be widened and goes on where it was.
#pragma once

#include <cstdint>
#include <span>

#include "codec.h"
#include "graph.h"
#include "scratch.h"
#include "search_key.h"

namespace sagitta::ann {

/// What ends a walk early.
class WalkLimits {
 public:
  virtual ~WalkLimits() = default;
  /// Asked before each step with the distances computed so far.
  virtual bool may_go_on(uint64_t distances) = 0;
};

/// Works in a scratch that it does not own. The caller holds a pin. One thread.
class Walk {
 public:
  struct Work {
    uint64_t expanded = 0;
    uint64_t distances = 0;
  };

  /// The query is scratch.code_query. `keep_rejected`: widen() will be called.
  Walk(const SlotStore& store, const Graph& graph, const Codec& codec, Scratch& scratch, uint32_t beam,
       bool keep_rejected);

  /// Passes over these.
  void skip(std::span<const uint32_t> slots);
  /// Adds the graph's entries.
  void enter();
  /// Until the nearest `beam` seen are expanded. False when `limits` (may be null) ended it.
  bool run(WalkLimits* limits);
  /// A beam this wide, with what was rejected before. What sketches kept from being looked at has its turn in the
  /// next run: all that was expanded is expanded again.
  void widen(uint32_t beam);

  uint32_t beam() const { return beam_; }
  /// The nearest seen, in order, at most beam() of them.
  std::span<SearchKey> pool() { return std::span(scratch_.pool).first(length_); }
  /// The others seen, in no order; with keep_rejected.
  std::span<const SearchKey> rejected() const { return std::span(scratch_.rejected).first(rejected_); }
  /// Everything that can be reached has been expanded.
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
  bool skims_;  // passes over links by their sketches
  bool skimmed_ = false;
  size_t length_ = 0;    // of scratch_.pool
  size_t rejected_ = 0;  // in scratch_.rejected
  size_t next_ = 0;      // pool entries before this are expanded
  Work work_;
};

}  // namespace sagitta::ann
