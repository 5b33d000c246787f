/// How near two vectors are: raw distances, which order an index, and the similarities that CQL
/// shows.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sagitta/base/result.h"

namespace sagitta::ann {

enum class Metric : uint8_t { kCosine, kL2, kDot };

/// "cosine", "euclidean", "dot_product": the names of CQL's similarity_function.
std::string_view to_string(Metric metric);
/// Accepts these names in any case; nullopt for any other.
std::optional<Metric> parse_metric(std::string_view name);

/// The raw distance, smaller is nearer: kCosine −cos, kL2 the squared Euclidean distance, kDot the
/// negated dot product. Both spans have the same size. Never NaN for finite input: what overflows
/// float is clamped.
float distance(Metric metric, std::span<const float> a, std::span<const float> b);

/// CQL's similarity of a raw distance, in float: cosine (1 + cos)/2, Euclidean 1/(1 + d²), dot
/// product (1 + dot)/2.
float similarity(Metric metric, float raw_distance);
inline float similarity(Metric metric, std::span<const float> a, std::span<const float> b) {
  return similarity(metric, distance(metric, a, b));
}

/// Whether an index of `metric` accepts this vector. kInvalid for another dimension, a component
/// that is not finite, or a zero vector under cosine. The message begins with the reason; callers
/// put the column's name before it.
Status check_vector(Metric metric, uint32_t dim, std::span<const float> vector);

}  // namespace sagitta::ann
