/// One partition of a local log: its segments, its writer, and its recent records.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "local_limits.h"
#include "recovery.h"
#include "segment.h"
#include "shared_bytes.h"
#include "stream.h"

namespace sagitta::log {

class LocalStream;

struct LocalMetrics {
  explicit LocalMetrics(MetricsRegistry& registry);
  Counter& appends;
  Counter& failures;
  Counter& bytes;
  Counter& torn_tails;
  Counter& reservations;
  Gauge& size;
  Histogram& sync_seconds;
};

/// What the partitions of a local log share.
struct LocalShared {
  LocalShared(FileSystem& all_files, const Clock& time, MetricsRegistry& registry, const LocalOptions& options)
      : files(all_files),
        clock(time),
        metrics(registry),
        limits(limits_of(options)),
        queue(options.queue_bytes_max),
        tails(options.tail_bytes) {}

  FileSystem& files;
  const Clock& clock;
  LocalMetrics metrics;
  const LocalLimits limits;
  SharedBytes queue;
  SharedBytes tails;
  /// All of them, before the first append.
  std::vector<LocalStream*> streams;
};

class LocalStream final : public Stream {
 public:
  LocalStream(Partition number, std::shared_ptr<LocalShared> shared, std::string directory, Recovered recovered);
  ~LocalStream() override;

  void append(Record record, AppendDone done) override;
  bool wait_for(Offset from, int64_t wait_us) override;
  Result<std::vector<Entry>> read(Offset from, size_t max_bytes) override;
  Bounds bounds() const override;
  Status trim(Offset before) override;
  void begin_stop() override;
  void stop() override;

  /// Forgets the oldest records of its tail while all tails are too large and it has more than its
  /// share.
  void shrink_tail();

 private:
  struct Pending {
    Record record;
    AppendDone done;
    /// Set when it is not to be written.
    Status refused;
  };
  /// Records that are written and synced together.
  struct Group {
    std::vector<Pending> pending;
    Bytes bytes;
    /// Where each record begins in `bytes`.
    std::vector<size_t> starts;
  };

  Status admit(const Record& record) const;
  void run();
  void gather(std::unique_lock<std::mutex>& lock);
  void commit(Group group);
  Group take_group();
  void encode(Group& group);
  Status write_durably(BytesView bytes);
  Status roll_if_full();
  Status reserve_for(size_t bytes);
  void publish(Group& group);
  void keep_in_tail(Offset offset, RecordPtr record);
  void drop_from_tail();
  std::vector<Entry> read_tail(Offset from, size_t max_bytes) const;
  void close();
  void mark_end();

  const std::shared_ptr<LocalShared> shared_;
  const LocalLimits& limits_;
  LocalMetrics& metrics_;
  const std::string directory_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable readable_;
  std::deque<Pending> queue_;
  /// How many must be queued to wake the writer.
  size_t wanted_ = 1;
  /// Records of the last group, and those with the ones that were queued when it was done.
  size_t last_group_ = 0;
  size_t outstanding_ = 0;
  std::deque<Segment> segments_;
  Offset end_;
  /// The last records before end_, from tail_begin_ on.
  std::deque<RecordPtr> tail_;
  Offset tail_begin_;
  size_t tail_bytes_ = 0;
  /// The first failure to make records durable; all later appends get it.
  Status poison_;
  bool stopping_ = false;

  // The writer's own.
  std::unique_ptr<AppendFile> active_;
  /// Up to where active_ has room reserved.
  uint64_t reserved_end_ = 0;
  /// The memory of the last group's bytes, for the next.
  Bytes group_bytes_;
  bool appended_ = false;
  int64_t last_sync_us_ = 0;

  std::mutex stop_mutex_;
  std::thread writer_;
};

}  // namespace sagitta::log
