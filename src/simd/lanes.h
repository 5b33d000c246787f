/// What the vector levels share: batches of dot products and the Walsh–Hadamard transform, over the few operations in
/// which the levels differ. A level's source defines SAGITTA_TARGET, the attribute that allows its instructions, and
/// then includes this. The parameters are types of that source alone, so that no two levels share a compiled function.
#pragma once

#include <algorithm>
#include <cstring>

#include "targets.h"

#ifndef SAGITTA_TARGET
#error "a level's source defines SAGITTA_TARGET first"
#endif

namespace sagitta::simd {

// Codes whose sums are made at once: they share each load of the query, and one reduction ends in one register.
constexpr size_t kBatch = 4;
constexpr size_t kBlockBytes = 64;

/// Step has: Sum, the lanes of one code, zero when value-initialised; Query, one block of it; `load(query, block)`;
/// `add(sum, code, query)`; `totals(a, b, c, d)`, the four sums over lanes. A last, partial batch repeats its last
/// code.
template <class Step, size_t kBlocks>
SAGITTA_TARGET inline void dots_batch(const uint8_t* const* at, const int8_t* query, size_t blocks, int32_t* out) {
  const uint8_t *c0 = at[0], *c1 = at[1], *c2 = at[2], *c3 = at[3];
  typename Step::Sum s0{}, s1{}, s2{}, s3{};
  for (size_t block = 0; block < (kBlocks == 0 ? blocks : kBlocks); ++block) {
    const typename Step::Query q = Step::load(query, block);
    s0 = Step::add(s0, c0 + block * kBlockBytes, q);
    s1 = Step::add(s1, c1 + block * kBlockBytes, q);
    s2 = Step::add(s2, c2 + block * kBlockBytes, q);
    s3 = Step::add(s3, c3 + block * kBlockBytes, q);
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), Step::totals(s0, s1, s2, s3));
}

template <class Step, size_t kBlocks>
SAGITTA_TARGET void dots_of(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks,
                            int32_t* sums) {
  size_t i = 0;
  for (; i + kBatch <= count; i += kBatch) dots_batch<Step, kBlocks>(codes + i, query, blocks, sums + i);
  if (i == count) return;
  const uint8_t* last[kBatch];
  for (size_t k = 0; k < kBatch; ++k) last[k] = codes[std::min(i + k, count - 1)];
  int32_t out[kBatch];
  dots_batch<Step, kBlocks>(last, query, blocks, out);
  std::memcpy(sums + i, out, (count - i) * sizeof(int32_t));
}

template <class Step>
SAGITTA_TARGET void dots(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks, int32_t* sums) {
  return dots_of<Step, 0>(codes, count, query, blocks, sums);
}

/// The butterflies between kCount registers, a power of two: register i of the result is the sum of all with the signs
/// of row i of the Hadamard matrix.
template <size_t kCount, class V>
SAGITTA_TARGET inline void butterflies(V* v) {
  if constexpr (kCount > 1) {
    constexpr size_t kHalf = kCount / 2;
#pragma GCC unroll 8
    for (size_t i = 0; i < kHalf; ++i) {
      const V sum = v[i] + v[i + kHalf];
      v[i + kHalf] = v[i] - v[i + kHalf];
      v[i] = sum;
    }
    butterflies<kHalf>(v);
    butterflies<kHalf>(v + kHalf);
  }
}

/// All stages within runs of kCount registers that follow each other, and the scaling: the first pass over the values.
template <class Vector, size_t kCount>
SAGITTA_TARGET void hadamard_runs(float* values, size_t count, float scale) {
  for (float *run = values, *end = values + count; run != end; run += kCount * Vector::kLanes) {
    typename Vector::Type v[kCount];
#pragma GCC unroll 8
    for (size_t i = 0; i < kCount; ++i) v[i] = Vector::load(run + i * Vector::kLanes) * scale;
    butterflies<kCount>(v);
#pragma GCC unroll 8
    for (size_t i = 0; i < kCount; ++i) Vector::store(run + i * Vector::kLanes, Vector::transform(v[i]));
  }
}

/// The log2(kCount) stages of which the first has partners `stride` values apart.
template <class Vector, size_t kCount>
SAGITTA_TARGET void hadamard_across(float* values, size_t count, size_t stride) {
  for (size_t group = 0; group < count; group += kCount * stride) {
    for (float *at = values + group, *end = at + stride; at != end; at += Vector::kLanes) {
      typename Vector::Type v[kCount];
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; ++i) v[i] = Vector::load(at + i * stride);
      butterflies<kCount>(v);
#pragma GCC unroll 8
      for (size_t i = 0; i < kCount; ++i) Vector::store(at + i * stride, v[i]);
    }
  }
}

/// Vector has: Type, a register of kLanes floats; load, store; `transform`, the unscaled transform within one register.
/// Eight registers a pass take three stages for each load and store.
template <class Vector>
SAGITTA_TARGET void hadamard(float* values, uint32_t log2) {
  const size_t count = size_t{1} << log2, registers = count / Vector::kLanes;
  const float scale = hadamard_scale(log2);
  if (registers == 0) return kScalarKernels.hadamard(values, log2);
  if (registers == 1) return hadamard_runs<Vector, 1>(values, count, scale);
  if (registers == 2) return hadamard_runs<Vector, 2>(values, count, scale);
  if (registers == 4) return hadamard_runs<Vector, 4>(values, count, scale);
  hadamard_runs<Vector, 8>(values, count, scale);
  size_t stride = 8 * Vector::kLanes;
  for (; stride * 8 <= count; stride *= 8) hadamard_across<Vector, 8>(values, count, stride);
  if (stride * 4 == count) return hadamard_across<Vector, 4>(values, count, stride);
  if (stride * 2 == count) return hadamard_across<Vector, 2>(values, count, stride);
}

}  // namespace sagitta::simd
