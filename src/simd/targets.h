/// The levels behind kernels(), each in its own source, compiled for its own instructions.
#pragma once

#include <cmath>

#include "sagitta/base/assert.h"
#include "sagitta/simd/kernels.h"

namespace sagitta::simd {

extern const Kernels kScalarKernels;
#if defined(__x86_64__)
/// AVX2, FMA, F16C and POPCNT: any x86-64-v3 machine.
extern const Kernels kAvx2Kernels;
/// AVX-512 F, BW, DQ and VL, with POPCNT: any x86-64-v4 machine.
extern const Kernels kAvx512Kernels;
/// The same plus VNNI, for the integer dot products.
const Kernels& avx512vnni_kernels();
/// The same plus VPOPCNTDQ, which counts bits (Ice Lake, Zen 4).
const Kernels& avx512vpopcntdq_kernels();
/// The same plus BF16, for dot products of bfloat16 (Sapphire Rapids, Zen 4).
const Kernels& avx512bf16_kernels();
#endif

inline float hadamard_scale(uint32_t log2) {
  SAGITTA_ASSERT(log2 <= 14);
  return 1.0F / std::sqrt(static_cast<float>(uint32_t{1} << log2));
}

// What kernels.h asks of callers, where asking costs nothing.
inline void check_i8_count(size_t count) { SAGITTA_ASSERT(count < size_t{1} << 17); }
inline void check_sketches(size_t lanes, size_t count) { SAGITTA_ASSERT(lanes % 16 == 0 && count <= lanes); }

}  // namespace sagitta::simd
