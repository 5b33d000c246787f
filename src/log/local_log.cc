// The writer and the readers of a log in segment files.
#include "sagitta/log/local_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "sagitta/base/assert.h"
#include "sagitta/base/limits.h"
#include "sagitta/base/logging.h"

#include "record_frame.h"
#include "recovery.h"
#include "segment.h"
#include "segment_reader.h"

namespace sagitta::log {
namespace {

/// One group is one write and one sync; larger ones would only delay their first records.
constexpr size_t kGroupBytesMax = size_t{8} << 20;
/// The buffer of a larger group is given back.
constexpr size_t kGroupBytesKept = size_t{1} << 20;
/// The part of a sync's time that is worth waiting to share it.
constexpr int64_t kPatienceDivisor = 8;
/// Space is reserved for groups up to this part of it; more bytes are worth a sync of the file's
/// size.
constexpr size_t kReserveDivisor = 16;

size_t bytes_of(const Record& record) { return kFrameHeaderBytes + kFixedBodyBytes + record.payload.size(); }

struct Metrics {
  explicit Metrics(MetricsRegistry& registry)
      : appends(registry.counter("sagitta_log_append_total", "Records made durable")),
        failures(registry.counter("sagitta_log_append_failed_total", "Records refused or not made durable")),
        bytes(registry.counter("sagitta_log_append_bytes_total", "Bytes of records made durable")),
        torn_tails(registry.counter("sagitta_log_torn_tail_total", "Torn tails cut off at open")),
        reservations(registry.counter("sagitta_log_reservations_total", "Times that room was reserved ahead")),
        size(registry.gauge("sagitta_log_size_bytes", "Bytes of all segments, without what is reserved")),
        sync_seconds(registry.histogram("sagitta_log_sync_seconds", "Time of one write and sync", latency_bounds())) {}
  Counter& appends;
  Counter& failures;
  Counter& bytes;
  Counter& torn_tails;
  Counter& reservations;
  Gauge& size;
  Histogram& sync_seconds;
};

class LocalLog final : public Log {
 public:
  LocalLog(FileSystem& files, const Clock& clock, const Metrics& metrics, const LocalOptions& options,
           Recovered recovered)
      : files_(files),
        clock_(clock),
        metrics_(metrics),
        options_(options),
        segments_(std::move(recovered.segments)),
        end_(recovered.end),
        tail_begin_(recovered.end),
        active_(std::move(recovered.active)),
        writer_([this] { run(); }) {
    show_size();
  }
  ~LocalLog() override { stop(); }

  Partition partitions() const override { return 1; }
  void append(Partition partition, Record record, AppendDone done) override;
  Result<std::vector<Entry>> read(Partition partition, Offset from, size_t max_bytes, int64_t wait_us) override;
  Bounds bounds(Partition partition) const override;
  Status trim(Partition partition, Offset before) override;
  void stop() override;

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
  void mark_end();
  std::vector<Entry> read_tail(Offset from, size_t max_bytes) const;
  void show_size() {
    uint64_t bytes = 0;
    for (const Segment& segment : segments_) bytes += segment.bytes;
    metrics_.size.set(static_cast<double>(bytes));
  }

  FileSystem& files_;
  const Clock& clock_;
  Metrics metrics_;
  const LocalOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable readable_;
  std::deque<Pending> queue_;
  size_t queue_bytes_ = 0;
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

