/// The levels behind kernels(), each in its own source file, compiled for its own instructions.
#pragma once

#include "sagitta/simd/kernels.h"

namespace sagitta::simd {

extern const Kernels kScalarKernels;
#if defined(__x86_64__)
/// AVX2, FMA, F16C and POPCNT: any x86-64-v3 machine.
extern const Kernels kAvx2Kernels;
/// AVX-512 F, BW, DQ and VL, with POPCNT: any x86-64-v4 machine.
extern const Kernels kAvx512Kernels;
#endif

}  // namespace sagitta::simd
