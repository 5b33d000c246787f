/// Steps of a lane, its loop, and the flushes that it begins.
#include "lane.h"

#include <algorithm>

#include "sagitta/base/assert.h"
#include "sagitta/base/logging.h"

namespace sagitta::replica {
namespace {

constexpr size_t kReadBytes = size_t{4} << 20;
/// So much of one partition, when there are others, before their turn.
constexpr size_t kTurnBytes = size_t{1} << 20;
constexpr int64_t kReadWaitUs = 100'000;
/// What is due in any partition is looked for so often.
constexpr int64_t kAllGoOnUs = 1'000'000;
/// A replay that takes longer says so, and then as often.
constexpr int64_t kLogEveryUs = 2'000'000;

}  // namespace

Lane::Lane(const Lanes::Environment& environment, const Options& options)
    : env_(environment), options_(options), feed_(env_.log.feed()) {}

Status Lane::add(PartitionReplica& partition, const std::function<void(const ReplayProgress&)>& on_replay) {
  // Partitions that change little are not all flushed at one time.
  const int64_t ago_us = options_.flush_interval_us / env_.log.partitions() * partition.number();
  members_.push_back(std::make_unique<Member>(&partition, env_.clock.steady_us() - ago_us));
  SAGITTA_CHECK(replay(*members_.back(), on_replay));
  SAGITTA_CHECK(feed_->follow(partition.number(), partition.position()));
  ++serving_;
  return {};
}

Status Lane::replay(Member& member, const std::function<void(const ReplayProgress&)>& on_replay) {
  PartitionReplica& partition = *member.partition;
  const log::Offset first = partition.position();
  const log::Offset end = env_.log.bounds(partition.number()).end;
  int64_t logged_us = env_.clock.steady_us();
  if (first == end) return {};
  partition.set_replaying(true);
  const auto report = [&] {
    if (on_replay) on_replay({partition.position() - first, end - first});
  };
  for (report(); partition.position() < end; report()) {
    SAGITTA_TRY(const auto entries, env_.log.read(partition.number(), partition.position(), kReadBytes, 0));
    SAGITTA_CHECK(partition.apply(entries));
    flush_when_due(member);
    const int64_t now_us = env_.clock.steady_us();
    if (now_us - logged_us < kLogEveryUs) continue;
    logged_us = now_us;
    log_info("replaying",
             {{"partition", partition.number()}, {"offset", partition.position()}, {"from", first}, {"to", end}});
  }
  wait_for_flush(partition);
  // The rows are right without it; the next start will say whether the disk still refuses.
  if (const Status flushed = partition.flush(); !flushed) {
    log_warn("what was replayed is not flushed", {{"error", flushed.error().to_string()}});
  }
  partition.set_replaying(false);
  return {};
}

Result<size_t> Lane::step(int64_t wait_us) {
  const std::thread::id stepper = stepper_;
  SAGITTA_ASSERT(stepper == std::thread::id() || stepper == std::this_thread::get_id());
  const auto entries = feed_->read(members_.size() > 1 ? kTurnBytes : kReadBytes, wait_us);
  if (!entries) {
    const auto failed = feed_->failed();
    if (!failed) return fail(entries);
    halt(member(*failed), entries.error());
    return 0;
  }
  // Those without records have their turn too while others keep the lane busy.
  const int64_t now_us = env_.clock.steady_us();
  if (entries->empty() || now_us - all_went_on_us_ >= kAllGoOnUs) {
    all_went_on_us_ = now_us;
    for (const auto& one : members_) go_on(*one);
  }
  if (entries->empty()) return 0;
  Member& next = member(entries->front().partition);
  if (const Status applied = next.partition->apply(*entries); !applied) {
    halt(next, applied.error());
  } else {
    go_on(next);
  }
  return entries->size();
}

Lane::Member& Lane::member(log::Partition number) {
  return **std::ranges::find_if(members_, [number](const auto& one) { return one->partition->number() == number; });
}

/// What is due without records: a flush, a step of a deletion.
void Lane::go_on(Member& member) {
  if (member.partition->halted()) return;
  flush_when_due(member);
  member.partition->tick_when_due();
}

void Lane::halt(Member& member, const Error& error) {
  PartitionReplica& partition = *member.partition;
  feed_->leave(partition.number());
  --serving_;
  partition.halt(error);
  log_error("replica halted",
            {{"partition", partition.number()}, {"offset", partition.position()}, {"error", error.to_string()}});
}

void Lane::halt_all(const Error& error) {
  for (const auto& one : members_) {
    if (!one->partition->halted()) halt(*one, error);
  }
}

void Lane::start() {
  loop_ = env_.loops.start([this](int64_t wait_us) { return turn(wait_us); });
}

bool Lane::turn(int64_t wait_us) {
  stepper_ = std::this_thread::get_id();
  if (stopping_ || serving_ == 0) return false;
  const auto stepped = step(std::min(wait_us, kReadWaitUs));
  if (!stepped && !stopping_) halt_all(stepped.error());
  return true;
}

void Lane::stop() {
  begin_stop();
  loop_.reset();
  stepper_ = std::thread::id();
}

void Lane::flush_when_due(Member& member) {
  const int64_t now_us = env_.clock.steady_us();
  const uint64_t bytes = member.partition->unflushed_bytes();
  const bool due =
      bytes >= options_.flush_bytes || (bytes > 0 && now_us - member.last_flush_us >= options_.flush_interval_us);
  if (!due) return;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(member.flushing, true)) return;
  }
  member.last_flush_us = now_us;
  env_.workers.post([this, &member] {
    const Status status = member.partition->flush();
    if (!status) log_error("flush failed", {{"error", status.error().to_string()}});
    // Notified under the lock: whoever waits may end this object's life.
    std::lock_guard lock(mutex_);
    member.flushing = false;
    flushed_.notify_all();
  });
}

void Lane::wait_for_flush(const PartitionReplica& partition) {
  std::unique_lock lock(mutex_);
  flushed_.wait(lock, [&] {
    return std::ranges::none_of(members_,
                                [&](const auto& one) { return one->partition == &partition && one->flushing; });
  });
}

Lanes::Lanes(const Environment& environment, const Options& options, size_t count) {
  for (size_t i = 0; i < count; ++i) lanes_.push_back(std::make_unique<Lane>(environment, options));
}

Lanes::~Lanes() = default;

void Lanes::start() {
  for (const auto& lane : lanes_) lane->start();
}

void Lanes::begin_stop() {
  for (const auto& lane : lanes_) lane->begin_stop();
}

void Lanes::stop() {
  begin_stop();
  for (const auto& lane : lanes_) lane->stop();
}

}  // namespace sagitta::replica
