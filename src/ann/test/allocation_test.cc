// Searches allocate nothing: an allocator may wait for a lock, and a search must not. Left out
// under sanitizers, which bring their own allocators.
#include "world.h"

#ifndef SAGITTA_SANITIZED

#include <fmt/format.h>

#include "sagitta/testing/counted_new.h"

namespace sagitta::ann {
namespace {

constexpr size_t kRows = 6000;
constexpr size_t kQueries = 50;

class Allocation : public ::testing::TestWithParam<std::tuple<Level, Profile, uint32_t>> {
 protected:
  Allocation()
      : clusters_(std::get<uint32_t>(GetParam()), 100, 0.4F, 7),
        index_(Index::make({.dim = std::get<uint32_t>(GetParam()),
                            .metric = Metric::kCosine,
                            .level = std::get<Level>(GetParam()),
                            .profile = std::get<Profile>(GetParam()),
                            .link_threads = 0})
                   .value()) {
    for (size_t i = 0; i < kRows; ++i) EXPECT_TRUE(index_->insert(clusters_.any()));
    index_->settle();
    for (size_t i = 0; i < 20; ++i) EXPECT_TRUE(index_->insert(clusters_.any()));  // some are fresh
    for (size_t i = 0; i < kQueries; ++i) queries_.push_back(clusters_.any());
  }

  /// Allocations of all queries, each asked before.
  size_t allocations_of(const SearchParams& params) {
    ask_all(params);
    const size_t before = counting::thread_allocations;
    ask_all(params);
    return counting::thread_allocations - before;
  }

  SlotBitmap every(uint32_t step) const {
    SlotBitmap bitmap;
    for (uint32_t slot = 0; slot < kRows; slot += step) bitmap.set(Slot{slot});
    return bitmap;
  }

 private:
  void ask_all(const SearchParams& params) {
    for (const Floats& query : queries_) {
      EXPECT_TRUE(index_->search(query, params, answer_));
      EXPECT_EQ(answer_.candidates.size(), params.k);
    }
  }

  Clusters clusters_;
  std::unique_ptr<Index> index_;
  std::vector<Floats> queries_;
  SearchAnswer answer_;
};

TEST_P(Allocation, ASearchHasNone) {
  EXPECT_EQ(allocations_of({.k = 10}), 0u);
  EXPECT_EQ(allocations_of({.k = 100, .beam_width = 300}), 0u);
  for (const uint32_t step : {2U, 10U, 100U, 500U}) {
    const SlotBitmap bitmap = every(step);
    EXPECT_EQ(allocations_of({.k = 10, .filter = {.bitmap = &bitmap}}), 0u) << "every " << step;
  }
  const auto some = [](Slot slot) {
    return static_cast<uint32_t>(slot) % 9 == 0 ? Verdict::kAccept : Verdict::kReject;
  };
  EXPECT_EQ(allocations_of({.k = 10, .filter = {.predicate = some}}), 0u);
  EXPECT_EQ(allocations_of({.k = 10, .filter = {.predicate = some, .selectivity = 0.1}}), 0u);
  EXPECT_EQ(allocations_of({.k = 10, .filter = {.predicate = some, .selectivity = 0.001}}), 0u);
}

std::string name_of(const testing::TestParamInfo<Allocation::ParamType>& info) {
  const auto& [level, profile, dim] = info.param;
  return fmt::format("{}_{}_{}", to_string(level), to_string(profile), dim);
}

INSTANTIATE_TEST_SUITE_P(All, Allocation,
                         ::testing::Combine(::testing::Values(Level::kF32, Level::kF16, Level::kBf16, Level::kI8),
                                            ::testing::Values(Profile::kCompact, Profile::kFast),
                                            ::testing::Values(48)),
                         name_of);
// Dimensions with fine codes.
INSTANTIATE_TEST_SUITE_P(Fine, Allocation,
                         ::testing::Combine(::testing::Values(Level::kF32), ::testing::Values(Profile::kFast),
                                            ::testing::Values(512)),
                         name_of);

}  // namespace
}  // namespace sagitta::ann

#endif
