// The log of tests: its faults, and what it has kept.
#include "sagitta/log/sim_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "sagitta/base/limits.h"
#include "sagitta/base/random.h"

#include "stream_log.h"

namespace sagitta::log {
namespace {

constexpr uint64_t kDuplicateDelayMax = 8;
constexpr uint64_t kSkippedMax = 8;
/// Seeds of neighbouring partitions are as far apart as those of different runs.
constexpr uint64_t kSeedStep = 0x9E3779B97F4A7C15;

class SimStream final : public Stream {
 public:
  SimStream(Partition number, const Clock& clock, const SimOptions& options)
      : Stream(number),
        clock_(clock),
        faults_(options.faults[number]),
        random_(options.seed + number * kSeedStep),
        is_stepped_(options.is_stepped) {
    if (!is_stepped_) thread_ = std::thread([this] { run(); });
  }

  void append(Record record, AppendDone done) override {
    std::unique_lock lock(mutex_);
    if (!stopping_) {
      queue_.push_back({std::move(record), std::move(done)});
      changed_.notify_all();
      return;
    }
    lock.unlock();
    done(fail(ErrorCode::kUnavailable, "log: stopped"));
  }

  bool wait_for(Offset from, int64_t wait_us) override {
    std::unique_lock lock(mutex_);
    const auto can_go_on = [&] { return stopping_ || from < bounds_.end; };
    if (wait_us > 0) changed_.wait_for(lock, std::chrono::microseconds(wait_us), can_go_on);
    return !stopping_;
  }
  Result<std::vector<Entry>> read(Offset from, size_t max_bytes) override {
    std::lock_guard lock(mutex_);
    if (from < bounds_.begin) {
      return fail_in(number(), Error(ErrorCode::kNotFound,
                                     fmt::format("offset {} is trimmed, it begins at {}", from, bounds_.begin)));
    }
    std::vector<Entry> entries;
    auto next = std::ranges::lower_bound(entries_, from, {}, &Entry::offset);
    for (size_t bytes = 0; next != entries_.end() && (entries.empty() || bytes < max_bytes); ++next) {
      entries.push_back(*next);
      bytes += next->record->payload.size();
    }
    return entries;
  }

  Bounds bounds() const override {
    std::lock_guard lock(mutex_);
    return bounds_;
  }
  Status trim(Offset before) override {
    std::lock_guard lock(mutex_);
    bounds_.begin = std::clamp(before, bounds_.begin, bounds_.end);
    while (!entries_.empty() && entries_.front().offset < bounds_.begin) entries_.pop_front();
    return {};
  }

  void begin_stop() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
  }
  void stop() override {
    std::lock_guard joining(join_mutex_);
    if (thread_.joinable()) thread_.join();
    while (is_stepped_ && settle()) {
    }
  }

  /// Settles the oldest append that waits, if one does.
  bool settle() {
    std::unique_lock lock(mutex_);
    if (queue_.empty()) return false;
    Pending pending = std::move(queue_.front());
    queue_.pop_front();
    const Fate fate = draw();
    if (fate.delay_us > 0 && !is_stepped_) {
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(fate.delay_us));
      lock.lock();
    }
    Result<Offset> answer = decide(std::move(pending.record), fate);
    lock.unlock();
    changed_.notify_all();
    followers().mark(number());
    pending.done(std::move(answer));
    return true;
  }

  void lose() {
    std::deque<Pending> lost;  // what it holds ends without the lock
    std::lock_guard lock(mutex_);
    lost.swap(queue_);
  }

 private:
  struct Pending {
    Record record;
    AppendDone done;
  };
  /// All that chance decides about one append, drawn at once, so that the sequence depends on the
  /// seed alone.
  struct Fate {
    bool fails, loses_answer, is_duplicated;
    uint64_t duplicate_after;
    int64_t delay_us;
    uint64_t skipped;
  };
  struct Duplicate {
    uint64_t after_appends;
    Record record;
  };

  Fate draw() {
    const auto hits = [this](uint32_t one_in) { return random_.next() % std::max(one_in, 1u) == 0 && one_in != 0; };
    return {hits(faults_.fail_one_in),
            hits(faults_.lose_answer_one_in),
            hits(faults_.duplicate_one_in),
            1 + random_.below(kDuplicateDelayMax),
            static_cast<int64_t>(random_.below(static_cast<uint64_t>(faults_.delay_us_max) + 1)),
            faults_.skip_one_in != 0 && hits(faults_.skip_one_in) ? 1 + random_.below(kSkippedMax) : 0};
  }

  void run() {
    while (true) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
      }
      settle();
    }
  }

  Result<Offset> decide(Record record, const Fate& fate) {
    if (record.payload.size() > limits::kRecordBytesMax) return fail(ErrorCode::kInvalid, "log: record too large");
    if (fate.fails) return fail(ErrorCode::kIo, "log: injected fault");
    bounds_.end += fate.skipped;
    const Offset offset = add(record);
    if (fate.is_duplicated) late_.push_back({fate.duplicate_after, std::move(record)});
    repeat_late();
    if (fate.loses_answer) return fail(ErrorCode::kWriteTimeout, "log: injected loss of an answer");
    return offset;
  }
  Offset add(Record record) {
    record.log_time_us = clock_.now_us();
    entries_.push_back(
        {.partition = number(), .offset = bounds_.end, .record = std::make_shared<const Record>(std::move(record))});
    return bounds_.end++;
  }
  void repeat_late() {
    for (auto it = late_.begin(); it != late_.end();) {
      if (--it->after_appends > 0) {
        ++it;
        continue;
      }
      add(std::move(it->record));
      it = late_.erase(it);
    }
  }

  const Clock& clock_;
  const SimFaults faults_;
  SeededRandom random_;
  const bool is_stepped_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pending> queue_;
  std::deque<Entry> entries_;
  std::vector<Duplicate> late_;
  Bounds bounds_;
  bool stopping_ = false;
  std::mutex join_mutex_;
  std::thread thread_;
};

class SimStreams final : public StreamLog<SimLog, SimStream> {
 public:
  SimStreams(const Clock& clock, const SimOptions& options) : is_stepped_(options.is_stepped) {
    SAGITTA_ASSERT(!options.faults.empty());
    for (size_t i = 0; i < options.faults.size(); ++i) {
      add(std::make_unique<SimStream>(static_cast<Partition>(i), clock, options));
    }
  }

  bool settle(Partition partition) override {
    SAGITTA_ASSERT(is_stepped_);
    return stream(partition).settle();
  }
  void lose(Partition partition) override {
    SAGITTA_ASSERT(is_stepped_);
    stream(partition).lose();
  }

 private:
  const bool is_stepped_;
};

}  // namespace

std::unique_ptr<SimLog> make_sim_log(const Clock& clock, const SimOptions& options) {
  return std::make_unique<SimStreams>(clock, options);
}

}  // namespace sagitta::log
