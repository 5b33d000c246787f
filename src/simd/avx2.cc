// The level of x86-64-v3: AVX2, FMA, F16C and POPCNT.
#include "targets.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#define SAGITTA_TARGET __attribute__((target("avx2,fma,f16c,popcnt")))

#include "lanes.h"
#include "plain.h"

namespace sagitta::simd {
namespace {

constexpr size_t kLanes = 8;

SAGITTA_TARGET inline __m256 load(const float* p) { return _mm256_loadu_ps(p); }
SAGITTA_TARGET inline __m256 load(const Half* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

/// Loads a tail and fills it with zeros; reading past it might leave the page.
template <class T, size_t kCount>
struct Padded {
  SAGITTA_TARGET Padded(const T* p, size_t count) { std::memcpy(values, p, count * sizeof(T)); }
  T values[kCount] = {};
};

template <class Step, class T>
SAGITTA_TARGET inline typename Step::Sum add_padded(typename Step::Sum sum, const T* a, const T* b, size_t count) {
  const Padded<T, Step::kLanes> x(a, count), y(b, count);
  return Step::add(sum, x.values, y.values);
}

struct Dot {
  SAGITTA_TARGET static __m256 add(__m256 sum, __m256 a, __m256 b) { return _mm256_fmadd_ps(a, b, sum); }
};
struct L2 {
  SAGITTA_TARGET static __m256 add(__m256 sum, __m256 a, __m256 b) {
    const __m256 difference = _mm256_sub_ps(a, b);
    return _mm256_fmadd_ps(difference, difference, sum);
  }
};

struct FloatSum {
  using Sum = __m256;
  SAGITTA_TARGET static Sum join(Sum a, Sum b) { return _mm256_add_ps(a, b); }
};

template <class Distance, class T>
struct FloatStep : FloatSum {
  static constexpr size_t kLanes = simd::kLanes;
  SAGITTA_TARGET static Sum add(Sum sum, const T* a, const T* b) { return Distance::add(sum, load(a), load(b)); }
  SAGITTA_TARGET static Sum add_tail(Sum sum, const T* a, const T* b, size_t count) {
    return add_padded<FloatStep>(sum, a, b, count);
  }
};

// Elements at odd places are floats once the bits below them are masked; those at even places once
// they are shifted. A sum may take any order, so nothing moves between lanes.
template <class Distance>
struct FloatStep<Distance, Bf16> : FloatSum {
  static constexpr size_t kLanes = 2 * simd::kLanes;
  SAGITTA_TARGET static __m256 even(__m256i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(v, 16)); }
  SAGITTA_TARGET static __m256 odd(__m256i v) {
    return _mm256_castsi256_ps(_mm256_and_si256(v, _mm256_set1_epi32(static_cast<int>(0xffff0000))));
  }
  SAGITTA_TARGET static Sum add(Sum sum, const Bf16* a, const Bf16* b) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
    const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
    return Distance::add(Distance::add(sum, even(x), even(y)), odd(x), odd(y));
  }
  SAGITTA_TARGET static Sum add_tail(Sum sum, const Bf16* a, const Bf16* b, size_t count) {
    return add_padded<FloatStep>(sum, a, b, count);
  }
};

template <class Distance, class T>
SAGITTA_TARGET float sum_floats(const T* a, const T* b, size_t count) {
  const __m256 sum = sum_rows<FloatStep<Distance, T>>(a, b, count);
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

SAGITTA_TARGET inline __m256i load_i8(const int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

struct DotI8 {
  SAGITTA_TARGET static __m256i pairs(__m256i a, __m256i b) { return _mm256_madd_epi16(a, b); }
};
struct L2I8 {
  SAGITTA_TARGET static __m256i pairs(__m256i a, __m256i b) {
    const __m256i difference = _mm256_sub_epi16(a, b);
    return _mm256_madd_epi16(difference, difference);
  }
};

template <class Distance>
struct I8Step {
  using Sum = __m256i;
  static constexpr size_t kLanes = 16;
  SAGITTA_TARGET static Sum join(Sum a, Sum b) { return _mm256_add_epi32(a, b); }
  SAGITTA_TARGET static Sum add(Sum sum, const int8_t* a, const int8_t* b) {
    return join(sum, Distance::pairs(load_i8(a), load_i8(b)));
  }
  SAGITTA_TARGET static Sum add_tail(Sum sum, const int8_t* a, const int8_t* b, size_t count) {
    return add_padded<I8Step>(sum, a, b, count);
  }
};

template <class Distance>
SAGITTA_TARGET int32_t sum_i8(const int8_t* a, const int8_t* b, size_t count) {
  check_i8_count(count);
  const __m256i sum = sum_rows<I8Step<Distance>>(a, b, count);
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

SAGITTA_TARGET inline __m256i load_bytes(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

SAGITTA_TARGET inline __m256i add_pairs(__m256i sum, __m256i words) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
}

template <class Step>
struct OnePass {
  static constexpr bool kPairs = false;
  template <size_t kBlocks>
  SAGITTA_TARGET static __m128i totals(const uint8_t* const* codes, const int8_t* query, size_t blocks) {
    __m256i s[kBatch] = {};
    add_blocks<Step, kBlocks>(s, codes, query, blocks);
    const __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]), _mm256_hadd_epi32(s[2], s[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  }
};

// A 16-bit lane adds eight products per block: below 8 · 15 · 127 < 2^15.
struct DotsU2 {
  using Sum = __m256i;
  struct Query {
    const int8_t* at;
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) { return {query + 256 * block}; }
  SAGITTA_TARGET static __m256i plane(__m256i shifted, const int8_t* query) {
    return _mm256_maddubs_epi16(_mm256_and_si256(shifted, _mm256_set1_epi8(3)), load_bytes(query));
  }
  SAGITTA_TARGET static __m256i half(const uint8_t* code, const int8_t* query) {
    const __m256i c = load_bytes(code);
    const __m256i low = _mm256_add_epi16(plane(c, query), plane(_mm256_srli_epi16(c, 2), query + 64));
    const __m256i high =
        _mm256_add_epi16(plane(_mm256_srli_epi16(c, 4), query + 128), plane(_mm256_srli_epi16(c, 6), query + 192));
    return _mm256_add_epi16(low, high);
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, const Query& q) {
    return add_pairs(sum, _mm256_add_epi16(half(code, q.at), half(code + 32, q.at + 32)));
  }
};

struct DotsU4 {
  using Sum = __m256i;
  struct Query {
    __m256i low[2], high[2];
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    const int8_t* q = query + 128 * block;
    return {{load_bytes(q), load_bytes(q + 32)}, {load_bytes(q + 64), load_bytes(q + 96)}};
  }
  SAGITTA_TARGET static __m256i half(const uint8_t* code, __m256i low, __m256i high) {
    const __m256i c = load_bytes(code), mask = _mm256_set1_epi8(15);
    return _mm256_add_epi16(_mm256_maddubs_epi16(_mm256_and_si256(c, mask), low),
                            _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(c, 4), mask), high));
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, const Query& q) {
    const __m256i words = _mm256_add_epi16(half(code, q.low[0], q.high[0]), half(code + 32, q.low[1], q.high[1]));
    return add_pairs(sum, words);
  }
};

// Pairs of byte products exceed 16 bits, so both sides are widened first. The words of a query fill
// the registers, so a loop over blocks is faster than unrolled blocks.
struct DotsU8 {
  using Sum = __m256i;
  struct Query {
    __m256i words[4];
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    const int8_t* q = query + 64 * block;
    return {{load_i8(q), load_i8(q + 16), load_i8(q + 32), load_i8(q + 48)}};
  }
  SAGITTA_TARGET static __m256i quarter(const uint8_t* code, __m256i query) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(code));
    return _mm256_madd_epi16(_mm256_cvtepu8_epi16(bytes), query);
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, const Query& q) {
    const __m256i first = _mm256_add_epi32(quarter(code, q.words[0]), quarter(code + 16, q.words[1]));
    const __m256i second = _mm256_add_epi32(quarter(code + 32, q.words[2]), quarter(code + 48, q.words[3]));
    return _mm256_add_epi32(sum, _mm256_add_epi32(first, second));
  }
};

