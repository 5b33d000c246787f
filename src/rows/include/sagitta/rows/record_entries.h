/// Entries of Family::kRows as the applier of one record sees them: through its batch, and without
/// those that a deletion under way takes.
#pragma once

#include <optional>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/kv/store.h"
#include "sagitta/rows/sweep_book.h"

namespace sagitta::rows {

/// Not thread-safe. Errors are the store's.
class RecordEntries {
 public:
  struct Entry {
    Bytes key, value;
  };
  struct Place {
    Bytes key;
    uint64_t epoch;
  };

  /// `sweeps` may change with the record.
  RecordEntries(kv::Batch& batch, const SweepBook& sweeps) : batch_(batch), sweeps_(sweeps) {}

  Result<std::optional<Bytes>> read(const Bytes& key) const;
  void write(const Bytes& key, const Bytes& value) { batch_.put(kv::Family::kRows, key, value); }
  void remove(const Bytes& key) { batch_.remove(kv::Family::kRows, key); }

  /// The keys in [from, to), the first `limit` of them.
  Result<std::vector<Bytes>> keys_between(const Bytes& from, const Bytes& to, size_t limit = SIZE_MAX) const;
  /// The entry with the greatest key in [first, last], if there is one; first <= last.
  Result<std::optional<Entry>> last_between(const Bytes& first, const Bytes& last) const;
  /// The first `limit` entries in [from, to), those too that a deletion under way takes.
  Result<std::vector<Place>> all_between(const Bytes& from, const Bytes& to, size_t limit) const;

  /// The deletions under way.
  const Sweeps& sweeps() const { return *sweeps_.current(); }

 private:
  bool takes(BytesView key, BytesView value) const { return !sweeps().is_empty() && sweeps().takes(key, value); }

  kv::Batch& batch_;
  const SweepBook& sweeps_;
};

}  // namespace sagitta::rows
