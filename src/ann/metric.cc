// Distances in float, with a detour through double where float overflows or loses digits.
#include "sagitta/ann/metric.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "sagitta/base/assert.h"
#include "sagitta/simd/kernels.h"

namespace sagitta::ann {
namespace {

constexpr std::array<std::pair<Metric, std::string_view>, 3> kNames{
    {{Metric::kCosine, "cosine"}, {Metric::kL2, "euclidean"}, {Metric::kDot, "dot_product"}}};
/// Below this, a float sum of squares has lost digits to denormals.
constexpr float kSquareMin = 1e-30F;

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

float clamp_to_float(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax));
}

double dot_in_double(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

float cosine(std::span<const float> a, std::span<const float> b) {
  const simd::Kernels& kernels = simd::kernels();
  const float dot = kernels.dot_f32(a.data(), b.data(), a.size());
  const float a2 = kernels.dot_f32(a.data(), a.data(), a.size());
  const float b2 = kernels.dot_f32(b.data(), b.data(), b.size());
  double cos = 0;
  if (std::isfinite(dot) && std::isfinite(a2) && std::isfinite(b2) && a2 > kSquareMin && b2 > kSquareMin) {
    cos = double{dot} / std::sqrt(double{a2} * double{b2});
  } else {
    const double norms = std::sqrt(dot_in_double(a, a)) * std::sqrt(dot_in_double(b, b));
    cos = norms > 0 ? dot_in_double(a, b) / norms : 0;
  }
  return static_cast<float>(std::clamp(cos, -1.0, 1.0));
}

}  // namespace

std::string_view to_string(Metric metric) {
  for (const auto& [value, name] : kNames) {
    if (value == metric) return name;
  }
  return "unknown";
}

std::optional<Metric> parse_metric(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (equal_ignoring_case(name, known)) return value;
  }
  return std::nullopt;
}

float distance(Metric metric, std::span<const float> a, std::span<const float> b) {
  SAGITTA_ASSERT(a.size() == b.size());
  if (metric == Metric::kCosine) return -cosine(a, b);
  const simd::Kernels& kernels = simd::kernels();
  if (metric == Metric::kDot) {
    const float dot = kernels.dot_f32(a.data(), b.data(), a.size());
    return std::isfinite(dot) ? -dot : clamp_to_float(-dot_in_double(a, b));
  }
  const float squared = kernels.l2_f32(a.data(), b.data(), a.size());
  return std::isfinite(squared) ? squared : std::numeric_limits<float>::max();
}

float similarity(Metric metric, float raw_distance) {
  if (metric == Metric::kL2) return 1.0F / (1.0F + raw_distance);
  return static_cast<float>((1.0 - double{raw_distance}) / 2.0);
}

Status check_vector(Metric metric, uint32_t dim, std::span<const float> vector) {
  if (vector.size() != dim) {
    return fail(ErrorCode::kInvalid, fmt::format("{} dimensions, expected {}", vector.size(), dim));
  }
  const double squares = simd::kernels().squares_f64(vector.data(), vector.size());
  for (size_t i = 0; !std::isfinite(squares) && i < vector.size(); ++i) {
    if (!std::isfinite(vector[i])) {
      return fail(ErrorCode::kInvalid, fmt::format("element {} is {}, which an index cannot order", i, vector[i]));
    }
  }
  if (squares == 0 && metric == Metric::kCosine) {
    return fail(ErrorCode::kInvalid, "a zero vector has no direction, which cosine similarity needs");
  }
  return {};
}

}  // namespace sagitta::ann
