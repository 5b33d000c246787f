/// A database of several log partitions that is simulated on one thread from one seed: its turns,
/// files, logs and stores, its crashes and restarts, in any order of what can come next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/base/clock.h"
#include "sagitta/base/memory_file.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/random.h"
#include "sagitta/db/database.h"

#include "process_files.h"
#include "simulated_storage.h"
#include "turns.h"

namespace sagitta::db::test {

/// After this time stores are flushed, and logs trimmed.
inline constexpr int64_t kFlushUs = 61'000'000;
/// More steps than anything takes.
inline constexpr int kStepsMax = 200'000;

/// Of each row its cells.
std::vector<std::vector<Value>> cells_of(const Rows& rows);

/// One thread. The first fault is kept; what has a fault may not stop either.
class SimulatedNode {
 public:
  explicit SimulatedNode(uint64_t seed, Canary canary = Canary::kNone);
  ~SimulatedNode();

  // ---- choices, and what came of them ----

  SeededRandom& choices() { return choices_; }
  uint64_t below(uint64_t bound) { return choices_.below(bound); }
  bool chance(uint64_t one_in) { return below(one_in) == 0; }
  ManualClock& clock() { return clock_; }
  /// Becomes part of the hash.
  void trace(std::string_view what, uint64_t number = 0);
  uint64_t traced() const { return trace_; }
  void fault(const std::string& what);
  /// Empty: none.
  const std::string& fault() const { return fault_; }
  size_t answers() const { return answers_; }
  size_t crashes() const { return crashes_; }
  size_t restarts() const { return restarts_; }

  // ---- the process ----

  void open();
  void close();
  /// Whoever waits for an answer gets none.
  void crash();
  /// Does the next thing of all that could come next; false when it may have done nothing.
  bool step();
  void run_until_idle();
  void wait_for_indexes();

  // ---- its clients ----

  using OnAnswer = std::function<void(const Result<Answer>&)>;
  /// Sometimes of less patience than the logs need, unless it is patient.
  void ask(const std::string& text, RequestOptions options, bool is_patient, OnAnswer on_answer);
  size_t under_way() const { return under_way_; }
  /// Takes steps until the answer is there.
  Result<Answer> ask_now(const std::string& text);
  /// Until the logs let it through.
  void must(const std::string& text);

 private:
  SeededRandom choices_, ids_;
  ManualClock clock_{1'700'000'000'000'000};
  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  std::vector<std::unique_ptr<ProcessFiles>> processes_;
  SimulatedStorage storage_;
  Turns turns_;
  std::unique_ptr<MetricsRegistry> metrics_;
  std::unique_ptr<Database> database_;
  std::string fault_;
  uint64_t trace_ = 0, asked_ = 0;
  size_t answers_ = 0, crashes_ = 0, restarts_ = 0, under_way_ = 0, life_ = 0;
  size_t slow_loop_ = 0;  ///< none, when there is no loop of that number
};

}  // namespace sagitta::db::test
