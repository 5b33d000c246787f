// Stored forms at each level, and the kernels that compare them.
#include "vectors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "sagitta/base/assert.h"

namespace sagitta::ann {
namespace {

constexpr float kHalfMax = 65504.0F;
constexpr float kBf16Max = 0x1.FEp127F;
constexpr float kLargest = std::numeric_limits<float>::max();

template <class T>
const T* as(const std::byte* bytes) {
  return reinterpret_cast<const T*>(bytes);
}

}  // namespace

void store_form(Metric metric, std::span<const float> vector, std::span<float> out) {
  SAGITTA_ASSERT(vector.size() == out.size());
  if (metric != Metric::kCosine) {
    // −0 becomes +0: copies are recognised by their bytes.
    std::ranges::transform(vector, out.begin(), [](float v) { return v + 0.0F; });
    return;
  }
  // In double, so that neither huge nor denormal components lose the direction.
  const double scale = 1.0 / std::sqrt(simd::kernels().squares_f64(vector.data(), vector.size()));
  std::ranges::transform(vector, out.begin(), [scale](float v) { return static_cast<float>(double{v} * scale); });
}

size_t vector_bytes(Level level, uint32_t dim) {
  switch (level) {
    case Level::kF32: return size_t{dim} * 4;
    case Level::kF16:
    case Level::kBf16: return size_t{dim} * 2;
    case Level::kI8: return 0;
  }
  return 0;
}

void write_vector(Level level, std::span<const float> stored, std::byte* out) {
  if (level == Level::kF32) {
    std::memcpy(out, stored.data(), stored.size_bytes());
  } else if (level == Level::kF16) {
    std::ranges::transform(stored, reinterpret_cast<simd::Half*>(out),
                           [](float v) { return simd::to_half(std::clamp(v, -kHalfMax, kHalfMax)); });
  } else if (level == Level::kBf16) {
    std::ranges::transform(stored, reinterpret_cast<simd::Bf16*>(out),
                           [](float v) { return simd::to_bf16(std::clamp(v, -kBf16Max, kBf16Max)); });
  }
}

void read_vector(Level level, const std::byte* vector, std::span<float> out) {
  if (level == Level::kF32) {
    std::memcpy(out.data(), vector, out.size_bytes());
  } else if (level == Level::kF16) {
    std::transform(as<simd::Half>(vector), as<simd::Half>(vector) + out.size(), out.begin(),
                   [](simd::Half h) { return simd::to_float(h); });
  } else if (level == Level::kBf16) {
    std::transform(as<simd::Bf16>(vector), as<simd::Bf16>(vector) + out.size(), out.begin(),
                   [](simd::Bf16 b) { return simd::to_float(b); });
  }
}

Scorer::Scorer(Metric metric, Level level, std::span<const float> query, std::vector<std::byte>& at_level)
    : kernels_(simd::kernels()), metric_(metric), level_(level), query_(query) {
  SAGITTA_ASSERT(level != Level::kI8);
  if (level == Level::kF32) return;
  at_level.resize(query.size() * 2);
  write_vector(level, query, at_level.data());
  query_at_level_ = at_level.data();
}

float Scorer::raw(const std::byte* vector) const {
  const size_t n = query_.size();
  const bool l2 = metric_ == Metric::kL2;
  if (level_ == Level::kF32) {
    const auto* floats = as<float>(vector);
    if (metric_ == Metric::kCosine) return -kernels_.dot_f32(query_.data(), floats, n);
    return distance(metric_, query_, {floats, n});
  }
  if (level_ == Level::kF16) {
    const auto kernel = l2 ? kernels_.l2_f16 : kernels_.dot_f16;
    const float value = kernel(as<simd::Half>(query_at_level_), as<simd::Half>(vector), n);
    return l2 ? value : -value;
  }
  const auto kernel = l2 ? kernels_.l2_bf16 : kernels_.dot_bf16;
  const float value = kernel(as<simd::Bf16>(query_at_level_), as<simd::Bf16>(vector), n);
  return l2 ? value : -value;
}

// std::min returns its first operand when the other is NaN, as a loaded vector with a right
// checksum may make it.
float Scorer::operator()(const std::byte* vector) const { return std::max(-kLargest, std::min(kLargest, raw(vector))); }

}  // namespace sagitta::ann
