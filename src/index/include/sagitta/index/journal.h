/// The index journal: which rows of which index changed at which offset, in the batch that changed
/// them. An index that was made from an older state catches up by reading the rows named here. Key:
/// index id (4) | offset (8) | number (4), big-endian; value: the row key, or nothing when all rows
/// went. Under offset 0, which no row change can have, the offset from which the journal is
/// complete (8).
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/record.h"

namespace sagitta::index {

/// One thread applies; `trim_later`, `complete_from` and `read` may be called from any.
class IndexJournal {
 public:
  struct Changes {
    bool cleared = false;  ///< first of all, every row went
    std::set<Bytes> rows;  ///< that changed, after that
    log::Offset next = 0;  ///< they are all those before this
  };

  explicit IndexJournal(kv::Store& store) : store_(store) {}

  /// Begins the journals of those indexes that have none, at `next`; drops those of all others.
  Status start(const std::set<uint32_t>& ids, log::Offset next);

  // The records of a batch, each in this order; after the batch is written, `committed`.
  void begin_record(log::Offset offset, kv::Batch& batch);
  /// An index that is complete from this record on.
  void create(uint32_t id, kv::Batch& batch);
  void drop(uint32_t id, kv::Batch& batch);
  void add_row(uint32_t id, BytesView row_key, kv::Batch& batch) { add(id, number_++, row_key, batch); }
  void add_clear(uint32_t id, kv::Batch& batch);
  void committed();

  /// Entries since the last trim, by this process.
  uint64_t length(uint32_t id) const;
  /// Nobody needs entries before `offset` any more: they go with the next record, or with
  /// write_trims.
  void trim_later(uint32_t id, log::Offset offset);
  Status write_trims();

  /// Nothing when the index has no journal.
  Result<std::optional<log::Offset>> complete_from(uint32_t id) const;
  Result<Changes> read(uint32_t id, log::Offset from, const kv::SnapshotPtr& snapshot) const;

 private:
  void add(uint32_t id, uint32_t number, BytesView value, kv::Batch& batch);
  void put_trims(kv::Batch& batch);

  kv::Store& store_;
  log::Offset offset_ = 0;
  uint32_t number_ = 0;

  mutable std::mutex mutex_;
  std::map<uint32_t, uint64_t> lengths_;
  std::map<uint32_t, log::Offset> trims_;     ///< to be written
  std::map<uint32_t, log::Offset> in_batch_;  ///< of these, those in the batch
  std::map<uint32_t, log::Offset> trimmed_;   ///< written last
};

}  // namespace sagitta::index
