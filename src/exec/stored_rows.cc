/// Streams of one partition key, and of ranges of tokens; rows by their keys.
#include "sagitta/exec/stored_rows.h"

#include <algorithm>

#include "sagitta/rows/row_keys.h"

namespace sagitta::exec {
namespace {

using rows::LiveRow;
using schema::TableDef;

Bytes store_key(const TableDef& table, const RowKey& key) {
  return key.clustering ? rows::row_key(table, key.partition, *key.clustering)
                        : rows::static_row_key(table, key.partition);
}

Result<std::shared_ptr<const LiveRow>> statics_of(const TableDef& table, const rows::ReadView& view,
                                                  BytesView partition) {
  if (!table.has_static) return nullptr;
  SAGITTA_TRY(auto row, view.get_static(table, partition));
  return row ? std::make_shared<const LiveRow>(*std::move(row)) : nullptr;
}

/// The rows of one partition, range after range.
class PartitionStream final : public RowStream {
 public:
  PartitionStream(const TableDef& table, const rows::ReadView& view, const ReadRange& range)
      : table_(table), view_(view), partition_(*range.partition), reversed_(range.reversed), out_(view.now_s()) {
    ranges_.assign(range.clustering.begin(), range.clustering.end());
    if (reversed_) std::ranges::reverse(ranges_);
    if (range.after) after_ = store_key(table, *range.after);
    show_static_ = !range.after && is_everything(range.clustering);
  }

  Result<const Row*> next() override {
    while (next_range_ < ranges_.size() || cursor_ != nullptr) {
      SAGITTA_CHECK(view_.may_go_on());
      SAGITTA_TRY(auto row, next_row());
      if (!row) continue;
      if (!std::exchange(statics_read_, true)) {
        SAGITTA_TRY(statics_, statics_of(table_, view_, partition_));
      }
      show_static_ = false;
      out_.set(std::move(row), statics_);
      return &out_;
    }
    if (!std::exchange(show_static_, false)) return nullptr;
    SAGITTA_TRY(statics_, statics_of(table_, view_, partition_));
    if (statics_ == nullptr) return nullptr;
    out_.set(std::nullopt, statics_);
    return &out_;
  }
  void skip_partition() override {
    cursor_.reset();
    next_range_ = ranges_.size();
  }

 private:
  bool is_point(const plan::ClusteringRange& range) const {
    return after_.empty() && range.start.size() == table_.clustering_count && range.start == range.end &&
           range.start_inclusive && range.end_inclusive;
  }
  /// The next row of the current range; nothing when the range ended or was just opened.
  Result<std::optional<LiveRow>> next_row() {
    if (cursor_ == nullptr) {
      const auto& range = ranges_[next_range_++];
      if (is_point(range)) return view_.get(table_, partition_, range.start);
      cursor_ = view_.scan_partition(table_, partition_, range, reversed_, after_);
    }
    SAGITTA_TRY(bool more, cursor_->next());
    if (more) return std::move(cursor_->row());
    cursor_.reset();
    return std::nullopt;
  }

  const TableDef& table_;
  const rows::ReadView& view_;
  const Bytes partition_;
  const bool reversed_;
  std::vector<plan::ClusteringRange> ranges_;
  size_t next_range_ = 0;
  Bytes after_;
  std::unique_ptr<rows::RowCursor> cursor_;
  bool show_static_ = false;
  bool statics_read_ = false;
  std::shared_ptr<const LiveRow> statics_;
  StoredRow out_;
};

/// The rows of a token range, one log partition after the other: so they are in token order.
class TokenStream final : public RowStream {
 public:
  TokenStream(const TableDef& table, const Views& views, const ReadRange& range)
      : table_(table),
        views_(views),
        tokens_(range.tokens),
        everything_(is_everything(range.clustering)),
        place_(types::partition_of(first_token(range), views.count())),
        last_place_(types::partition_of(range.tokens.end, views.count())),
        out_(view().now_s()) {
    if (!everything_) intervals_ = intervals_of(table, range.clustering);
    Bytes after;
    if (range.after) {
      after = store_key(table, *range.after);
      partition_ = range.after->partition;
      resumed_ = range.after->clustering.has_value();
    }
    cursor_ = view().scan_tokens(table, tokens_.start, tokens_.end, after);
  }

  Result<const Row*> next() override {
    if (std::exchange(resumed_, false)) {
      SAGITTA_TRY(statics_, statics_of(table_, view(), partition_));
    }
    for (;;) {
      if (!held_) {
        SAGITTA_TRY(bool more, move());
        if (!more) return std::exchange(static_pending_, false) ? show_static() : nullptr;
        held_ = std::move(cursor_->row());
      }
      if (held_->partition->key != partition_) {
        if (std::exchange(static_pending_, false)) return show_static();
        partition_ = held_->partition->key;
        statics_.reset();
        skipping_ = false;
      }
      LiveRow row = *std::exchange(held_, std::nullopt);
      if (skipping_) continue;
      if (row.is_static) {
        statics_ = std::make_shared<const LiveRow>(std::move(row));
        static_pending_ = everything_;
        continue;
      }
      static_pending_ = false;
      if (!wanted(row)) continue;
      out_.set(std::move(row), statics_);
      return &out_;
    }
  }
  void skip_partition() override { skipping_ = true; }

