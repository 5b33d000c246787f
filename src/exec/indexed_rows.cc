/// Streams of rows by their postings.
#include "sagitta/exec/indexed_rows.h"

#include <algorithm>

#include "sagitta/rows/row_keys.h"

namespace sagitta::exec {
namespace {

using rows::EntryKind;
using rows::KeyParts;

/// One log partition after the other, each in the order of row keys.
class IndexedStream final : public RowStream {
 public:
  IndexedStream(const StoredRows& rows, std::span<const index::PostingProbe> probes, const ReadRange& range)
      : rows_(rows), probes_(probes), range_(range) {
    const schema::TableDef& table = *rows.table();
    if (!is_everything(range.clustering)) intervals_ = intervals_of(table, range.clustering);
    if (range.partition) {
      wanted_ = rows::partition_prefix(table.id, *range.partition);
      to_ = types::after_prefix(wanted_);
      place_ = last_place_ = types::partition_of(types::token_of(*range.partition), views().count());
    } else {
      const types::Interval interval = rows::token_interval(table.id, range.tokens.start, range.tokens.end);
      wanted_ = interval.from;
      to_ = interval.to;
      place_ = types::partition_of(range.tokens.start, views().count());
      last_place_ = types::partition_of(range.tokens.end, views().count());
    }
    if (range.after) go_behind(table, *range.after);
  }

  Result<const Row*> next() override {
    for (;;) {
      if (rest_ != nullptr) return rest_->next();
      if (whole_ != nullptr) {
        SAGITTA_TRY(const Row* row, whole_->next());
        if (row != nullptr) return row;
        whole_.reset();
      }
      if (place_ <= last_place_) SAGITTA_CHECK(views().at(place_).may_go_on());
      SAGITTA_TRY(const bool more, find());
      if (rest_ != nullptr) continue;
      if (!more) return nullptr;
      SAGITTA_TRY(const bool is_row, read());
      if (is_row) return row_.get();
    }
  }
  void skip_partition() override {
    if (rest_ != nullptr) return rest_->skip_partition();
    whole_.reset();
    wanted_ = types::after_prefix(partition_prefix_);
  }

 private:
  const Views& views() const { return rows_.views(); }

  /// The partition of the row again: its static row may be what is found there.
  void go_behind(const schema::TableDef& table, const RowKey& after) {
    wanted_ = rows::static_row_key(table, after.partition);
    after_ = after.clustering ? rows::row_key(table, after.partition, *after.clustering) : wanted_;
    place_ = types::partition_of(types::token_of(after.partition), views().count());
  }

  /// The next key into `found_`.
  Result<bool> find() {
    for (; place_ <= last_place_ && wanted_ < to_; ++place_, keys_.reset()) {
      if (keys_ == nullptr) {
        SAGITTA_TRY(const bool are_whole, index::are_whole(views().at(place_), probes_));
        if (!are_whole) return open_rest();
        keys_ = index::open_keys(views().at(place_), probes_);
      }
      SAGITTA_TRY(const auto key, keys_->seek(wanted_));
      if (!key || *key >= to_) continue;
      found_ = *key;
      wanted_ = found_ + '\0';
      return true;
    }
    return false;
  }

  /// All rows from this log partition on, for an index is dropped.
  Result<bool> open_rest() {
    ReadRange range = range_;
    range.tokens.start = std::max(range.tokens.start, types::first_token_of(place_, views().count()));
    const bool is_behind = range.after && types::token_of(range.after->partition) < range.tokens.start;
    if (is_behind) range.after.reset();
    SAGITTA_TRY(rest_, rows_.open(range));
    return false;
  }

  /// Whether `found_` is the key of a row that is there, and in the range; it is then in `row_`.
  Result<bool> read() {
    SAGITTA_TRY(const KeyParts parts, rows::split_key(found_));
    partition_prefix_ = parts.partition_prefix;
    if (parts.kind == EntryKind::kStatic) {
      SAGITTA_CHECK(open_whole(parts));
      return false;
    }
    if (found_ <= after_) {
      wanted_ = after_ + '\0';
      return false;
    }
    if (!in_ranges(parts)) return false;
    SAGITTA_TRY(row_, rows_.get(found_));
    return row_ != nullptr;
  }

  /// Every row of the partition is meant.
  Status open_whole(const KeyParts& parts) {
    SAGITTA_TRY(partition_, rows::decode_partition(*rows_.table(), parts));
    ReadRange range = range_;
    range.partition = partition_->key;
    if (range.after && range.after->partition != partition_->key) range.after.reset();
    SAGITTA_TRY(whole_, rows_.open(range));
    wanted_ = types::after_prefix(partition_prefix_);
    return {};
  }

  bool in_ranges(const KeyParts& parts) const {
    if (intervals_.empty()) return !range_.clustering.empty();
    return types::contains(intervals_, parts.clustering);
  }

  const StoredRows& rows_;
  const std::span<const index::PostingProbe> probes_;
  const ReadRange range_;
  std::vector<types::Interval> intervals_;
  size_t place_ = 0, last_place_ = 0;  ///< log partitions
  Bytes wanted_, to_, after_;
  std::unique_ptr<index::PostingKeys> keys_;
  Bytes found_, partition_prefix_;
  std::unique_ptr<StoredRow> row_;
  rows::PartitionKeyPtr partition_;
  std::unique_ptr<RowStream> whole_;  ///< of a partition
  std::unique_ptr<RowStream> rest_;
};

}  // namespace

std::vector<index::PostingProbe> asked_of(std::span<const plan::IndexProbe> probes) {
  std::vector<index::PostingProbe> asked;
  for (const plan::IndexProbe& probe : probes) asked.push_back(probe.asked);
  return asked;
}

Result<std::unique_ptr<RowStream>> IndexedRows::open(const ReadRange& range) const {
  return std::make_unique<IndexedStream>(rows_, probes_, range);
}

}  // namespace sagitta::exec
