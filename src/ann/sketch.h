/// The sketch of a link: which way the neighbour lies from its node, in 12 bytes. From how far a query is from the node
/// it tells about how far it is from the neighbour, well enough to pass over most neighbours without a look at their
/// codes. It is SymphonyQG's residual code (SIGMOD 2025) with one bit for each of the first 64 rotated dimensions, as
/// if a rotation had drawn them; RaBitQ's factor (SIGMOD 2024) makes what it says unbiased.
///
/// With r = neighbour − node, s = |r|² / Σ|rᵢ| and q a query, all rotated, sums over those dimensions:
///   |q − neighbour|² = |q − node|² + |r|² − 2·⟨q − node, r⟩, and ⟨x, r⟩ is about s·Σ xᵢ·sign(rᵢ).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "sagitta/simd/kernels.h"

#include "codec.h"

namespace sagitta::ann {

struct Sketch {
  uint64_t signs = 0;   ///< a bit where the neighbour lies beyond the node
  simd::Bf16 offset{};  ///< |r|² + 2·s·Σ nodeᵢ·sign(rᵢ)
  simd::Bf16 scale{};   ///< s

  /// From the neighbour to the node.
  Sketch reversed() const;
  bool says_nothing() const { return std::isnan(to_float(offset)); }
};

/// Both as Codec::place gives them. One that says nothing, so that all is kept, where they are too far for numbers.
Sketch sketch_between(std::span<const float> node, std::span<const float> neighbour);
/// Whether `sketch` is of this link, up to rounding: one that was made for the way back is rounded another way.
bool is_between(const Sketch& sketch, std::span<const float> node, std::span<const float> neighbour);

/// The sketches of a node's links, side by side as simd::SketchQuery reads them.
class SketchBlock {
 public:
  /// The bytes of one for so many links.
  static constexpr size_t bytes_for(uint32_t links) { return size_t{lanes_for(links)} * kLaneBytes; }

  /// Room for so many.
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

/// A query against the sketches of the nodes that a walk comes to.
class SketchProbe {
 public:
  void prepare(const Codec::Query& query);
  /// Keeps those of a node's links, in order, whose sketches let them be nearer than `limit`; returns how many. `here`
  /// is the distance of the node.
  uint32_t keep_near(float here, float limit, const SketchBlock& sketches, uint32_t* links, uint32_t count);

 private:
  simd::SketchQuery query_;
  float least_ = 0;
  float caution_ = 0;  ///< what is added to a sum, for each unit of distance from the node
};

}  // namespace sagitta::ann
