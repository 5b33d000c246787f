/// The sketch of a link: the direction of the neighbour from its node, in 12 bytes. Given the
/// distance between query and node, it estimates the distance between query and neighbour, well
/// enough to skip most neighbours without reading their codes. It is SymphonyQG's residual code
/// (SIGMOD 2025) with one bit for each of the first 64 rotated dimensions, which the rotation makes
/// a random projection. RaBitQ's factor (SIGMOD 2024) makes the estimate unbiased.
///
/// With r = neighbour − node, s = |r|² / Σ|rᵢ| and q a query, all rotated, sums over those
/// dimensions:
///   |q − neighbour|² = |q − node|² + |r|² − 2·⟨q − node, r⟩, and ⟨x, r⟩ ≈ s·Σ xᵢ·sign(rᵢ).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "sagitta/simd/kernels.h"

#include "codec.h"

namespace sagitta::ann {

struct Sketch {
  uint64_t signs = 0;   ///< bit i is set when rᵢ > 0
  simd::Bf16 offset{};  ///< |r|² + 2·s·Σ nodeᵢ·sign(rᵢ)
  simd::Bf16 scale{};   ///< s

  /// The sketch of the link from the neighbour to the node.
  Sketch reversed() const;
  bool says_nothing() const { return std::isnan(to_float(offset)); }
};

/// Both positions as Codec::place() gives them. Where they are too far apart for floats, the sketch
/// says nothing, so that a search always keeps the link.
Sketch sketch_between(std::span<const float> node, std::span<const float> neighbour);
/// Whether `sketch` belongs to this link, up to rounding: reversed() rounds in another way.
bool is_between(const Sketch& sketch, std::span<const float> node, std::span<const float> neighbour);

/// The sketches of a node's links, in the layout that simd::SketchQuery reads.
class SketchBlock {
 public:
  /// Bytes of a block for `links` links.
  static constexpr size_t bytes_for(uint32_t links) { return size_t{lanes_for(links)} * kLaneBytes; }

  /// Makes room for `links` sketches.
  void resize(uint32_t links);
  void set(size_t i, const Sketch& sketch);
  Sketch at(size_t i) const;
  size_t lanes() const { return lanes_; }
  const uint8_t* bytes() const { return reinterpret_cast<const uint8_t*>(words_.data()); }
  std::span<uint64_t> words() { return words_; }
  std::span<const uint64_t> words() const { return words_; }

 private:
  static constexpr size_t kLaneBytes = 12;
  static constexpr uint32_t lanes_for(uint32_t links) { return (links + 15) / 16 * 16; }
  uint8_t* signs() { return reinterpret_cast<uint8_t*>(words_.data()); }

  size_t lanes_ = 0;
  std::vector<uint64_t> words_;
};

/// Tests a query against the sketches of the nodes that a walk expands.
class SketchProbe {
 public:
  void prepare(const Codec::Query& query);
  /// Keeps, in order, the links whose sketches allow them to be nearer than `limit`; returns how
  /// many. `here` is the distance of the node.
  uint32_t keep_near(float here, float limit, const SketchBlock& sketches, uint32_t* links, uint32_t count);

 private:
  simd::SketchQuery query_;
  float least_ = 0;
  float caution_ = 0;  ///< added to a sum for each unit of distance from the node
};

}  // namespace sagitta::ann
