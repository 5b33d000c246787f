/// The indexes of a process. Its log partitions share them: each has its own store, journal and
/// applier, and a `Follower` that brings its rows into them.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <vector>

#include "sagitta/index/builder.h"
#include "sagitta/index/indexes.h"
#include "sagitta/index/postings.h"
#include "sagitta/index/row_source.h"
#include "sagitta/index/saver.h"
#include "sagitta/index/shared_row_maps.h"

namespace sagitta::index {

/// Thread-safe. Made before the partitions' followers, and outlives them.
///
/// The newest schema of a partition says which indexes there are. One that appears serves once
/// every partition has it in its schema and has numbered its rows, and the builder has caught up
/// with all journals. One that is dropped goes at once, and does not come back with a partition
/// that is behind.
class SharedIndexes {
 public:
  /// All must outlive it.
  struct Environment {
    Executor& workers;
    MemoryBudget& memory;
    MetricsRegistry& metrics;
    const Clock& clock;
  };
  SharedIndexes(const Environment& environment, const SnapshotPlace& place, log::Partition partitions = 1);
  /// Stops, and saves nothing.
  ~SharedIndexes();
  SharedIndexes(const SharedIndexes&) = delete;
  SharedIndexes& operator=(const SharedIndexes&) = delete;

  log::Partition partitions() const { return static_cast<log::Partition>(sources_.size()); }
  IndexSetPtr published() const { return indexes_.published(); }
  /// Every partition has started; no index is building, or waits to be built.
  bool ready() const { return !waits_to_build_ && builder_.idle() && !postings_.is_building(); }
  /// Ends builds and saves; then saves what changed if `save`. Nobody applies any more, and all
  /// stores are there still. Idempotent.
  void stop(bool save);

  // ---- for followers ----

  /// The source lives until `leave`, which stops.
  void join(log::Partition partition, RowSource& source);
  void leave(log::Partition partition);
  /// The partition's schema from here on; with the last partition's first one the indexes begin.
  /// The row maps of its tables are joined. Within its commit point but at the start.
  void adopt(log::Partition partition, const schema::SchemaPtr& schema);
  /// Begins in the background what has become due: builds, and with a new schema removals. Without
  /// any lock.
  void begin_work(bool schema_changed);
  void begin_save(const IndexPtr& index) { saver_.begin_save(index); }
  /// While a partition replays nothing is saved.
  void set_replaying(log::Partition partition, bool replaying);

  SharedRowMaps& row_maps() { return row_maps_; }
  SharedPostings& postings() { return postings_; }
  Indexes& indexes() { return indexes_; }
  const Saver& saver() const { return saver_; }
  const Environment& environment() const { return env_; }

 private:
  /// An index that is to be built once the rows are ready for it.
  struct Waiting {
    IndexPtr index;
    Positions needs;  ///< records before this are in the rows
  };

  /// What a partition has come to.
  struct Crossed {
    schema::SchemaPtr schema;  ///< null before its start
    std::set<uint32_t> index_ids;
  };

  const schema::Schema& newest() const;
  bool can_build(const Waiting& waiting) const;
  void begin_builds();

  const Environment env_;
  RowSources sources_;  ///< all there once the indexes begin
  SharedRowMaps row_maps_;
  SharedPostings postings_;
  Indexes indexes_;
  Saver saver_;
  Builder builder_;

  std::mutex mutex_;              ///< taken after commit points; guards what follows
  std::vector<Crossed> crossed_;  ///< by partition
  bool begun_ = false;            ///< all have started
  std::set<log::Partition> replaying_, replayed_;
  std::vector<Waiting> to_build_;
  size_t beginning_ = 0;  ///< of those that were taken from it, not yet the builder's
  std::atomic<bool> waits_to_build_{true}, stopped_{false};
};

}  // namespace sagitta::index
