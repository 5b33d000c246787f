/// Building indexes in the background: from their snapshots or from the rows, then from the journal
/// of what changed since. Neither writes nor DDL wait for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "sagitta/base/executor.h"
#include "sagitta/index/indexes.h"
#include "sagitta/index/row_source.h"
#include "sagitta/index/saver.h"

namespace sagitta::index {

/// Thread-safe. What it is given must outlive it.
class Builder {
 public:
  struct Environment {
    Executor& workers;
    MetricsRegistry& metrics;
    Indexes& indexes;
    const RowSources& sources;
    Saver& saver;
  };
  explicit Builder(const Environment& environment);
  /// After `stop` and `wait`.
  ~Builder() = default;

  /// In every log partition its table's row map is complete, the journal names its rows, and the
  /// rows are at least as new as its snapshot.
  void begin(const IndexPtr& index);
  /// No index is building.
  bool idle() const;

  /// Ends builds under way, and begins none any more. Idempotent.
  void stop() { stopping_ = true; }
  /// Waits for what is under way in the background.
  void wait();

 private:
  void post();
  void build_next();
  Status build(const IndexPtr& index);
  bool is_wanted(const Index& index) const { return !stopping_ && env_.indexes.has(index); }
  Result<Positions> scan(Index& index);
  Status scan(Index& index, const rows::ReadView& rows);
  static Status show(Index& index, BytesView row_key, const rows::LiveRow* now);
  Result<size_t> catch_up(Index& index, const RowMap::Pin& pin, Positions& from);
  Result<size_t> catch_up(Index& index, log::Partition partition, log::Offset& from);

  const Environment env_;
  Gauge& building_;
  std::atomic<bool> stopping_{false};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  size_t builds_ = 0;  ///< waiting or under way
  std::deque<IndexPtr> waiting_;
  bool posted_ = false;
};

}  // namespace sagitta::index
