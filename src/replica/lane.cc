#include "lane.h"

#include "sagitta/base/assert.h"
#include "sagitta/base/logging.h"

namespace sagitta::replica {
namespace {

constexpr size_t kReadBytes = size_t{4} << 20;
constexpr int64_t kReadWaitUs = 100'000;
/// A replay that takes longer says so, and then as often.
constexpr int64_t kLogEveryUs = 2'000'000;

}  // namespace

Status Lane::replay() {
  const log::Offset first = partition_.position();
  const log::Offset end = env_.log.bounds(env_.partition).end;
  int64_t logged_us = last_flush_us_ = env_.clock.steady_us();
  if (first == end) return {};
  stepper_ = std::this_thread::get_id();
  partition_.set_replaying(true);
  const auto report = [&] {
    if (options_.on_replay) options_.on_replay({partition_.position() - first, end - first});
  };
  for (report(); partition_.position() < end; report()) {
    SAGITTA_CHECK(step(0));
    const int64_t now_us = env_.clock.steady_us();
    if (now_us - logged_us < kLogEveryUs) continue;
    logged_us = now_us;
    log_info("replaying", {{"offset", partition_.position()}, {"from", first}, {"to", end}});
  }
  wait_for_flush();
  // The rows are right without it; the next start will say whether the disk still refuses.
  if (const Status flushed = partition_.flush(); !flushed) {
    log_warn("what was replayed is not flushed", {{"error", flushed.error().to_string()}});
  }
  partition_.set_replaying(false);
  return {};
}

Result<size_t> Lane::step(int64_t wait_us) {
  const std::thread::id stepper = stepper_;
  SAGITTA_ASSERT(stepper == std::thread::id() || stepper == std::this_thread::get_id());
  SAGITTA_TRY(const std::vector<log::Entry> entries,
              env_.log.read(env_.partition, partition_.position(), kReadBytes, wait_us));
  SAGITTA_CHECK(partition_.apply(entries));
  flush_when_due();
  return entries.size();
}

void Lane::start() {
  last_flush_us_ = env_.clock.steady_us();
  thread_ = std::thread([this] { run(); });
}

void Lane::run() {
  stepper_ = std::this_thread::get_id();
  while (!stopping_ && !partition_.halted()) {
    const auto stepped = step(kReadWaitUs);
    if (stepped) partition_.tick_when_due();
    if (stepped || stopping_) continue;
    partition_.halt(stepped.error());
    log_error("replica halted", {{"offset", partition_.position()}, {"error", stepped.error().to_string()}});
  }
}

void Lane::stop() {
  begin_stop();
  if (thread_.joinable()) thread_.join();
  stepper_ = std::thread::id();
}

void Lane::flush_when_due() {
  const int64_t now_us = env_.clock.steady_us();
  const uint64_t bytes = partition_.unflushed_bytes();
  const bool due =
      bytes >= options_.flush_bytes || (bytes > 0 && now_us - last_flush_us_ >= options_.flush_interval_us);
  if (!due) return;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(flushing_, true)) return;
  }
  last_flush_us_ = now_us;
  env_.workers.post([this] {
    const Status status = partition_.flush();
    if (!status) log_error("flush failed", {{"error", status.error().to_string()}});
    // Notified under the lock: whoever waits may end this object's life.
    std::lock_guard lock(mutex_);
    flushing_ = false;
    flushed_.notify_all();
  });
}

void Lane::wait_for_flush() {
  std::unique_lock lock(mutex_);
  flushed_.wait(lock, [this] { return !flushing_; });
}

}  // namespace sagitta::replica
