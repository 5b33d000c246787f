/// Changes of the schema on their way to all partitions.
#include "meta.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/advice.h"
#include "sagitta/base/awaited.h"
#include "sagitta/log/local_log.h"

#include "gather.h"
#include "open_log.h"
#include "partitions.h"

namespace sagitta::db {
namespace {

/// Schema changes are few and small.
constexpr size_t kSegmentBytes = size_t{1} << 20, kReserveBytes = size_t{64} << 10;

/// A change that is durable takes effect, now or at the next start.
Error late(const Error& error, bool is_truncation) {
  const bool is_disk = error.code() == ErrorCode::kIo || error.code() == ErrorCode::kNoSpace;
  const ErrorCode code = is_truncation ? ErrorCode::kTruncate : ErrorCode::kWriteTimeout;
  return {is_disk ? error.code() : code, "not in effect in every log partition yet, and will be: " + error.message()};
}

}  // namespace

Status Meta::open(const DataDirectory& directory) {
  if (directory.format.partitions == 1) return {};
  log::LocalOptions options;
  options.directory = directory.meta_path();
  options.segment_bytes = kSegmentBytes;
  options.reserve_bytes = kReserveBytes;
  SAGITTA_TRY(log_, open_log(env_, LogRole::kMeta, options));
  SAGITTA_TRY(catalog_, replica::Catalog::open(*log_, env_.loops));
  return {};
}

Status Meta::bring_up() {
  if (catalog_ == nullptr) return {};
  const uint64_t version = schema()->version;
  for (const Partition& partition : partitions_) {
    const uint64_t has = partition.replica->schema()->version;
    if (has <= version) continue;
    return fail(ErrorCode::kCorruption,
                fmt::format("log partition {} has version {} of the schema, but the meta log ends at {}; {}",
                            partition.number, has, version, kDamageAdvice));
  }
  const auto is_behind = [version](const Partition& partition) {
    return partition.replica->applied() == 0 || partition.replica->schema()->version < version;
  };
  if (std::ranges::none_of(partitions_, is_behind)) return {};
  Awaited<Status> crossed;
  cross(version, [&](const Status& status) { crossed.give(status); });
  return crossed.wait(env_.loops);
}

void Meta::cross(uint64_t version, const std::function<void(Status)>& done) const {
  const auto all =
      std::make_shared<Gather>(partitions_.size(), [done](const Gathered& barriers) { done(barriers.status); });
  for (const Partition& partition : partitions_) {
    log::Record barrier{.kind = log::RecordKind::kBarrier, .schema_version = version};
    partition.replica->submit(std::move(barrier), [all, number = partition.number](const auto& applied) {
      if (applied) return all->tell({});
      all->tell(fail(applied.error().code(), fmt::format("partition {}: {}", number, applied.error().message())));
    });
  }
}

schema::SchemaPtr Meta::schema() const {
  return catalog_ == nullptr ? partitions_.front().replica->schema() : catalog_->schema();
}

std::shared_ptr<void> Meta::on_schema_change(std::function<void(const schema::SchemaOutcome&)> listener) const {
  if (catalog_ != nullptr) return catalog_->on_schema_change(std::move(listener));
  return partitions_.front().replica->on_schema_change(std::move(listener));
}

void Meta::submit(log::Record record, replica::ApplyDone done) {
  if (catalog_ == nullptr) return partitions_.front().replica->submit(std::move(record), std::move(done));
  const bool is_truncation = record.kind == log::RecordKind::kTruncate;
  catalog_->submit(std::move(record), [this, is_truncation, done = std::move(done)](const auto& known) {
    if (!known) return done(known);
    const uint64_t version = known->schema->schema->version;
    cross(version, [is_truncation, done, known = *known](const Status& crossed) {
      crossed ? done(known) : done(std::unexpected(late(crossed.error(), is_truncation)));
    });
  });
}

// The one log stamps by the order of its records. Here a change is newer than all that is stamped
// in some partition already.
void Meta::stamp(schema::SchemaChange& change) const {
  auto* drop = std::get_if<schema::AlterTableDrop>(&change);
  if (catalog_ == nullptr || drop == nullptr || !drop->server_timestamp) return;
  for (const Partition& partition : partitions_) {
    const int64_t newest_us = partition.replica->server_clock_us();
    if (newest_us >= drop->timestamp_us) drop->timestamp_us = newest_us + 1;
  }
}

void Meta::stop() {
  if (catalog_ != nullptr) catalog_->begin_stop();
  if (log_ != nullptr) log_->stop();
  if (catalog_ != nullptr) catalog_->stop();
}

void Meta::close() {
  catalog_.reset();
  log_.reset();
}

}  // namespace sagitta::db
