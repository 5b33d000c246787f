/// Rows of the stores of log partitions, as ReadViews show them: static values joined to their
/// rows.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sagitta/exec/rows.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/types/token.h"

namespace sagitta::exec {

/// A LiveRow with the static row of its partition.
class StoredRow final : public Row {
 public:
  explicit StoredRow(int64_t now_s) : now_s_(now_s) {}
  /// Either may be absent, not both.
  void set(std::optional<rows::LiveRow> row, std::shared_ptr<const rows::LiveRow> statics);

  const RowKey& key() const override { return key_; }
  ValueView column(const schema::ColumnDef& column) const override;
  std::vector<plan::Written> written(const schema::ColumnDef& column) const override;

  /// Null for key columns, and where there is no value.
  const rows::LiveCell* cell(const schema::ColumnDef& column) const;

 private:
  int64_t now_s_;
  RowKey key_;
  std::optional<rows::LiveRow> row_;
  std::shared_ptr<const rows::LiveRow> statics_;
};

/// One view of each log partition, opened when something in the partition is first asked for: so
/// each is as new as that moment. Not thread-safe.
class Views {
 public:
  /// Of all views alike.
  struct Manner {
    int64_t now_s = 0;
    kv::ReadMode mode = kv::ReadMode::kBlocking;
  };
  using Open = std::function<rows::ReadView(size_t partition, const Manner& manner)>;
  Views(size_t count, const Manner& manner, Open open) : manner_(manner), open_(std::move(open)), views_(count) {}
  const Manner& manner() const { return manner_; }
  size_t count() const { return views_.size(); }
  const rows::ReadView& at(size_t partition) const;
  const rows::ReadView& of_token(int64_t token) const { return at(types::partition_of(token, count())); }

 private:
  Manner manner_;
  Open open_;
  mutable std::vector<std::optional<rows::ReadView>> views_;
};

/// What it reads is from one thread at a time.
class StoredRows final : public TableRows {
 public:
  StoredRows(schema::TableDefPtr table, Views views) : table_(std::move(table)), views_(std::move(views)) {}
  const schema::TableDefPtr& table() const override { return table_; }
  const Views& views() const { return views_; }
  int64_t now_s() const { return views_.manner().now_s; }
  /// Rows come from memory only, where nothing may take long: on a session's core.
  bool is_on_core() const { return views_.manner().mode == kv::ReadMode::kCacheOnly; }
  Result<std::unique_ptr<RowStream>> open(const ReadRange& range) const override;
  /// The row at a key of an index, with its static values; null when there is none.
  Result<std::unique_ptr<StoredRow>> get(BytesView row_key) const;
  /// Whether deletions of rows are under way: an index may then name rows that are gone.
  bool deletes_rows() const;

 private:
  schema::TableDefPtr table_;
  Views views_;
};

}  // namespace sagitta::exec
