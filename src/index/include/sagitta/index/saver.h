/// Snapshots of indexes: loading, saving in the background, and removing what nobody needs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "sagitta/base/executor.h"
#include "sagitta/base/file.h"
#include "sagitta/index/index_files.h"
#include "sagitta/index/indexes.h"
#include "sagitta/index/row_source.h"

namespace sagitta::index {

/// Where snapshots of indexes are kept. Without files they are built from their rows at each start.
struct SnapshotPlace {
  FileSystem* files = nullptr;
  std::string directory;          ///< is there
  uint64_t changes_min = 10'000;  ///< an index is saved after so many changes, and a part of its vectors
};

/// Thread-safe, but one thread at a time calls `tidy` and `begin_removals`. What it is given must
/// outlive it.
class Saver {
 public:
  struct Environment {
    Executor& workers;
    MetricsRegistry& metrics;
    const Clock& clock;
    const Indexes& indexes;
    const RowSources& sources;
  };
  Saver(const Environment& environment, const SnapshotPlace& place);
  /// After `stop`.
  ~Saver() = default;

  /// Before anything else: removes what is left of indexes that are gone. One that is still to
  /// come, by the log, keeps its files.
  void tidy(const schema::Schema& schema);
  /// What the index's snapshot is complete to: rows that are older cannot be told from its rows.
  /// Zeros when there is none that can be read.
  Positions needs(const Index& index) const;
  /// Takes the index's snapshot, and returns what it is complete to. Nothing when there is none
  /// that is of use, which is said unless there is none at all.
  Result<std::optional<Positions>> load(Index& index);

  /// Whether the caller is to `begin_save`: enough has changed, and nobody else does.
  bool claim(Index& index) const;
  void begin_save(const IndexPtr& index);
  /// Removes the files of indexes that the schema has no more, in the background.
  void begin_removals(const schema::Schema& schema);
  /// While it is off, no save is claimed: the log has what a save would keep.
  void set_enabled(bool enabled) { enabled_ = enabled; }
  /// Ends a save under way of this index. It keeps the memory of vectors that were erased
  /// meanwhile.
  static void end_save(Index& index);

  /// Ends saves under way, and begins none any more. Idempotent.
  void stop();
  /// Waits for what is under way in the background.
  void wait();
  /// Saves what has changed: with nobody building, saving or applying.
  void save_all();

 private:
  Status check_usable(const Index& index) const;
  Result<Positions> journals_from(const Index& index) const;
  void save(Index& index);
  Status try_save(Index& index);
  void begin_work();
  void end_work();

  const Environment env_;
  std::optional<const IndexFiles> files_;
  const uint64_t changes_min_;
  Counter &saved_, &not_saved_, &loaded_, &not_loaded_;
  Histogram &save_seconds_, &load_seconds_;
  std::set<uint32_t> with_files_;  ///< indexes that may have snapshots
  std::atomic<bool> enabled_{true}, stopping_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t works_ = 0;  ///< pieces of work in the background
};

}  // namespace sagitta::index
