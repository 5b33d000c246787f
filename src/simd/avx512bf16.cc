// The level with BF16 instructions (Sapphire Rapids, Zen 4).
#include "targets.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define SAGITTA_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,popcnt")))

#include "lanes.h"

namespace sagitta::simd {
namespace {

// The instruction treats denormals as zero.
struct DotBf16 {
  using Sum = __m512;
  static constexpr size_t kLanes = 32;
  SAGITTA_TARGET static Sum join(Sum x, Sum y) { return _mm512_add_ps(x, y); }
  SAGITTA_TARGET static Sum add_pairs(Sum sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, __builtin_bit_cast(__m512bh, a), __builtin_bit_cast(__m512bh, b));
  }
  SAGITTA_TARGET static Sum add(Sum sum, const Bf16* a, const Bf16* b) {
    return add_pairs(sum, _mm512_loadu_si512(a), _mm512_loadu_si512(b));
  }
  SAGITTA_TARGET static Sum add_tail(Sum sum, const Bf16* a, const Bf16* b, size_t count) {
    const auto mask = static_cast<__mmask32>((uint64_t{1} << count) - 1);
    return add_pairs(sum, _mm512_maskz_loadu_epi16(mask, a), _mm512_maskz_loadu_epi16(mask, b));
  }
};

SAGITTA_TARGET float dot_bf16(const Bf16* a, const Bf16* b, size_t count) {
  return _mm512_reduce_add_ps(sum_rows<DotBf16>(a, b, count));
}

}  // namespace

const Kernels& avx512bf16_kernels() {
  static const Kernels kernels = [] {
    Kernels level = avx512vpopcntdq_kernels();
    level.name = "avx512bf16";
    level.dot_bf16 = dot_bf16;
    return level;
  }();
  return kernels;
}

}  // namespace sagitta::simd
#endif