struct Floats {
  using Type = __m256;
  static constexpr size_t kLanes = simd::kLanes;
  SAGITTA_TARGET static Type load(const float* p) { return _mm256_loadu_ps(p); }
  SAGITTA_TARGET static void store(float* p, Type v) { _mm256_storeu_ps(p, v); }
  // Each stage adds the partner to the lane; the lane's sign turns where it is the upper of the
  // two.
  SAGITTA_TARGET static Type transform(Type v) {
    v = _mm256_fmadd_ps(v, _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1), _mm256_permute_ps(v, 0xb1));
    v = _mm256_fmadd_ps(v, _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1), _mm256_permute_ps(v, 0x4e));
    return _mm256_fmadd_ps(v, _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1), _mm256_permute2f128_ps(v, v, 1));
  }
};

SAGITTA_TARGET inline __m256 load(const Bf16* p) {
  const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(words, 16));
}

// A register holds the lower half bytes of 16 sketches in its lower half and the upper ones in its
// upper half, in the order of a row's two tables.
SAGITTA_TARGET inline __m256i sketch_sums(const SketchQuery& query, const uint8_t* rows, size_t lanes) {
  __m256i sums = _mm256_setzero_si256();
#pragma GCC unroll 8
  for (size_t row = 0; row < SketchQuery::kRows; ++row) {
    const __m256i bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows)));
    const __m256i halves = _mm256_blend_epi32(bytes, _mm256_srli_epi16(bytes, 4), 0xf0);
    const __m256i tables = _mm256_load_si256(reinterpret_cast<const __m256i*>(query.tables) + row);
    const __m256i entries = _mm256_shuffle_epi8(tables, _mm256_and_si256(halves, _mm256_set1_epi8(15)));
    sums = _mm256_add_epi16(sums, _mm256_cvtepu8_epi16(_mm256_castsi256_si128(entries)));
    sums = _mm256_add_epi16(sums, _mm256_cvtepu8_epi16(_mm256_extracti128_si256(entries, 1)));
    rows += lanes;
  }
  return sums;
}

