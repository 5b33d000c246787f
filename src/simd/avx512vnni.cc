// The level with VNNI, whose instructions add up products of bytes.
#include "targets.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define SAGITTA_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,popcnt")))

#include "avx512_totals.h"

namespace sagitta::simd {
namespace {

// One half of each number in a block of codes: the low halves as they are, the high ones times 16.
template <int8_t kMask, size_t kOffset>
struct HalfBytes {
  using Sum = __m512i;
  using Query = __m512i;
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    return _mm512_loadu_si512(query + 128 * block + kOffset);
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, Query q) {
    return _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_loadu_si512(code), _mm512_set1_epi8(kMask)), q);
  }
};
using Low = HalfBytes<15, 0>;
using High = HalfBytes<-16, 64>;

struct LowAndHigh {
  struct Sum {
    __m512i low{}, high{};
  };
  struct Query {
    __m512i low, high;
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    return {Low::load(query, block), High::load(query, block)};
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, const Query& q) {
    return {Low::add(sum.low, code, q.low), High::add(sum.high, code, q.high)};
  }
};

// Shifting the sums of the high halves once saves a shift for every block. With a single block, its
// low halves are added to the shifted sum; with more, two sums for each code make a chain half as
// long.
struct DotsU4 {
  template <size_t kBlocks, size_t kCodes>
  SAGITTA_TARGET static void add(__m512i (&s)[kCodes], const uint8_t* const* codes, const int8_t* query,
                                 size_t blocks) {
    if constexpr (kBlocks == 1) {
      add_blocks<High, kBlocks>(s, codes, query, blocks);
#pragma GCC unroll 8
      for (__m512i& sum : s) sum = _mm512_srai_epi32(sum, 4);
      add_blocks<Low, kBlocks>(s, codes, query, blocks);
    } else {
      LowAndHigh::Sum both[kCodes] = {};
      add_blocks<LowAndHigh, kBlocks>(both, codes, query, blocks);
#pragma GCC unroll 8
      for (size_t i = 0; i < kCodes; ++i) s[i] = _mm512_add_epi32(both[i].low, _mm512_srai_epi32(both[i].high, 4));
    }
  }
};

struct Quarters {
  struct Sum {
    __m512i planes[4]{};
  };
  struct Query {
    __m512i planes[4];
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    const int8_t* q = query + 256 * block;
    return {
        {_mm512_loadu_si512(q), _mm512_loadu_si512(q + 64), _mm512_loadu_si512(q + 128), _mm512_loadu_si512(q + 192)}};
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, const Query& q) {
    const __m512i c = _mm512_loadu_si512(code);
#pragma GCC unroll 4
    for (size_t p = 0; p < 4; ++p) {
      const __m512i plane = _mm512_and_si512(c, _mm512_set1_epi8(static_cast<char>(3 << 2 * p)));
      sum.planes[p] = _mm512_dpbusd_epi32(sum.planes[p], plane, q.planes[p]);
    }
    return sum;
  }
  SAGITTA_TARGET static __m512i join(__m512i upper, __m512i lower) {
    return _mm512_add_epi32(_mm512_srai_epi32(upper, 2), lower);
  }
  SAGITTA_TARGET static __m512i joined(const Sum& sum) {
    return join(join(join(sum.planes[3], sum.planes[2]), sum.planes[1]), sum.planes[0]);
  }
};

// Each two bits are summed where they are, so times 64, 16, 4 and 1: shifting the sums saves shifts
// for every block.
struct DotsU2 {
  template <size_t kBlocks, size_t kCodes>
  SAGITTA_TARGET static void add(__m512i (&s)[kCodes], const uint8_t* const* codes, const int8_t* query,
                                 size_t blocks) {
    Quarters::Sum sums[kCodes] = {};
    add_blocks<Quarters, kBlocks>(sums, codes, query, blocks);
#pragma GCC unroll 8
    for (size_t i = 0; i < kCodes; ++i) s[i] = Quarters::joined(sums[i]);
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

/// A step of lanes.h over whole registers of bytes; Distance adds one pair of them.
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

// The instruction needs one unsigned side: Σ ab = Σ (a + 128)b − Σ 128b.
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
  check_i8_count(count);
  const DotI8::Sum sum = sum_rows<Bytes<DotI8>>(a, b, count);
  return _mm512_reduce_add_epi32(_mm512_sub_epi32(sum.shifted, sum.excess));
}

// d = |a − b| fits an unsigned byte but no signed one: Σ d² = Σ d(d − 128) + 2 Σ 64d.
struct L2I8 {
  struct Sum {
    __m512i shifted{}, half{};
  };
  SAGITTA_TARGET static Sum join(Sum x, Sum y) {
    return {_mm512_add_epi32(x.shifted, y.shifted), _mm512_add_epi32(x.half, y.half)};
  }
  SAGITTA_TARGET static Sum add_bytes(Sum sum, __m512i a, __m512i b) {
    const __m512i difference = _mm512_sub_epi8(_mm512_max_epi8(a, b), _mm512_min_epi8(a, b));
    return {_mm512_dpbusd_epi32(sum.shifted, difference, _mm512_xor_si512(difference, _mm512_set1_epi8(-128))),
            _mm512_dpbusd_epi32(sum.half, difference, _mm512_set1_epi8(64))};
  }
};

SAGITTA_TARGET int32_t l2_i8(const int8_t* a, const int8_t* b, size_t count) {
  check_i8_count(count);
  const L2I8::Sum sum = sum_rows<Bytes<L2I8>>(a, b, count);
  return _mm512_reduce_add_epi32(_mm512_add_epi32(sum.shifted, _mm512_slli_epi32(sum.half, 1)));
}

}  // namespace

const Kernels& avx512vnni_kernels() {
  static const Kernels kernels = [] {
    Kernels level = kAvx512Kernels;
    level.name = "avx512vnni";
    level.dot_i8 = dot_i8;
    level.l2_i8 = l2_i8;
    level.dots_u2 = dots<Totals<DotsU2, false>>;
    level.dots_u4 = dots<Totals<DotsU4, true>>;
    level.dots_u8 = dots<Totals<OnePass<DotsU8>, true>>;
    return level;
  }();
  return kernels;
}

}  // namespace sagitta::simd
#endif
