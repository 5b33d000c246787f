#include "request_memory.h"

namespace sagitta::replica {

using kv::Family;

Status RequestMemory::load() {
  const auto it = store_.iterate(Family::kRequests, {}, {}, kv::ReadMode::kBlocking);
  for (it->seek_to_first(); it->valid(); it->next()) {
    const auto id = Uuid::from_bytes(it->key());
    ByteReader value(it->value());
    const auto offset = value.varint();
    const auto until = value.signed_varint();
    const auto failed = value.varint();
    if (!id || !offset || !until || !failed)
      return fail(ErrorCode::kCorruption, "a remembered request that cannot be read");
    AppliedRequest applied{*offset, {}};
    // 0 = applied; else one more than the error's code, and the rest is its text.
    if (*failed != 0) applied.outcome = fail(static_cast<ErrorCode>(*failed - 1), Bytes(value.rest()));
    by_id_[*id] = std::move(applied);
    by_time_.emplace(*until, *id);
  }
  return it->status();
}

std::optional<AppliedRequest> RequestMemory::find(const Uuid& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? std::nullopt : std::optional(found->second);
}

void RequestMemory::remember(const Uuid& id, const AppliedRequest& applied, int64_t until_us, int64_t log_clock_us,
                             kv::Batch& batch) {
  while (!by_time_.empty() && by_time_.begin()->first < log_clock_us) {
    batch.remove(Family::kRequests, by_time_.begin()->second.bytes());
    by_id_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
  Bytes value;
  put_varint(value, applied.offset);
  put_signed_varint(value, until_us);
  const bool failed = !applied.outcome.has_value();
  put_varint(value, failed ? static_cast<uint64_t>(applied.outcome.error().code()) + 1 : 0);
  if (failed) value += applied.outcome.error().message();
  batch.put(Family::kRequests, id.bytes(), value);
  by_id_[id] = applied;
  by_time_.emplace(until_us, id);
}

}  // namespace sagitta::replica
