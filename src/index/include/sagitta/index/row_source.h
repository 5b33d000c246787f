/// What indexes read of a log partition: its rows, and which of them changed since.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "sagitta/index/journal.h"
#include "sagitta/rows/read_view.h"

namespace sagitta::index {

/// Up to where indexes follow a log partition. Who holds the mutex sees rows and indexes of one
/// offset.
struct CommitPoint {
  std::mutex mutex;
  /// Every record before this is in the rows and in the serving indexes.
  std::atomic<log::Offset> next{0};
};

/// Any thread reads it.
struct RowSource {
  /// The rows as they are now, without what has expired by `now_s`; at 0 nothing has.
  std::function<rows::ReadView(int64_t now_s)> view;
  IndexJournal& journal;
  CommitPoint& commit;
};

/// By log partition.
using RowSources = std::vector<RowSource*>;

/// Who holds them sees rows and indexes of one offset in each partition.
inline std::vector<std::unique_lock<std::mutex>> lock_all(const RowSources& sources) {
  std::vector<std::unique_lock<std::mutex>> locks;
  for (RowSource* source : sources) locks.emplace_back(source->commit.mutex);
  return locks;
}

}  // namespace sagitta::index
