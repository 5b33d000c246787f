// The reference that every other level is tested against, and the level of machines without vector units we know.
#include <bit>
#include <cstring>

#include "targets.h"

namespace sagitta::simd {
namespace {

float as_float(float v) { return v; }
float as_float(Half v) { return to_float(v); }
float as_float(Bf16 v) { return to_float(v); }

template <class T>
float dot(const T* a, const T* b, size_t count) {
  float sum = 0;
  for (size_t i = 0; i < count; ++i) sum += as_float(a[i]) * as_float(b[i]);
  return sum;
}

template <class T>
float l2(const T* a, const T* b, size_t count) {
  float sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const float difference = as_float(a[i]) - as_float(b[i]);
    sum += difference * difference;
  }
  return sum;
}

int32_t dot_i8(const int8_t* a, const int8_t* b, size_t count) {
  int32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

int32_t l2_i8(const int8_t* a, const int8_t* b, size_t count) {
  int32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

uint32_t hamming_b1(const uint8_t* a, const uint8_t* b, size_t count) {
  uint32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<uint32_t>(std::popcount(static_cast<uint8_t>(a[i] ^ b[i])));
  return sum;
}

}  // namespace

const Kernels kScalarKernels{
    .name = "scalar",
    .dot_f32 = dot<float>,
    .l2_f32 = l2<float>,
    .dot_f16 = dot<Half>,
    .l2_f16 = l2<Half>,
    .dot_bf16 = dot<Bf16>,
    .l2_bf16 = l2<Bf16>,
    .dot_i8 = dot_i8,
    .l2_i8 = l2_i8,
    .hamming_b1 = hamming_b1,
};

}  // namespace sagitta::simd
