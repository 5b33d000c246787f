/// A database without a server, its indexes compared with its rows.
#include "verify.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "sagitta/async/worker_pool.h"
#include "sagitta/base/file.h"
#include "sagitta/base/logging.h"
#include "sagitta/base/metrics.h"
#include "sagitta/db/database.h"

namespace sagitta {
namespace {

void print(const index::IndexCheck& check) {
  const std::string name = fmt::format("{}.{} {}", check.keyspace, check.table, check.index);
  if (!check.skipped.empty()) return fmt::print("{}: not looked at: {}\n", name, check.skipped);
  fmt::print("{}: {}, {} rows, {} entries of {}, {} missing, {} stray\n", name,
             check.is_equal() ? "equal" : "NOT EQUAL", check.rows, check.entries, check.expected, check.missing,
             check.stray);
  for (const std::string& fault : check.faults) fmt::print("  {}\n", fault);
}

/// The indexes are built in the background.
Status wait_until_ready(const db::Database& database) {
  while (!database.ready()) {
    const auto state = database.state();
    for (const char* fault : {"halted", "log"}) {
      if (const auto found = state.find(fault); found != state.end()) return fail(ErrorCode::kIo, found->second);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return {};
}

/// Whether all are equal.
Result<bool> run(const std::string& directory) {
  const SystemClock clock;
  SystemRandom random;
  MetricsRegistry metrics;
  const auto files = make_real_file_system();
  async::WorkerPool workers(2, metrics);
  SAGITTA_TRY(const bool is_there, files->is_directory(directory));
  if (!is_there) return fail(ErrorCode::kNotFound, directory + ": there is no such directory");
  db::Options options;
  options.data_dir = directory;
  SAGITTA_TRY(const auto database, db::Database::open(options, {*files, clock, random, metrics, workers}));
  SAGITTA_CHECK(wait_until_ready(*database));
  SAGITTA_TRY(const auto checks, database->verify());
  bool equal = true;
  for (const index::IndexCheck& check : checks) {
    print(check);
    equal = equal && check.is_equal() && check.skipped.empty();
  }
  fmt::print("{} indexes, {}\n", checks.size(), equal ? "all equal to their rows" : "NOT all equal to their rows");
  SAGITTA_CHECK(database->stop());
  return equal;
}

}  // namespace

int verify(const std::string& directory) {
  (void)set_log_level("error");
  const auto equal = run(directory);
  if (equal) return *equal ? 0 : 1;
  fmt::print(stderr, "sagitta: {}\n", equal.error().to_string());
  return 2;
}

}  // namespace sagitta
