/// Sums of 512-bit lanes, for the AVX-512 levels. Included in the same way as lanes.h.
#pragma once

#include <immintrin.h>

#include "lanes.h"

#ifndef SAGITTA_TARGET
#error "a level's source defines SAGITTA_TARGET first"
#endif

namespace sagitta::simd {
namespace {

// The blend halves the work of the port that all shuffles share.
SAGITTA_TARGET inline __m512 add_halves(__m512i a, __m512i b) {
  const __m512 x = _mm512_castsi512_ps(a), y = _mm512_castsi512_ps(b);
  const __m512i kept = _mm512_castps_si512(_mm512_mask_blend_ps(0xcccc, x, y));
  const __m512i moved = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0x4e));
  return _mm512_castsi512_ps(_mm512_add_epi32(kept, moved));
}

/// The sums of four codes, over each half of the lanes.
SAGITTA_TARGET inline __m256i halves_of(const __m512i* s) {
  const __m512 ab = add_halves(s[0], s[1]), cd = add_halves(s[2], s[3]);
  const __m512i even = _mm512_castps_si512(_mm512_shuffle_ps(ab, cd, 0x88));
  const __m512i odd = _mm512_castps_si512(_mm512_shuffle_ps(ab, cd, 0xdd));
  const __m512i abcd = _mm512_add_epi32(even, odd);
  return _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
}

/// A kernel of lanes.h over `Sums::add<kBlocks>(sums, codes, query, blocks)`, with each code's sums
/// in 512-bit lanes. Two batches at once hide the latency of each other's reductions; that pays
/// where the sums themselves are quick.
template <class Sums, bool kInPairs>
struct Totals {
  static constexpr bool kPairs = kInPairs;
  template <size_t kBlocks>
  SAGITTA_TARGET static __m128i totals(const uint8_t* const* codes, const int8_t* query, size_t blocks) {
    __m512i s[kBatch] = {};
    Sums::template add<kBlocks>(s, codes, query, blocks);
    const __m256i half = halves_of(s);
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  }
  template <size_t kBlocks>
  SAGITTA_TARGET static __m256i pair_totals(const uint8_t* const* codes, const int8_t* query, size_t blocks) {
    __m512i s[2 * kBatch] = {};
    Sums::template add<kBlocks>(s, codes, query, blocks);
    const __m256i first = halves_of(s), second = halves_of(s + kBatch);
    return _mm256_add_epi32(_mm256_permute2x128_si256(first, second, 0x20),
                            _mm256_permute2x128_si256(first, second, 0x31));
  }
};

/// Adds up the sums of one step of lanes.h.
template <class Step>
struct OnePass {
  template <size_t kBlocks, size_t kCodes>
  SAGITTA_TARGET static void add(__m512i (&s)[kCodes], const uint8_t* const* codes, const int8_t* query,
                                 size_t blocks) {
    add_blocks<Step, kBlocks>(s, codes, query, blocks);
  }
};

}  // namespace
}  // namespace sagitta::simd
