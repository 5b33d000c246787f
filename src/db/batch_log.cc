/// Batches that are under way, and the trim behind them.
#include "batch_log.h"

#include <algorithm>

#include "sagitta/base/logging.h"
#include "sagitta/log/local_log.h"

#include "open_log.h"

namespace sagitta::db {
namespace {

constexpr size_t kSegmentBytes = size_t{8} << 20, kReserveBytes = size_t{256} << 10;
constexpr size_t kReadBytes = size_t{4} << 20;

}  // namespace

Status BatchLog::open(const DataDirectory& directory) {
  log::LocalOptions options;
  options.directory = directory.batch_path();
  options.segment_bytes = kSegmentBytes;
  options.reserve_bytes = kReserveBytes;
  SAGITTA_TRY(log_, open_log(env_, LogRole::kBatches, options));
  return {};
}

Result<std::vector<log::Entry>> BatchLog::unfinished() {
  std::vector<log::Entry> batches;
  const log::Bounds bounds = log_->bounds(0);
  for (log::Offset next = bounds.begin; next < bounds.end;) {
    SAGITTA_TRY(const auto entries, log_->read(0, next, kReadBytes, 0));
    for (const log::Entry& entry : entries) SAGITTA_CHECK(note(entry, batches));
    next = entries.back().offset + 1;
  }
  std::lock_guard lock(mutex_);
  for (const log::Entry& batch : batches) open_.insert(batch.offset);
  return batches;
}

Status BatchLog::note(const log::Entry& entry, std::vector<log::Entry>& batches) {
  if (entry.record->kind == log::RecordKind::kBatch) {
    batches.push_back(entry);
    return {};
  }
  const auto done = ByteReader(entry.record->payload).varint();
  if (entry.record->kind != log::RecordKind::kBatchDone || !done) {
    return fail(ErrorCode::kCorruption, "the batch log has a record that is none of it");
  }
  std::erase_if(batches, [&](const log::Entry& batch) { return batch.offset == *done; });
  return {};
}

void BatchLog::append(log::Record batch, log::AppendDone done) {
  log_->append(0, std::move(batch), [this, done = std::move(done)](const Result<log::Offset>& appended) {
    if (appended) {
      std::lock_guard lock(mutex_);
      open_.insert(*appended);
    }
    done(appended);
  });
}

// Nobody waits for it: a batch whose end is lost is done again, which changes nothing.
void BatchLog::finish(log::Offset batch) {
  log::Record record{.kind = log::RecordKind::kBatchDone};
  put_varint(record.payload, batch);
  log_->append(0, std::move(record), [this, batch](const Result<log::Offset>& appended) {
    if (!appended) return;
    log::Offset oldest = *appended;
    {
      std::lock_guard lock(mutex_);
      open_.erase(batch);
      if (!open_.empty()) oldest = std::min(oldest, *open_.begin());
    }
    if (const Status trimmed = log_->trim(0, oldest); !trimmed) {
      log_warn("batch log not trimmed", {{"error", trimmed.error().to_string()}});
    }
  });
}

void BatchLog::stop() {
  if (log_ != nullptr) log_->stop();
}

}  // namespace sagitta::db
