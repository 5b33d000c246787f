// The reference for all other levels, and the level of machines whose vector units are unknown
// here.
#include <bit>
#include <cstring>

#include "targets.h"

#define SAGITTA_TARGET

#include "plain.h"

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
  check_i8_count(count);
  int32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

int32_t l2_i8(const int8_t* a, const int8_t* b, size_t count) {
  check_i8_count(count);
  int32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

uint32_t hamming_b1(const uint8_t* a, const uint8_t* b, size_t count) {
  uint32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<uint32_t>(std::popcount(static_cast<uint8_t>(a[i] ^ b[i])));
  return sum;
}

void dots_u2(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks, int32_t* sums) {
  for (size_t i = 0; i < count; ++i) {
    sums[i] = 0;
    for (size_t j = 0; j < 256 * blocks; ++j) {
      const uint8_t byte = codes[i][j / 256 * 64 + j % 64];
      sums[i] += (byte >> j % 256 / 64 * 2 & 3) * query[j];
    }
  }
}

void dots_u4(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks, int32_t* sums) {
  for (size_t i = 0; i < count; ++i) {
    sums[i] = 0;
    for (size_t block = 0; block < blocks; ++block) {
      const uint8_t* code = codes[i] + 64 * block;
      const int8_t *low = query + 128 * block, *high = low + 64;
      for (size_t j = 0; j < 64; ++j) sums[i] += (code[j] & 15) * low[j] + (code[j] >> 4) * high[j];
    }
  }
}

void dots_u8(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks, int32_t* sums) {
  for (size_t i = 0; i < count; ++i) {
    sums[i] = 0;
    for (size_t j = 0; j < 64 * blocks; ++j) sums[i] += codes[i][j] * query[j];
  }
}

size_t keep_near(const SketchQuery& query, const uint8_t* block, size_t lanes, uint32_t* items, size_t count) {
  check_sketches(lanes, count);
  constexpr size_t kEntries = SketchQuery::kEntries;
  const uint8_t* const numbers = block + SketchQuery::kRows * lanes;
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t sum = 0;
    for (size_t row = 0; row < SketchQuery::kRows; ++row) {
      const uint8_t byte = block[row * lanes + i];
      const uint8_t* lower = query.tables + row * 2 * kEntries;
      sum += static_cast<uint32_t>(lower[byte & 15]) + lower[kEntries + (byte >> 4)];
    }
    Bf16 offset, scale;
    std::memcpy(&offset, numbers + sizeof offset * i, sizeof offset);
    std::memcpy(&scale, numbers + sizeof scale * (lanes + i), sizeof scale);
    const float along = query.scale_factor * to_float(scale) * (static_cast<float>(sum) + query.bias);
    items[kept] = items[i];
    kept += query.offset_factor * to_float(offset) - along >= query.limit ? 0U : 1U;
  }
  return kept;
}

void hadamard(float* values, uint32_t log2) {
  const size_t count = size_t{1} << log2;
  const float scale = hadamard_scale(log2);
  for (size_t i = 0; i < count; ++i) values[i] *= scale;
  for (size_t stride = 1; stride < count; stride *= 2) {
    for (size_t i = 0; i < count; i += stride) {
      for (const size_t end = i + stride; i < end; ++i) {
        const float a = values[i], b = values[i + stride];
        values[i] = a + b;
        values[i + stride] = a - b;
      }
    }
  }
}

size_t insert_u64(uint64_t* keys, size_t count, uint64_t key) {
  size_t place = count;
  for (; place > 0 && keys[place - 1] >= key; --place) keys[place] = keys[place - 1];
  keys[place] = key;
  return place;
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
    .dots_u2 = dots_u2,
    .dots_u4 = dots_u4,
    .dots_u8 = dots_u8,
    .estimates = estimates,
    .keep_near = keep_near,
    .hadamard = hadamard,
    .squares_f64 = squares_f64,
    .largest_f32 = largest_f32,
    .quantise_i8 = quantise_i8,
    .insert_u64 = insert_u64,
    .hamming_b1 = hamming_b1,
};

}  // namespace sagitta::simd
