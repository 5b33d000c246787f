#include "targets.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define SAGITTA_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,popcnt")))

#include "avx512_totals.h"
#include "lanes.h"

namespace sagitta::simd {
namespace {

struct DotsU4 : DotsStep {
  struct Query {
    __m512i low, high;
  };
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) {
    return {_mm512_loadu_si512(query + 128 * block), _mm512_loadu_si512(query + 128 * block + 64)};
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, const Query& q) {
    const __m512i c = _mm512_loadu_si512(code), mask = _mm512_set1_epi8(15);
    const __m512i low = _mm512_dpbusd_epi32(sum.lanes, _mm512_and_si512(c, mask), q.low);
    return {_mm512_dpbusd_epi32(low, _mm512_and_si512(_mm512_srli_epi16(c, 4), mask), q.high)};
  }
};

struct DotsU8 : DotsStep {
  using Query = __m512i;
  SAGITTA_TARGET static Query load(const int8_t* query, size_t block) { return _mm512_loadu_si512(query + 64 * block); }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* code, const Query& q) {
    return {_mm512_dpbusd_epi32(sum.lanes, _mm512_loadu_si512(code), q)};
  }
};

constexpr size_t kByteLanes = 64;

// The instruction wants one side unsigned: Σ ab = Σ (a + 128)b − Σ 128b.
struct I8Sum {
  __m512i shifted{}, excess{};
  SAGITTA_TARGET void add(__m512i a, __m512i b) {
    const __m512i sign = _mm512_set1_epi8(-128);
    shifted = _mm512_dpbusd_epi32(shifted, _mm512_xor_si512(a, sign), b);
    excess = _mm512_dpbusd_epi32(excess, sign, b);
  }
  SAGITTA_TARGET __m512i lanes() const { return _mm512_sub_epi32(shifted, excess); }
};

// Four sums hide the latency of the instruction.
SAGITTA_TARGET int32_t dot_i8(const int8_t* a, const int8_t* b, size_t count) {
  I8Sum s0, s1, s2, s3;
  size_t i = 0;
  for (; i + 4 * kByteLanes <= count; i += 4 * kByteLanes) {
    s0.add(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
    s1.add(_mm512_loadu_si512(a + i + kByteLanes), _mm512_loadu_si512(b + i + kByteLanes));
    s2.add(_mm512_loadu_si512(a + i + 2 * kByteLanes), _mm512_loadu_si512(b + i + 2 * kByteLanes));
    s3.add(_mm512_loadu_si512(a + i + 3 * kByteLanes), _mm512_loadu_si512(b + i + 3 * kByteLanes));
  }
  for (; i + kByteLanes <= count; i += kByteLanes) s0.add(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
  if (i < count) {
    const auto mask = static_cast<__mmask64>((uint64_t{1} << (count - i)) - 1);
    s1.add(_mm512_maskz_loadu_epi8(mask, a + i), _mm512_maskz_loadu_epi8(mask, b + i));
  }
  const __m512i front = _mm512_add_epi32(s0.lanes(), s1.lanes()), back = _mm512_add_epi32(s2.lanes(), s3.lanes());
  return _mm512_reduce_add_epi32(_mm512_add_epi32(front, back));
}

}  // namespace

const Kernels& avx512vnni_kernels() {
  static const Kernels kernels = [] {
    Kernels level = kAvx512Kernels;
    level.name = "avx512vnni";
    level.dot_i8 = dot_i8;
    level.dots_u4 = dots<DotsU4>;
    level.dots_u8 = dots<DotsU8>;
    return level;
  }();
  return kernels;
}

}  // namespace sagitta::simd
#endif
