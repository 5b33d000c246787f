/// Snapshots of indexes, in the background.
#include "sagitta/index/saver.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "sagitta/base/logging.h"

namespace sagitta::index {
namespace {

/// A snapshot is due after so many changes, and not before they are this part of the vectors: so a
/// journal is never much longer than its index, and rewriting an index costs little beside filling
/// it.
constexpr uint64_t kChangedPart = 5;
/// A save looks this often, or about, whether it is to end.
constexpr std::chrono::milliseconds kCancelPoll{1};

Counter& snapshots(MetricsRegistry& metrics, const char* result) {
  return metrics.counter("sagitta_index_snapshot_total", "Snapshots of indexes, by what became of them",
                         {{"result", result}});
}

}  // namespace

Saver::Saver(const Environment& environment, const SnapshotPlace& place)
    : env_(environment),
      changes_min_(place.changes_min),
      saved_(snapshots(env_.metrics, "saved")),
      not_saved_(snapshots(env_.metrics, "not_saved")),
      loaded_(snapshots(env_.metrics, "loaded")),
      not_loaded_(snapshots(env_.metrics, "not_loaded")),
      save_seconds_(
          env_.metrics.histogram("sagitta_index_snapshot_save_seconds", "Time to save an index", latency_bounds())),
      load_seconds_(env_.metrics.histogram("sagitta_index_snapshot_load_seconds",
                                           "Time to load an index, without catching up", latency_bounds())) {
  if (place.files != nullptr) files_.emplace(*place.files, place.directory);
}

void Saver::tidy(const schema::Schema& schema) {
  if (!files_) return;
  with_files_ = index_ids(schema);
  files_->tidy([&](uint32_t id) { return id >= schema.next_index_id || with_files_.contains(id); });
  for (uint32_t id : with_files_) files_->remove_unused(id);
}

Positions Saver::needs(const Index& index) const {
  Positions nothing(env_.sources.size(), 0);
  if (!files_ || !index.has_snapshots()) return nothing;
  const auto header = files_->header(index.def().id);
  return header && header->complete_to.size() == nothing.size() ? header->complete_to : nothing;
}

Status Saver::check_usable(const Index& index) const {
  const auto header = files_->header(index.def().id);
  if (!header) return {};  // loading says what is wrong
  const Positions& needed = header->complete_to;
  if (needed.size() != env_.sources.size()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("it is of {} log partitions, there are {}", needed.size(), env_.sources.size()));
  }
  for (size_t p = 0; p < needed.size(); ++p) {
    const log::Offset end = env_.sources[p]->commit.next;
    if (needed[p] <= end) continue;
    return fail(ErrorCode::kInvalid,
                fmt::format("it is complete to offset {} of log partition {}, which ends at {}", needed[p], p, end));
  }
  return {};
}

Result<Positions> Saver::journals_from(const Index& index) const {
  Positions from;
  for (const RowSource* source : env_.sources) {
    SAGITTA_TRY(const auto complete, source->journal.complete_from(index.def().id));
    from.push_back(complete.value_or(UINT64_MAX));
  }
  return from;
}

Result<std::optional<Positions>> Saver::load(Index& index) {
  if (!files_ || !index.has_snapshots()) return std::nullopt;
  SAGITTA_TRY(const Positions journals_from, this->journals_from(index));
  const int64_t began_us = env_.clock.steady_us();
  const Status usable = check_usable(index);
  const auto done = usable ? index.load(*files_, journals_from) : fail(usable);
  if (done) {
    loaded_.add();
    load_seconds_.observe(static_cast<double>(env_.clock.steady_us() - began_us) * 1e-6);
    return *done;
  }
  if (done.error().code() == ErrorCode::kNotFound) return std::nullopt;
  not_loaded_.add();
  log_warn("index snapshot not used, rows are read instead",
           {{"index", index.def().name}, {"error", done.error().to_string()}});
  return std::nullopt;
}

