// What one distance costs in L1, for each kernel and level: ns, and bytes read of rows per cycle, so that machines of
// different clocks compare. Beside it, what the same kernel of a good library took on a Zen 5.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "sagitta/simd/kernels.h"

using namespace sagitta::simd;

namespace {

// Short and many, so that some fall into moments when no other thread works on the same core.
constexpr int kRounds = 3000;
constexpr double kRoundNs = 5e3;
constexpr size_t kRows = 16, kLongRows = 4;  // as many as stay in L1 beside the query
constexpr size_t kAlignment = 64;

struct AlignedFree {
  void operator()(char* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<char, AlignedFree>;

// Small numbers whatever they are read as: no NaN, no denormal, no overflow.
Buffer filled(size_t bytes) {
  Buffer buffer(static_cast<char*>(std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment)));
  std::fill_n(buffer.get(), bytes, '\x3c');
  return buffer;
}

double elapsed_ns(const std::function<void()>& once, size_t repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < repeats; ++i) once();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

// The least of several rounds: what disturbs a round only ever adds to it.
double least_ns(const std::function<void()>& once) {
  size_t repeats = 1;
  while (elapsed_ns(once, repeats) < kRoundNs) repeats *= 2;
  double least = std::numeric_limits<double>::max();
  for (int i = 0; i < kRounds; ++i) least = std::min(least, elapsed_ns(once, repeats) / static_cast<double>(repeats));
  return least;
}

// A chain of multiplications takes three cycles for each on every x86-64 machine of the last ten years.
double clock_ghz() {
  constexpr size_t kChain = 1024;
  const double ns = least_ns([] {
    uint64_t x = 3;
    for (size_t i = 0; i < kChain; ++i) asm volatile("imul %0, %0" : "+r"(x));
  });
  return 3 * kChain / ns;
}

struct Row {
  std::string_view kernel;
  size_t dim, bytes;  // of one row
  double ns;          // of one distance
  double zen5_ns;     // 0: not known
};

void print(std::string_view level, const Row& row, double ghz) {
  const std::string zen5 = row.zen5_ns == 0 ? "" : fmt::format("{:8.1f}", row.zen5_ns);
  fmt::print("{:11} {:10} {:5} {:9.2f} {:9.1f} {:9.1f} {}\n", level, row.kernel, row.dim, row.ns, row.ns * ghz,
             static_cast<double>(row.bytes) / (row.ns * ghz), zen5);
}

template <class T, class Sum>
Row measure_rows(std::string_view kernel, Sum (*distance)(const T*, const T*, size_t), size_t dim, size_t count,
                 double zen5_ns) {
  const size_t bytes = count * sizeof(T), apart = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const size_t rows = apart > 1024 ? kLongRows : kRows;
  const Buffer data = filled(rows * apart), query = filled(apart);
  volatile Sum sink{};
  const double ns = least_ns([&] {
    Sum sum{};
    for (size_t i = 0; i < rows; ++i) {
      sum +=
          distance(reinterpret_cast<const T*>(data.get() + i * apart), reinterpret_cast<const T*>(query.get()), count);
    }
    sink = sum;
  });
  return {kernel, dim, bytes, ns / static_cast<double>(rows), zen5_ns};
}

using Dots = void (*)(const uint8_t* const*, size_t, const int8_t*, size_t, int32_t*);

Row measure_dots(std::string_view kernel, Dots dots, size_t dim, size_t numbers_per_block, double zen5_ns) {
  const size_t blocks = dim / numbers_per_block, bytes = 64 * blocks;
  const Buffer data = filled(kRows * bytes), query = filled(dim);
  const uint8_t* codes[kRows];
  for (size_t i = 0; i < kRows; ++i) codes[i] = reinterpret_cast<const uint8_t*>(data.get() + i * bytes);
  int32_t sums[kRows];
  const double ns = least_ns([&] { dots(codes, kRows, reinterpret_cast<const int8_t*>(query.get()), blocks, sums); });
  return {kernel, dim, bytes, ns / kRows, zen5_ns};
}

Row measure_hadamard(const Kernels& level, uint32_t log2) {
  const size_t count = size_t{1} << log2;
  const Buffer data = filled(count * sizeof(float));
  const double ns = least_ns([&] { level.hadamard(reinterpret_cast<float*>(data.get()), log2); });
  return {"hadamard", count, count * sizeof(float), ns, 0};
}

void measure(const Kernels& k, size_t dim, double ghz) {
  const bool small = dim == 128;
  print(k.name, measure_rows("dot_f32", k.dot_f32, dim, dim, 0), ghz);
  print(k.name, measure_rows("l2_f32", k.l2_f32, dim, dim, small ? 2.4 : 12), ghz);
  print(k.name, measure_rows("dot_f16", k.dot_f16, dim, dim, 0), ghz);
  print(k.name, measure_rows("l2_f16", k.l2_f16, dim, dim, 0), ghz);
  print(k.name, measure_rows("dot_bf16", k.dot_bf16, dim, dim, small ? 1.5 : 11), ghz);
  print(k.name, measure_rows("l2_bf16", k.l2_bf16, dim, dim, 0), ghz);
  print(k.name, measure_rows("dot_i8", k.dot_i8, dim, dim, small ? 0.9 : 5.8), ghz);
  print(k.name, measure_rows("l2_i8", k.l2_i8, dim, dim, 0), ghz);
  print(k.name, measure_rows("hamming_b1", k.hamming_b1, dim, dim / 8, small ? 0.3 : 0.7), ghz);
  print(k.name, measure_dots("dots_u4", k.dots_u4, dim, 128, 0), ghz);
  print(k.name, measure_dots("dots_u8", k.dots_u8, dim, 64, small ? 0.9 : 5.8), ghz);
  print(k.name, measure_hadamard(k, small ? 7 : 10), ghz);
}

}  // namespace

int main() {
  const double ghz = clock_ghz();
  fmt::print("{:.2f} GHz\n{:11} {:10} {:>5} {:>9} {:>9} {:>9} {:>8}\n", ghz, "level", "kernel", "dim", "ns", "cycles",
             "B/cycle", "Zen 5 ns");
  for (const Kernels* level : all_kernels()) {
    for (const size_t dim : {size_t{128}, size_t{768}}) measure(*level, dim, ghz);
  }
}
