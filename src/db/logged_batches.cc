/// Batches on their way from the batch log to the partitions.
#include "logged_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "sagitta/base/awaited.h"
#include "sagitta/base/logging.h"
#include "sagitta/replica/records.h"

#include "gather.h"

namespace sagitta::db {
namespace {

/// A partition whose log is full is asked again after this.
constexpr std::chrono::milliseconds kRetry{5};

/// Of the part of a batch in one partition: the same whenever it is done.
Uuid id_of_part(const Uuid& batch, log::Partition partition) {
  return Uuid::from_name(fmt::format("{}/{}", to_string(batch), partition));
}

/// Of a batch that is durable: a part that is not done will be.
Status outcome_of(const Status& parts) {
  if (parts || !is_not_done(parts.error())) return parts;
  return fail(ErrorCode::kWriteTimeout, "not in every log partition yet, and will be: " + parts.error().message());
}

}  // namespace

Status LoggedBatches::open(const DataDirectory& directory) {
  SAGITTA_CHECK(log_.open(directory));
  SAGITTA_TRY(const auto unfinished, log_.unfinished());
  for (const log::Entry& entry : unfinished) {
    const log::Record& record = *entry.record;
    SAGITTA_TRY(auto mutations, rows::decode_mutations(record.payload));
    Awaited<Status> done;
    apply({entry.offset, record.request_id, record.schema_version, std::move(mutations)},
          [&](const Status& applied) { done.give(applied); });
    // What is wrong in itself stays undone; after another fault the node must not begin.
    const Status applied = done.wait(env_.loops);
    if (!is_decided(applied)) return applied;
  }
  if (!unfinished.empty()) log_info("batches completed", {{"batches", unfinished.size()}});
  return {};
}

void LoggedBatches::append(const schema::Schema& schema, std::vector<rows::Mutation> mutations, Durable durable,
                           std::function<void(Status)> done) {
  stamp(mutations);
  log::Record record = replica::mutation_record(schema, mutations);
  record.kind = log::RecordKind::kBatch;
  record.request_id = Uuid::random(env_.random);
  Batch batch{.id = record.request_id, .schema_version = schema.version, .mutations = std::move(mutations)};
  log_.append(std::move(record), [this, batch = std::move(batch), durable = std::move(durable),
                                  done = std::move(done)](const Result<log::Offset>& appended) mutable {
    if (!appended) return done(fail(appended));
    durable();
    batch.offset = *appended;
    apply(std::move(batch), std::move(done));
  });
}

/// What the server stamps is newer than all that it has stamped so far where the batch goes, and
/// odd: a partition gives even timestamps. The statements of a batch tie, and nothing else with
/// them.
void LoggedBatches::stamp(std::vector<rows::Mutation>& mutations) {
  using Stamp = rows::Mutation::Stamp;
  int64_t stamp_us = INT64_MIN;
  for (const rows::Mutation& mutation : mutations) {
    if (mutation.stamp != Stamp::kProposed) continue;
    const int64_t newest_us = partitions_.of_key(mutation.partition_key).replica->server_clock_us();
    stamp_us = std::max({stamp_us, mutation.timestamp_us, newest_us == INT64_MIN ? newest_us : newest_us + 1});
  }
  if (stamp_us == INT64_MIN) return;
  for (int64_t last = last_stamp_us_;;) {
    stamp_us = std::max(stamp_us, last == INT64_MIN ? last : last + 1) | 1;
    if (last_stamp_us_.compare_exchange_weak(last, stamp_us)) break;
  }
  for (rows::Mutation& mutation : mutations) {
    if (mutation.stamp != Stamp::kProposed) continue;
    mutation.timestamp_us = stamp_us;
    mutation.stamp = Stamp::kServer;
  }
}

void LoggedBatches::apply(Batch batch, std::function<void(Status)> done) {
  auto pieces = partitions_.split(std::move(batch.mutations));
  // While a part of it is open, the next start does it again.
  const auto all = std::make_shared<Gather>(
      pieces.size(), [this, offset = batch.offset, done = std::move(done)](const Gathered& parts) {
        if (is_decided(parts.status)) log_.finish(offset);
        done(outcome_of(parts.status));
      });
  for (const Partitions::Piece& piece : pieces) {
    log::Record record{.kind = log::RecordKind::kMutation,
                       .schema_version = batch.schema_version,
                       .request_id = id_of_part(batch.id, piece.partition->number)};
    rows::encode(piece.mutations, record.payload);
    apply(*piece.partition, std::move(record), [all](const Status& applied) { all->tell(applied); });
  }
}

void LoggedBatches::apply(const Partition& partition, log::Record record, std::function<void(Status)> done) {
  log::Record again = record;
  partition.replica->submit(std::move(record), [this, &partition, again = std::move(again), done = std::move(done)](
                                                   const Result<replica::ApplyResult>& applied) mutable {
    if (applied) return done({});
    if (applied.error().code() != ErrorCode::kOverloaded) return done(fail(applied));
    env_.workers.post([this, &partition, again = std::move(again), done = std::move(done)]() mutable {
      std::this_thread::sleep_for(kRetry);
      apply(partition, std::move(again), std::move(done));
    });
  });
}

}  // namespace sagitta::db
