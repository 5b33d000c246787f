#include "sagitta/rows/deletions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "stored_codec.h"

namespace sagitta::rows {
namespace {

constexpr uint8_t kOldHeaderFormat = 1;
constexpr uint8_t kHeaderFormat = 2;
constexpr uint8_t kPageFormat = 2;

/// Whether an interval that ends there lies before the key as a whole; an empty end never does.
bool ends_before(const Bytes& end, BytesView key) { return !end.empty() && end <= key; }
/// The earlier of two ends; an empty one comes last.
const Bytes& earlier_end(const Bytes& a, const Bytes& b) { return a.empty() || (!b.empty() && b < a) ? b : a; }

void encode_range(const RangeTombstone& range, Bytes& out) {
  put_blob(out, range.interval.from);
  put_blob(out, range.interval.to);
  encode_tombstone(range.tombstone, out);
}

std::optional<RangeTombstone> decode_range(ByteReader& in) {
  const auto from = in.blob(), to = in.blob();
  const auto tombstone = from && to ? decode_tombstone(in) : std::nullopt;
  if (!tombstone) return std::nullopt;
  return RangeTombstone{{Bytes(*from), Bytes(*to)}, *tombstone};
}

/// Writes deletions that come in order as pages, in place of pages that they were read from before.
class PageWriter {
 public:
  /// `first_key` is that of the first page.
  PageWriter(RecordEntries& entries, const Bytes& base, Bytes first_key)
      : entries_(entries), base_(base), first_key_(std::move(first_key)) {}

  /// The page was read and its deletions come next.
  void replace(const Bytes& key) { replaced_.insert(key); }
  /// An interval that follows the last one of the same deletion makes it longer.
  void add(types::Interval interval, const Tombstone& tombstone) {
    if (!ranges_.empty()) {
      auto& [last, same] = ranges_.back();
      if (last.to == interval.from && same.timestamp_us == tombstone.timestamp_us && same.at_s == tombstone.at_s) {
        last.to = std::move(interval.to);
        return;
      }
    }
    // With one more page in hand, for the last two are divided evenly.
    if (ranges_.size() > 2 * kPageRangesMax) write_page(kPageRangesMax);
    ranges_.push_back({std::move(interval), tombstone});
  }
  /// `at_end`: what was added last lies behind all others, as when keys ascend; full pages then
  /// stay full.
  void finish(bool at_end) {
    while (ranges_.size() > kPageRangesMax) {
      const bool halve = !at_end && ranges_.size() <= 2 * kPageRangesMax;
      write_page(halve ? ranges_.size() / 2 : kPageRangesMax);
    }
    if (!ranges_.empty()) write_page(ranges_.size());
    for (const Bytes& key : replaced_) entries_.remove(key);
  }

 private:
  void write_page(size_t count) {
    const auto end = ranges_.begin() + static_cast<std::ptrdiff_t>(count);
    DeletionPage page;
    page.ranges.assign(std::make_move_iterator(ranges_.begin()), std::make_move_iterator(end));
    ranges_.erase(ranges_.begin(), end);
    const Bytes key = first_key_.empty() ? base_ + page.ranges.front().interval.from : std::exchange(first_key_, {});
    replaced_.erase(key);
    page.epoch = entries_.sweeps().epoch(key);
    Bytes encoded;
    page.encode(encoded);
    entries_.write(key, encoded);
  }

  RecordEntries& entries_;
  const Bytes& base_;
  Bytes first_key_;  ///< until it has a page
  std::set<Bytes> replaced_;
  std::vector<RangeTombstone> ranges_;
};

/// Lays one deletion over others that come in order.
class Overlay {
 public:
  Overlay(const RangeTombstone& range, PageWriter& pages) : range_(range), pages_(pages), from_(range.interval.from) {}