  // The writer's own; stop() uses it after the join.
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

Status LocalLog::admit(const Record& record) const {
  SAGITTA_CHECK(poison_);
  if (record.payload.size() > limits::kRecordBytesMax) {
    return fail(ErrorCode::kInvalid, fmt::format("log: a record of {} bytes, at most {} allowed", record.payload.size(),
                                                 limits::kRecordBytesMax));
  }
  if (!queue_.empty() && queue_bytes_ + bytes_of(record) > options_.queue_bytes_max) {
    return fail(ErrorCode::kOverloaded, fmt::format("log: {} bytes wait to be written, at most {} allowed",
                                                    queue_bytes_, options_.queue_bytes_max));
  }
  return {};
}

Bounds LocalLog::bounds(Partition partition) const {
  SAGITTA_ASSERT(partition < partitions());
  std::lock_guard lock(mutex_);
  return {.begin = segments_.front().base, .end = end_};
}

void LocalLog::append(Partition partition, Record record, AppendDone done) {
  SAGITTA_ASSERT(partition < partitions());
  std::unique_lock lock(mutex_);
  if (stopping_) {
    lock.unlock();
    return done(fail(ErrorCode::kUnavailable, "log: stopped"));
  }
  Status refused = admit(record);
  if (refused) {
    queue_bytes_ += bytes_of(record);
  } else {
    record.payload = Bytes();
  }
  queue_.push_back({std::move(record), std::move(done), std::move(refused)});
  const bool enough = queue_.size() >= wanted_;
  // The writer would wake only to wait for the mutex.
  lock.unlock();
  if (enough) work_.notify_one();
}

void LocalLog::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    gather(lock);
    Group group = take_group();
    lock.unlock();
    commit(std::move(group));
    lock.lock();
  }
}

/// Writers that were just answered tend to come back at once. Without a moment of patience they
/// would miss this group, and all would settle into two half groups that take turns.
void LocalLog::gather(std::unique_lock<std::mutex>& lock) {
  if (last_group_ <= 1) return;
  wanted_ = outstanding_;
  work_.wait_for(lock, std::chrono::microseconds(last_sync_us_ / kPatienceDivisor),
                 [this] { return stopping_ || queue_.size() >= wanted_; });
  wanted_ = 1;
}

LocalLog::Group LocalLog::take_group() {
  Group group;
  size_t bytes = 0;
  while (!queue_.empty() && (group.pending.empty() || bytes + bytes_of(queue_.front().record) <= kGroupBytesMax)) {
    bytes += bytes_of(queue_.front().record);
    if (queue_.front().refused) queue_bytes_ -= bytes_of(queue_.front().record);
    group.pending.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void LocalLog::commit(Group group) {
  std::vector<Pending> refused;
  for (Pending& pending : group.pending) {
    if (!pending.refused) refused.push_back(std::move(pending));
  }
  std::erase_if(group.pending, [](const Pending& pending) { return !pending.refused; });
  metrics_.failures.add(static_cast<double>(refused.size()));
  for (const Pending& pending : refused) pending.done(fail(pending.refused));
  if (group.pending.empty()) return;

  Status written = poison_;
  if (written) {
    encode(group);
    written = write_durably(group.bytes);
  }
  if (!written) {
    log_error("log poisoned", {{"directory", options_.directory}, {"error", written.error().to_string()}});
    {
      std::lock_guard lock(mutex_);
      poison_ = written;
    }
    metrics_.failures.add(static_cast<double>(group.pending.size()));
    for (const Pending& pending : group.pending) pending.done(fail(written));
    return;
  }
  publish(group);
  if (group.bytes.capacity() <= kGroupBytesKept) group_bytes_ = std::move(group.bytes);
}

void LocalLog::encode(Group& group) {
  group.bytes = std::exchange(group_bytes_, Bytes());
  group.bytes.clear();
  for (Pending& pending : group.pending) {
    pending.record.log_time_us = clock_.now_us();
    group.starts.push_back(group.bytes.size());
    encode_record(pending.record, end_ + group.starts.size() - 1, end_, group.bytes);
  }
}

Status LocalLog::write_durably(BytesView bytes) {
  SAGITTA_CHECK(roll_if_full());
  SAGITTA_CHECK(reserve_for(bytes.size()));
  const int64_t start_us = clock_.steady_us();
  SAGITTA_CHECK(active_->append(bytes));
  SAGITTA_CHECK(active_->sync());
  appended_ = true;
  last_sync_us_ = clock_.steady_us() - start_us;
  metrics_.sync_seconds.observe(static_cast<double>(last_sync_us_) * 1e-6);
  return {};
}

Status LocalLog::roll_if_full() {
  if (active_->size() < options_.segment_bytes) return {};
  SAGITTA_CHECK(active_->close());
  Segment segment{.path = options_.directory + "/" + segment_name(end_), .base = end_, .bytes = 0, .index = {}};
  SAGITTA_TRY(active_, files_.open_append(segment.path, FileSystem::OpenMode::kTruncate));
  SAGITTA_CHECK(files_.sync_directory(options_.directory));
  reserved_end_ = 0;
  std::lock_guard lock(mutex_);
  segments_.push_back(std::move(segment));
  return {};
}

/// A file that does not grow is synced with one write to the disk, else its size costs another.
Status LocalLog::reserve_for(size_t bytes) {
  const uint64_t end = active_->size();
  if (end + bytes <= reserved_end_ || bytes > options_.reserve_bytes / kReserveDivisor) return {};
  const uint64_t wanted = std::min<uint64_t>(options_.reserve_bytes, options_.segment_bytes - end);
  const Status reserved = active_->reserve(wanted);
  // The record itself may still fit.
  if (!reserved && reserved.error().code() != ErrorCode::kNoSpace) return reserved;
  reserved_end_ = end + wanted;
  metrics_.reservations.add();
  return {};
}

void LocalLog::publish(Group& group) {
  SAGITTA_ASSERT(group.starts.size() == group.pending.size());
  const Offset first = end_;
  {
    std::lock_guard lock(mutex_);
    Segment& segment = segments_.back();
    for (size_t i = 0; i < group.pending.size(); ++i) {
      segment.note(first + i, segment.bytes + group.starts[i]);
      keep_in_tail(first + i, std::make_shared<const Record>(std::move(group.pending[i].record)));
    }
    segment.bytes += group.bytes.size();
    end_ += group.pending.size();
    last_group_ = group.pending.size();
    outstanding_ = last_group_ + queue_.size();
    show_size();
  }
  readable_.notify_all();
  metrics_.appends.add(static_cast<double>(group.pending.size()));
  metrics_.bytes.add(static_cast<double>(group.bytes.size()));
  for (size_t i = 0; i < group.pending.size(); ++i) group.pending[i].done(first + i);
}

void LocalLog::keep_in_tail(Offset offset, RecordPtr record) {
  SAGITTA_ASSERT(tail_.empty() || offset == tail_begin_ + tail_.size());
  if (tail_.empty()) tail_begin_ = offset;
  tail_bytes_ += bytes_of(*record);
  tail_.push_back(std::move(record));
  while (tail_bytes_ > options_.tail_bytes) {
    tail_bytes_ -= bytes_of(*tail_.front());
    tail_.pop_front();
    ++tail_begin_;
  }
}

Result<std::vector<Entry>> LocalLog::read(Partition partition, Offset from, size_t max_bytes, int64_t wait_us) {
  SAGITTA_ASSERT(partition < partitions());
  std::unique_lock lock(mutex_);
  readable_.wait_for(lock, std::chrono::microseconds(wait_us), [&] { return stopping_ || from < end_; });
  if (from < segments_.front().base) {
    return fail(ErrorCode::kNotFound, fmt::format("log: {} is trimmed, it begins at {}", from, segments_.front().base));
  }
  if (from >= end_) {
    if (stopping_) return fail(ErrorCode::kUnavailable, "log: stopped");
    return std::vector<Entry>();
  }
  if (from >= tail_begin_) return read_tail(from, max_bytes);
  const auto after = std::ranges::upper_bound(segments_, from, {}, &Segment::base);
  const Offset end = after == segments_.end() ? end_ : after->base;
  const Segment segment = *std::prev(after);
  lock.unlock();
  return read_segment(files_, segment, from, end, max_bytes);
}

std::vector<Entry> LocalLog::read_tail(Offset from, size_t max_bytes) const {
  SAGITTA_ASSERT(tail_begin_ <= from && tail_begin_ + tail_.size() == end_);
  std::vector<Entry> entries;
  for (size_t bytes = 0; from < end_ && (entries.empty() || bytes < max_bytes); ++from) {
    entries.push_back({.offset = from, .record = tail_[from - tail_begin_]});
    bytes += bytes_of(*entries.back().record);
  }
  return entries;
}

Status LocalLog::trim(Partition partition, Offset before) {
  SAGITTA_ASSERT(partition < partitions());
  std::vector<std::string> doomed;
  {
    std::lock_guard lock(mutex_);
    while (segments_.size() > 1 && segments_[1].base <= before) {
      doomed.push_back(std::move(segments_.front().path));
      segments_.pop_front();
    }
    show_size();
  }
  if (doomed.empty()) return {};
  for (const std::string& path : doomed) SAGITTA_CHECK(files_.remove(path));
  return files_.sync_directory(options_.directory);
}

void LocalLog::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  readable_.notify_all();
  std::lock_guard stopping(stop_mutex_);
  if (!writer_.joinable()) return;
  writer_.join();
  if (appended_ && poison_) mark_end();
  if (const Status closed = active_->close(); !closed)
    log_warn("log not closed", {{"error", closed.error().to_string()}});
}

void LocalLog::mark_end() {
  Bytes mark;
  encode_mark(end_, clock_.now_us(), mark);
  Status written = active_->append(mark);
  if (written) written = active_->sync();
  // Records are safe without it; a mark only tells damage of the last group from a torn tail.
  if (!written) log_warn("log end not marked", {{"error", written.error().to_string()}});
}

}  // namespace

Result<std::unique_ptr<Log>> open_local_log(FileSystem& files, const Clock& clock, MetricsRegistry& registry,
                                            const LocalOptions& options) {
  const Metrics metrics(registry);
  SAGITTA_TRY(Recovered recovered, recover(files, options.directory));
  if (recovered.torn) metrics.torn_tails.add();
  return std::make_unique<LocalLog>(files, clock, metrics, options, std::move(recovered));
}

}  // namespace sagitta::log
