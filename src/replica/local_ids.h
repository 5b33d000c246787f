/// Ids that this process makes for records whose caller gave none.
#pragma once

#include <atomic>

#include "sagitta/base/bytes.h"
#include "sagitta/base/uuid.h"

namespace sagitta::replica {

/// They have no UUID version; nobody can repeat them, so they are not remembered. Thread-safe.
class LocalIds {
 public:
  explicit LocalIds(int64_t seed) : seed_(static_cast<uint64_t>(seed)) {}
  Uuid next() {
    Bytes bytes;
    put_big<uint32_t>(bytes, static_cast<uint32_t>(seed_));
    put_big<uint32_t>(bytes, 0);
    put_big<uint64_t>(bytes, ++count_);
    return *Uuid::from_bytes(bytes);
  }
  static bool is_local(const Uuid& id) { return id.version() == 0; }

 private:
  const uint64_t seed_;
  std::atomic<uint64_t> count_{0};
};

}  // namespace sagitta::replica
