// The level with VPOPCNTDQ, which counts bits (Ice Lake, Zen 4).
#include "targets.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define SAGITTA_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx2,fma,popcnt")))

#include "lanes.h"

namespace sagitta::simd {
namespace {

struct DifferentBits {
  using Sum = __m512i;
  static constexpr size_t kLanes = 64;
  SAGITTA_TARGET static Sum join(Sum x, Sum y) { return _mm512_add_epi64(x, y); }
  SAGITTA_TARGET static Sum add_bytes(Sum sum, __m512i a, __m512i b) {
    return join(sum, _mm512_popcnt_epi64(_mm512_xor_si512(a, b)));
  }
  SAGITTA_TARGET static Sum add(Sum sum, const uint8_t* a, const uint8_t* b) {
    return add_bytes(sum, _mm512_loadu_si512(a), _mm512_loadu_si512(b));
  }
  SAGITTA_TARGET static Sum add_tail(Sum sum, const uint8_t* a, const uint8_t* b, size_t count) {
    const __mmask64 mask = (uint64_t{1} << count) - 1;
    return add_bytes(sum, _mm512_maskz_loadu_epi8(mask, a), _mm512_maskz_loadu_epi8(mask, b));
  }
};

SAGITTA_TARGET uint32_t hamming_b1(const uint8_t* a, const uint8_t* b, size_t count) {
  return static_cast<uint32_t>(_mm512_reduce_add_epi64(sum_rows<DifferentBits>(a, b, count)));
}

}  // namespace

const Kernels& avx512vpopcntdq_kernels() {
  static const Kernels kernels = [] {
    Kernels level = avx512vnni_kernels();
    level.name = "avx512vpopcntdq";
    level.hamming_b1 = hamming_b1;
    return level;
  }();
  return kernels;
}

}  // namespace sagitta::simd
#endif