bool Saver::claim(Index& index) const {
  if (!files_ || !index.has_snapshots() || stopping_ || !enabled_ || index.state() != Reader::State::kServing)
    return false;
  const uint64_t changed = index.changes() - std::max(index.tried_changes.load(), index.saved_changes.load());
  if (changed < changes_min_ || changed * kChangedPart < index.stats().rows) return false;
  return !index.save_claimed.exchange(true);
}

void Saver::begin_save(const IndexPtr& index) {
  begin_work();
  env_.workers.post_long([this, held = index]() mutable {
    {
      // Let go first: with it ends what is charged to a budget that who waits may end.
      const IndexPtr saved = std::move(held);
      if (!stopping_) save(*saved);
      saved->save_claimed = false;
    }
    end_work();
  });
}

void Saver::begin_removals(const schema::Schema& schema) {
  if (!files_) return;
  const std::set<uint32_t> has = index_ids(schema);
  for (const uint32_t id : std::exchange(with_files_, has)) {
    if (has.contains(id)) continue;
    begin_work();
    env_.workers.post([this, id] {
      files_->remove(id, std::nullopt);
      end_work();
    });
  }
}

void Saver::save(Index& index) {
  const int64_t began_us = env_.clock.steady_us();
  const Status done = try_save(index);
  if (done) {
    saved_.add();
    save_seconds_.observe(static_cast<double>(env_.clock.steady_us() - began_us) * 1e-6);
    return;
  }
  not_saved_.add();
  log_warn("index snapshot not saved, the one before stays",
           {{"index", index.def().name}, {"error", done.error().to_string()}});
}

Status Saver::try_save(Index& index) {
  SnapshotHeader header{.index_id = index.def().id, .complete_to = {}};
  SAGITTA_TRY(header.number, files_->next_number(header.index_id));
  uint64_t changes = 0;
  std::shared_ptr<const void> pin;
  {
    const auto locks = lock_all(env_.sources);
    // Of one that does not follow its rows any more, some have lost their numbers.
    if (!env_.indexes.has(index) || index.state() != Reader::State::kServing)
      return fail(ErrorCode::kUnavailable, "it does not serve any more");
    for (const RowSource* source : env_.sources) header.complete_to.push_back(source->commit.next);
    changes = index.changes();
    pin = index.pin();
    index.save_running = true;
  }
  index.tried_changes = changes;
  const Status done = index.save(*files_, header, index.cancel_save);
  pin = nullptr;
  index.save_running = false;
  files_->remove_unused(header.index_id);
  if (!done) return done;
  if (!env_.indexes.has(index)) {
    files_->remove(header.index_id, std::nullopt);
    return {};
  }
  index.saved_changes = changes;
  for (size_t p = 0; p < env_.sources.size(); ++p) {
    env_.sources[p]->journal.trim_later(header.index_id, header.complete_to[p]);
  }
  log_info("index saved",
           {{"index", index.def().name}, {"offset", fmt::format("{}", fmt::join(header.complete_to, " "))}});
  return {};
}

void Saver::end_save(Index& index) {
  index.cancel_save = true;
  while (index.save_running) std::this_thread::sleep_for(kCancelPoll);
  index.cancel_save = false;
}

void Saver::begin_work() {
  std::lock_guard lock(mutex_);
  ++works_;
}

void Saver::end_work() {
  // Under the lock: who waits may end this object's life.
  std::lock_guard lock(mutex_);
  --works_;
  changed_.notify_all();
}

void Saver::stop() {
  stopping_ = true;
  const IndexMapPtr indexes = env_.indexes.all();
  for (const auto& [id, index] : *indexes) end_save(*index);
}

void Saver::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return works_ == 0; });
}

void Saver::save_all() {
  if (!files_) return;
  const IndexMapPtr indexes = env_.indexes.all();
  for (const auto& [id, index] : *indexes) {
    const bool serves = index->state() == Reader::State::kServing;
    if (serves && index->has_snapshots() && index->changes() != index->saved_changes) save(*index);
  }
  for (const RowSource* source : env_.sources) {
    const Status trimmed = source->journal.write_trims();
    if (!trimmed) log_warn("index journal not trimmed", {{"error", trimmed.error().to_string()}});
  }
}

}  // namespace sagitta::index