SAGITTA_TARGET inline uint32_t sketches_near(const SketchQuery& query, __m128i sums, const Bf16* offsets,
                                             const Bf16* scales) {
  const __m256 sum = _mm256_add_ps(_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(sums)), _mm256_set1_ps(query.bias));
  const __m256 along = _mm256_mul_ps(_mm256_mul_ps(_mm256_set1_ps(query.scale_factor), load(scales)), sum);
  const __m256 says = _mm256_sub_ps(_mm256_mul_ps(_mm256_set1_ps(query.offset_factor), load(offsets)), along);
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(says, _mm256_set1_ps(query.limit), _CMP_NGE_UQ)));
}

SAGITTA_TARGET size_t keep_near(const SketchQuery& query, const uint8_t* block, size_t lanes, uint32_t* items,
                                size_t count) {
  check_sketches(lanes, count);
  const auto* const offsets = reinterpret_cast<const Bf16*>(block + SketchQuery::kRows * lanes);
  const Bf16* const scales = offsets + lanes;
  size_t kept = 0;
  for (size_t i = 0; i < count; i += 16) {
    const __m256i sums = sketch_sums(query, block + i, lanes);
    const uint32_t near =
        sketches_near(query, _mm256_castsi256_si128(sums), offsets + i, scales + i) |
        sketches_near(query, _mm256_extracti128_si256(sums, 1), offsets + i + kLanes, scales + i + kLanes) << kLanes;
    for (size_t lane = 0, end = std::min<size_t>(16, count - i); lane < end; ++lane) {
      items[kept] = items[i + lane];
      kept += near >> lane & 1;
    }
  }
  return kept;
}

SAGITTA_TARGET size_t insert_u64(uint64_t* keys, size_t count, uint64_t key) {
  return kScalarKernels.insert_u64(keys, count, key);
}

SAGITTA_TARGET uint32_t hamming_b1(const uint8_t* a, const uint8_t* b, size_t count) {
  uint64_t sum = 0, x = 0, y = 0;
  size_t i = 0;
  for (; i + sizeof x <= count; i += sizeof x) {
    std::memcpy(&x, a + i, sizeof x);
    std::memcpy(&y, b + i, sizeof y);
    sum += static_cast<uint64_t>(_mm_popcnt_u64(x ^ y));
  }
  if (i == count) return static_cast<uint32_t>(sum);
  x = y = 0;
  std::memcpy(&x, a + i, count - i);
  std::memcpy(&y, b + i, count - i);
  return static_cast<uint32_t>(sum + static_cast<uint64_t>(_mm_popcnt_u64(x ^ y)));
}

}  // namespace

const Kernels kAvx2Kernels{
    .name = "avx2",
    .dot_f32 = sum_floats<Dot, float>,
    .l2_f32 = sum_floats<L2, float>,
    .dot_f16 = sum_floats<Dot, Half>,
    .l2_f16 = sum_floats<L2, Half>,
    .dot_bf16 = sum_floats<Dot, Bf16>,
    .l2_bf16 = sum_floats<L2, Bf16>,
    .dot_i8 = sum_i8<DotI8>,
    .l2_i8 = sum_i8<L2I8>,
    .dots_u2 = dots<OnePass<DotsU2>>,
    .dots_u4 = dots<OnePass<DotsU4>>,
    .dots_u8 = dots_of<OnePass<DotsU8>, 0>,
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
