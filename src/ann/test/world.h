/// An index beside its twin, data for both, and the recall of one against the other.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "brute_force.h"

namespace sagitta::ann {

using Floats = std::vector<float>;

/// Whether a sanitizer slows this build down and keeps memory of its own.
#ifdef SAGITTA_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

inline uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Gaussian clusters around Gaussian centres, like embeddings: near neighbours exist, and no
/// dimension stands out.
class Clusters {
 public:
  Clusters(uint32_t dim, uint32_t count, float spread, uint64_t seed) : dim_(dim), spread_(spread), random_(seed) {
    for (uint32_t i = 0; i < count; ++i) centres_.push_back(gaussian(1));
  }
  Floats any() { return of(static_cast<uint32_t>(random_() % centres_.size())); }
  Floats of(uint32_t cluster) {
    Floats v = gaussian(spread_);
    for (uint32_t i = 0; i < dim_; ++i) v[i] += centres_[cluster][i];
    return v;
  }
  /// Moves each centre by a Gaussian step of deviation `distance`.
  void drift(float distance) {
    for (Floats& centre : centres_) {
      const Floats step = gaussian(distance);
      for (uint32_t i = 0; i < dim_; ++i) centre[i] += step[i];
    }
  }
  uint64_t below(uint64_t limit) { return random_() % limit; }

 private:
  Floats gaussian(float deviation) {
    std::normal_distribution<float> normal(0, deviation);
    Floats v(dim_);
    for (float& x : v) x = normal(random_);
    return v;
  }

  const uint32_t dim_;
  const float spread_;
  std::mt19937_64 random_;
  std::vector<Floats> centres_;
};

/// The quality and the cost of the answers to some queries.
struct Quality {
  double recall = 0;
  double expanded = 0;  ///< per query
  size_t graph = 0;     ///< answered by a walk
};

class World {
 public:
  explicit World(const IndexOptions& options) : index(Index::make(options).value()), twin(options.metric) {}

  Slot insert(Floats v, Expiry expiry = Expiry::kNever) {
    const Slot slot = index->insert(v, expiry).value();
    twin.insert(slot, std::move(v), expiry);
    return slot;
  }
  void erase(Slot slot) {
    EXPECT_TRUE(index->erase(slot));
    EXPECT_TRUE(twin.erase(slot));
  }
  /// The part of the k nearest distances that is reached, with a relative `slack` for rounding.
  Quality quality(
      std::span<const Floats> queries, SearchParams params, double slack = 1e-4,
      const std::function<bool(Slot)>& passes = [](Slot) { return true; }) const {
    Quality quality;
    size_t hits = 0, wanted = 0;
    for (const Floats& query : queries) {
      const auto expected = twin.search(query, params.now_us, passes);
      const SearchAnswer answer = index->search(query, params).value();
      const size_t count = std::min<size_t>(params.k, expected.size());
      EXPECT_EQ(answer.candidates.size(), count);
      wanted += count;
      const double bound = count == 0 ? 0 : expected[count - 1] + slack * std::fabs(expected[count - 1]) + 1e-6;
      for (const Candidate& c : answer.candidates) {
        EXPECT_TRUE(twin.contains(c.slot) && passes(c.slot));
        if (twin.contains(c.slot) && twin.distance(c.slot, query) <= bound) ++hits;
      }
      quality.expanded += static_cast<double>(answer.stats.expanded);
      quality.graph += answer.stats.path == Path::kGraph ? 1 : 0;
    }
    quality.recall = wanted == 0 ? 1 : static_cast<double>(hits) / static_cast<double>(wanted);
    quality.expanded /= static_cast<double>(std::max<size_t>(queries.size(), 1));
    return quality;
  }
  void check() const {
    const Status status = index->check();
    ASSERT_TRUE(status) << status.error().to_string();
    ASSERT_EQ(index->counts().live, twin.size());
  }

  std::unique_ptr<Index> index;
  BruteForce twin;
};

/// A settled index of the numbers 0 … `count` − 1, without threads.
inline std::unique_ptr<Index> make_line(size_t count) {
  auto index = Index::make({.dim = 1, .metric = Metric::kL2, .link_threads = 0}).value();
  for (size_t i = 0; i < count; ++i) EXPECT_TRUE(index->insert(Floats{static_cast<float>(i)}));
  index->settle();
  return index;
}

}  // namespace sagitta::ann
