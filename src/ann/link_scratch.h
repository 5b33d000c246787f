/// Buffers for linking one slot, or for repairing many; reused for each node whose links change.
#pragma once

#include <cstdint>
#include <vector>

#include "codec.h"
#include "fresh_list.h"
#include "sketch.h"

namespace sagitta::ann {

/// A slot and its distance from the slot that is being linked.
struct Near {
  float distance = 0;
  uint32_t slot = 0;
  bool operator<(const Near& o) const { return distance != o.distance ? distance < o.distance : slot < o.slot; }
};

/// Not thread-safe.
struct LinkScratch {
  std::vector<Near> candidates, ruled_out;
  uint32_t copy = kNoLink;  // of the slot that is being linked
  std::vector<const uint8_t*> codes;
  std::vector<const Codec::Factors*> factors;
  std::vector<float> estimates, from_newcomer, to_chosen;
  std::vector<uint32_t> links, staying, chosen;
  Codec::Query query;  // a stored vector, prepared as a query
  // For writing the links of a node: the old links and their sketches, the new sketches, the
  // positions of the node and of a neighbour.
  std::vector<uint32_t> had;
  SketchBlock sketches_had, sketches, chosen_sketches;
  std::vector<float> place, place_of_neighbour, vector;

  size_t bytes() const;
};

}  // namespace sagitta::ann
