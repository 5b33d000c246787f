// What one distance costs in L1, for each kernel and level: ns, and bytes read of rows per cycle,
// so that machines of different clocks compare. Beside it, what the same kernel of a good library
// took on a Zen 5, and the yardstick of this machine: a bare loop that loads both operands and does
// the least arithmetic there is for them, with no call, no tail and no sum over lanes. Kernel and
// yardstick take turns, so that both see the same machine.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "sagitta/simd/kernels.h"

using namespace sagitta::simd;

namespace {

// Short and many, so that some fall into moments when no other thread works on the same core.
constexpr int kRounds = 3000;
constexpr double kRoundNs = 5e3;
constexpr size_t kRows = 16, kLongRows = 4;  // as many as stay in L1 beside the query
constexpr size_t kAlignment = 64;

constexpr size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

struct AlignedFree {
  void operator()(char* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<char, AlignedFree>;

// Small numbers whatever they are read as: no NaN, no denormal, no overflow.
Buffer filled(size_t bytes) {
  Buffer buffer(static_cast<char*>(std::aligned_alloc(kAlignment, aligned(bytes))));
  std::fill_n(buffer.get(), bytes, '\x3c');
  return buffer;
}

using Work = std::function<void()>;

double elapsed_ns(const Work& once, size_t repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < repeats; ++i) once();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

size_t repeats_of(const Work& once) {
  size_t repeats = 1;
  while (elapsed_ns(once, repeats) < kRoundNs) repeats *= 2;
  return repeats;
}

// The least of several rounds of each: what disturbs a round only ever adds to it.
std::pair<double, double> least_ns(const Work& first, const Work& second) {
  const size_t repeats[] = {repeats_of(first), second ? repeats_of(second) : 0};
  double least[] = {std::numeric_limits<double>::max(), std::numeric_limits<double>::max()};
  for (int i = 0; i < kRounds; ++i) {
    least[0] = std::min(least[0], elapsed_ns(first, repeats[0]) / static_cast<double>(repeats[0]));
    if (second) least[1] = std::min(least[1], elapsed_ns(second, repeats[1]) / static_cast<double>(repeats[1]));
  }
  return {least[0], second ? least[1] : 0};
}

// A chain of multiplications takes three cycles for each on every x86-64 machine of the last ten
// years. The clock is the one that the level's own instructions leave behind: wide ones lower it
// for a while.
double clock_ghz(const Kernels& level) {
  constexpr size_t kChain = 1 << 14, kDim = 768;
  const Buffer row = filled(kDim * sizeof(float));
  const auto* floats = reinterpret_cast<const float*>(row.get());
  double least = std::numeric_limits<double>::max();
  for (int i = 0; i < kRounds / 10; ++i) {
    for (int k = 0; k < 100; ++k) level.dot_f32(floats, floats, kDim);
    const Work chain = [] {
      uint64_t x = 3;
      for (size_t k = 0; k < kChain; ++k) asm volatile("imul %0, %0" : "+r"(x));
    };
    least = std::min(least, elapsed_ns(chain, 1));
  }
  return 3 * kChain / least;
}

// Yardsticks. `bare` takes whole rows of a dimension known beforehand; its sums run on through all
// of them.
#if defined(__x86_64__)
#define SAGITTA_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,popcnt"), always_inline))
#define SAGITTA_LOOP \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,popcnt"), noinline))

constexpr size_t kRegister = 64;  // bytes

struct DotOf {
  SAGITTA_TARGET static __m512 add(__m512 sum, __m512 a, __m512 b) { return _mm512_fmadd_ps(a, b, sum); }
};
struct L2Of {
  SAGITTA_TARGET static __m512 add(__m512 sum, __m512 a, __m512 b) {
    const __m512 difference = _mm512_sub_ps(a, b);
    return _mm512_fmadd_ps(difference, difference, sum);
  }
};

template <class Distance>
struct F32 : Distance {
  using Sum = __m512;
  SAGITTA_TARGET static Sum step(Sum sum, const char* a, const char* b) {
    return Distance::add(sum, _mm512_loadu_ps(a), _mm512_loadu_ps(b));
  }
};
template <class Distance>
struct F16 : Distance {
  using Sum = __m512;
  SAGITTA_TARGET static __m512 load(const char* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  SAGITTA_TARGET static Sum step(Sum sum, const char* a, const char* b) {
    sum = Distance::add(sum, load(a), load(b));
    return Distance::add(sum, load(a + kRegister / 2), load(b + kRegister / 2));
  }
};
template <class Distance>
struct B16 : Distance {
  using Sum = __m512;
  SAGITTA_TARGET static Sum step(Sum sum, const char* a, const char* b) {
    const __m512i x = _mm512_loadu_si512(a), y = _mm512_loadu_si512(b);
    const __m512i odd = _mm512_set1_epi32(static_cast<int>(0xffff0000));
    sum = Distance::add(sum, _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)),
                        _mm512_castsi512_ps(_mm512_slli_epi32(y, 16)));
    return Distance::add(sum, _mm512_castsi512_ps(_mm512_and_si512(x, odd)),
                         _mm512_castsi512_ps(_mm512_and_si512(y, odd)));
  }
};
// Of signed bytes, what an instruction for them would do.
struct DotI8 {
  using Sum = __m512i;
  SAGITTA_TARGET static Sum step(Sum sum, const char* a, const char* b) {
    return _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(a), _mm512_loadu_si512(b));
  }
};
struct L2I8 {
  using Sum = __m512i;
  SAGITTA_TARGET static Sum step(Sum sum, const char* a, const char* b) {
    const __m512i difference = _mm512_sub_epi8(_mm512_loadu_si512(a), _mm512_loadu_si512(b));
    return _mm512_dpbusd_epi32(sum, difference, difference);
  }
};

constexpr size_t kSums = 8;

template <class Step, size_t kBytes>
SAGITTA_LOOP void bare(const char* rows, size_t count, const char* query) {
  typename Step::Sum s[kSums] = {};
  for (const char* end = rows + count * kBytes; rows != end; rows += kBytes) {
    asm volatile("" : "+r"(query));  // its loads are part of the work
#pragma GCC unroll 64
    for (size_t k = 0; k < kBytes / kRegister; ++k) {
      s[k % kSums] = Step::step(s[k % kSums], rows + k * kRegister, query + k * kRegister);
    }
  }
#pragma GCC unroll 8
  for (auto& sum : s) asm volatile("" : "+v"(sum));
}

template <size_t kBytes>
SAGITTA_LOOP void bare_hamming(const char* rows, size_t count, const char* query) {
  uint64_t s[4] = {};
  for (const char* end = rows + count * aligned(kBytes); rows != end; rows += aligned(kBytes)) {
    asm volatile("" : "+r"(query));
#pragma GCC unroll 64
    for (size_t k = 0; k < kBytes / 8; ++k) {
      uint64_t word, other;
      std::memcpy(&word, rows + 8 * k, sizeof word);
      std::memcpy(&other, query + 8 * k, sizeof other);
      s[k % 4] += static_cast<uint64_t>(_mm_popcnt_u64(word ^ other));
    }
  }
  for (auto& sum : s) asm volatile("" : "+r"(sum));
}

// Batches share their loads of the query, as those of the library do.
struct Byte {
  static constexpr size_t kQuery = 64;
  SAGITTA_TARGET static void add(__m512i* s, size_t block, __m512i code, const __m512i* query) {
    s[block % 2] = _mm512_dpbusd_epi32(s[block % 2], code, query[0]);
  }
};
struct Nibbles {
  static constexpr size_t kQuery = 128;
  SAGITTA_TARGET static void add(__m512i* s, size_t, __m512i code, const __m512i* query) {
    s[0] = _mm512_dpbusd_epi32(s[0], _mm512_and_si512(code, _mm512_set1_epi8(15)), query[0]);
    s[1] = _mm512_dpbusd_epi32(s[1], _mm512_and_si512(code, _mm512_set1_epi8(-16)), query[1]);
  }
};

template <class Codes, size_t kBytes>
SAGITTA_LOOP void bare_codes(const char* rows, size_t count, const char* query) {
  constexpr size_t kBatch = 4;
  __m512i s[2 * kBatch] = {};
  for (const char* end = rows + count * kBytes; rows != end; rows += kBatch * kBytes) {
    asm volatile("" : "+r"(query));
#pragma GCC unroll 12
    for (size_t k = 0; k < kBytes / kRegister; ++k) {
      const char* q = query + k * Codes::kQuery;
      const __m512i halves[2] = {_mm512_loadu_si512(q), _mm512_loadu_si512(q + Codes::kQuery - kRegister)};
#pragma GCC unroll 4
      for (size_t i = 0; i < kBatch; ++i) {
        Codes::add(s + 2 * i, k, _mm512_loadu_si512(rows + i * kBytes + k * kRegister), halves);
      }
    }
  }
#pragma GCC unroll 8
  for (auto& sum : s) asm volatile("" : "+v"(sum));
}
#endif

using Bare = void (*)(const char* rows, size_t count, const char* query);

/// Null where this machine has none of ours.
struct Yardsticks {
  Bare dot_f32 = nullptr, l2_f32 = nullptr, dot_f16 = nullptr, l2_f16 = nullptr, dot_bf16 = nullptr, l2_bf16 = nullptr,
       dot_i8 = nullptr, l2_i8 = nullptr, hamming_b1 = nullptr, dots_u4 = nullptr, dots_u8 = nullptr;
};

template <size_t kDim>
Yardsticks yardsticks() {
#if defined(__x86_64__)
  if (kernels_named("avx512vnni") != nullptr) {
    return {bare<F32<DotOf>, 4 * kDim>, bare<F32<L2Of>, 4 * kDim>,
            bare<F16<DotOf>, 2 * kDim>, bare<F16<L2Of>, 2 * kDim>,
            bare<B16<DotOf>, 2 * kDim>, bare<B16<L2Of>, 2 * kDim>,
            bare<DotI8, kDim>,          bare<L2I8, kDim>,
            bare_hamming<kDim / 8>,     bare_codes<Nibbles, kDim / 2>,
            bare_codes<Byte, kDim>};
  }
#endif
  return {};
}

struct Row {
  std::string_view kernel;
  size_t dim, bytes;   // of one row
  double ns, bare_ns;  // of one distance; 0: no yardstick
  double zen5_ns;      // 0: not known
};

std::string shown_unless_zero(double value, int decimals) {
  return value == 0 ? "" : fmt::format("{:.{}f}", value, decimals);
}

void print(std::string_view level, const Row& row, double ghz) {
  const double cycles = row.ns * ghz, rate = 100 * row.bare_ns / row.ns;
  fmt::print("{:11} {:10} {:5} {:9.2f} {:9.1f} {:9.1f} {:>9} {:>6} {:>9}\n", level, row.kernel, row.dim, row.ns, cycles,
             static_cast<double>(row.bytes) / cycles, shown_unless_zero(row.bare_ns, 2), shown_unless_zero(rate, 0),
             shown_unless_zero(row.zen5_ns, 1));
}

Work bare_work(Bare bare, const Buffer& rows, size_t count, const Buffer& query) {
  if (bare == nullptr) return {};
  return [=, rows = rows.get(), query = query.get()] { bare(rows, count, query); };
}

// The results meet in a general register, which outlives calls: a sum of floats would go through
// memory.
template <class T, class Sum>
Row measure_rows(std::string_view kernel, Sum (*distance)(const T*, const T*, size_t), Bare bare, size_t dim,
                 size_t count, double zen5_ns) {
  const size_t bytes = count * sizeof(T), apart = aligned(bytes), rows = apart > 1024 ? kLongRows : kRows;
  const Buffer data = filled(rows * apart), query = filled(apart);
  volatile uint32_t sink{};
  const Work work = [=, &sink, at = data.get(), other = reinterpret_cast<const T*>(query.get())] {
    uint32_t sum = 0;
    for (size_t i = 0; i < rows; ++i) {
      sum += std::bit_cast<uint32_t>(distance(reinterpret_cast<const T*>(at + i * apart), other, count));
    }
    sink = sum;
  };
  const auto [ns, bare_ns] = least_ns(work, bare_work(bare, data, rows, query));
  return {kernel, dim, bytes, ns / static_cast<double>(rows), bare_ns / static_cast<double>(rows), zen5_ns};
}

using Dots = void (*)(const uint8_t* const*, size_t, const int8_t*, size_t, int32_t*);

Row measure_dots(std::string_view kernel, Dots dots, Bare bare, size_t dim, size_t numbers_per_block, double zen5_ns) {
  const size_t blocks = dim / numbers_per_block, bytes = 64 * blocks;
  const Buffer data = filled(kRows * bytes), query = filled(dim);
  const uint8_t* codes[kRows];
  for (size_t i = 0; i < kRows; ++i) codes[i] = reinterpret_cast<const uint8_t*>(data.get() + i * bytes);
  int32_t sums[kRows];
  const Work work = [&] { dots(codes, kRows, reinterpret_cast<const int8_t*>(query.get()), blocks, sums); };
  const auto [ns, bare_ns] = least_ns(work, bare_work(bare, data, kRows, query));
  return {kernel, dim, bytes, ns / kRows, bare_ns / kRows, zen5_ns};
}

Row measure_hadamard(const Kernels& level, uint32_t log2) {
  const size_t count = size_t{1} << log2;
  const Buffer data = filled(count * sizeof(float));
  const double ns = least_ns([&] { level.hadamard(reinterpret_cast<float*>(data.get()), log2); }, {}).first;
  return {"hadamard", count, count * sizeof(float), ns, 0, 0};
}

template <size_t kDim>
void measure(const Kernels& k, double ghz) {
  constexpr bool kSmall = kDim == 128;
  const Yardsticks bare = yardsticks<kDim>();
  print(k.name, measure_rows("dot_f32", k.dot_f32, bare.dot_f32, kDim, kDim, 0), ghz);
  print(k.name, measure_rows("l2_f32", k.l2_f32, bare.l2_f32, kDim, kDim, kSmall ? 2.4 : 12), ghz);
  print(k.name, measure_rows("dot_f16", k.dot_f16, bare.dot_f16, kDim, kDim, 0), ghz);
  print(k.name, measure_rows("l2_f16", k.l2_f16, bare.l2_f16, kDim, kDim, 0), ghz);
  print(k.name, measure_rows("dot_bf16", k.dot_bf16, bare.dot_bf16, kDim, kDim, kSmall ? 1.5 : 11), ghz);
  print(k.name, measure_rows("l2_bf16", k.l2_bf16, bare.l2_bf16, kDim, kDim, 0), ghz);
  print(k.name, measure_rows("dot_i8", k.dot_i8, bare.dot_i8, kDim, kDim, kSmall ? 0.9 : 5.8), ghz);
  print(k.name, measure_rows("l2_i8", k.l2_i8, bare.l2_i8, kDim, kDim, 0), ghz);
  print(k.name, measure_rows("hamming_b1", k.hamming_b1, bare.hamming_b1, kDim, kDim / 8, kSmall ? 0.3 : 0.7), ghz);
  print(k.name, measure_dots("dots_u4", k.dots_u4, bare.dots_u4, kDim, 128, 0), ghz);
  print(k.name, measure_dots("dots_u8", k.dots_u8, bare.dots_u8, kDim, 64, kSmall ? 0.9 : 5.8), ghz);
  print(k.name, measure_hadamard(k, kSmall ? 7 : 10), ghz);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view only = argc > 1 ? argv[1] : "";
  fmt::print("{:11} {:10} {:>5} {:>9} {:>9} {:>9} {:>9} {:>6} {:>9}\n", "level", "kernel", "dim", "ns", "cycles",
             "B/cycle", "bare ns", "rate %", "Zen 5 ns");
  for (const Kernels* level : all_kernels()) {
    if (!only.empty() && level->name != only) continue;
    const double ghz = clock_ghz(*level);
    fmt::print("{} at {:.2f} GHz\n", level->name, ghz);
    measure<128>(*level, ghz);
    measure<768>(*level, ghz);
  }
}
