/// Which requests were applied, and with what outcome, for as long as a duplicate of their record
/// could still be applied (docs/adr/0008-request-ids.md). Kept in Family::kRequests, in the batch
/// of the record itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/record.h"
#include "sagitta/rows/conditional_write.h"
#include "sagitta/schema/schema_change.h"

#include "uuid_hash.h"

namespace sagitta::replica {

/// What became of a request.
struct AppliedRequest {
  log::Offset offset = 0;
  /// The error it was refused with, if any.
  Status outcome;
  /// Of an applied schema change, without the schema.
  std::optional<schema::SchemaOutcome> schema;
  /// Of a conditional write. After a start, and past `kDecisionBytesMax`, without its rows.
  std::shared_ptr<const rows::Decision> decision = nullptr;
};

/// Of the rows of all decisions that are remembered.
inline constexpr size_t kDecisionBytesMax = size_t{16} << 20;

/// Used by the applier's thread only.
class RequestMemory {
 public:
  explicit RequestMemory(kv::Store& store) : store_(store) {}

  /// Reads what the store remembers. kCorruption.
  Status load();
  bool knows(const Uuid& id) const { return by_id_.contains(id); }
  /// How the request was applied before; nothing when it is new.
  std::optional<AppliedRequest> find(const Uuid& id) const;
  /// Remembers `id` until the log clock has passed `until_us`, and forgets what is over.
  void remember(const Uuid& id, const AppliedRequest& applied, int64_t until_us, int64_t log_clock_us,
                kv::Batch& batch);

 private:
  /// Most requests have nothing but their offset to remember.
  struct Remembered {
    log::Offset offset = 0;
    std::unique_ptr<const AppliedRequest> rest;
    size_t decision_bytes = 0;
  };
  using Until = std::pair<int64_t, Uuid>;

  void keep(const Uuid& id, AppliedRequest applied, int64_t until_us);
  void forget(const Uuid& id);

  kv::Store& store_;
  std::unordered_map<Uuid, Remembered, UuidHash> by_id_;
  size_t decision_bytes_ = 0;
  std::priority_queue<Until, std::vector<Until>, std::greater<>> by_time_;
};

}  // namespace sagitta::replica