 private:
  static int64_t first_token(const ReadRange& range) {
    return range.after ? std::max(range.tokens.start, types::token_of(range.after->partition)) : range.tokens.start;
  }
  const rows::ReadView& view() const { return views_.at(place_); }
  /// To the next row, perhaps of the next log partition.
  Result<bool> move() {
    for (;;) {
      SAGITTA_TRY(const bool more, cursor_->next());
      if (more || place_ >= last_place_) return more;
      ++place_;
      cursor_ = view().scan_tokens(table_, tokens_.start, tokens_.end);
    }
  }
  const Row* show_static() {
    out_.set(std::nullopt, statics_);
    return &out_;
  }
  bool wanted(const LiveRow& row) const {
    return everything_ || types::contains(intervals_, rows::encode_clustering(table_, row.clustering));
  }

  const TableDef& table_;
  const Views& views_;
  const plan::TokenRange tokens_;
  const bool everything_;
  size_t place_;  ///< of the log partition that the cursor is in
  const size_t last_place_;
  StoredRow out_;
  std::vector<types::Interval> intervals_;
  std::unique_ptr<rows::RowCursor> cursor_;
  Bytes partition_;
  std::shared_ptr<const LiveRow> statics_;
  std::optional<LiveRow> held_;
  bool resumed_ = false;
  bool static_pending_ = false;
  bool skipping_ = false;
};

}  // namespace

void StoredRow::set(std::optional<LiveRow> row, std::shared_ptr<const LiveRow> statics) {
  row_ = std::move(row);
  statics_ = std::move(statics);
  const LiveRow& any = row_ ? *row_ : *statics_;
  if (key_.partition != any.partition->key) key_.partition = any.partition->key;
  if (row_) {
    key_.clustering = row_->clustering;
  } else {
    key_.clustering.reset();
  }
}

const rows::LiveCell* StoredRow::cell(const schema::ColumnDef& column) const {
  if (column.is_key()) return nullptr;
  if (column.kind == schema::ColumnKind::kStatic) return statics_ ? statics_->find(column.id) : nullptr;
  return row_ ? row_->find(column.id) : nullptr;
}

ValueView StoredRow::column(const schema::ColumnDef& column) const {
  switch (column.kind) {
    case schema::ColumnKind::kPartitionKey: return (row_ ? *row_ : *statics_).partition->components[column.position];
    case schema::ColumnKind::kClustering: return row_ ? ValueView(row_->clustering[column.position]) : ValueView();
    default: {
      const auto* found = cell(column);
      return found == nullptr ? ValueView() : ValueView(found->value);
    }
  }
}

std::vector<plan::Written> StoredRow::written(const schema::ColumnDef& column) const {
  const auto* found = cell(column);
  if (found == nullptr) return {};
  std::vector<plan::Written> written;
  const auto add = [&](const rows::CellTime& time) {
    plan::Written& one = written.emplace_back();
    if (time.timestamp_us != rows::kNoTimestamp) one.at_us = time.timestamp_us;
    if (time.expires_s != 0) one.ttl_s = static_cast<int32_t>(time.expires_s - now_s_);
  };
  if (found->elements.empty()) add({found->timestamp_us, found->expires_s});
  std::ranges::for_each(found->elements, add);
  return written;
}

const rows::ReadView& Views::at(size_t partition) const {
  std::optional<rows::ReadView>& view = views_[partition];
  if (!view) view.emplace(open_(partition, manner_));
  return *view;
}

Result<std::unique_ptr<RowStream>> StoredRows::open(const ReadRange& range) const {
  if (!range.partition) return std::make_unique<TokenStream>(*table_, views_, range);
  return std::make_unique<PartitionStream>(*table_, views_.of_token(types::token_of(*range.partition)), range);
}

Result<std::unique_ptr<StoredRow>> StoredRows::get(BytesView row_key) const {
  SAGITTA_TRY(const rows::KeyParts parts, rows::split_key(row_key));
  const rows::ReadView& view = views_.of_token(parts.token);
  SAGITTA_TRY(auto row, view.get_by_key(*table_, row_key));
  if (!row) return nullptr;
  SAGITTA_TRY(auto statics, statics_of(*table_, view, row->partition->key));
  auto stored = std::make_unique<StoredRow>(view.now_s());
  stored->set(std::move(row), std::move(statics));
  return stored;
}

bool StoredRows::deletes_rows() const {
  for (size_t i = 0; i < views_.count(); ++i) {
    if (views_.at(i).deletes_rows_of(*table_)) return true;
  }
  return false;
}

}  // namespace sagitta::exec
