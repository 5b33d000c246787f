// The writer and the readers of one partition of a log in segment files.
#include "local_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "sagitta/base/assert.h"
#include "sagitta/base/limits.h"
#include "sagitta/base/logging.h"

#include "record_frame.h"
#include "segment_reader.h"
#include "stream_log.h"

namespace sagitta::log {
namespace {

/// The part of a sync's time that is worth waiting to share it.
constexpr int64_t kPatienceDivisor = 8;
/// Space is reserved for groups up to this part of it; more bytes are worth a sync of the file's
/// size.
constexpr size_t kReserveDivisor = 16;

size_t bytes_of(const Record& record) { return kFrameHeaderBytes + kFixedBodyBytes + record.payload.size(); }

uint64_t bytes_of(const std::deque<Segment>& segments) {
  uint64_t bytes = 0;
  for (const Segment& segment : segments) bytes += segment.bytes;
  return bytes;
}

}  // namespace

LocalMetrics::LocalMetrics(MetricsRegistry& registry)
    : appends(registry.counter("sagitta_log_append_total", "Records made durable")),
      failures(registry.counter("sagitta_log_append_failed_total", "Records refused or not made durable")),
      bytes(registry.counter("sagitta_log_append_bytes_total", "Bytes of records made durable")),
      torn_tails(registry.counter("sagitta_log_torn_tail_total", "Torn tails cut off at open")),
      reservations(registry.counter("sagitta_log_reservations_total", "Times that room was reserved ahead")),
      size(registry.gauge("sagitta_log_size_bytes", "Bytes of all segments, without what is reserved")),
      sync_seconds(registry.histogram("sagitta_log_sync_seconds", "Time of one write and sync", latency_bounds())) {}

LocalStream::LocalStream(Partition number, std::shared_ptr<LocalShared> shared, std::string directory,
                         Recovered recovered)
    : Stream(number),
      shared_(std::move(shared)),
      limits_(shared_->limits),
      metrics_(shared_->metrics),
      directory_(std::move(directory)),
      segments_(std::move(recovered.segments)),
      end_(recovered.end),
      tail_begin_(recovered.end),
      active_(std::move(recovered.active)),
      writer_([this] { run(); }) {
  metrics_.size.add(static_cast<double>(bytes_of(segments_)));
}

LocalStream::~LocalStream() {
  shared_->tails.release(tail_bytes_);
  metrics_.size.add(-static_cast<double>(bytes_of(segments_)));
}

Status LocalStream::admit(const Record& record) const {
  SAGITTA_CHECK(poison_);
  if (record.payload.size() > limits::kRecordBytesMax) {
    return fail(ErrorCode::kInvalid, fmt::format("log: a record of {} bytes, at most {} allowed", record.payload.size(),
                                                 limits::kRecordBytesMax));
  }
  if (!shared_->queue.take(bytes_of(record))) {
    return fail(ErrorCode::kOverloaded, fmt::format("log: {} bytes wait to be written, at most {} allowed",
                                                    shared_->queue.held(), shared_->queue.max()));
  }
  return {};
}

Bounds LocalStream::bounds() const {
  std::lock_guard lock(mutex_);
  return {.begin = segments_.front().base, .end = end_};
}

void LocalStream::append(Record record, AppendDone done) {
  std::unique_lock lock(mutex_);
  if (stopping_) {
    lock.unlock();
    return done(fail(ErrorCode::kUnavailable, "log: stopped"));
  }
  Status refused = admit(record);
  if (!refused) record.payload = Bytes();
  queue_.push_back({std::move(record), std::move(done), std::move(refused)});
  const bool enough = queue_.size() >= wanted_;
  // The writer would wake only to wait for the mutex.
  lock.unlock();
  if (enough) work_.notify_one();
}

void LocalStream::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) break;
    gather(lock);
    Group group = take_group();
    lock.unlock();
    commit(std::move(group));
    lock.lock();
  }
  lock.unlock();
  close();
}

