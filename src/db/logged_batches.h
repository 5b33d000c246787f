/// Logged batches whose mutations lie in several log partitions: once a batch is in the batch log
/// all of them are applied, whatever happens in between, but for what is wrong in itself.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "batch_log.h"
#include "partitions.h"

namespace sagitta::db {

/// Thread-safe between `open` and `close`.
///
/// A batch is a record of the batch log first, then a record in each of its partitions. These have
/// request ids that follow from the batch's own and timestamps that are in the batch: doing them
/// again changes nothing while the ids are remembered, and after that nothing but what depends on
/// the row that is there (elements of a list by number or value).
class LoggedBatches {
 public:
  /// Both must outlive it.
  LoggedBatches(const Environment& environment, const Partitions& partitions)
      : env_(environment), partitions_(partitions), log_(environment) {}

  /// Behind the partitions, of which there are several: completes what an earlier process has left.
  /// Blocks.
  Status open(const DataDirectory& directory);

  /// Called when the batch is in the batch log, if it gets there.
  using Durable = std::function<void()>;
  /// Does the batch. `done` gets the log's error when it is not in the batch log, or may not be;
  /// then what was wrong in a partition. Its record has been checked for size.
  void append(const schema::Schema& schema, std::vector<rows::Mutation> mutations, Durable durable,
              std::function<void(Status)> done);

  void stop() { log_.stop(); }
  /// Nobody uses it any more.
  void close() { log_.close(); }

 private:
  struct Batch {
    log::Offset offset = 0;
    Uuid id;
    uint64_t schema_version = 0;
    std::vector<rows::Mutation> mutations;
  };

  void stamp(std::vector<rows::Mutation>& mutations);
  void apply(Batch batch, std::function<void(Status)> done);
  void apply(const Partition& partition, log::Record record, std::function<void(Status)> done);

  const Environment& env_;
  const Partitions& partitions_;
  BatchLog log_;
  std::atomic<int64_t> last_stamp_us_{INT64_MIN};
};

}  // namespace sagitta::db
