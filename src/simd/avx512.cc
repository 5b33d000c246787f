#include "targets.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define SAGITTA_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,popcnt")))

#include "avx512_totals.h"
#include "lanes.h"

namespace sagitta::simd {
namespace {

constexpr size_t kLanes = 16;

SAGITTA_TARGET inline __m512 load(const float* p) { return _mm512_loadu_ps(p); }
SAGITTA_TARGET inline __m512 load(const Half* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
SAGITTA_TARGET inline __m512 widen_bf16(__m256i v) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}
SAGITTA_TARGET inline __m512 load(const Bf16* p) {
  return widen_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
// Masked loads do not touch what the mask leaves out, so a tail may end at the end of a page.
SAGITTA_TARGET inline __m512 load_tail(const float* p, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, p); }
SAGITTA_TARGET inline __m512 load_tail(const Half* p, __mmask16 mask) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, p));
}
SAGITTA_TARGET inline __m512 load_tail(const Bf16* p, __mmask16 mask) {
  return widen_bf16(_mm256_maskz_loadu_epi16(mask, p));
}

struct Dot {
  SAGITTA_TARGET static __m512 add(__m512 sum, __m512 a, __m512 b) { return _mm512_fmadd_ps(a, b, sum); }
};
struct L2 {
  SAGITTA_TARGET static __m512 add(__m512 sum, __m512 a, __m512 b) {
    const __m512 difference = _mm512_sub_ps(a, b);
    return _mm512_fmadd_ps(difference, difference, sum);
  }
};

// Four sums hide the latency of the fused multiply-add.
template <class Step, class T>
SAGITTA_TARGET float sum_floats(const T* a, const T* b, size_t count) {
  __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    s0 = Step::add(s0, load(a + i), load(b + i));
    s1 = Step::add(s1, load(a + i + kLanes), load(b + i + kLanes));
    s2 = Step::add(s2, load(a + i + 2 * kLanes), load(b + i + 2 * kLanes));
    s3 = Step::add(s3, load(a + i + 3 * kLanes), load(b + i + 3 * kLanes));
  }
  for (; i + kLanes <= count; i += kLanes) s0 = Step::add(s0, load(a + i), load(b + i));
  if (i < count) {
    const auto mask = static_cast<__mmask16>((1u << (count - i)) - 1);
    s1 = Step::add(s1, load_tail(a + i, mask), load_tail(b + i, mask));
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

constexpr size_t kByteLanes = 32;

struct DotI8 {
  SAGITTA_TARGET static __m512i pairs(__m512i a, __m512i b) { return _mm512_madd_epi16(a, b); }
};
struct L2I8 {
  SAGITTA_TARGET static __m512i pairs(__m512i a, __m512i b) {
    const __m512i difference = _mm512_sub_epi16(a, b);
    return _mm512_madd_epi16(difference, difference);
  }
};

SAGITTA_TARGET inline __m512i load_i8(const int8_t* p, __mmask32 mask) {
  return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, p));
}

template <class Step>
SAGITTA_TARGET int32_t sum_i8(const int8_t* a, const int8_t* b, size_t count) {
  constexpr __mmask32 kAll = ~__mmask32{0};
  __m512i sum = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + kByteLanes <= count; i += kByteLanes) {
    sum = _mm512_add_epi32(sum, Step::pairs(load_i8(a + i, kAll), load_i8(b + i, kAll)));
  }
  if (i < count) {
    const auto mask = static_cast<__mmask32>((uint64_t{1} << (count - i)) - 1);
    sum = _mm512_add_epi32(sum, Step::pairs(load_i8(a + i, mask), load_i8(b + i, mask)));
  }
  return _mm512_reduce_add_epi32(sum);
}

// A block's four products to a 16-bit lane stay below 4 · 15 · 127 < 2^15.
struct DotsU4 : DotsStep {
  struct Query {
    __m512i low, high;
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    return {_mm512_loadu_si512(query + 128 * block), _mm512_loadu_si512(query + 128 * block + 64)};
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, const Query& q) {
    const __m512i c = _mm512_loadu_si512(code), mask = _mm512_set1_epi8(15);
    const __m512i low = _mm512_maddubs_epi16(_mm512_and_si512(c, mask), q.low);
    const __m512i high = _mm512_maddubs_epi16(_mm512_and_si512(_mm512_srli_epi16(c, 4), mask), q.high);
    const __m512i words = _mm512_add_epi16(low, high);
    return {_mm512_add_epi32(sum.lanes, _mm512_madd_epi16(words, _mm512_set1_epi16(1)))};
  }
};

// Products of bytes pair up to more than 16 bits, so bytes are widened first: the even ones and the odd ones.
struct DotsU8 : DotsStep {
  struct Query {
    __m512i even, odd;
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    const __m512i q = _mm512_loadu_si512(query + 64 * block);
    return {_mm512_srai_epi16(_mm512_slli_epi16(q, 8), 8), _mm512_srai_epi16(q, 8)};
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, const Query& q) {
    const __m512i c = _mm512_loadu_si512(code);
    const __m512i even = _mm512_madd_epi16(_mm512_and_si512(c, _mm512_set1_epi16(255)), q.even);
    const __m512i odd = _mm512_madd_epi16(_mm512_srli_epi16(c, 8), q.odd);
    return {_mm512_add_epi32(sum.lanes, _mm512_add_epi32(even, odd))};
  }
};

struct Floats {
  using Type = __m512;
  static constexpr size_t kLanes = simd::kLanes;
  SAGITTA_TARGET static Type load(const float* p) { return _mm512_loadu_ps(p); }
  SAGITTA_TARGET static void store(float* p, Type v) { _mm512_storeu_ps(p, v); }
  // Each stage adds the partner to the lane, whose sign turns where it is the upper of the two.
  SAGITTA_TARGET static Type transform(Type v) {
    v = _mm512_fmadd_ps(v, _mm512_setr4_ps(1, -1, 1, -1), _mm512_permute_ps(v, 0xb1));
    v = _mm512_fmadd_ps(v, _mm512_setr4_ps(1, 1, -1, -1), _mm512_permute_ps(v, 0x4e));
    v = _mm512_fmadd_ps(v, _mm512_setr_ps(1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1),
                        _mm512_shuffle_f32x4(v, v, 0xb1));
    return _mm512_fmadd_ps(v, _mm512_setr_ps(1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1),
                           _mm512_shuffle_f32x4(v, v, 0x4e));
  }
};

// Every machine of this level has POPCNT; VPOPCNTDQ only some, and one bit a dimension leaves few words to count.
SAGITTA_TARGET uint32_t hamming_b1(const uint8_t* a, const uint8_t* b, size_t count) {
  return kAvx2Kernels.hamming_b1(a, b, count);
}

}  // namespace

const Kernels kAvx512Kernels{
    .name = "avx512",
    .dot_f32 = sum_floats<Dot, float>,
    .l2_f32 = sum_floats<L2, float>,
    .dot_f16 = sum_floats<Dot, Half>,
    .l2_f16 = sum_floats<L2, Half>,
    .dot_bf16 = sum_floats<Dot, Bf16>,
    .l2_bf16 = sum_floats<L2, Bf16>,
    .dot_i8 = sum_i8<DotI8>,
    .l2_i8 = sum_i8<L2I8>,
    .dots_u4 = dots<DotsU4>,
    .dots_u8 = dots<DotsU8>,
    .hadamard = hadamard<Floats>,
    .hamming_b1 = hamming_b1,
};

}  // namespace sagitta::simd
#endif
