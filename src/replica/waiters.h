/// Who waits for which record to be applied.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sagitta/base/uuid.h"
#include "sagitta/replica/replica.h"

namespace sagitta::replica {

/// Thread-safe. Each waiter is called once: by whoever takes it out.
class Waiters {
 public:
  /// False when a waiter of that id is there already: the same request is under way.
  bool add(const Uuid& id, ApplyDone done) {
    std::lock_guard lock(mutex_);
    return waiting_.try_emplace(id, std::move(done)).second;
  }

  /// Null when nobody waits: the record is replayed, or another node's.
  ApplyDone take(const Uuid& id) {
    std::lock_guard lock(mutex_);
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return nullptr;
    ApplyDone done = std::move(found->second);
    waiting_.erase(found);
    return done;
  }

  void fail_all(const Error& error) {
    std::unordered_map<Uuid, ApplyDone, Hash> all;
    {
      std::lock_guard lock(mutex_);
      all.swap(waiting_);
    }
    for (auto& [id, done] : all) done(std::unexpected(error));
  }

 private:
  struct Hash {
    size_t operator()(const Uuid& id) const {
      return std::hash<BytesView>()({reinterpret_cast<const char*>(id.octets.data()), id.octets.size()});
    }
  };
  std::mutex mutex_;
  std::unordered_map<Uuid, ApplyDone, Hash> waiting_;
};

}  // namespace sagitta::replica
