/// Distances from one query to stored vectors. Cosine indexes store unit vectors, so that a distance is one dot
/// product.
#pragma once

#include <limits>
#include <span>

#include "sagitta/ann/metric.h"
#include "sagitta/simd/kernels.h"

namespace sagitta::ann {

/// Writes `vector` as an index of `metric` stores it, scaled to length 1 for cosine. Sizes are equal; the vector has
/// passed check_vector.
void store_form(Metric metric, std::span<const float> vector, std::span<float> out);

/// Owns nothing; `query` is in stored form.
class Scorer {
 public:
  Scorer(Metric metric, std::span<const float> query) : kernels_(simd::kernels()), metric_(metric), query_(query) {}

  /// Never NaN.
  float operator()(const float* stored) const {
    if (metric_ == Metric::kCosine) return -kernels_.dot_f32(query_.data(), stored, query_.size());
    return distance(metric_, query_, {stored, query_.size()});
  }

 private:
  const simd::Kernels& kernels_;
  const Metric metric_;
  const std::span<const float> query_;
};

}  // namespace sagitta::ann
