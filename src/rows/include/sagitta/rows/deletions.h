/// Range deletions of a partition. They are kept as intervals that do not overlap, in pages:
/// entries of EntryKind::kDeletions that are found by the clustering key they begin at, so that a
/// write reads one page, however many deletions there are (docs/formats/rows.md, docs/adr/0012).
#pragma once

#include <optional>
#include <vector>

#include "sagitta/rows/record_entries.h"
#include "sagitta/rows/stored_row.h"

namespace sagitta::rows {

/// A deletion of all rows whose encoded clustering key is in the interval.
struct RangeTombstone {
  types::Interval interval;
  Tombstone tombstone;
};

/// What all rows of a partition are subject to.
struct PartitionHeader {
  uint64_t epoch = 0;  ///< see StoredRow
  Tombstone deletion;
  /// When the last range deletion was applied: until its grace period is over the partition may
  /// have some.
  std::optional<int64_t> ranges_at_s;
  /// Range deletions in the form of earlier versions, in the order in which they were applied.
  std::vector<RangeTombstone> old_ranges;

  /// Drops what counts as absent; whether there was any.
  bool purge(int64_t log_s, int64_t gc_grace_s);
  bool is_empty() const { return !deletion.is_set() && !ranges_at_s && old_ranges.empty(); }

  void encode(Bytes& out) const;
  /// kCorruption, kFormat.
  static Result<PartitionHeader> decode(BytesView bytes);
};

/// Part of the range deletions of a partition: those that begin before the next page.
struct DeletionPage {
  uint64_t epoch = 0;                  ///< see StoredRow
  std::vector<RangeTombstone> ranges;  ///< ascending; none overlaps another

  /// What covers a row with this clustering key.
  Tombstone covering(BytesView encoded_clustering) const;
  /// Drops what counts as absent; whether there was any.
  bool purge(int64_t log_s, int64_t gc_grace_s);
  bool is_empty() const { return ranges.empty(); }

  void encode(Bytes& out) const;
  /// kCorruption, kFormat.
  static Result<DeletionPage> decode(BytesView bytes);
};

/// Past so many a page is divided.
inline constexpr size_t kPageRangesMax = 64;

/// The range deletions of one partition, for one record. Errors: as RecordEntries, kCorruption,
/// kFormat.
class PartitionDeletions {
 public:
  /// `entries` must outlive it. Deletions count as absent as of `log_s`.
  PartitionDeletions(RecordEntries& entries, const Bytes& partition_prefix, int64_t log_s, int64_t gc_grace_s);

  /// The strongest deletion of a row with this clustering key. Reads nothing when the page asked
  /// last has the answer.
  Result<Tombstone> covering(const Bytes& encoded_clustering);
  /// Where deletions overlap the one with the higher timestamp stays, on a tie the new one.
  Status add(const RangeTombstone& range);

  /// Range deletions that were decoded so far.
  uint64_t decoded() const { return decoded_; }

 private:
  struct Span {
    Bytes from, to;  ///< keys of clustering that the page decides on; an empty `to` has no end
    DeletionPage page;
  };
  Result<DeletionPage> read_page(BytesView bytes);
  Status load_span(const Bytes& encoded_clustering);
  Bytes clustering_of(const Bytes& key) const { return key.substr(base_.size()); }

  RecordEntries& entries_;
  const Bytes base_;  ///< what the keys of all pages begin with
  const int64_t log_s_, gc_grace_s_;
  std::optional<Span> span_;
  uint64_t decoded_ = 0;
};

}  // namespace sagitta::rows
