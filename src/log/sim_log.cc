#include "sagitta/log/sim_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "sagitta/base/limits.h"

namespace sagitta::log {
namespace {

constexpr uint64_t kDuplicateDelayMax = 8;

class SimLog final : public Log {
 public:
  SimLog(const Clock& clock, const SimFaults& faults)
      : clock_(clock), faults_(faults), random_(faults.seed), thread_([this] { run(); }) {}
  ~SimLog() override { stop(); }

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

  Result<std::vector<Entry>> read(Offset from, size_t max_bytes, int64_t wait_us) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::microseconds(wait_us), [&] { return stopping_ || from < end_locked(); });
    if (from < begin_) return fail(ErrorCode::kNotFound, fmt::format("log: {} is trimmed, begins at {}", from, begin_));
    std::vector<Entry> entries;
    for (size_t bytes = 0; from < end_locked() && (entries.empty() || bytes < max_bytes); ++from) {
      entries.push_back({from, records_[from - begin_]});
      bytes += entries.back().record.payload.size();
    }
    if (entries.empty() && stopping_) return fail(ErrorCode::kUnavailable, "log: stopped");
    return entries;
  }

  Offset end() const override {
    std::lock_guard lock(mutex_);
    return end_locked();
  }
  Offset begin() const override {
    std::lock_guard lock(mutex_);
    return begin_;
  }
  Status trim(Offset before) override {
    std::lock_guard lock(mutex_);
    for (; begin_ < before && !records_.empty(); ++begin_) records_.pop_front();
    return {};
  }
  void stop() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    std::lock_guard joining(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct Pending {
    Record record;
    AppendDone done;
  };
  /// All that chance decides about one append, drawn at once, so that the sequence depends on the seed alone.
  struct Fate {
    bool fails, loses_answer, is_duplicated;
    uint64_t duplicate_after;
    int64_t delay_us;
  };
  struct Duplicate {
    uint64_t after_appends;
    Record record;
  };

  Fate draw() {
    const auto hits = [this](uint32_t one_in) { return random_.next() % std::max(one_in, 1u) == 0 && one_in != 0; };
    return {hits(faults_.fail_one_in), hits(faults_.lose_answer_one_in), hits(faults_.duplicate_one_in),
            1 + random_.below(kDuplicateDelayMax),
            static_cast<int64_t>(random_.below(static_cast<uint64_t>(faults_.delay_us_max) + 1))};
  }
  Offset end_locked() const { return begin_ + records_.size(); }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      Pending pending = std::move(queue_.front());
      queue_.pop_front();
      const Fate fate = draw();
      if (fate.delay_us > 0) {
        lock.unlock();
        std::this_thread::sleep_for(std::chrono::microseconds(fate.delay_us));
        lock.lock();
      }
      Result<Offset> answer = settle(std::move(pending.record), fate);
      lock.unlock();
      changed_.notify_all();
      pending.done(std::move(answer));
      lock.lock();
    }
  }

  Result<Offset> settle(Record record, const Fate& fate) {
    if (record.payload.size() > limits::kRecordBytesMax) return fail(ErrorCode::kInvalid, "log: record too large");
    if (fate.fails) return fail(ErrorCode::kIo, "log: injected fault");
    const Offset offset = add(record);
    if (fate.is_duplicated) late_.push_back({fate.duplicate_after, std::move(record)});
    repeat_late();
    if (fate.loses_answer) return fail(ErrorCode::kWriteTimeout, "log: injected loss of an answer");
    return offset;
  }
  Offset add(Record record) {
    record.log_time_us = clock_.now_us();
    records_.push_back(std::move(record));
    return end_locked() - 1;
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
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pending> queue_;
  std::deque<Record> records_;
  std::vector<Duplicate> late_;
  Offset begin_ = 0;
  bool stopping_ = false;
  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Log> make_sim_log(const Clock& clock, const SimFaults& faults) {
  return std::make_unique<SimLog>(clock, faults);
}

}  // namespace sagitta::log
