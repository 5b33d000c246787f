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
    if (!id || !offset || !until) return fail(ErrorCode::kCorruption, "a remembered request that cannot be read");
    by_id_[*id] = *offset;
    by_time_.emplace(*until, *id);
  }
  return it->status();
}

std::optional<log::Offset> RequestMemory::find(const Uuid& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? std::nullopt : std::optional(found->second);
}

void RequestMemory::remember(const Uuid& id, log::Offset offset, int64_t until_us, int64_t log_clock_us,
                             kv::Batch& batch) {
  while (!by_time_.empty() && by_time_.begin()->first < log_clock_us) {
    batch.remove(Family::kRequests, by_time_.begin()->second.bytes());
    by_id_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
  Bytes value;
  put_varint(value, offset);
  put_signed_varint(value, until_us);
  batch.put(Family::kRequests, id.bytes(), value);
  by_id_[id] = offset;
  by_time_.emplace(until_us, id);
}

}  // namespace sagitta::replica
