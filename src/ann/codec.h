/// The walking code: a vector in 2, 4 or 8 bits a dimension, from which the distance to a query is estimated by one
/// integer dot product. A vector is centred, rotated by a fixed random rotation so that no dimension stands out, and
/// rounded to a grid; two factors beside the grid points make the estimate unbiased (the correction of RaBitQ, SIGMOD
/// 2024, on the uniform grid of its extension, SIGMOD 2025).
///
/// What a code leaves of its vector may have a code as well, of 4 bits: the fine code. By it an estimate that a walk
/// has made becomes one with an eighth of the error.
///
/// A code is blocks of 64 bytes as simd::Kernels::dots_u2 / dots_u4 / dots_u8 read them, cache lines of their own; its
/// factors are kept apart, for they are few enough to stay in a cache. A fine code has its one factor, a float, behind
/// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sagitta/ann/metric.h"
#include "sagitta/simd/kernels.h"

namespace sagitta::ann {

enum class CodeBits : uint8_t { k2 = 2, k4 = 4, k8 = 8 };

/// What makes vectors neighbours in the graph. kProduct is for the inner product of vectors of different lengths, where
/// the answers are long vectors that are nobody's neighbours by distance.
enum class Neighbours : uint8_t { kByDistance, kByProduct };

/// Immutable once made; thread-safe.
class Codec {
 public:
  using Factors = simd::CodeFactors;
  /// A query, or a stored vector in place of one. Reused between queries.
  struct Query {
    std::vector<int8_t> values;
    std::vector<float> rotated;  // scratch
    /// estimate = norm_factor × |x|² − dot_factor × scale(x) × (dot − middle × sum) + constant
    float norm_factor = 1, dot_factor = 0, constant = 0, offset = 0;
    float least = 0;  ///< of all distances there are; not under kDot
  };

  /// The centre, the unit of length and what makes neighbours come from `sample`: rows in stored form, one after
  /// another, one at least.
  Codec(Metric metric, uint32_t dim, CodeBits bits, std::span<const float> sample);
  /// As another one was, whose unit(), centre() and neighbours() these are.
  Codec(Metric metric, uint32_t dim, CodeBits bits, float unit, std::vector<float> centre, Neighbours neighbours);

  static size_t code_bytes(uint32_t dim, CodeBits bits);
  /// Of a fine code beside codes of 2 or 4 bits.
  static size_t fine_bytes(uint32_t dim, CodeBits bits);
  /// `stored` is in stored form; `fine` may be null; `scratch` is resized.
  Factors encode(std::span<const float> stored, uint8_t* code, uint8_t* fine, std::vector<float>& scratch) const;
  /// Where a stored vector lies: centred, in the codec's unit, rotated.
  void place(std::span<const float> stored, std::vector<float>& out) const { rotate(stored, true, out); }
  /// About there, by its code.
  void place_code(const uint8_t* code, const Factors& factors, std::vector<float>& out) const;
  /// For estimates of the metric's raw distance.
  void prepare(std::span<const float> stored, Query& out) const;
  /// For estimates between stored vectors x and y, about the centre and in the codec's unit: what links are chosen by.
  /// By distance that is |x − y|², by product |x − y|² − (1 − kOwnLength)·(|x|² + |y|²): nearly −2⟨x, y⟩.
  void prepare_stored(const uint8_t* code, const Factors& factors, Query& out) const;
  void prepare_geometry(std::span<const float> stored, Query& out) const;
  /// Of `count` codes. Never NaN. Estimates under cosine may lie a little outside −1 … 1.
  void estimate(const Query& query, const uint8_t* const* codes, const Factors* const* factors, size_t count,
                float* out) const;
  /// Makes `count` estimates, each of the vector of its fine code, better ones. Not NaN.
  void refine(const Query& query, const uint8_t* const* fine, size_t count, float* estimates) const;

  Metric metric() const { return metric_; }
  CodeBits bits() const { return bits_; }
  uint32_t dim() const { return dim_; }
  float unit() const { return unit_; }
  std::span<const float> centre() const { return centre_; }
  Neighbours neighbours() const { return neighbours_; }

 private:
  static constexpr CodeBits kFineBits = CodeBits::k4;
  /// With 0 the short vectors would have no links to them: where lengths vary most, joining them to the graph
  /// afterwards took three times as long as all else.
  static constexpr float kOwnLength = 0.125F;
  static constexpr float top(CodeBits bits) { return static_cast<float>((1U << static_cast<uint32_t>(bits)) - 1); }
  static constexpr float middle(CodeBits bits) { return top(bits) / 2; }
  void rotate(std::span<const float> stored, bool centred, std::vector<float>& out) const;
  float round(CodeBits bits, std::span<const float> values, float squared, std::span<float> points,
              uint8_t* code) const;
  float quantise_query(Query& out) const;
  float own_length() const { return neighbours_ == Neighbours::kByProduct ? kOwnLength : 1; }
  /// The kernel for codes of these bits.
  auto dots(CodeBits bits) const {
    return bits == CodeBits::k2 ? kernels_.dots_u2 : bits == CodeBits::k4 ? kernels_.dots_u4 : kernels_.dots_u8;
  }
  int32_t read_code(const uint8_t* code, std::vector<int8_t>& values) const;
  /// Of a value that read_code gives, in steps of the grid.
  float value_step() const { return bits_ == CodeBits::k8 ? 1.0F : 0.5F; }

  const simd::Kernels& kernels_;
  const Metric metric_;
  const CodeBits bits_;
  const uint32_t dim_;
  const uint32_t blocks_;
  const uint32_t padded_;
  const uint32_t fine_blocks_;
  uint32_t hadamard_log2_ = 0;
  float unit_ = 1;
  std::vector<float> centre_;  // in units
  Neighbours neighbours_;
  std::vector<float> signs_;  // of each round
};

}  // namespace sagitta::ann