/// Writers that were just answered tend to come back at once. Without a moment of patience they
/// would miss this group, and all would settle into two half groups that take turns.
void LocalStream::gather(std::unique_lock<std::mutex>& lock) {
  if (last_group_ <= 1) return;
  wanted_ = outstanding_;
  work_.wait_for(lock, std::chrono::microseconds(last_sync_us_ / kPatienceDivisor),
                 [this] { return stopping_ || queue_.size() >= wanted_; });
  wanted_ = 1;
}

LocalStream::Group LocalStream::take_group() {
  Group group;
  size_t bytes = 0;
  while (!queue_.empty() &&
         (group.pending.empty() || bytes + bytes_of(queue_.front().record) <= limits_.group_bytes_max)) {
    bytes += bytes_of(queue_.front().record);
    if (queue_.front().refused) shared_->queue.release(bytes_of(queue_.front().record));
    group.pending.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void LocalStream::commit(Group group) {
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
    log_error("log poisoned", {{"directory", directory_}, {"error", written.error().to_string()}});
    {
      std::lock_guard lock(mutex_);
      poison_ = written;
    }
    metrics_.failures.add(static_cast<double>(group.pending.size()));
    for (const Pending& pending : group.pending) pending.done(fail(written));
    return;
  }
  publish(group);
  if (group.bytes.capacity() <= limits_.group_bytes_kept) group_bytes_ = std::move(group.bytes);
}

void LocalStream::encode(Group& group) {
  group.bytes = std::exchange(group_bytes_, Bytes());
  group.bytes.clear();
  for (Pending& pending : group.pending) {
    pending.record.log_time_us = shared_->clock.now_us();
    group.starts.push_back(group.bytes.size());
    encode_record(pending.record, end_ + group.starts.size() - 1, end_, group.bytes);
  }
}

Status LocalStream::write_durably(BytesView bytes) {
  SAGITTA_CHECK(roll_if_full());
  SAGITTA_CHECK(reserve_for(bytes.size()));
  const int64_t start_us = shared_->clock.steady_us();
  SAGITTA_CHECK(active_->append(bytes));
  SAGITTA_CHECK(active_->sync());
  appended_ = true;
  last_sync_us_ = shared_->clock.steady_us() - start_us;
  metrics_.sync_seconds.observe(static_cast<double>(last_sync_us_) * 1e-6);
  return {};
}

Status LocalStream::roll_if_full() {
  if (active_->size() < limits_.segment_bytes) return {};
  SAGITTA_CHECK(active_->close());
  Segment segment{.path = directory_ + "/" + segment_name(end_), .base = end_, .bytes = 0, .index = {}};
  SAGITTA_TRY(active_, shared_->files.open_append(segment.path, FileSystem::OpenMode::kTruncate));
  SAGITTA_CHECK(shared_->files.sync_directory(directory_));
  reserved_end_ = 0;
  std::lock_guard lock(mutex_);
  segments_.push_back(std::move(segment));
  return {};
}

/// A file that does not grow is synced with one write to the disk, else its size costs another.
Status LocalStream::reserve_for(size_t bytes) {
  const uint64_t end = active_->size();
  if (end + bytes <= reserved_end_ || bytes > limits_.reserve_bytes / kReserveDivisor) return {};
  const uint64_t wanted = std::min<uint64_t>(limits_.reserve_bytes, limits_.segment_bytes - end);
  const Status reserved = active_->reserve(wanted);
  // The record itself may still fit.
  if (!reserved && reserved.error().code() != ErrorCode::kNoSpace) return reserved;
  reserved_end_ = end + wanted;
  metrics_.reservations.add();
  return {};
}

void LocalStream::publish(Group& group) {
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
  }
  readable_.notify_all();
  followers().mark(number());
  if (shared_->tails.is_over()) {
    for (LocalStream* stream : shared_->streams) stream->shrink_tail();
  }
  metrics_.size.add(static_cast<double>(group.bytes.size()));
  metrics_.appends.add(static_cast<double>(group.pending.size()));
  metrics_.bytes.add(static_cast<double>(group.bytes.size()));
  for (size_t i = 0; i < group.pending.size(); ++i) group.pending[i].done(first + i);
}

