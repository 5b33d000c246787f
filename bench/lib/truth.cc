#include <algorithm>
#include <cmath>

#include "sagitta/bench/dataset.h"
#include "sagitta/simd/kernels.h"

namespace sagitta::bench {
namespace {

struct Neighbour {
  float distance;
  uint32_t id;
  auto operator<=>(const Neighbour&) const = default;
};

/// Raw distances, with the lengths that cosine needs worked out once.
class Distances {
 public:
  Distances(ann::Metric metric, Floats base, unsigned threads) : metric_(metric), base_(base) {
    if (metric != ann::Metric::kCosine) return;
    scales_.resize(base.count);
    parallel_for(base.count, threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) scales_[i] = scale(base.values + i * base.dim);
    });
  }

  float scale(const float* vector) const { return 1 / std::sqrt(simd::kernels().dot_f32(vector, vector, base_.dim)); }
  float operator()(const float* query, float query_scale, uint32_t row) const {
    const float* vector = base_.values + size_t{row} * base_.dim;
    if (metric_ == ann::Metric::kL2) return simd::kernels().l2_f32(query, vector, base_.dim);
    const float dot = simd::kernels().dot_f32(query, vector, base_.dim);
    return metric_ == ann::Metric::kCosine ? -dot * query_scale * scales_[row] : -dot;
  }

 private:
  const ann::Metric metric_;
  const Floats base_;
  std::vector<float> scales_;
};

void offer(std::vector<Neighbour>& heap, size_t k, Neighbour candidate) {
  if (heap.size() == k) {
    if (!(candidate < heap.front())) return;
    std::ranges::pop_heap(heap);
    heap.pop_back();
  }
  heap.push_back(candidate);
  std::ranges::push_heap(heap);
}

/// Rows that fit a second-level cache, so that every query of a part reads them from there.
constexpr size_t kTileBytes = 256 * 1024;

}  // namespace

Truth exact_neighbours(ann::Metric metric, Floats base, Floats queries, uint32_t k, unsigned threads,
                       std::optional<std::span<const uint32_t>> rows) {
  const Distances distance(metric, base, threads);
  const size_t count = rows ? rows->size() : base.count;
  const size_t tile = std::max<size_t>(1, kTileBytes / (base.dim * sizeof(float)));
  Truth truth{std::vector<uint32_t>(queries.count * k), std::vector<float>(queries.count * k), k};
  parallel_for(queries.count, threads, [&](size_t begin, size_t end) {
    std::vector<std::vector<Neighbour>> heaps(end - begin);
    for (size_t tile_begin = 0; tile_begin < count; tile_begin += tile) {
      const size_t tile_end = std::min(count, tile_begin + tile);
      for (size_t q = begin; q < end; ++q) {
        const float* query = queries.values + q * queries.dim;
        const float scale = metric == ann::Metric::kCosine ? distance.scale(query) : 1;
        for (size_t i = tile_begin; i < tile_end; ++i) {
          const uint32_t id = rows ? (*rows)[i] : static_cast<uint32_t>(i);
          offer(heaps[q - begin], k, {distance(query, scale, id), id});
        }
      }
    }
    for (size_t q = begin; q < end; ++q) {
      std::ranges::sort(heaps[q - begin]);
      for (size_t i = 0; i < k; ++i) {
        truth.ids[q * k + i] = heaps[q - begin][i].id;
        truth.distances[q * k + i] = heaps[q - begin][i].distance;
      }
    }
  });
  return truth;
}

double local_intrinsic_dimension(ann::Metric metric, const Truth& truth) {
  const auto radius = [metric](float raw) {
    const double squared = metric == ann::Metric::kL2 ? double{raw} : 2 + 2 * double{raw};
    return std::sqrt(std::max(squared, 1e-12));
  };
  double logs = 0;
  size_t terms = 0;
  for (size_t begin = 0; begin < truth.distances.size(); begin += truth.k) {
    const double farthest = radius(truth.distances[begin + truth.k - 1]);
    for (size_t i = 0; i + 1 < truth.k; ++i) logs += std::log(farthest / radius(truth.distances[begin + i]));
    terms += truth.k - 1;
  }
  return logs == 0 ? 0 : static_cast<double>(terms) / logs;
}

}  // namespace sagitta::bench