  void take(const RangeTombstone& old) {
    const auto& [from, to] = range_.interval;
    if (old.interval.from < from) pages_.add({old.interval.from, earlier_end(old.interval.to, from)}, old.tombstone);
    if (ends_before(old.interval.to, from)) return;
    if (ends_before(to, old.interval.from)) {
      finish();
      return pages_.add(old.interval, old.tombstone);
    }
    const Bytes& begin = std::max(old.interval.from, from);
    if (from_ < begin) pages_.add({from_, begin}, range_.tombstone);
    const Bytes& end = earlier_end(old.interval.to, to);
    const bool old_stays = old.tombstone.timestamp_us > range_.tombstone.timestamp_us;
    pages_.add({begin, end}, old_stays ? old.tombstone : range_.tombstone);
    done_ = end == to;
    from_ = end;
    if (done_ && !to.empty() && !ends_before(old.interval.to, to)) pages_.add({to, old.interval.to}, old.tombstone);
  }
  /// After all were taken.
  void finish() {
    if (!std::exchange(done_, true)) pages_.add({from_, range_.interval.to}, range_.tombstone);
  }

 private:
  const RangeTombstone& range_;
  PageWriter& pages_;
  Bytes from_;         ///< where the part of the range begins that no page has yet
  bool done_ = false;  ///< there is none
};

/// A header of the first version has its range deletions in it.
bool decode_old_ranges(ByteReader& in, std::vector<RangeTombstone>& ranges) {
  const auto count = in.varint();
  if (!count) return false;
  for (uint64_t i = 0; i < *count; ++i) {
    auto range = decode_range(in);
    if (!range) return false;
    ranges.push_back(*std::move(range));
  }
  return true;
}

}  // namespace

bool PartitionHeader::purge(int64_t log_s, int64_t gc_grace_s) {
  bool purged = drop_old(deletion, log_s, gc_grace_s);
  if (ranges_at_s && is_over(*ranges_at_s, log_s, gc_grace_s)) {
    ranges_at_s.reset();
    purged = true;
  }
  const auto is_absent = [&](const RangeTombstone& range) { return is_over(range.tombstone.at_s, log_s, gc_grace_s); };
  return std::erase_if(old_ranges, is_absent) > 0 || purged;
}

void PartitionHeader::encode(Bytes& out) const {
  const bool is_old = !old_ranges.empty();
  out.push_back(static_cast<char>(is_old ? kOldHeaderFormat : kHeaderFormat));
  if (!is_old) put_varint(out, epoch);
  encode_tombstone(deletion, out);
  if (!is_old) return put_signed_varint(out, ranges_at_s.value_or(kNoTimestamp));
  put_varint(out, old_ranges.size());
  for (const RangeTombstone& range : old_ranges) encode_range(range, out);
}

Result<PartitionHeader> PartitionHeader::decode(BytesView bytes) {
  PartitionHeader header;
  ByteReader in(bytes);
  const auto format = in.big<uint8_t>();
  if (!format) return corrupt_entry();
  if (*format > kHeaderFormat) return unknown_format("a partition header", *format, kHeaderFormat);
  const auto epoch = *format == kHeaderFormat ? in.varint() : 0;
  const auto deletion = decode_tombstone(in);
  if (*format == 0 || !epoch || !deletion) return corrupt_entry();
  header.epoch = *epoch;
  header.deletion = *deletion;
  if (*format == kOldHeaderFormat) {
    if (!decode_old_ranges(in, header.old_ranges)) return corrupt_entry();
  } else {
    const auto at_s = in.signed_varint();
    if (!at_s) return corrupt_entry();
    if (*at_s != kNoTimestamp) header.ranges_at_s = *at_s;
  }
  if (!in.empty()) return corrupt_entry();
  return header;
}

Tombstone DeletionPage::covering(BytesView encoded_clustering) const {
  const auto after = std::ranges::upper_bound(
      ranges, encoded_clustering, {}, [](const RangeTombstone& range) { return BytesView(range.interval.from); });
  if (after == ranges.begin() || !std::prev(after)->interval.contains(encoded_clustering)) return {};
  return std::prev(after)->tombstone;
}

bool DeletionPage::purge(int64_t log_s, int64_t gc_grace_s) {
  const auto is_absent = [&](const RangeTombstone& range) { return is_over(range.tombstone.at_s, log_s, gc_grace_s); };
  return std::erase_if(ranges, is_absent) > 0;
}

void DeletionPage::encode(Bytes& out) const {
  out.push_back(static_cast<char>(kPageFormat));
  put_varint(out, epoch);
  put_varint(out, ranges.size());
  for (const RangeTombstone& range : ranges) encode_range(range, out);
}

Result<DeletionPage> DeletionPage::decode(BytesView bytes) {
  DeletionPage page;
  ByteReader in(bytes);
  const auto format = in.big<uint8_t>();
  if (format && *format > kPageFormat) return unknown_format("a page of deletions", *format, kPageFormat);
  const auto epoch = in.varint(), count = in.varint();
  if (!format || *format != kPageFormat || !epoch || !count) return corrupt_entry();
  page.epoch = *epoch;
  for (uint64_t i = 0; i < *count; ++i) {
    auto range = decode_range(in);
    if (!range || !range->tombstone.is_set()) return corrupt_entry();
    if (!page.ranges.empty() && !ends_before(page.ranges.back().interval.to, range->interval.from)) {
      return corrupt_entry();
    }
    page.ranges.push_back(*std::move(range));
  }
  if (!in.empty()) return corrupt_entry();
  return page;
}

PartitionDeletions::PartitionDeletions(RecordEntries& entries, const Bytes& partition_prefix, int64_t log_s,
                                       int64_t gc_grace_s)
    : entries_(entries),
      base_(entry_key(partition_prefix, EntryKind::kDeletions)),
      log_s_(log_s),
      gc_grace_s_(gc_grace_s) {}

Result<Tombstone> PartitionDeletions::covering(const Bytes& encoded_clustering) {
  if (!span_ || encoded_clustering < span_->from || ends_before(span_->to, encoded_clustering)) {
    SAGITTA_CHECK(load_span(encoded_clustering));
  }
  return span_->page.covering(encoded_clustering);
}

Status PartitionDeletions::load_span(const Bytes& encoded_clustering) {
  const Bytes key = base_ + encoded_clustering;
  SAGITTA_TRY(const auto entry, entries_.last_between(base_, key));
  SAGITTA_TRY(const auto next, entries_.keys_between(key + '\0', types::after_prefix(base_), 1));
  Span span;
  if (entry) {
    span.from = clustering_of(entry->key);
    SAGITTA_TRY(span.page, read_page(entry->value));
  }
  if (!next.empty()) span.to = clustering_of(next.front());
  span_ = std::move(span);
  return {};
}

Result<DeletionPage> PartitionDeletions::read_page(BytesView bytes) {
  SAGITTA_TRY(DeletionPage page, DeletionPage::decode(bytes));
  decoded_ += page.ranges.size();
  page.purge(log_s_, gc_grace_s_);
  return page;
}

Status PartitionDeletions::add(const RangeTombstone& range) {
  const auto& [from, to] = range.interval;
  if (ends_before(to, from)) return {};
  span_.reset();
  const Bytes end = to.empty() ? types::after_prefix(base_) : base_ + to;
  SAGITTA_TRY(std::vector<Bytes> keys, entries_.keys_between(base_ + from + '\0', end));
  SAGITTA_TRY(const auto first, entries_.last_between(base_, base_ + from));
  if (first) keys.insert(keys.begin(), first->key);
  PageWriter pages(entries_, base_, first ? first->key : base_);
  Overlay overlay(range, pages);
  bool is_last = true;  // behind all that are in its pages
  for (const Bytes& key : keys) {
    SAGITTA_TRY(const auto bytes, entries_.read(key));
    SAGITTA_TRY(const DeletionPage page, read_page(*bytes));
    pages.replace(key);
    for (const RangeTombstone& old : page.ranges) overlay.take(old);
    is_last = page.ranges.empty() || page.ranges.back().interval.from < from;
  }
  overlay.finish();
  pages.finish(is_last);
  return {};
}

}  // namespace sagitta::rows
