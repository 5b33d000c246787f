/// The sums of 512-bit lanes that lanes.h asks of its steps, for the AVX-512 levels. Included as lanes.h is.
#pragma once

#include <immintrin.h>

#ifndef SAGITTA_TARGET
#error "a level's source defines SAGITTA_TARGET first"
#endif

namespace sagitta::simd {
namespace {

struct DotsStep {
  struct Sum {
    __m512i lanes{};
  };
  // The blend halves the work of the port that all shuffles share.
  SAGITTA_TARGET static __m512 halves(Sum a, Sum b) {
    const __m512 x = _mm512_castsi512_ps(a.lanes), y = _mm512_castsi512_ps(b.lanes);
    const __m512i kept = _mm512_castps_si512(_mm512_mask_blend_ps(0xcccc, x, y));
    const __m512i moved = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0x4e));
    return _mm512_castsi512_ps(_mm512_add_epi32(kept, moved));
  }
  SAGITTA_TARGET static __m128i totals(Sum a, Sum b, Sum c, Sum d) {
    const __m512 ab = halves(a, b), cd = halves(c, d);
    const __m512i even = _mm512_castps_si512(_mm512_shuffle_ps(ab, cd, 0x88));
    const __m512i odd = _mm512_castps_si512(_mm512_shuffle_ps(ab, cd, 0xdd));
    const __m512i abcd = _mm512_add_epi32(even, odd);
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  }
};

}  // namespace
}  // namespace sagitta::simd
