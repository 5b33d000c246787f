/// Buffers for linking a slot, or for a repair of many: used again for each node whose links change.
#pragma once

#include <cstdint>
#include <vector>

#include "codec.h"
#include "fresh_list.h"
#include "sketch.h"

namespace sagitta::ann {

/// A slot, and how far it is from the one that is linked.
struct Near {
  float distance = 0;
  uint32_t slot = 0;
  bool operator<(const Near& o) const { return distance != o.distance ? distance < o.distance : slot < o.slot; }
};

/// Not thread-safe.
struct LinkScratch {
  std::vector<Near> candidates, ruled_out;
  uint32_t copy = kNoLink;  // of the slot that is linked
  std::vector<const uint8_t*> codes;
  std::vector<const Codec::Factors*> factors;
  std::vector<float> estimates, from_newcomer;
  std::vector<uint32_t> links, staying, chosen;
  Codec::Query query;  // a stored vector's
  // Of a node whose links are written: those it had and their sketches, the new sketches, where it and a neighbour lie.
  std::vector<uint32_t> had;
  SketchBlock sketches_had, sketches;
  std::vector<float> place, place_of_neighbour, vector;
};

}  // namespace sagitta::ann
