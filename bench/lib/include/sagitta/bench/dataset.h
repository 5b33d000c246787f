/// Data to measure on: recipes of synthetic sets, exact neighbours, and how hard a set is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/ann/metric.h"
#include "sagitta/base/result.h"
#include "sagitta/bench/matrix.h"

namespace sagitta::bench {

/// Grows with every change of a recipe: a set of another version is another set.
inline constexpr int kRecipesVersion = 1;

/// Rows owned in memory.
struct Matrix {
  std::vector<float> values;
  uint32_t dim = 0;
  Floats view() const { return {values.data(), dim == 0 ? 0 : values.size() / dim, dim}; }
};

/// An endless set of vectors of one distribution. Row n is a function of recipe, seed and n alone;
/// queries are other draws of the same distribution, none of them a row.
///
/// * clustered128, L2: 2,000 Gaussian clusters in 24 dimensions, lifted to 128 by a random linear
///   map, with a little noise in all of them.
/// * embed768, cosine: unit vectors; topics, sub-topics and what is a row's own, each with a
///   power-law spectrum, turned so that no axis means anything.
/// * copies, cosine: embed768, in which every third row is one of 40 vectors, as texts that many
///   rows share have; so is every third query.
/// * lengths, dot product: embed768, each vector of a length of its own, log-normal.
///
/// Thread-safe.
class Generator {
 public:
  virtual ~Generator() = default;
  virtual ann::Metric metric() const = 0;
  virtual uint32_t dim() const = 0;
  virtual void row(uint64_t at, std::span<float> out) const = 0;
  /// A row whose cluster has moved: 0 not at all, 1 to an unrelated place.
  virtual void moved_row(uint64_t at, float moved, std::span<float> out) const = 0;

  void query(uint64_t at, std::span<float> out) const { row(kQueriesBegin + at, out); }
  Matrix rows(uint64_t begin, size_t count, unsigned threads, float moved = 0) const;
  Matrix queries(size_t count, unsigned threads) const { return rows(kQueriesBegin, count, threads); }

 private:
  static constexpr uint64_t kQueriesBegin = uint64_t{1} << 40;
};

/// "clustered128", "embed768", "copies" or "lengths"; kInvalid for any other name.
Result<std::unique_ptr<Generator>> make_generator(std::string_view name, uint64_t seed);

/// The exact nearest rows of each query, best first, ties by the smaller id.
struct Truth {
  std::vector<uint32_t> ids;     ///< queries × k
  std::vector<float> distances;  ///< queries × k, raw as ann::distance
  uint32_t k = 0;
  Ids view() const { return {ids.data(), ids.size() / k, k}; }
};

/// By brute force over all rows, or over those that `rows` lists. k must not exceed their number.
Truth exact_neighbours(ann::Metric metric, Floats base, Floats queries, uint32_t k, unsigned threads,
                       std::optional<std::span<const uint32_t>> rows = std::nullopt);

/// The local intrinsic dimension around the queries: the maximum-likelihood estimate over each
/// query's k distances (Levina & Bickel 2004), averaged as MacKay & Ghahramani do.
double local_intrinsic_dimension(ann::Metric metric, const Truth& truth);

/// Calls work(begin, end) for parts of [0, count) from `threads` threads, the caller's own among
/// them.
void parallel_for(size_t count, unsigned threads, const std::function<void(size_t, size_t)>& work);

}  // namespace sagitta::bench
