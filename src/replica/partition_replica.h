/// The state of one log partition: rows, schema, vector indexes, request ids and position. It has
/// no thread: whoever applies its records, a lane or a test, calls it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "sagitta/base/listeners.h"
#include "sagitta/replica/replica.h"
#include "sagitta/tablet/table_space.h"

#include "local_ids.h"
#include "request_memory.h"
#include "waiters.h"

namespace sagitta::replica {

/// One thread applies; what is marked so may be called from any.
class PartitionReplica {
 public:
  PartitionReplica(const Environment& environment, const Options& options);
  PartitionReplica(const PartitionReplica&) = delete;
  PartitionReplica& operator=(const PartitionReplica&) = delete;

  /// Reads what the store has, and begins to build indexes. kCorruption, kFormat, kIo.
  Status load();

  // ---- applying ----

  /// Applies records that follow its position, many in one batch of the store: rows, journal,
  /// request ids and position of all of them change together. Then tells those who wait for them.
  /// An error is of the surroundings: the records before the one named are applied, none after, and
  /// nothing more is to be applied.
  Status apply(std::span<const log::Entry> entries);
  /// Appends a tick when deletions are under way and none is: each tick takes them a step further.
  void tick_when_due();
  /// From true to false: larger batches, and no index is saved.
  void set_replaying(bool replaying);
  /// Fails those who wait, now and later.
  void halt(const Error& error);
  /// Bytes of payload applied since the last flush began.
  uint64_t unflushed_bytes() const { return unflushed_bytes_; }
  /// Ends index builds, saves indexes if `save`. Of indexes of its own.
  void stop_indexes(bool save) {
    if (own_indexes_ != nullptr) own_indexes_->stop(save);
  }

  // ---- from any thread ----

  /// See Replica.
  void submit(log::Record record, ApplyDone done);
  schema::SchemaPtr schema() const;
  index::IndexSetPtr indexes() const { return indexes_.published(); }
  rows::ReadView read_view(int64_t now_s, kv::ReadMode mode) const { return tables_.view(now_s, mode); }
  bool indexes_ready() const { return indexes_.ready(); }
  std::shared_ptr<void> on_schema_change(std::function<void(const schema::SchemaOutcome&)> listener) {
    return listeners_.add(std::move(listener));
  }
  std::optional<Error> halted() const;
  log::Partition number() const { return env_.partition; }
  /// The next offset to apply.
  log::Offset position() const { return position_; }
  int64_t log_clock_us() const { return log_clock_us_; }
  int64_t server_clock_us() const { return tables_.server_clock_us(); }
  /// Flushes the store and trims the log. Blocks.
  Status flush();

 private:
  /// What became of a record of the batch.
  struct Step {
    const log::Record* record;
    Status outcome;
    ApplyResult result;
  };
  /// What a record is applied with.
  struct Moment {
    log::Offset offset;
    int64_t log_clock_us;
  };

  Status load_position();
  void put_position(log::Offset next);
  std::span<const log::Entry> next_group(std::span<const log::Entry> entries) const;
  Status take_on_schema(const log::Entry& entry);
  Status take_on_version(const log::RecordPtr& change, const log::Entry& entry);
  Status apply_group(std::span<const log::Entry> group);
  Status add_to_batch(const log::Entry& entry);
  Status commit(log::Offset next);
  Status decide(const log::Record& record, ApplyResult& result);
  Status change(const log::Record& record, const Moment& moment, ApplyResult& result);
  Status change_rows(const log::Record& record);
  Status change_schema(const log::Record& record, ApplyResult& result);
  Status truncate(const log::Record& record, ApplyResult& result);
  void put_schema(const schema::Schema& schema);
  Status tick();
  void remember(const log::Record& record, const AppliedRequest& applied);
  void publish(const ApplyResult& result);

  const Environment env_;
  const Options options_;
  const std::unique_ptr<index::SharedIndexes> own_indexes_;
  index::SharedIndexes& indexes_;
  tablet::TableSpace tables_;
  RequestMemory requests_;
  std::unique_ptr<kv::Batch> batch_;
  LocalIds local_ids_;
  Waiters waiters_;
  Counter& applied_records_;
  Counter& refused_records_;
  Counter& batches_;
  Histogram& flush_seconds_;

  // The applier's own.
  bool replaying_ = false;
  std::vector<Step> steps_;  ///< of the records in the batch
  int64_t batch_clock_us_ = 0;

  mutable std::mutex mutex_;  ///< schema_ (for readers; the applier alone writes it), halted_
  schema::SchemaPtr schema_ = std::make_shared<const schema::Schema>();
  std::optional<Error> halted_;
  Listeners<schema::SchemaOutcome> listeners_;

  std::atomic<log::Offset> position_{0};
  std::atomic<int64_t> log_clock_us_{0};
  std::atomic<uint64_t> unflushed_bytes_{0};
  /// A tick is appended and not applied yet; the log may hold on to it for longer than this object
  /// lives.
  const std::shared_ptr<std::atomic<bool>> tick_under_way_ = std::make_shared<std::atomic<bool>>(false);
  std::mutex flush_mutex_;
};

}  // namespace sagitta::replica
