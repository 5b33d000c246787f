/// Who waits for which record to be applied.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sagitta/base/uuid.h"
#include "sagitta/replica/replica.h"

#include "uuid_hash.h"

namespace sagitta::replica {

/// Thread-safe. Each waiter is called once: by whoever takes it out.
class Waiters {
 public:
  /// False when the same request is under way already: `done` then waits for its outcome.
  bool add(const Uuid& id, ApplyDone done) {
    std::lock_guard lock(mutex_);
    auto [place, is_new] = waiting_.try_emplace(id);
    place->second.push_back(std::move(done));
    return is_new;
  }

  /// Tells those who wait; nobody does when the record is replayed, or another node's.
  void complete(const Uuid& id, const Result<ApplyResult>& result) {
    std::vector<ApplyDone> all;
    {
      std::lock_guard lock(mutex_);
      const auto found = waiting_.find(id);
      if (found == waiting_.end()) return;
      all = std::move(found->second);
      waiting_.erase(found);
    }
    for (const ApplyDone& done : all) done(result);
  }

  void fail_all(const Error& error) {
    std::unordered_map<Uuid, std::vector<ApplyDone>, UuidHash> all;
    {
      std::lock_guard lock(mutex_);
      all.swap(waiting_);
    }
    for (const auto& [id, waiting] : all) {
      for (const ApplyDone& done : waiting) done(std::unexpected(error));
    }
  }

 private:
  std::mutex mutex_;
  std::unordered_map<Uuid, std::vector<ApplyDone>, UuidHash> waiting_;
};

}  // namespace sagitta::replica
