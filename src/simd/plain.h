/// Kernels that need no specific instruction: loops over the compiler's own vector types, which
/// compile to what each level has. Included in the same way as lanes.h.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>

#include "targets.h"

#ifndef SAGITTA_TARGET
#error "a level's source defines SAGITTA_TARGET first"
#endif

namespace sagitta::simd {
namespace {

constexpr size_t kGroup = 16;
using Floats16 = float __attribute__((vector_size(kGroup * sizeof(float))));
using Ints16 = int32_t __attribute__((vector_size(kGroup * sizeof(int32_t))));
using Bytes16 = int8_t __attribute__((vector_size(kGroup)));
using Floats8 = float __attribute__((vector_size(kGroup / 2 * sizeof(float))));
using Doubles8 = double __attribute__((vector_size(kGroup / 2 * sizeof(double))));

template <class V, class T>
SAGITTA_TARGET inline void load_vector(V& vector, const T* from) {
  std::memcpy(&vector, from, sizeof vector);
}

SAGITTA_TARGET double squares_f64(const float* values, size_t count) {
  constexpr size_t kHalf = kGroup / 2;
  Doubles8 first{}, second{};
  size_t i = 0;
  for (; i + kGroup <= count; i += kGroup) {
    Floats8 a, b;
    load_vector(a, values + i);
    load_vector(b, values + i + kHalf);
    const Doubles8 x = __builtin_convertvector(a, Doubles8), y = __builtin_convertvector(b, Doubles8);
    first += x * x;
    second += y * y;
  }
  first += second;
  double sum = 0;
  for (size_t lane = 0; lane < kHalf; ++lane) sum += first[lane];
  for (; i < count; ++i) sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return sum;
}

// Without their signs, floats order as integers do, and NaN comes last.
SAGITTA_TARGET float largest_f32(const float* values, size_t count) {
  constexpr int32_t kMagnitude = 0x7fffffff;
  Ints16 largest{};
  size_t i = 0;
  for (; i + kGroup <= count; i += kGroup) {
    Ints16 bits;
    load_vector(bits, values + i);
    bits &= kMagnitude;
    largest = bits > largest ? bits : largest;
  }
  int32_t most = 0;
  for (size_t lane = 0; lane < kGroup; ++lane) most = std::max(most, largest[lane]);
  for (; i < count; ++i) most = std::max(most, __builtin_bit_cast(int32_t, values[i]) & kMagnitude);
  return __builtin_bit_cast(float, most);
}

// The sum is positive, so truncating it rounds to nearest.
SAGITTA_TARGET int32_t quantise_i8(const float* values, size_t count, float scale, int8_t* out) {
  constexpr float kMiddle = 128.5F;
  Ints16 sums{};
  size_t i = 0;
  for (; i + kGroup <= count; i += kGroup) {
    Floats16 v;
    load_vector(v, values + i);
    const Ints16 rounded = __builtin_convertvector(v * scale + kMiddle, Ints16) - 128;
    const Bytes16 bytes = __builtin_convertvector(rounded, Bytes16);
    std::memcpy(out + i, &bytes, sizeof bytes);
    sums += rounded;
  }
  int32_t sum = 0;
  for (size_t lane = 0; lane < kGroup; ++lane) sum += sums[lane];
  for (; i < count; ++i) {
    const int32_t rounded = static_cast<int32_t>(values[i] * scale + kMiddle) - 128;
    out[i] = static_cast<int8_t>(rounded);
    sum += rounded;
  }
  return sum;
}

// Returns through a reference, as each level returns vectors in its own way. NaN compares as not
// less, so it becomes the largest float.
template <class T>
SAGITTA_TARGET void estimate_one(const EstimateTerms& terms, const T& sum, const T& scale, const T& squared_length,
                                 T& out) {
  const T most = T{} + std::numeric_limits<float>::max();
  const T along = terms.dot_factor * scale * (sum - terms.offset);
  const T estimate = terms.norm_factor * squared_length - along + terms.constant;
  const T drawn_in = estimate < most ? estimate : most;
  out = drawn_in > -most ? drawn_in : -most;
}

SAGITTA_TARGET void estimates(const EstimateTerms& terms, const int32_t* sums, const CodeFactors* factors, size_t count,
                              float* estimates) {
  size_t i = 0;
  for (; i + kGroup <= count; i += kGroup) {
    Ints16 sum;
    Floats16 first, second;
    load_vector(sum, sums + i);
    load_vector(first, factors + i);
    load_vector(second, factors + i + kGroup / 2);
    const Floats16 scale =
        __builtin_shufflevector(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const Floats16 squared =
        __builtin_shufflevector(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    Floats16 estimate;
    estimate_one(terms, __builtin_convertvector(sum, Floats16), scale, squared, estimate);
    std::memcpy(estimates + i, &estimate, sizeof estimate);
  }
  for (; i < count; ++i) {
    estimate_one(terms, static_cast<float>(sums[i]), factors[i].scale, factors[i].squared_length, estimates[i]);
  }
}

}  // namespace
}  // namespace sagitta::simd
