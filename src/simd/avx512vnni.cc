#include "targets.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define SAGITTA_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,popcnt")))

#include "avx512_totals.h"

namespace sagitta::simd {
namespace {

constexpr size_t kHalfBlock = 64;  // numbers

struct High {
  using Sum = __m512i;
  using Query = __m512i;
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    return _mm512_loadu_si512(query + 2 * kHalfBlock * block + kHalfBlock);
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, Query q) {
    const __m512i sixteenfold = _mm512_and_si512(_mm512_loadu_si512(code), _mm512_set1_epi8(-16));
    return _mm512_dpbusd_epi32(sum, sixteenfold, q);
  }
};

struct Low {
  using Sum = __m512i;
  using Query = __m512i;
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    return _mm512_loadu_si512(query + 2 * kHalfBlock * block);
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, Query q) {
    return _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_loadu_si512(code), _mm512_set1_epi8(15)), q);
  }
};

// The high halves are summed first, sixteenfold as they stand: one shift of the sums spares one for every block.
struct DotsU4 {
  template <size_t kBlocks>
  SAGITTA_TARGET static __m128i totals(const uint8_t* const* codes, const int8_t* query, size_t blocks) {
    __m512i sums[kBatch] = {};
    add_blocks<High, kBlocks>(sums, codes, query, blocks);
#pragma GCC unroll 4
    for (__m512i& sum : sums) sum = _mm512_srai_epi32(sum, 4);
    add_blocks<Low, kBlocks>(sums, codes, query, blocks);
    return totals_of(sums);
  }
};

struct DotsU8 {
  using Sum = __m512i;
  using Query = __m512i;
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) { return _mm512_loadu_si512(query + 64 * block); }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, Query q) {
    return _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(code), q);
  }
};

/// A step of lanes.h over whole registers of bytes, of which Distance adds one pair.
template <class Distance>
struct Bytes : Distance {
  using typename Distance::Sum;
  static constexpr size_t kLanes = 64;
  SAGITTA_TARGET static Sum add(Sum sum, const int8_t* a, const int8_t* b) {
    return Distance::add_bytes(sum, _mm512_loadu_si512(a), _mm512_loadu_si512(b));
  }
  SAGITTA_TARGET static Sum add_tail(Sum sum, const int8_t* a, const int8_t* b, size_t count) {
    const __mmask64 mask = (uint64_t{1} << count) - 1;
    return Distance::add_bytes(sum, _mm512_maskz_loadu_epi8(mask, a), _mm512_maskz_loadu_epi8(mask, b));
  }
};

// The instruction wants one side unsigned: Σ ab = Σ (a + 128)b − Σ 128b.
struct DotI8 {
  struct Sum {
    __m512i shifted{}, excess{};
  };
  SAGITTA_TARGET static Sum join(Sum x, Sum y) {
    return {_mm512_add_epi32(x.shifted, y.shifted), _mm512_add_epi32(x.excess, y.excess)};
  }
  SAGITTA_TARGET static Sum add_bytes(Sum sum, __m512i a, __m512i b) {
    const __m512i sign = _mm512_set1_epi8(-128);
    return {_mm512_dpbusd_epi32(sum.shifted, _mm512_xor_si512(a, sign), b), _mm512_dpbusd_epi32(sum.excess, sign, b)};
  }
};

SAGITTA_TARGET int32_t dot_i8(const int8_t* a, const int8_t* b, size_t count) {
  const DotI8::Sum sum = sum_rows<Bytes<DotI8>>(a, b, count);
  return _mm512_reduce_add_epi32(_mm512_sub_epi32(sum.shifted, sum.excess));
}

// |a − b| fits an unsigned byte; its square comes from the even and the odd bytes as words.
struct L2I8 {
  using Sum = __m512i;
  SAGITTA_TARGET static Sum join(Sum x, Sum y) { return _mm512_add_epi32(x, y); }
  SAGITTA_TARGET static Sum add_bytes(Sum sum, __m512i a, __m512i b) {
    const __m512i difference = _mm512_sub_epi8(_mm512_max_epi8(a, b), _mm512_min_epi8(a, b));
    const __m512i even = _mm512_and_si512(difference, _mm512_set1_epi16(255)), odd = _mm512_srli_epi16(difference, 8);
    return _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(sum, even, even), odd, odd);
  }
};

SAGITTA_TARGET int32_t l2_i8(const int8_t* a, const int8_t* b, size_t count) {
  return _mm512_reduce_add_epi32(sum_rows<Bytes<L2I8>>(a, b, count));
}

}  // namespace

const Kernels& avx512vnni_kernels() {
  static const Kernels kernels = [] {
    Kernels level = kAvx512Kernels;
    level.name = "avx512vnni";
    level.dot_i8 = dot_i8;
    level.l2_i8 = l2_i8;
    level.dots_u4 = dots<DotsU4>;
    level.dots_u8 = dots<OnePass<DotsU8>>;
    return level;
  }();
  return kernels;
}

}  // namespace sagitta::simd
#endif
