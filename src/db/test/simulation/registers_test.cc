/// Histories of conditional writes under delays, lost answers, doubled records, crashes and
/// restarts: each must be linearizable. SAGITTA_HISTORIES_SEED replays one, SAGITTA_HISTORIES says
/// how many there are; with SAGITTA_HISTORIES_FILE they are written there, and judged by another.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "sagitta/base/logging.h"

#include "numbers.h"
#include "register_run.h"

namespace sagitta::db::test {
namespace {

constexpr size_t kOperations = 60;

TEST(Histories, OfConditionalWritesAreLinearizable) {
  set_log_level("error");
  const char* file = std::getenv("SAGITTA_HISTORIES_FILE");
  const bool is_one = std::getenv("SAGITTA_HISTORIES_SEED") != nullptr;
  const uint64_t first = number_from("SAGITTA_HISTORIES_SEED", 1);
  const uint64_t count = number_from("SAGITTA_HISTORIES", is_one ? 1 : 60);
  std::ofstream out;
  if (file != nullptr) out.open(file);
  RegisterRun all;
  size_t operations = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const RegisterRun one = simulate_registers(seed, kOperations);
    EXPECT_EQ(one.fault, "") << "SAGITTA_HISTORIES_SEED=" << seed;
    if (file != nullptr) {
      out << to_json(one.history) << '\n';
    } else {
      EXPECT_TRUE(is_linearizable(one.history)) << "SAGITTA_HISTORIES_SEED=" << seed << "\n" << to_json(one.history);
    }
    operations += one.history.size();
    all.unknown += one.unknown;
    all.not_applied += one.not_applied;
    all.crashes += one.crashes;
    all.restarts += one.restarts;
  }
  fmt::print("{} histories: {} operations, of them {} not applied, {} of unknown outcome; {} crashes, {} restarts\n",
             count, operations, all.not_applied, all.unknown, all.crashes, all.restarts);
  ASSERT_TRUE(file == nullptr || out.flush()) << file;
  if (is_one) return;
  EXPECT_GT(all.unknown, count);
  EXPECT_GT(all.not_applied, 5 * count);
  EXPECT_GT(all.crashes, count);
  EXPECT_GT(all.restarts, count);
}

TEST(Histories, AWriteThatIsDecidedTwiceIsFound) {
  uint64_t seed = 1;
  while (seed <= 50 && is_linearizable(simulate_registers(seed, kOperations, Canary::kDecidedTwice).history)) ++seed;
  fmt::print("found by history {}\n", seed);
  EXPECT_LE(seed, 50U);
}

}  // namespace
}  // namespace sagitta::db::test
