/// The log partitions of this node, in token order: a list of one today.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sagitta/db/options.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/log.h"
#include "sagitta/replica/replica.h"

#include "data_directory.h"

namespace sagitta::db {

/// Which of `count` partitions has the token: each has the same share of the ring.
size_t partition_of(int64_t token, size_t count);

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
  Partitions(const Options& options, const Environment& environment, Budgets& budgets)
      : options_(options), env_(environment), budgets_(budgets) {}

  /// Opens the log, then store and replica of each partition, and replays what the stores lack.
  /// Blocks.
  Status open(const DataDirectory& directory);
  /// Ends applying and fails who waits for it, flushes the stores, stops the log. The first error.
  Status stop();
  /// Ends what `open` began. Nobody uses a partition any more.
  void close();

  std::span<const Partition> all() const { return partitions_; }
  /// Those that have the tokens from `start` to `end`: one at least, also when there are none
  /// between.
  std::span<const Partition> of_tokens(int64_t start, int64_t end) const;
  const Partition& of_key(BytesView partition_key) const;
  /// The partition of all of the mutations.
  const Partition& of_write(std::span<const rows::Mutation> mutations) const;
  /// The one that there is: for what cannot be done over several yet, which is schema changes,
  /// TRUNCATE, batches over partitions, and ANN.
  const Partition& only() const;

  /// The newest of their log clocks.
  int64_t log_clock_us() const;
  bool indexes_ready() const;
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
  Status open(const DataDirectory& directory, Partition& partition);
  Status share_rocks();
  Status open_store(const DataDirectory& directory, Partition& partition) const;

  const Options& options_;
  const Environment& env_;
  Budgets& budgets_;
  std::unique_ptr<log::Log> log_;
  /// Null while rows are kept in memory.
  kv::RocksSharedPtr rocks_;
  std::vector<Partition> partitions_;
  /// Of those partitions that are open: what their replicas replayed.
  uint64_t replayed_ = 0;
};

}  // namespace sagitta::db
