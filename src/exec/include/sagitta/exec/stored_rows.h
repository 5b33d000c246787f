/// Rows of the store, as one ReadView shows them: static values joined to their rows.
#pragma once

#include <memory>

#include "sagitta/exec/rows.h"
#include "sagitta/rows/read_view.h"

namespace sagitta::exec {

/// A LiveRow with the static row of its partition.
class StoredRow final : public Row {
 public:
  explicit StoredRow(int64_t now_s) : now_s_(now_s) {}
  /// Either may be absent, not both.
  void set(std::optional<rows::LiveRow> row, std::shared_ptr<const rows::LiveRow> statics);

  const RowKey& key() const override { return key_; }
  ValueView column(const schema::ColumnDef& column) const override;
  std::optional<int64_t> writetime_us(const schema::ColumnDef& column) const override;
  std::optional<int32_t> ttl(const schema::ColumnDef& column) const override;

  /// Null for key columns, and where there is no value.
  const rows::LiveCell* cell(const schema::ColumnDef& column) const;

 private:
  int64_t now_s_;
  RowKey key_;
  std::optional<rows::LiveRow> row_;
  std::shared_ptr<const rows::LiveRow> statics_;
};

class StoredRows final : public TableRows {
 public:
  StoredRows(schema::TableDefPtr table, rows::ReadView view) : table_(std::move(table)), view_(std::move(view)) {}
  const schema::TableDefPtr& table() const override { return table_; }
  const rows::ReadView& view() const { return view_; }
  Result<std::unique_ptr<RowStream>> open(const ReadRange& range) const override;
  /// The row at a key of an index, with its static values; null when there is none.
  Result<std::unique_ptr<StoredRow>> get(BytesView row_key) const;

 private:
  schema::TableDefPtr table_;
  rows::ReadView view_;
};

}  // namespace sagitta::exec
