// Writers and searches at once. What a search finds must be what somebody wrote, whole, under the slot it names. The
// thread sanitizer looks at the rest.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <random>
#include <thread>

#include "sagitta/ann/index.h"

namespace sagitta::ann {
namespace {

constexpr uint32_t kDim = 24;
constexpr int kWriters = 2, kSearchers = 2, kOperations = 3000;

// All components equal: a torn vector would show as a distance that no whole number squared times kDim gives.
std::vector<float> uniform(int value) { return std::vector<float>(kDim, static_cast<float>(value)); }

void write(Index& index, int seed, std::atomic<int>& failures) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::vector<Slot> mine;
  for (int i = 0; i < kOperations; ++i) {
    const auto vector = uniform(static_cast<int>(random() % 100));
    const auto dice = random() % 3;
    if (dice == 0 || mine.size() < 50) {
      mine.push_back(index.insert(vector).value());
      continue;
    }
    std::swap(mine[random() % mine.size()], mine.back());
    if (dice == 1) {
      failures += index.erase(mine.back()) ? 0 : 1;
      mine.pop_back();
    } else {
      mine.back() = index.replace(mine.back(), vector).value();
    }
  }
}

bool is_whole(float squared) {
  const float steps = std::sqrt(squared / kDim);
  return std::fabs(steps - std::round(steps)) < 1e-3;
}

void search(const Index& index, const std::atomic<bool>& stop, std::atomic<int>& failures) {
  for (int i = 0; !stop; ++i) {
    Cursor cursor = index.open(uniform(i % 100), {.k = 20}).value();
    std::vector<Candidate> got;
    const size_t first = cursor.next(20, got);
    cursor.next(200, got);
    for (size_t at = 0; at < got.size(); ++at) {
      if (!is_whole(got[at].distance) || (at > 0 && at < first && got[at].distance < got[at - 1].distance)) ++failures;
    }
  }
}

TEST(Concurrent, SearchesSeeWholeVectorsWhileWritersChurn) {
  auto index = Index::make({.dim = kDim, .metric = Metric::kL2}).value();
  std::atomic<int> failures{0};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> searchers, writers;
  for (int i = 0; i < kSearchers; ++i) searchers.emplace_back([&] { search(*index, stop, failures); });
  for (int i = 0; i < kWriters; ++i) writers.emplace_back([&, i] { write(*index, i, failures); });
  writers.clear();
  stop = true;
  searchers.clear();
  EXPECT_EQ(failures, 0);
  const Status status = index->check();
  EXPECT_TRUE(status) << status.error().to_string();
}

}  // namespace
}  // namespace sagitta::ann
