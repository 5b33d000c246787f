/// The log partitions of this node, in token order.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sagitta/db/options.h"
#include "sagitta/index/shared_indexes.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/log.h"
#include "sagitta/replica/lanes.h"
#include "sagitta/replica/replica.h"

#include "data_directory.h"
#include "meta.h"

namespace sagitta::db {

/// What a log partition has for itself.
struct Partition {
  log::Partition number = 0;
  std::shared_ptr<rows::PurgeHorizon> horizon = std::make_shared<rows::PurgeHorizon>();
  std::unique_ptr<kv::Store> store;
  std::unique_ptr<replica::Replica> replica;
};

/// Thread-safe between `open` and `close`.
class Partitions {
 public:
  /// All must outlive it.
  Partitions(const Options& options, const Environment& environment, Budgets& budgets);

  /// Opens the log, then store and replica of each partition, replays what the stores lack, and
  /// brings all up to the schema. Blocks.
  Status open(const DataDirectory& directory);
  /// Ends applying and fails who waits for it, flushes the stores, stops the log. The first error.
  Status stop();
  /// Ends what `open` began. Nobody uses a partition any more.
  void close();

  std::span<const Partition> all() const { return partitions_; }
  const Partition& of_key(BytesView partition_key) const;
  /// The partition of all of the mutations; null when they are of several.
  const Partition* of_write(std::span<const rows::Mutation> mutations) const;
  /// What a write does in one partition.
  struct Piece {
    const Partition* partition = nullptr;
    std::vector<rows::Mutation> mutations;
  };
  /// By partition; in each the mutations keep their order.
  std::vector<Piece> split(std::vector<rows::Mutation> mutations) const;

  Meta& meta() { return meta_; }
  const Meta& meta() const { return meta_; }
  /// The newest state of the indexes.
  index::IndexSetPtr indexes() const { return indexes_->published(); }

  /// The newest of their log clocks, and of the meta log's.
  int64_t log_clock_us() const;
  /// Nothing while rows are kept in memory.
  std::optional<kv::RocksShared::CacheUse> block_cache() const;
  bool indexes_ready() const { return indexes_->ready(); }
  /// Why one of them is halted, if one is.
  std::optional<Error> halted() const;
  /// How many vector indexes there are, and how many of them are being built.
  struct IndexCount {
    size_t all = 0, building = 0, full = 0;
  };
  IndexCount count_indexes() const;
  /// The next offset to apply in each, in the order of the partitions.
  std::string offsets() const;

 private:
  std::optional<Error> first_halted() const;
  Status open_log(const DataDirectory& directory);
  replica::Options replica_options() const;
  size_t lane_count(size_t partitions) const;
  Status open(const DataDirectory& directory, Partition& partition);
  Status share_rocks();
  Status open_store(const DataDirectory& directory, Partition& partition) const;

  const Options& options_;
  const Environment& env_;
  Budgets& budgets_;
  std::unique_ptr<log::Log> log_;
  /// Null while rows are kept in memory.
  kv::RocksSharedPtr rocks_;
  std::unique_ptr<index::SharedIndexes> indexes_;
  std::unique_ptr<replica::Lanes> lanes_;
  std::vector<Partition> partitions_;
  Meta meta_;
  /// Of those partitions that are open: what their replicas replayed.
  uint64_t replayed_ = 0;
};

}  // namespace sagitta::db
