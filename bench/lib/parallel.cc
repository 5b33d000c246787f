#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "sagitta/bench/dataset.h"

namespace sagitta::bench {

void parallel_for(size_t count, unsigned threads, const std::function<void(size_t, size_t)>& work) {
  const size_t part = std::max<size_t>(1, count / (size_t{threads} * 16));
  std::atomic<size_t> next{0};
  const auto run = [&] {
    for (size_t begin = next.fetch_add(part); begin < count; begin = next.fetch_add(part)) {
      work(begin, std::min(count, begin + part));
    }
  };
  std::vector<std::jthread> helpers;
  for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(run);
  run();
}

}  // namespace sagitta::bench
