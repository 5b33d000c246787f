/// A database in memory for tests, and short ways to ask it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sagitta/base/memory_file.h"
#include "sagitta/db/database.h"
#include "sagitta/db/stages.h"

#include "process_files.h"

namespace sagitta::db::test {

using RowValues = std::vector<Value>;

/// Two threads and a queue.
class ThreadExecutor final : public Executor {
 public:
  ThreadExecutor();
  ~ThreadExecutor() override;
  void post(std::function<void()> work) override;
  /// Does not let go of work that is done, and so of what it holds, before its own end.
  std::atomic<bool> keeps_work{false};

 private:
  void work();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_, kept_;
  bool stop_ = false;
  std::vector<std::jthread> threads_;
};

/// Outlives the databases opened in it, as a machine outlives its processes.
struct Machine {
  explicit Machine(uint64_t seed) : random(seed) {}
  std::unique_ptr<MemoryFileSystem> files = MemoryFileSystem::make();
  std::vector<std::unique_ptr<ProcessFiles>> processes;
  ManualClock clock{1'700'000'000'000'000};
  SeededRandom random;
  MetricsRegistry metrics;
  ThreadExecutor workers;
  Authoriser* authoriser = &permissive_authoriser();
  Completer* completer = &idle_completer();
  /// Of databases that do not say how many log partitions they have: SAGITTA_PARTITIONS, or one.
  std::optional<uint32_t> partitions = partitions_of_tests();

  static std::optional<uint32_t> partitions_of_tests();

  Result<std::unique_ptr<Database>> open(Options options = {});
  /// The power fails for the database opened last.
  void crash(MemoryFileSystem::CrashFaults faults);
};

Result<Answer> ask(Database& database, const std::string& text, RequestOptions options = {});
Result<Answer> ask_prepared(Database& database, BytesView id, RequestOptions options = {});
/// Rows of an answer; fails the test when it has none.
std::vector<RowValues> rows_of(const Answer& answer);
/// All pages; fails the test on an error.
std::vector<RowValues> select(Database& database, const std::string& text, RequestOptions options = {});
/// "text", or the error's code and message.
std::string outcome(const Result<Answer>& answer);

BoundValue bound(Bytes value);
BoundValue bound_null();

}  // namespace sagitta::db::test
