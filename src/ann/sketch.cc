// Making, testing and looking up the sketches of links.
#include "sketch.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "sagitta/base/assert.h"

namespace sagitta::ann {
namespace {

constexpr size_t kRows = simd::SketchQuery::kRows, kBits = 8 * kRows, kEntries = simd::SketchQuery::kEntries;
/// Query values are divided by kDrawnIn, so that four of them plus kMiddle fit a byte.
constexpr int kDrawnIn = 4, kMiddle = 4 * (127 / kDrawnIn);
/// A neighbour is skipped when it seems too far by this multiple of a sum's usual error. A lower
/// value skips more neighbours, but needs a wider beam for the same recall.
constexpr float kCaution = 0.5F;
/// In the codec's unit; beyond it, sums overflow.
constexpr float kSquaredMax = 1e18F;
/// The relative rounding error of a bfloat16.
constexpr float kRounding = 0.01F;
/// The rounding error of a position, which differs between machines, relative to the usual value in
/// one dimension.
constexpr float kPlaceRounding = 1e-5F;

/// The root mean square of a position's values.
float usual(std::span<const float> place) {
  const float squares = simd::kernels().dot_f32(place.data(), place.data(), place.size());
  return std::sqrt(squares / static_cast<float>(place.size()));
}

simd::Bf16 negative(simd::Bf16 value) { return simd::Bf16(static_cast<uint16_t>(value) ^ 0x8000U); }

}  // namespace

// The offset of the reverse link is |r|² − 2·s·Σ neighbourᵢ·sign(rᵢ). With Σ neighbourᵢ·sign(rᵢ) =
// Σ nodeᵢ·sign(rᵢ) + Σ|rᵢ| and s·Σ|rᵢ| = |r|², that is the negated offset of this link.
Sketch Sketch::reversed() const { return {.signs = ~signs, .offset = negative(offset), .scale = scale}; }

Sketch sketch_between(std::span<const float> node, std::span<const float> neighbour) {
  SAGITTA_ASSERT(node.size() == neighbour.size() && node.size() >= kBits);
  const float squared = simd::kernels().l2_f32(node.data(), neighbour.data(), node.size());
  uint64_t signs = 0;
  float length = 0, along = 0;
  for (size_t i = 0; i < kBits; ++i) {
    const float r = neighbour[i] - node[i];
    const bool beyond = r > 0;
    signs |= static_cast<uint64_t>(beyond) << i;
    length += std::fabs(r);
    along += beyond ? node[i] : -node[i];
  }
  if (!(squared <= kSquaredMax)) return {.offset = simd::to_bf16(std::numeric_limits<float>::quiet_NaN())};
  const float scale = length > 0 ? squared / length : 0;
  return {.signs = signs, .offset = simd::to_bf16(squared + 2 * scale * along), .scale = simd::to_bf16(scale)};
}

// Where two values are equal up to rounding, either sign is right, and the offset depends on it.
// Where that holds in all dimensions, everything is right.
bool is_between(const Sketch& sketch, std::span<const float> node, std::span<const float> neighbour) {
  const Sketch right = sketch_between(node, neighbour);
  if (right.says_nothing() || sketch.says_nothing()) return right.says_nothing() && sketch.says_nothing();
  const float squared = simd::kernels().l2_f32(node.data(), neighbour.data(), node.size());
  const float scale = to_float(right.scale), apart = kPlaceRounding * (usual(node) + usual(neighbour));
  if (squared <= static_cast<float>(node.size()) * apart * apart) return true;
  float offset = squared, added = 0;
  for (size_t i = 0; i < kBits; ++i) {
    const bool beyond = (sketch.signs >> i & 1) != 0;
    if (std::fabs(neighbour[i] - node[i]) > apart && beyond != (neighbour[i] > node[i])) return false;
    offset += 2 * scale * (beyond ? node[i] : -node[i]);
    added += 2 * scale * std::fabs(node[i]);
  }
  return std::fabs(to_float(sketch.scale) - scale) <= kRounding * scale &&
         std::fabs(to_float(sketch.offset) - offset) <= kRounding * (std::fabs(offset) + added);
}

void SketchBlock::resize(uint32_t links) {
  lanes_ = lanes_for(links);
  words_.resize(bytes_for(links) / sizeof(uint64_t));
}

void SketchBlock::set(size_t i, const Sketch& sketch) {
  SAGITTA_ASSERT(i < lanes_);
  uint8_t* const numbers = signs() + kRows * lanes_;
  for (size_t row = 0; row < kRows; ++row) signs()[row * lanes_ + i] = static_cast<uint8_t>(sketch.signs >> (8 * row));
  std::memcpy(numbers + sizeof sketch.offset * i, &sketch.offset, sizeof sketch.offset);
  std::memcpy(numbers + sizeof sketch.scale * (lanes_ + i), &sketch.scale, sizeof sketch.scale);
}

Sketch SketchBlock::at(size_t i) const {
  SAGITTA_ASSERT(i < lanes_);
  const uint8_t* const numbers = bytes() + kRows * lanes_;
  Sketch sketch;
  for (size_t row = 0; row < kRows; ++row) sketch.signs |= uint64_t{bytes()[row * lanes_ + i]} << (8 * row);
  std::memcpy(&sketch.offset, numbers + sizeof sketch.offset * i, sizeof sketch.offset);
  std::memcpy(&sketch.scale, numbers + sizeof sketch.scale * (lanes_ + i), sizeof sketch.scale);
  return sketch;
}

// A table entry is the sum of four query values with the signs that its bits give them. The usual
// error of a sum is that of a random walk with one step for each bit, each as long as the query is
// from the node in one dimension.
void SketchProbe::prepare(const Codec::Query& query) {
  for (size_t table = 0; table < 2 * kRows; ++table) {
    uint8_t* const entries = query_.tables + table * kEntries;
    int low = kMiddle;
    for (size_t i = 0; i < 4; ++i) low -= query.values[4 * table + i] / kDrawnIn;
    entries[0] = static_cast<uint8_t>(low);
    for (size_t i = 0; i < 4; ++i) {
      const int twice = 2 * (query.values[4 * table + i] / kDrawnIn);
      for (size_t e = 0; e < size_t{1} << i; ++e)
        entries[e + (size_t{1} << i)] = static_cast<uint8_t>(entries[e] + twice);
    }
  }
  query_.offset_factor = query.norm_factor;
  query_.scale_factor = query.dot_factor * kDrawnIn;
  least_ = query.least;
  const float step = query.dot_factor * kDrawnIn / (2 * query.norm_factor);
  const auto dimensions = static_cast<float>(query.values.size());
  caution_ = kCaution * std::sqrt(static_cast<float>(kBits) / (dimensions * query.norm_factor)) / step;
}

uint32_t SketchProbe::keep_near(float here, float limit, const SketchBlock& sketches, uint32_t* links, uint32_t count) {
  SAGITTA_ASSERT(count <= sketches.lanes());
  query_.limit = limit - here;
  query_.bias = caution_ * std::sqrt(std::max(here - least_, 0.0F)) - static_cast<float>(2 * kRows * kMiddle);
  return static_cast<uint32_t>(simd::kernels().keep_near(query_, sketches.bytes(), sketches.lanes(), links, count));
}

}  // namespace sagitta::ann
