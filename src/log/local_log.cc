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
#include "segment.h"

namespace sagitta::log {
namespace {

/// One group is one write and one sync; larger ones would only delay their first records.
constexpr size_t kGroupBytesMax = size_t{8} << 20;
/// The buffer of a larger group is given back.
constexpr size_t kGroupBytesKept = size_t{1} << 20;
/// The part of a sync's time that is worth waiting to share it.
constexpr int64_t kPatienceDivisor = 8;
constexpr size_t kReadChunkBytes = size_t{1} << 20;

size_t bytes_of(const Record& record) { return kFrameHeaderBytes + kFixedBodyBytes + record.payload.size(); }

struct Metrics {
  explicit Metrics(MetricsRegistry& registry)
      : appends(registry.counter("sagitta_log_append_total", "Records made durable")),
        failures(registry.counter("sagitta_log_append_failed_total", "Records refused or not made durable")),
        bytes(registry.counter("sagitta_log_append_bytes_total", "Bytes of records made durable")),
        torn_tails(registry.counter("sagitta_log_torn_tail_total", "Torn tails cut off at open")),
        size(registry.gauge("sagitta_log_size_bytes", "Bytes of all segment files")),
        sync_seconds(registry.histogram("sagitta_log_sync_seconds", "Time of one write and sync", latency_bounds())) {}
  Counter& appends;
  Counter& failures;
  Counter& bytes;
  Counter& torn_tails;
  Gauge& size;
  Histogram& sync_seconds;
};

/// What open() hands to the log.
struct Recovered {
  std::deque<Segment> segments;
  Offset end = 0;
  std::unique_ptr<AppendFile> active;
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
  void publish(Group& group);
  void keep_in_tail(Offset offset, Record record);
  void mark_end();
  std::vector<Entry> read_tail(Offset from, size_t max_bytes) const;
  Result<std::vector<Entry>> read_disk(const Segment& segment, Offset from, Offset end, size_t max_bytes) const;
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
  std::deque<Record> tail_;
  Offset tail_begin_;
  size_t tail_bytes_ = 0;
  /// The first failure to make records durable; all later appends get it.
  Status poison_;
  bool stopping_ = false;

