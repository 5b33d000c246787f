// The level of x86-64-v4: AVX-512 F, BW, DQ and VL.
#include "targets.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define SAGITTA_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,popcnt")))

#include "avx512_totals.h"
#include "plain.h"

namespace sagitta::simd {
namespace {

constexpr size_t kLanes = 16;

constexpr __mmask32 mask_of(size_t count) { return static_cast<__mmask32>((uint64_t{1} << count) - 1); }

// Masked loads do not touch elements outside the mask, so a tail may end at the end of a page.
SAGITTA_TARGET inline __m512 load(const float* p) { return _mm512_loadu_ps(p); }
SAGITTA_TARGET inline __m512 load_tail(const float* p, size_t count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask_of(count)), p);
}
SAGITTA_TARGET inline __m512 load(const Half* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
SAGITTA_TARGET inline __m512 load_tail(const Half* p, size_t count) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask_of(count)), p));
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

struct FloatSum {
  using Sum = __m512;
  SAGITTA_TARGET static Sum join(Sum a, Sum b) { return _mm512_add_ps(a, b); }
};

template <class Distance, class T>
struct FloatStep : FloatSum {
  static constexpr size_t kLanes = simd::kLanes;
  SAGITTA_TARGET static Sum add(Sum sum, const T* a, const T* b) { return Distance::add(sum, load(a), load(b)); }
  SAGITTA_TARGET static Sum add_tail(Sum sum, const T* a, const T* b, size_t count) {
    return Distance::add(sum, load_tail(a, count), load_tail(b, count));
  }
};

// Elements at odd places are floats once the bits below them are masked; those at even places once
// they are shifted. A sum may take any order, so nothing moves between lanes.
template <class Distance>
struct FloatStep<Distance, Bf16> : FloatSum {
  static constexpr size_t kLanes = 2 * simd::kLanes;
  SAGITTA_TARGET static Sum add_pairs(Sum sum, __m512i a, __m512i b) {
    const __m512i odd = _mm512_set1_epi32(static_cast<int>(0xffff0000));
    sum = Distance::add(sum, _mm512_castsi512_ps(_mm512_slli_epi32(a, 16)),
                        _mm512_castsi512_ps(_mm512_slli_epi32(b, 16)));
    return Distance::add(sum, _mm512_castsi512_ps(_mm512_and_si512(a, odd)),
                         _mm512_castsi512_ps(_mm512_and_si512(b, odd)));
  }
  SAGITTA_TARGET static Sum add(Sum sum, const Bf16* a, const Bf16* b) {
    return add_pairs(sum, _mm512_loadu_si512(a), _mm512_loadu_si512(b));
  }
  SAGITTA_TARGET static Sum add_tail(Sum sum, const Bf16* a, const Bf16* b, size_t count) {
    return add_pairs(sum, _mm512_maskz_loadu_epi16(mask_of(count), a), _mm512_maskz_loadu_epi16(mask_of(count), b));
  }
};

template <class Distance, class T>
SAGITTA_TARGET float sum_floats(const T* a, const T* b, size_t count) {
  return _mm512_reduce_add_ps(sum_rows<FloatStep<Distance, T>>(a, b, count));
}

struct DotI8 {
  SAGITTA_TARGET static __m512i pairs(__m512i a, __m512i b) { return _mm512_madd_epi16(a, b); }
};
struct L2I8 {
  SAGITTA_TARGET static __m512i pairs(__m512i a, __m512i b) {
    const __m512i difference = _mm512_sub_epi16(a, b);
    return _mm512_madd_epi16(difference, difference);
  }
};

template <class Distance>
struct I8Step {
  using Sum = __m512i;
  static constexpr size_t kLanes = 32;
  SAGITTA_TARGET static Sum join(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
  SAGITTA_TARGET static Sum add_bytes(Sum sum, __m256i a, __m256i b) {
    return join(sum, Distance::pairs(_mm512_cvtepi8_epi16(a), _mm512_cvtepi8_epi16(b)));
  }
  SAGITTA_TARGET static Sum add(Sum sum, const int8_t* a, const int8_t* b) {
    return add_bytes(sum, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a)),
                     _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b)));
  }
  SAGITTA_TARGET static Sum add_tail(Sum sum, const int8_t* a, const int8_t* b, size_t count) {
    return add_bytes(sum, _mm256_maskz_loadu_epi8(mask_of(count), a), _mm256_maskz_loadu_epi8(mask_of(count), b));
  }
};

template <class Distance>
SAGITTA_TARGET int32_t sum_i8(const int8_t* a, const int8_t* b, size_t count) {
  check_i8_count(count);
  return _mm512_reduce_add_epi32(sum_rows<I8Step<Distance>>(a, b, count));
}

