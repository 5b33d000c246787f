/// The code that walks read: a vector in 2, 4 or 8 bits a dimension. One integer dot product
/// estimates the distance between a query and a code. Encoding centres the vector, rotates it by a
/// fixed random rotation so that no dimension stands out, and rounds it to a grid. Two factors
/// beside the grid points make the estimate unbiased: the correction of RaBitQ (SIGMOD 2024), on
/// the uniform grid of its extension (SIGMOD 2025).
///
/// The residual, vector − code, may have a code of its own, of 4 bits: the fine code. It improves
/// an estimate to an eighth of its error.
///
/// A code is a run of 64-byte blocks, on its own cache lines, in the layout of
/// simd::Kernels::dots_u2 / dots_u4 / dots_u8. Its factors are stored apart: they are small enough
/// to stay in a cache. A fine code is followed by its single factor, a float.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sagitta/ann/metric.h"
#include "sagitta/simd/kernels.h"

namespace sagitta::ann {

enum class CodeBits : uint8_t { k2 = 2, k4 = 4, k8 = 8 };

/// What makes two vectors neighbours in the graph. kProduct is for inner products of vectors that
/// differ in length: the answers there are long vectors, which by distance are neighbours of
/// nobody.
enum class Neighbours : uint8_t { kByDistance, kByProduct };

/// Immutable once made; thread-safe.
class Codec {
 public:
  using Factors = simd::CodeFactors;
  /// A prepared query, or a stored vector used as one. Reused between queries.
  struct Query {
    std::vector<int8_t> values;
    std::vector<float> rotated;  // scratch
    /// estimate = norm_factor × |x|² − dot_factor × scale(x) × (dot − middle × sum) + constant
    float norm_factor = 1, dot_factor = 0, constant = 0, offset = 0;
    float least = 0;  ///< lower bound of all distances; unused under kDot
  };

  /// Learns the centre, the unit of length and the kind of neighbours from `sample`: one or more
  /// rows of `dim` floats in stored form, row-major.
  Codec(Metric metric, uint32_t dim, CodeBits bits, std::span<const float> sample);
  /// Restores a codec from its unit(), centre() and neighbours().
  Codec(Metric metric, uint32_t dim, CodeBits bits, float unit, std::vector<float> centre, Neighbours neighbours);

  static size_t code_bytes(uint32_t dim, CodeBits bits);
  /// Bytes of the fine code that goes with codes of 2 or 4 bits.
  static size_t fine_bytes(uint32_t dim, CodeBits bits);
  /// Writes the code of `stored` (a vector in stored form) to `code`, and its fine code to `fine`
  /// unless that is null. `scratch` is resized.
  Factors encode(std::span<const float> stored, uint8_t* code, uint8_t* fine, std::vector<float>& scratch) const;
  /// The position of a stored vector: centred, in the codec's unit, rotated.
  void place(std::span<const float> stored, std::vector<float>& out) const { rotate(stored, true, out); }
  /// The position as far as the code tells it.
  void place_code(const uint8_t* code, const Factors& factors, std::vector<float>& out) const;
  /// Prepares for estimates of the metric's raw distance.
  void prepare(std::span<const float> stored, Query& out) const;
  /// Prepares for estimates between stored vectors x and y, relative to the centre and in the
  /// codec's unit. Links are chosen by these. By distance the estimate is of |x − y|²; by product
  /// of |x − y|² − (1 − kOwnLength)·(|x|² + |y|²), nearly −2⟨x, y⟩.
  void prepare_stored(const uint8_t* code, const Factors& factors, Query& out) const;
  void prepare_geometry(std::span<const float> stored, Query& out) const;
  /// Estimates `count` distances. Never NaN. Estimates under cosine may lie slightly outside −1 …
  /// 1.
  void estimate(const Query& query, const uint8_t* const* codes, const Factors* const* factors, size_t count,
                float* out) const;
  /// Improves `count` estimates; fine[i] belongs to the vector of estimates[i]. Never NaN.
  void refine(const Query& query, const uint8_t* const* fine, size_t count, float* estimates) const;

  Metric metric() const { return metric_; }
  CodeBits bits() const { return bits_; }
  uint32_t dim() const { return dim_; }
  float unit() const { return unit_; }
  std::span<const float> centre() const { return centre_; }
  Neighbours neighbours() const { return neighbours_; }

 private:
  static constexpr CodeBits kFineBits = CodeBits::k4;
  /// The weight of |x|² when neighbours are by product. With 0, short vectors would have no links
  /// to them; where lengths vary most, joining them to the graph afterwards took three times as
  /// long as all other linking.
  static constexpr float kOwnLength = 0.125F;
  static constexpr float top(CodeBits bits) { return static_cast<float>((1U << static_cast<uint32_t>(bits)) - 1); }
  static constexpr float middle(CodeBits bits) { return top(bits) / 2; }
  void rotate(std::span<const float> stored, bool centred, std::vector<float>& out) const;
  float round(CodeBits bits, std::span<const float> values, float squared, std::span<float> points,
              uint8_t* code) const;
  float quantise_query(Query& out) const;
  float own_length() const { return neighbours_ == Neighbours::kByProduct ? kOwnLength : 1; }
  /// The kernel for codes of this width.
  auto dots(CodeBits bits) const {
    return bits == CodeBits::k2 ? kernels_.dots_u2 : bits == CodeBits::k4 ? kernels_.dots_u4 : kernels_.dots_u8;
  }
  int32_t read_code(const uint8_t* code, std::vector<int8_t>& values) const;
  /// The size of one step of read_code()'s values, in steps of the grid.
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
  std::vector<float> centre_;  // in units of the codec
  Neighbours neighbours_;
  std::vector<float> signs_;  // of each round, padded_ signs
};

}  // namespace sagitta::ann
