/// Power cuts at random moments: what was acknowledged is there afterwards, by key and through ANN.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>

#include "sagitta/base/logging.h"

#include "harness.h"

namespace sagitta::db::test {
namespace {

/// RocksDB waits a second after each: most crashes are of the log alone, whose rows are rebuilt at
/// every start.
constexpr int kStoreCrashes = 7;
constexpr int kLogCrashes = 98;
constexpr int kWritesPerLife = 25;

std::string vector_of(int id) { return fmt::format("[{}, {}, {}]", id % 17 + 1, id % 5, id); }

/// What the clients of a crashing server know.
struct Ledger {
  std::set<int> acknowledged, deleted, unknown;
};

void write_until_crash(Database& database, Ledger& ledger, int& next_id, Random& random) {
  for (int i = 0; i < kWritesPerLife; ++i) {
    const int id = next_id++;
    auto answer =
        ask(database, fmt::format("INSERT INTO c.t (id, body, v) VALUES ({0}, 'row {0}', {1})", id, vector_of(id)));
    if (!answer) {
      ledger.unknown.insert(id);
      return;
    }
    ledger.acknowledged.insert(id);
    if (random.below(8) != 0 || ledger.acknowledged.empty()) continue;
    const int victim = *ledger.acknowledged.begin();
    ledger.acknowledged.erase(victim);
    if (!ask(database, fmt::format("DELETE FROM c.t WHERE id = {}", victim))) {
      ledger.unknown.insert(victim);
      return;
    }
    ledger.deleted.insert(victim);
  }
}

void check(Database& database, const Ledger& ledger) {
  for (int id : ledger.acknowledged) {
    auto rows = select(database, fmt::format("SELECT body FROM c.t WHERE id = {}", id));
    ASSERT_EQ(rows.size(), 1U) << "lost row " << id;
    ASSERT_EQ(rows[0][0].value_or(""), fmt::format("row {}", id));
    auto near = select(database, fmt::format("SELECT id FROM c.t ORDER BY v ANN OF {} LIMIT 1", vector_of(id)));
    ASSERT_EQ(near.size(), 1U);
    ASSERT_EQ(near[0][0].value_or("").size(), 4U);
    ASSERT_EQ(get_big<int32_t>(near[0][0]->data()), id) << "not found through ANN";
  }
  for (int id : ledger.deleted) {
    ASSERT_TRUE(select(database, fmt::format("SELECT body FROM c.t WHERE id = {}", id)).empty())
        << "row " << id << " is back";
  }
  auto count = select(database, "SELECT count(*) FROM c.t");
  ASSERT_EQ(count.size(), 1U);
  const auto rows = static_cast<size_t>(get_big<int64_t>(count[0][0]->data()));
  ASSERT_GE(rows, ledger.acknowledged.size());
  ASSERT_LE(rows, ledger.acknowledged.size() + ledger.unknown.size());
}

void crash_and_check(int lives, bool memory_store) {
  Options options;
  options.memory_store = memory_store;
  options.index_changes_min = 5;  // so that saves of the index are under way
  const char* given = std::getenv("SAGITTA_CRASH_SEED");
  const uint64_t seed = given == nullptr ? 20261121 : std::strtoull(given, nullptr, 10);
  fmt::print("crash seed {}\n", seed);
  Machine machine(seed);
  SeededRandom random(seed + 1);
  Ledger ledger;
  int next_id = 1;
  {
    auto database = machine.open(options);
    ASSERT_TRUE(database) << database.error().to_string();
    for (const char* text :
         {"CREATE KEYSPACE c WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
          "CREATE TABLE c.t (id int PRIMARY KEY, body text, v vector<float, 3>)",
          "CREATE CUSTOM INDEX i ON c.t (v) USING 'sai' WITH OPTIONS = {'similarity_function': 'euclidean'}"}) {
      auto answer = ask(**database, text);
      ASSERT_TRUE(answer) << answer.error().to_string();
    }
  }
  set_log_level("error");
  std::vector<std::jthread> buried;
  int crashes = 0;
  for (; crashes < lives && !testing::Test::HasFailure(); ++crashes) {
    auto database = machine.open(options);
    ASSERT_TRUE(database) << "after crash " << crashes << ": " << database.error().to_string();
    if (crashes % 10 == 0) check(**database, ledger);
    // A snapshot that is still being read when the machine goes down would count as one that is
    // damaged.
    while (!(*database)->ready()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    machine.files->stop_after(1 + random.below(120));
    write_until_crash(**database, ledger, next_id, random);
    machine.crash({.tear = random.below(2) == 0, .garble = random.below(4) == 0});
    machine.clock.advance_us(1'000'000);
    // RocksDB waits a second after an error; the next life need not.
    buried.emplace_back([dead = std::shared_ptr<Database>(*std::move(database))]() mutable { dead.reset(); });
  }
  auto database = machine.open(options);
  ASSERT_TRUE(database) << database.error().to_string();
  check(**database, ledger);
  const auto snapshots = [&](const char* result) {
    return machine.metrics.counter("sagitta_index_snapshot_total", "", {{"result", result}}).value();
  };
  EXPECT_GT(snapshots("loaded"), lives / 2);
  EXPECT_EQ(snapshots("not_loaded"), 0);
  fmt::print("crash: {} snapshots of the index saved, {} loaded\n", snapshots("saved"), snapshots("loaded"));
  fmt::print("crash: {} crashes, {} rows acknowledged, {} deleted, {} unknown\n", crashes, ledger.acknowledged.size(),
             ledger.deleted.size(), ledger.unknown.size());
}

TEST(Crash, KeepsWhatWasAcknowledged) { crash_and_check(kStoreCrashes, false); }
TEST(Crash, TheLogKeepsWhatWasAcknowledged) { crash_and_check(kLogCrashes, true); }

}  // namespace
}  // namespace sagitta::db::test
