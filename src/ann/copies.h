/// The copies of what a walk has found: vectors equal to a candidate. A walk does not meet them;
/// they follow the candidate, at its distance.
#pragma once

#include <cstdint>
#include <vector>

#include "graph.h"
#include "scratch.h"
#include "search_key.h"

namespace sagitta::ann {

/// Never gives a slot that its walk has seen. Uses a scratch that it does not own. The caller holds
/// a pin. One thread.
class Copies {
 public:
  Copies(const Graph& graph, Scratch& scratch) : graph_(graph), scratch_(scratch) { clear(); }

  void clear();
  /// Makes the copies of a candidate follow from now on, once the candidate has had its turn.
  void open(SearchKey key);
  /// Starts a round. Of one vector's copies, a round gives at most `most`: all are equally far.
  void begin_round(size_t most);
  /// The next copy, until take() or skip(); null when there is none.
  const SearchKey* peek();
  void take();
  void skip() { next_ = kNone; }
  /// Drops all open rings: none of their copies follows any more.
  void stop() { scratch_.rings.clear(); }
  /// All copies taken so far.
  const std::vector<uint32_t>& taken() const { return scratch_.copies_taken; }

 private:
  static constexpr SearchKey kNone = UINT64_MAX;

  const Graph& graph_;
  Scratch& scratch_;
  size_t at_ = 0;           // index into scratch_.rings: those before it have given their share of this round
  size_t most_ = 0;         // limit for each ring in this round
  SearchKey next_ = kNone;  // of ring at_
};

}  // namespace sagitta::ann