void LocalStream::keep_in_tail(Offset offset, RecordPtr record) {
  SAGITTA_ASSERT(tail_.empty() || offset == tail_begin_ + tail_.size());
  if (tail_.empty()) tail_begin_ = offset;
  tail_bytes_ += bytes_of(*record);
  shared_->tails.add(bytes_of(*record));
  tail_.push_back(std::move(record));
  drop_from_tail();
}

void LocalStream::drop_from_tail() {
  while (tail_bytes_ > limits_.tail_bytes && shared_->tails.is_over()) {
    const size_t bytes = bytes_of(*tail_.front());
    tail_bytes_ -= bytes;
    shared_->tails.release(bytes);
    tail_.pop_front();
    ++tail_begin_;
  }
}

void LocalStream::shrink_tail() {
  std::lock_guard lock(mutex_);
  drop_from_tail();
}

bool LocalStream::wait_for(Offset from, int64_t wait_us) {
  std::unique_lock lock(mutex_);
  const auto can_go_on = [&] { return stopping_ || from < end_; };
  if (wait_us > 0) readable_.wait_for(lock, std::chrono::microseconds(wait_us), can_go_on);
  return !stopping_;
}

Result<std::vector<Entry>> LocalStream::read(Offset from, size_t max_bytes) {
  std::unique_lock lock(mutex_);
  if (from < segments_.front().base) {
    return fail_in(number(), Error(ErrorCode::kNotFound,
                                   fmt::format("offset {} is trimmed, it begins at {}", from, segments_.front().base)));
  }
  if (from >= end_) return std::vector<Entry>();
  if (from >= tail_begin_) return read_tail(from, max_bytes);
  const auto after = std::ranges::upper_bound(segments_, from, {}, &Segment::base);
  const Offset end = after == segments_.end() ? end_ : after->base;
  const Segment segment = *std::prev(after);
  lock.unlock();
  auto entries = read_segment(shared_->files, segment, from, end, max_bytes);
  if (!entries) return fail_in(number(), entries.error());
  for (Entry& entry : *entries) entry.partition = number();
  return entries;
}

std::vector<Entry> LocalStream::read_tail(Offset from, size_t max_bytes) const {
  SAGITTA_ASSERT(tail_begin_ <= from && tail_begin_ + tail_.size() == end_);
  std::vector<Entry> entries;
  for (size_t bytes = 0; from < end_ && (entries.empty() || bytes < max_bytes); ++from) {
    entries.push_back({.partition = number(), .offset = from, .record = tail_[from - tail_begin_]});
    bytes += bytes_of(*entries.back().record);
  }
  return entries;
}

Status LocalStream::trim(Offset before) {
  std::vector<std::string> doomed;
  {
    std::lock_guard lock(mutex_);
    while (segments_.size() > 1 && segments_[1].base <= before) {
      metrics_.size.add(-static_cast<double>(segments_.front().bytes));
      doomed.push_back(std::move(segments_.front().path));
      segments_.pop_front();
    }
  }
  if (doomed.empty()) return {};
  for (const std::string& path : doomed) SAGITTA_CHECK(shared_->files.remove(path));
  return shared_->files.sync_directory(directory_);
}

void LocalStream::begin_stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  readable_.notify_all();
}

void LocalStream::stop() {
  std::lock_guard stopping(stop_mutex_);
  if (writer_.joinable()) writer_.join();
}

void LocalStream::close() {
  if (appended_ && poison_) mark_end();
  if (const Status closed = active_->close(); !closed) {
    log_warn("log not closed", {{"directory", directory_}, {"error", closed.error().to_string()}});
  }
}

void LocalStream::mark_end() {
  Bytes mark;
  encode_mark(end_, shared_->clock.now_us(), mark);
  Status written = active_->append(mark);
  if (written) written = active_->sync();
  // Records are safe without it; a mark only tells damage of the last group from a torn tail.
  if (!written) log_warn("log end not marked", {{"directory", directory_}, {"error", written.error().to_string()}});
}

}  // namespace sagitta::log
