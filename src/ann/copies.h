/// The copies of what a walk has found: vectors equal to a candidate, which a walk does not meet. They follow it, at
/// its distance.
#pragma once

#include <cstdint>
#include <vector>

#include "graph.h"
#include "scratch.h"
#include "search_key.h"

namespace sagitta::ann {

/// Works in a scratch that it does not own: what its walk has seen is not given. The caller holds a pin. One thread.
class Copies {
 public:
  Copies(const Graph& graph, Scratch& scratch) : graph_(graph), scratch_(scratch) { clear(); }

  void clear();
  /// Those of a candidate that has had its turn follow from now on.
  void open(SearchKey key);
  /// More than `most` of one vector are not given before the next call: they are all as far.
  void begin_round(size_t most);
  /// The next, until take() or skip(); null when there are none.
  const SearchKey* peek();
  void take();
  void skip() { next_ = kNone; }
  /// No more are given of what is open.
  void stop() { scratch_.rings.clear(); }
  /// All that were taken.
  const std::vector<uint32_t>& taken() const { return scratch_.copies_taken; }

 private:
  static constexpr SearchKey kNone = UINT64_MAX;

  const Graph& graph_;
  Scratch& scratch_;
  size_t at_ = 0;           // of scratch_.rings: those before have given all that they may in this round
  size_t most_ = 0;         // of each ring, in this round
  SearchKey next_ = kNone;  // of the ring at_
};

}  // namespace sagitta::ann
