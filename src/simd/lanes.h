/// What the vector levels share: sums over two rows, batches of dot products and the Walsh–Hadamard
/// transform, written over the few operations in which the levels differ. The source of a level
/// defines SAGITTA_TARGET, the attribute that allows its instructions, before it includes this.
/// Template arguments are types of that source alone, so no two levels share a compiled function.
#pragma once

#include <algorithm>

#include "targets.h"

#ifndef SAGITTA_TARGET
#error "a level's source defines SAGITTA_TARGET first"
#endif

namespace sagitta::simd {

// Four sums hide the latency of a multiply-add behind the loads that feed it.
constexpr size_t kSums = 4;

template <class Step, size_t kCount, class T>
SAGITTA_TARGET inline void add_steps(typename Step::Sum* s, const T* a, const T* b) {
#pragma GCC unroll 16
  for (size_t k = 0; k < kCount; ++k) {
    s[k % kSums] = Step::add(s[k % kSums], a + k * Step::kLanes, b + k * Step::kLanes);
  }
}

/// The sum over the rest of two rows, after the whole rounds.
template <class Step, class T>
SAGITTA_TARGET inline typename Step::Sum add_rest(typename Step::Sum sum, const T* a, const T* b, size_t count) {
  size_t i = 0;
  for (; i + Step::kLanes <= count; i += Step::kLanes) sum = Step::add(sum, a + i, b + i);
  return i == count ? sum : Step::add_tail(sum, a + i, b + i, count - i);
}

/// The sum over two rows. Step has: kLanes, the elements it takes; Sum, which is zero when
/// value-initialised; `add(sum, a, b)`; `add_tail(sum, a, b, count)` for fewer than kLanes
/// elements; `join(sum, sum)`. Rounds are long so that there are few: a mispredicted end of a long
/// loop costs more than a whole short row.
template <class Step, class T>
SAGITTA_TARGET inline typename Step::Sum sum_rows(const T* a, const T* b, size_t count) {
  if (count < 4 * Step::kLanes) return add_rest<Step>(typename Step::Sum{}, a, b, count);
  typename Step::Sum s[kSums] = {};
  size_t i = 0;
  for (; i + 16 * Step::kLanes <= count; i += 16 * Step::kLanes) add_steps<Step, 16>(s, a + i, b + i);
  if (i + 8 * Step::kLanes <= count) {
    add_steps<Step, 8>(s, a + i, b + i);
    i += 8 * Step::kLanes;
  }
  if (i + 4 * Step::kLanes <= count) {
    add_steps<Step, 4>(s, a + i, b + i);
    i += 4 * Step::kLanes;
  }
  s[0] = add_rest<Step>(s[0], a + i, b + i, count - i);
  return Step::join(Step::join(s[0], s[1]), Step::join(s[2], s[3]));
}

// Codes summed together: they share each load of the query, and one reduction leaves their sums in
// one register.
constexpr size_t kBatch = 4;
constexpr size_t kBlockBytes = 64;

template <class Step, size_t kCodes>
SAGITTA_TARGET inline void add_block(typename Step::Sum (&s)[kCodes], const uint8_t* const* codes, const int8_t* query,
                                     size_t block) {
  const typename Step::Query q = Step::load(query, block);
#pragma GCC unroll 8
  for (size_t i = 0; i < kCodes; ++i) s[i] = Step::add(s[i], codes[i] + block * kBlockBytes, q);
}

/// Adds every block of some codes to the lanes of their sums. Step has: Sum; Query, one block of
/// the query; `load(query, block)`; `add(sum, code, query)`. kBlocks is the number of blocks if it
/// is known at compile time, else 0.
template <class Step, size_t kBlocks, size_t kCodes>
SAGITTA_TARGET inline void add_blocks(typename Step::Sum (&s)[kCodes], const uint8_t* const* codes, const int8_t* query,
                                      size_t blocks) {
  if constexpr (kBlocks == 0) {
    const uint8_t* at[kCodes];
#pragma GCC unroll 8
    for (size_t i = 0; i < kCodes; ++i) at[i] = codes[i];
    for (size_t block = 0; block < blocks; ++block) add_block<Step>(s, at, query, block);
  } else {
    if constexpr (kBlocks > 1) add_blocks<Step, kBlocks - 1>(s, codes, query, blocks);
    add_block<Step>(s, codes, query, kBlocks - 1);
  }
}

/// Kernel has `totals<kBlocks>(codes, query, blocks)`, the sums of one batch, and `kPairs`; if that
/// is true also `pair_totals`, the sums of two batches. A last, partial batch repeats its last
/// code.
template <class Kernel, size_t kBlocks>
SAGITTA_TARGET void dots_of(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks,
                            int32_t* sums) {
  size_t i = 0;
  if constexpr (Kernel::kPairs) {
    for (; i + 2 * kBatch <= count; i += 2 * kBatch) {
      const __m256i totals = Kernel::template pair_totals<kBlocks>(codes + i, query, blocks);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + i), totals);
    }
  }
  for (; i + kBatch <= count; i += kBatch) {
    const __m128i totals = Kernel::template totals<kBlocks>(codes + i, query, blocks);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + i), totals);
  }
  if (i == count) return;
  const uint8_t* const last[kBatch] = {codes[i], codes[std::min(i + 1, count - 1)], codes[std::min(i + 2, count - 1)],
                                       codes[count - 1]};
  const __m128i live = _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(count - i)), _mm_setr_epi32(0, 1, 2, 3));
  _mm_maskstore_epi32(sums + i, live, Kernel::template totals<kBlocks>(last, query, blocks));
}

// The usual dimensions need no loop over blocks.
template <class Kernel>
SAGITTA_TARGET void dots(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks, int32_t* sums) {
  if (blocks == 1) return dots_of<Kernel, 1>(codes, count, query, blocks, sums);
  if (blocks == 2) return dots_of<Kernel, 2>(codes, count, query, blocks, sums);
  if (blocks == 3) return dots_of<Kernel, 3>(codes, count, query, blocks, sums);
  if (blocks == 6) return dots_of<Kernel, 6>(codes, count, query, blocks, sums);
  if (blocks == 12) return dots_of<Kernel, 12>(codes, count, query, blocks, sums);
  return dots_of<Kernel, 0>(codes, count, query, blocks, sums);
}

/// The butterflies between kCount registers (a power of two): register i of the result is the sum
/// of all registers with the signs in row i of the Hadamard matrix.
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

/// All stages within runs of kCount consecutive registers, and the scaling: the first pass over the
/// values.
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

/// The log2(kCount) stages whose partners are `stride`, 2 × stride, … values apart.
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

/// Vector has: Type, a register of kLanes floats; load, store; `transform`, the unscaled transform
/// within one register. A pass over eight registers does three stages for each load and store.
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
