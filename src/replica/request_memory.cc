#include "request_memory.h"

namespace sagitta::replica {

using kv::Family;

namespace {

/// What stands in place of a schema change's 0 or 1: a decision.
constexpr uint64_t kNotApplied = 2, kApplied = 3;

size_t bytes_of(const rows::LiveRow& row) {
  size_t bytes = sizeof(row);
  for (const Bytes& component : row.clustering) bytes += component.size();
  for (const rows::LiveCell& cell : row.cells) {
    bytes += sizeof(cell) + cell.value.size() + cell.elements.size() * sizeof(cell.elements[0]);
  }
  return bytes;
}

size_t bytes_of(const rows::Decision& decision) {
  size_t bytes = decision.statics ? bytes_of(*decision.statics) : 0;
  for (const rows::LiveRow& row : decision.rows) bytes += bytes_of(row);
  return bytes;
}

void encode(const AppliedRequest& applied, int64_t until_us, Bytes& out) {
  put_varint(out, applied.offset);
  put_signed_varint(out, until_us);
  const bool failed = !applied.outcome.has_value();
  put_varint(out, failed ? static_cast<uint64_t>(applied.outcome.error().code()) + 1 : 0);
  if (failed) out += applied.outcome.error().message();
  if (!failed && applied.decision) put_varint(out, applied.decision->applied ? kApplied : kNotApplied);
  if (failed || !applied.schema) return;
  put_varint(out, applied.schema->changed);
  const schema::ChangeEvent& event = applied.schema->event;
  for (const Bytes* text : {&event.change, &event.target, &event.keyspace, &event.name}) put_blob(out, *text);
}

/// What follows in an applied request: nothing, a schema change's outcome, or a decision.
bool decode_rest(ByteReader& in, AppliedRequest& applied) {
  if (in.empty()) return true;
  const auto changed = in.varint();
  if (!changed || *changed > kApplied) return false;
  if (*changed >= kNotApplied) {
    applied.decision = std::make_shared<const rows::Decision>(rows::Decision{.applied = *changed == kApplied});
    return in.empty();
  }
  schema::ChangeEvent& event = applied.schema.emplace().event;
  applied.schema->changed = *changed != 0;
  for (Bytes* text : {&event.change, &event.target, &event.keyspace, &event.name}) {
    const auto read = in.blob();
    if (!read) return false;
    *text = Bytes(*read);
  }
  return in.empty();
}

}  // namespace

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
    AppliedRequest applied{.offset = *offset};
    // 0 = applied; else one more than the error's code, and the rest is its text.
    if (*failed != 0) {
      applied.outcome = fail(static_cast<ErrorCode>(*failed - 1), Bytes(value.rest()));
    } else if (!decode_rest(value, applied)) {
      return fail(ErrorCode::kCorruption, "what became of a remembered request cannot be read");
    }
    keep(*id, std::move(applied), *until);
  }
  return it->status();
}

std::optional<AppliedRequest> RequestMemory::find(const Uuid& id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  return found->second.rest ? *found->second.rest : AppliedRequest{.offset = found->second.offset};
}

void RequestMemory::remember(const Uuid& id, const AppliedRequest& applied, int64_t until_us, int64_t log_clock_us,
                             kv::Batch& batch) {
  while (!by_time_.empty() && by_time_.top().first < log_clock_us) {
    batch.remove(Family::kRequests, by_time_.top().second.bytes());
    forget(by_time_.top().second);
    by_time_.pop();
  }
  Bytes value;
  encode(applied, until_us, value);
  batch.put(Family::kRequests, id.bytes(), value);
  keep(id, applied, until_us);
}

void RequestMemory::forget(const Uuid& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  decision_bytes_ -= found->second.decision_bytes;
  by_id_.erase(found);
}

void RequestMemory::keep(const Uuid& id, AppliedRequest applied, int64_t until_us) {
  Remembered& remembered = by_id_[id];
  remembered = {.offset = applied.offset};
  if (applied.decision && !applied.decision->applied) {
    remembered.decision_bytes = bytes_of(*applied.decision);
    if (decision_bytes_ + remembered.decision_bytes > kDecisionBytesMax) {
      remembered.decision_bytes = 0;
      applied.decision = std::make_shared<const rows::Decision>();
    }
    decision_bytes_ += remembered.decision_bytes;
  }
  if (!applied.outcome || applied.schema || applied.decision) {
    if (applied.schema) applied.schema->schema = nullptr;
    remembered.rest = std::make_unique<const AppliedRequest>(std::move(applied));
  }
  by_time_.emplace(until_us, id);
}

}  // namespace sagitta::replica
