/// Many seeds, each a life of a database with four log partitions. SAGITTA_SIMULATION_SEED replays
/// one; SAGITTA_SIMULATION_SEEDS says how many there are.
#include "simulation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sagitta/base/logging.h"
#include "sagitta/testing/scan_kind.h"

#include "numbers.h"

namespace sagitta::db::test {
namespace {

constexpr uint64_t kCanarySeeds = 50;

/// For whoever looks at the end of a process.
std::atomic<uint64_t> running_seed;

void name_seed(int) {
  std::fprintf(stderr, "SAGITTA_SIMULATION_SEED=%llu\n", static_cast<unsigned long long>(running_seed.load()));
}

SimulationResult simulate_seed(const SimulationOptions& options) {
  running_seed = options.seed;
  return simulate(options);
}

class Simulated : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    index::add_scan_kind();
    set_log_level("error");
    std::signal(SIGABRT, name_seed);
  }
};

TEST_F(Simulated, WhatClientsWereToldIsWhatIsThere) {
  const bool is_one = std::getenv("SAGITTA_SIMULATION_SEED") != nullptr;
  const uint64_t first = number_from("SAGITTA_SIMULATION_SEED", 1);
  const uint64_t count = number_from("SAGITTA_SIMULATION_SEEDS", is_one ? 1 : 50);
  SimulationResult all;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const SimulationResult one = simulate_seed({.seed = seed});
    EXPECT_EQ(one.fault, "") << "SAGITTA_SIMULATION_SEED=" << seed;
    all.answers += one.answers;
    all.crashes += one.crashes;
    all.restarts += one.restarts;
    all.open += one.open;
    all.promised += one.promised;
    all.reads += one.reads;
    all.rows_compared += one.rows_compared;
    all.hits_compared += one.hits_compared;
  }
  fmt::print(
      "{} seeds: {} answers, of them {} open, {} promised, {} reads; {} crashes, {} restarts; {} rows and {} hits "
      "compared\n",
      count, all.answers, all.open, all.promised, all.reads, all.crashes, all.restarts, all.rows_compared,
      all.hits_compared);
  if (is_one) return;
  EXPECT_GT(all.open, count);
  EXPECT_GT(all.promised, 0U);
  EXPECT_GT(all.crashes, count);
  EXPECT_GT(all.restarts, count);
  EXPECT_GT(all.reads, 20 * count);
  EXPECT_GT(all.rows_compared, 20 * count);
  EXPECT_GT(all.hits_compared, 10 * count);
}

TEST_F(Simulated, ASeedGivesOneTrace) {
  for (uint64_t seed = 3; seed < 6; ++seed) EXPECT_EQ(simulate_seed({.seed = seed}), simulate_seed({.seed = seed}));
  EXPECT_NE(simulate_seed({.seed = 3}).trace, simulate_seed({.seed = 4}).trace);
}

/// The first seed that finds it.
uint64_t found_at(Canary canary) {
  for (uint64_t seed = 1; seed <= kCanarySeeds; ++seed) {
    const SimulationResult one = simulate_seed({.seed = seed, .canary = canary});
    if (one.fault.empty()) continue;
    fmt::print("seed {}: {}\n", seed, one.fault);
    return seed;
  }
  return 0;
}

TEST_F(Simulated, APieceThatIsNotReplayedIsFound) { EXPECT_NE(found_at(Canary::kPieceNotReplayed), 0U); }

TEST_F(Simulated, ACrossingThatIsSkippedIsFound) { EXPECT_NE(found_at(Canary::kCrossingSkipped), 0U); }

}  // namespace
}  // namespace sagitta::db::test