// A 16-bit lane adds four products per block: below 4 · 15 · 127 < 2^15.
struct DotsU2 {
  using Sum = __m512i;
  struct Query {
    __m512i planes[4];
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    const int8_t* q = query + 256 * block;
    return {
        {_mm512_loadu_si512(q), _mm512_loadu_si512(q + 64), _mm512_loadu_si512(q + 128), _mm512_loadu_si512(q + 192)}};
  }
  SAGITTA_TARGET static __m512i plane(__m512i shifted, __m512i query) {
    return _mm512_maddubs_epi16(_mm512_and_si512(shifted, _mm512_set1_epi8(3)), query);
  }
  SAGITTA_TARGET static __m512i add(__m512i sum, const uint8_t* code, const Query& q) {
    const __m512i c = _mm512_loadu_si512(code);
    const __m512i low = _mm512_add_epi16(plane(c, q.planes[0]), plane(_mm512_srli_epi16(c, 2), q.planes[1]));
    const __m512i high =
        _mm512_add_epi16(plane(_mm512_srli_epi16(c, 4), q.planes[2]), plane(_mm512_srli_epi16(c, 6), q.planes[3]));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_add_epi16(low, high), _mm512_set1_epi16(1)));
  }
};

struct DotsU4 {
  using Sum = __m512i;
  struct Query {
    __m512i low, high;
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    return {_mm512_loadu_si512(query + 128 * block), _mm512_loadu_si512(query + 128 * block + 64)};
  }
  SAGITTA_TARGET static __m512i add(__m512i sum, const uint8_t* code, const Query& q) {
    const __m512i c = _mm512_loadu_si512(code), mask = _mm512_set1_epi8(15);
    const __m512i low = _mm512_maddubs_epi16(_mm512_and_si512(c, mask), q.low);
    const __m512i high = _mm512_maddubs_epi16(_mm512_and_si512(_mm512_srli_epi16(c, 4), mask), q.high);
    const __m512i words = _mm512_add_epi16(low, high);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(words, _mm512_set1_epi16(1)));
  }
};

// Pairs of byte products exceed 16 bits, so bytes are widened first, the even and the odd ones
// apart.
struct DotsU8 {
  using Sum = __m512i;
  struct Query {
    __m512i even, odd;
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    const __m512i q = _mm512_loadu_si512(query + 64 * block);
    return {_mm512_srai_epi16(_mm512_slli_epi16(q, 8), 8), _mm512_srai_epi16(q, 8)};
  }
  SAGITTA_TARGET static __m512i add(__m512i sum, const uint8_t* code, const Query& q) {
    const __m512i c = _mm512_loadu_si512(code);
    const __m512i even = _mm512_madd_epi16(_mm512_and_si512(c, _mm512_set1_epi16(255)), q.even);
    const __m512i odd = _mm512_madd_epi16(_mm512_srli_epi16(c, 8), q.odd);
    return _mm512_add_epi32(sum, _mm512_add_epi32(even, odd));
  }
};

struct Floats {
  using Type = __m512;
  static constexpr size_t kLanes = simd::kLanes;
  SAGITTA_TARGET static Type load(const float* p) { return _mm512_loadu_ps(p); }
  SAGITTA_TARGET static void store(float* p, Type v) { _mm512_storeu_ps(p, v); }
  // Each stage adds the partner to the lane; the lane's sign turns where it is the upper of the
  // two.
  SAGITTA_TARGET static Type transform(Type v) {
    v = _mm512_fmadd_ps(v, _mm512_setr4_ps(1, -1, 1, -1), _mm512_permute_ps(v, 0xb1));
    v = _mm512_fmadd_ps(v, _mm512_setr4_ps(1, 1, -1, -1), _mm512_permute_ps(v, 0x4e));
    v = _mm512_fmadd_ps(v, _mm512_setr_ps(1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1),
                        _mm512_shuffle_f32x4(v, v, 0xb1));
    return _mm512_fmadd_ps(v, _mm512_setr_ps(1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1),
                           _mm512_shuffle_f32x4(v, v, 0x4e));
  }
};

// The sums of 64 sketches: those at even places, and those at odd ones.
struct SketchSums {
  __m512i even, odd;
};

// Bytes read behind the lanes of the last row still belong to the block, but to no sketch.
SAGITTA_TARGET inline SketchSums sketch_sums(const SketchQuery& query, const uint8_t* rows, size_t lanes) {
  const __m512i half = _mm512_set1_epi8(15), even = _mm512_set1_epi16(255);
  SketchSums sums{_mm512_setzero_si512(), _mm512_setzero_si512()};
#pragma GCC unroll 8
  for (size_t row = 0; row < SketchQuery::kRows; ++row) {
    const __m512i bytes = _mm512_loadu_si512(rows + row * lanes);
    const auto* tables = reinterpret_cast<const __m128i*>(query.tables) + 2 * row;
    const __m512i lower = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(tables[0]), _mm512_and_si512(bytes, half));
    const __m512i upper =
        _mm512_shuffle_epi8(_mm512_broadcast_i32x4(tables[1]), _mm512_and_si512(_mm512_srli_epi16(bytes, 4), half));
    sums.even =
        _mm512_add_epi16(sums.even, _mm512_add_epi16(_mm512_and_si512(lower, even), _mm512_and_si512(upper, even)));
    sums.odd = _mm512_add_epi16(sums.odd, _mm512_add_epi16(_mm512_srli_epi16(lower, 8), _mm512_srli_epi16(upper, 8)));
  }
  return sums;
}

