/// What a database is opened with: its options, its surroundings, and the budgets that it shares
/// with its users.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "sagitta/base/budget.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/executor.h"
#include "sagitta/base/file.h"
#include "sagitta/base/loops.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/random.h"

namespace sagitta::db {

/// How this node describes itself in system.local and the traces.
struct NodeOptions {
  std::string cluster_name = "Sagitta";
  std::string data_center = "datacenter1";
  std::string rack = "rack1";
  /// Where clients reach it: an IPv4 or IPv6 address in text, and the CQL port.
  std::string cql_address = "127.0.0.1";
  uint16_t cql_port = 9042;
};

/// Limits of the tree root -> {sessions, frames, prepared, fresh_lists, block_cache}.
struct BudgetOptions {
  size_t root_bytes = size_t{2} << 30;
  size_t sessions_bytes = size_t{448} << 20;
  size_t frames_bytes = size_t{512} << 20;
  size_t prepared_bytes = size_t{32} << 20;
  size_t fresh_lists_bytes = size_t{1} << 30;
  size_t block_cache_bytes = size_t{384} << 20;
};

/// Work of one request in one go (base/work_meter.h).
struct WorkLimits {
  /// Of a read, or of finding the keys that a statement names, on the caller's thread: about a
  /// millisecond.
  uint64_t caller = 1'000'000;
  /// Of a read that goes from row to row there: one that is wide shows it early, and is begun again
  /// on a worker.
  uint64_t caller_rows = 300'000;
  /// Of a read on a worker, before other reads have their turn there.
  uint64_t slice = 5'000'000;
};

struct Options {
  std::string data_dir;
  /// Log partitions, 1 to 64: of a directory that is made, and to be those of one that is there.
  /// None: one, or as the directory has it.
  std::optional<uint32_t> partitions = {};
  /// Threads that apply the log, at most one a partition; 0: half the processors, 1 to 8.
  size_t lanes = 0;
  NodeOptions node;
  /// What the process was started with, by name, as system_views.settings shows it.
  std::map<std::string, std::string> settings = {};
  /// A request that takes longer is logged; 0: none is.
  int64_t slow_query_us = 0;
  BudgetOptions budgets;
  WorkLimits work;
  /// Keeps rows in the in-memory twin of the store; everything is then rebuilt from the log at each
  /// start. For tests.
  bool memory_store = false;
  size_t log_segment_bytes = size_t{64} << 20;
  /// A vector index is saved in the background after so many changes, and a fifth of its vectors.
  uint64_t index_changes_min = 10'000;
  /// A statement or batch deletes so many rows at once; the others are gone too, and removed step
  /// by step.
  size_t rows_deleted_at_once = 1000;
  /// Called while `open` replays the log: how many of the records that the store lacks are applied,
  /// and how many there are; at the start, every few megabytes of records, at the end.
  std::function<void(uint64_t applied, uint64_t all)> on_replay = {};
};

class Authoriser;
class Completer;
class Storage;
Authoriser& permissive_authoriser();
Completer& idle_completer();

/// What the database needs from outside. All must outlive it.
struct Environment {
  FileSystem& files;
  const Clock& clock;
  Random& random;
  MetricsRegistry& metrics;
  /// Threads that may wait for a disk: blocking reads, index builds, flushes.
  Executor& workers;
  /// Stages of its requests (stages.h).
  Authoriser& authoriser = permissive_authoriser();
  Completer& completer = idle_completer();
  /// What applies the log, and looks at deadlines.
  Loops& loops = thread_loops();
  /// Where logs and rows are (storage.h), whatever the options say; null: in files of the data
  /// directory.
  Storage* storage = nullptr;
};

/// The budgets of the process, for those who charge them.
struct Budgets {
  explicit Budgets(const BudgetOptions& options);
  MemoryBudget root;
  MemoryBudget sessions, frames, prepared, fresh_lists, block_cache;
};

}  // namespace sagitta::db
