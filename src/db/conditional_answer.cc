/// Rows of conditional writes.
#include "conditional_answer.h"

#include "sagitta/exec/select.h"
#include "sagitta/types/value.h"

#include "statements.h"

namespace sagitta::db {
namespace {

using schema::ColumnDef;
using schema::ColumnKind;

/// In the order of the answer.
std::vector<const ColumnDef*> shown_columns(const plan::Conditional& asked) {
  std::vector<const ColumnDef*> shown;
  for (const ColumnDef& column : asked.table->columns) {
    if (asked.shows_all || (asked.shows_key && column.is_key())) shown.push_back(&column);
  }
  if (!asked.shows_all) shown.insert(shown.end(), asked.shown.begin(), asked.shown.end());
  return shown;
}

/// A row of the table; either part may be absent, not both.
struct Looked {
  const rows::LiveRow* row;
  const rows::LiveRow* statics;
  bool shows_cells;  ///< of the row

  ValueView value(const ColumnDef& column) const {
    if (column.kind == ColumnKind::kRegular && !shows_cells) return {};
    const rows::LiveRow* of = column.kind == ColumnKind::kStatic ? statics : row;
    if (of == nullptr && column.kind == ColumnKind::kPartitionKey) of = statics;
    return of == nullptr ? ValueView() : of->value(column);
  }
};

std::vector<Looked> rows_of(const plan::Conditional& asked, const rows::Decision& decision) {
  const rows::LiveRow* statics = asked.shows_statics && decision.statics ? &*decision.statics : nullptr;
  std::vector<Looked> looked;
  for (const rows::LiveRow& row : decision.rows) looked.push_back({&row, statics, asked.shows_rows});
  if (looked.empty() && statics != nullptr) looked.push_back({nullptr, statics, false});
  return looked;
}

}  // namespace

Rows conditional_answer(const plan::Conditional& asked, const rows::Decision& decision) {
  const std::string &keyspace = asked.table->keyspace, &table = asked.table->name;
  std::vector<ColumnSpec> columns = {{keyspace, table, "[applied]", types::DataType::native(types::Kind::kBoolean)}};
  const std::vector<Looked> looked = decision.applied ? std::vector<Looked>() : rows_of(asked, decision);
  const std::vector<const ColumnDef*> shown = looked.empty() ? std::vector<const ColumnDef*>() : shown_columns(asked);
  for (const ColumnDef* column : shown) columns.push_back({keyspace, table, column->name, column->type});
  // Prepared statements are not told beforehand which columns come.
  Rows rows{.metadata = make_metadata(std::move(columns)), .cells = {}, .columns_changed = true};
  rows.row_count = looked.empty() ? 1 : static_cast<uint32_t>(looked.size());
  const Bytes applied = types::from_bool(decision.applied);
  if (looked.empty()) exec::append_cell(ValueView(applied), rows.cells);
  for (const Looked& one : looked) {
    exec::append_cell(ValueView(applied), rows.cells);
    for (const ColumnDef* column : shown) exec::append_cell(one.value(*column), rows.cells);
  }
  return rows;
}

}  // namespace sagitta::db