SAGITTA_TARGET inline __m512 load(const Bf16* p) {
  const __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
}

SAGITTA_TARGET inline __mmask16 sketches_near(const SketchQuery& query, __m256i sums, const Bf16* offsets,
                                              const Bf16* scales) {
  const __m512 sum = _mm512_add_ps(_mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(sums)), _mm512_set1_ps(query.bias));
  const __m512 along = _mm512_mul_ps(_mm512_mul_ps(_mm512_set1_ps(query.scale_factor), load(scales)), sum);
  const __m512 says = _mm512_sub_ps(_mm512_mul_ps(_mm512_set1_ps(query.offset_factor), load(offsets)), along);
  return _mm512_cmp_ps_mask(says, _mm512_set1_ps(query.limit), _CMP_NGE_UQ);
}

SAGITTA_TARGET size_t keep_near(const SketchQuery& query, const uint8_t* block, size_t lanes, uint32_t* items,
                                size_t count) {
  check_sketches(lanes, count);
  const auto* const offsets = reinterpret_cast<const Bf16*>(block + SketchQuery::kRows * lanes);
  const Bf16* const scales = offsets + lanes;
  size_t kept = 0;
  for (size_t begin = 0; begin < count; begin += 64) {
    const SketchSums sums = sketch_sums(query, block + begin, lanes);
    // Each quarter of a register holds the first eight sums, then the last eight.
    alignas(64) uint16_t in_order[64];
    const __m512i first = _mm512_unpacklo_epi16(sums.even, sums.odd), last = _mm512_unpackhi_epi16(sums.even, sums.odd);
    const __m512i low = _mm512_permutex2var_epi64(first, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), last);
    const __m512i high = _mm512_permutex2var_epi64(first, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), last);
    _mm512_store_si512(in_order, low);
    _mm512_store_si512(in_order + 32, high);
    for (size_t i = begin, end = std::min(count, begin + 64); i < end; i += kLanes) {
      const __m256i of_these = _mm256_load_si256(reinterpret_cast<const __m256i*>(in_order + (i - begin)));
      const auto there = static_cast<__mmask16>(mask_of(std::min(kLanes, end - i)));
      const auto near = static_cast<__mmask16>(sketches_near(query, of_these, offsets + i, scales + i) & there);
      _mm512_mask_compressstoreu_epi32(items + kept, near, _mm512_maskz_loadu_epi32(there, items + i));
      kept += static_cast<size_t>(__builtin_popcount(near));
    }
  }
  return kept;
}

// In ascending order, new[i] = min(old[i], max(old[i − 1], key)). Goes from the end, so that it
// reads old values, until a register holds nothing that moves.
SAGITTA_TARGET size_t insert_u64(uint64_t* keys, size_t count, uint64_t key) {
  constexpr size_t kKeys = 8;
  const __m512i one = _mm512_set1_epi64(static_cast<long long>(key)), none = _mm512_set1_epi64(-1);
  size_t i = count / kKeys * kKeys;
  __mmask8 there = static_cast<__mmask8>((1U << (count - i)) - 1), written = static_cast<__mmask8>(2 * there + 1);
  while (true) {
    const __m512i old = _mm512_mask_loadu_epi64(none, there, keys + i);
    const __mmask8 after_first = i == 0 ? 0xfe : 0xff;
    const __m512i before = _mm512_maskz_loadu_epi64(static_cast<__mmask8>(after_first & written), keys + i - 1);
    const auto less = static_cast<uint32_t>(_mm512_mask_cmplt_epu64_mask(there, old, one));
    _mm512_mask_storeu_epi64(keys + i, written, _mm512_min_epu64(old, _mm512_max_epu64(before, one)));
    if (less != 0 || i == 0) return i + static_cast<size_t>(__builtin_popcount(less));
    i -= kKeys;
    there = written = 0xff;
  }
}

// Every machine of this level has POPCNT; only some have VPOPCNTDQ.
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
    .dots_u2 = dots<Totals<OnePass<DotsU2>, false>>,
    .dots_u4 = dots<Totals<OnePass<DotsU4>, false>>,
    .dots_u8 = dots<Totals<OnePass<DotsU8>, false>>,
    .estimates = estimates,
    .keep_near = keep_near,
    .hadamard = hadamard<Floats>,
    .squares_f64 = squares_f64,
    .largest_f32 = largest_f32,
    .quantise_i8 = quantise_i8,
    .insert_u64 = insert_u64,
    .hamming_b1 = hamming_b1,
};

}  // namespace sagitta::simd
#endif