  // The writer's own; stop() uses it after the join.
  std::unique_ptr<AppendFile> active_;
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
  if (queue_.size() >= wanted_) work_.notify_one();
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

/// Writers that were just answered tend to come back at once. Without a moment of patience they would miss this group,
/// and all would settle into two half groups that take turns.
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
  std::lock_guard lock(mutex_);
  segments_.push_back(std::move(segment));
  return {};
}

void LocalLog::publish(Group& group) {
  const Offset first = end_;
  {
    std::lock_guard lock(mutex_);
    Segment& segment = segments_.back();
    for (size_t i = 0; i < group.pending.size(); ++i) {
      segment.note(first + i, segment.bytes + group.starts[i]);
      keep_in_tail(first + i, std::move(group.pending[i].record));
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

void LocalLog::keep_in_tail(Offset offset, Record record) {
  if (tail_.empty()) tail_begin_ = offset;
  tail_bytes_ += bytes_of(record);
  tail_.push_back(std::move(record));
  while (tail_bytes_ > options_.tail_bytes) {
    tail_bytes_ -= bytes_of(tail_.front());
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
  return read_disk(segment, from, end, max_bytes);
}

std::vector<Entry> LocalLog::read_tail(Offset from, size_t max_bytes) const {
  std::vector<Entry> entries;
  for (size_t bytes = 0; from < end_ && (entries.empty() || bytes < max_bytes); ++from) {
    entries.push_back({.offset = from, .record = tail_[from - tail_begin_]});
    bytes += bytes_of(entries.back().record);
  }
  return entries;
}

/// Goes through a segment frame by frame, a chunk of the file at a time.
class FrameReader {
 public:
  FrameReader(const Segment& segment, const RandomFile& file, uint64_t position)
      : segment_(segment), file_(file), position_(position) {}

  /// The next whole frame, mark or record; good until the next call. Nothing at the end.
  Result<std::optional<BytesView>> next() {
    if (position_ >= segment_.bytes) return std::nullopt;
    SAGITTA_CHECK(have(kFrameHeaderBytes));
    const auto size = frame_bytes(chunk_view());
    if (!size) return damaged();
    SAGITTA_CHECK(have(*size));
    const BytesView frame = chunk_view().substr(0, *size);
    position_ += *size;
    return frame;
  }
  std::unexpected<Error> damaged() const {
    return fail(ErrorCode::kCorruption, fmt::format("{}: damaged at byte {}", segment_.path, position_));
  }

 private:
  BytesView chunk_view() const { return BytesView(chunk_).substr(position_ - chunk_begin_); }
  Status have(size_t bytes) {
    if (position_ + bytes > segment_.bytes) return damaged();
    if (position_ >= chunk_begin_ && position_ + bytes <= chunk_begin_ + chunk_.size()) return {};
    chunk_.resize(std::max(bytes, std::min<uint64_t>(kReadChunkBytes, segment_.bytes - position_)));
    chunk_begin_ = position_;
    SAGITTA_TRY(const size_t got, file_.read(position_, chunk_.size(), chunk_.data()));
    if (got < chunk_.size()) return damaged();
    return {};
  }

  const Segment& segment_;
  const RandomFile& file_;
  uint64_t position_;
  uint64_t chunk_begin_ = 0;
  Bytes chunk_;
};

Result<std::vector<Entry>> LocalLog::read_disk(const Segment& segment, Offset from, Offset end,
                                               size_t max_bytes) const {
  SAGITTA_TRY(const auto file, files_.open_random(segment.path));
  FrameReader reader(segment, *file, segment.nearest(from).position);
  std::vector<Entry> entries;
  for (size_t bytes = 0; from < end && (entries.empty() || bytes < max_bytes);) {
    SAGITTA_TRY(const auto bytes_of_frame, reader.next());
    const auto frame = bytes_of_frame ? parse_frame(*bytes_of_frame) : std::nullopt;
    if (!frame || frame->offset > from) return reader.damaged();
    if (frame->kind == kMarkKind || frame->offset < from) continue;
    auto entry = decode_record(*bytes_of_frame);
    // What is whole before a record of an unknown kind is still to be applied.
    if (!entry && !entries.empty()) break;
    if (!entry) return fail(entry);
    bytes += frame->bytes;
    entries.push_back(*std::move(entry));
    ++from;
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
  (void)active_->close();
}

void LocalLog::mark_end() {
  Bytes mark;
  encode_mark(end_, clock_.now_us(), mark);
  Status written = active_->append(mark);
  if (written) written = active_->sync();
  // Records are safe without it; a mark only tells damage of the last group from a torn tail.
  if (!written) log_warn("log end not marked", {{"error", written.error().to_string()}});
}

Result<std::vector<Offset>> list_bases(FileSystem& files, const std::string& directory) {
  SAGITTA_TRY(const auto names, files.list(directory));
  std::vector<Offset> bases;
  for (const std::string& name : names) {
    if (const auto base = parse_segment_name(name)) bases.push_back(*base);
  }
  return bases;
}

Status cut_tail(FileSystem& files, const Scan& scan, Metrics& metrics) {
  if (scan.torn_bytes == 0) return {};
  log_warn("torn log tail cut off",
           {{"file", scan.segment.path}, {"position", scan.segment.bytes}, {"bytes", scan.torn_bytes}});
  metrics.torn_tails.add();
  return files.truncate(scan.segment.path, scan.segment.bytes);
}

Result<Recovered> recover(FileSystem& files, const LocalOptions& options, Metrics& metrics) {
  SAGITTA_CHECK(files.make_directories(options.directory));
  SAGITTA_TRY(std::vector<Offset> bases, list_bases(files, options.directory));
  const auto path_of = [&](Offset base) { return options.directory + "/" + segment_name(base); };
  Recovered recovered;
  for (size_t i = 0; i < bases.size(); ++i) {
    if (i > 0 && bases[i] != recovered.end) {
      return fail(ErrorCode::kCorruption, fmt::format("{}: records {} to {} are missing before it", path_of(bases[i]),
                                                      recovered.end, bases[i]));
    }
    SAGITTA_TRY(Scan scan, scan_segment(files, path_of(bases[i]), bases[i], i + 1 == bases.size()));
    SAGITTA_CHECK(cut_tail(files, scan, metrics));
    recovered.end = scan.next;
    recovered.segments.push_back(std::move(scan.segment));
  }
  if (bases.empty()) recovered.segments.push_back({.path = path_of(0), .base = 0, .bytes = 0, .index = {}});
  // A killed process may have left records that were written but not synced: what is served must be durable.
  SAGITTA_TRY(recovered.active, files.open_append(recovered.segments.back().path, FileSystem::OpenMode::kAppend));
  SAGITTA_CHECK(recovered.active->sync());
  SAGITTA_CHECK(files.sync_directory(options.directory));
  return recovered;
}

}  // namespace

Result<std::unique_ptr<Log>> open_local_log(FileSystem& files, const Clock& clock, MetricsRegistry& registry,
                                            const LocalOptions& options) {
  Metrics metrics(registry);
  SAGITTA_TRY(Recovered recovered, recover(files, options, metrics));
  return std::make_unique<LocalLog>(files, clock, metrics, options, std::move(recovered));
}

}  // namespace sagitta::log
