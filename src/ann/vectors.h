/// Vectors in the form an index stores, at its level, and exact distances to them. Cosine indexes
/// store unit vectors, so that a distance is one dot product.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/simd/kernels.h"

namespace sagitta::ann {

/// Writes the stored form of `vector`: scaled to length 1 under cosine. The spans have the same
/// size; the vector has passed check_vector().
void store_form(Metric metric, std::span<const float> vector, std::span<float> out);

/// Bytes of a stored vector; 0 at kI8, where the code stands for the vector.
size_t vector_bytes(Level level, uint32_t dim);
/// Writes a vector in stored form at `level`; values are clamped to what the level can hold.
void write_vector(Level level, std::span<const float> stored, std::byte* out);
void read_vector(Level level, const std::byte* vector, std::span<float> out);

/// Distances from one query to stored vectors.
class Scorer {
 public:
  /// `query` is in stored form. At f16 and bf16, `at_level` receives a copy of it. Both must
  /// outlive the scorer. Not for kI8.
  Scorer(Metric metric, Level level, std::span<const float> query, std::vector<std::byte>& at_level);

  /// Never NaN.
  float operator()(const std::byte* vector) const;

 private:
  float raw(const std::byte* vector) const;

  const simd::Kernels& kernels_;
  const Metric metric_;
  const Level level_;
  const std::span<const float> query_;
  const std::byte* query_at_level_ = nullptr;
};

}  // namespace sagitta::ann
