/// Deletions of many rows that are being carried out in small steps. What they delete is gone for
/// readers and writers from the record on that began them, wherever its bytes still are
/// (docs/formats/rows.md, docs/adr/0012).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/rows/tombstone.h"

namespace sagitta::rows {

/// Of one deletion what is left to do.
struct Sweep {
  /// Counts all sweeps of a store from 1. An entry of this epoch or a later one was written after
  /// the sweep began.
  uint64_t number = 0;
  /// Keys of Family::kRows: of from <= key < to.
  Bytes from, to;
  /// What rows lose; not set: every entry goes, whatever it is (TRUNCATE, DROP).
  Tombstone tombstone;

  bool takes_all() const { return !tombstone.is_set(); }
  bool contains(BytesView key) const { return key >= from && key < to; }

  void encode(Bytes& out) const;
  /// All but the number. kCorruption, kFormat.
  static Result<Sweep> decode(uint64_t number, BytesView bytes);
};

/// The sweeps that are under way. Immutable.
class Sweeps {
 public:
  Sweeps() = default;
  /// By ascending number.
  explicit Sweeps(std::vector<Sweep> sweeps) : sweeps_(std::move(sweeps)) {}

  const std::vector<Sweep>& all() const { return sweeps_; }
  bool is_empty() const { return sweeps_.empty(); }
  /// Those that contain keys of [from, to); an empty `to` has no end.
  Sweeps within(BytesView from, BytesView to) const;

  /// What an entry at `key` has as its epoch when it is written now.
  uint64_t epoch(BytesView key) const;
  /// Whether the entry with this value is gone.
  bool takes(BytesView key, BytesView value) const;
  /// What a row of this epoch loses.
  Tombstone over(BytesView key, uint64_t epoch) const;

 private:
  std::vector<Sweep> sweeps_;
};
using SweepsPtr = std::shared_ptr<const Sweeps>;

/// How large deletions are divided.
struct SweepLimits {
  /// Of the entries that a record deletes so many go with it, the others step by step.
  size_t at_once = 1000;
  /// Entries that a step looks at.
  size_t step = 256;
  /// When so many are under way, others are carried out at once.
  size_t sweeps_max = 64;
};

}  // namespace sagitta::rows
