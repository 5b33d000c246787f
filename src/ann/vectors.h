/// Vectors as an index keeps them, at its level, and exact distances to them. Cosine indexes store unit vectors, so
/// that a distance is one dot product.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/simd/kernels.h"

namespace sagitta::ann {

/// Writes `vector` as an index of `metric` orders it: scaled to length 1 for cosine. Sizes are equal; the vector has
/// passed check_vector.
void store_form(Metric metric, std::span<const float> vector, std::span<float> out);

/// Bytes of a stored vector; 0 at kI8, where the walking code is the vector.
size_t vector_bytes(Level level, uint32_t dim);
/// Writes a vector in stored form. What half floats cannot hold becomes the largest they can.
void write_vector(Level level, std::span<const float> stored, std::byte* out);
void read_vector(Level level, const std::byte* vector, std::span<float> out);

/// Distances from one query to stored vectors.
class Scorer {
 public:
  /// `query` is in stored form; it and `at_level`, where a level other than f32 has a copy of it, outlive the scorer.
  /// Not for kI8.
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
