/// Tables and their columns: made, altered, dropped, and brought back.
#include <fmt/format.h>

#include <algorithm>

#include "sagitta/schema/ddl_text.h"

#include "schema_editor.h"
#include "schema_members.h"

namespace sagitta::schema {
namespace {

using types::Kind;

Status check_columns(const TableDef& table) {
  for (const auto& column : table.columns) {
    if (std::ranges::count(table.columns, column.name, &ColumnDef::name) > 1) {
      return invalid(fmt::format("Duplicate column '{}' declaration for table '{}'", column.name, table.name));
    }
    if (table.is_counter && !column.is_key() && column.type->kind() != Kind::kCounter) {
      return invalid("Cannot mix counter and non counter columns in the same table");
    }
  }
  if (table.has_static && table.clustering_count == 0) {
    return invalid("Static columns are only useful (and thus allowed) if the table has at least one clustering column");
  }
  return {};
}

/// Whether `column` may be added under the name of the dropped one.
Status check_revival(const TableDef& table, const DroppedColumn& dropped, const ColumnDef& column) {
  const auto kind_of = [](ColumnKind kind) { return kind == ColumnKind::kStatic ? "STATIC" : "REGULAR"; };
  if (!types::may_hold_values_of(*column.type, *dropped.type)) {
    return invalid(fmt::format(
        "Cannot add a column '{0}' of type {1}, incompatible with previously dropped column '{0}' of type {2}",
        column.name, column.type->to_cql(), dropped.type->to_cql()));
  }
  if (column.kind != dropped.kind) {
    return invalid(
        fmt::format("Cannot re-add previously dropped column '{}' of kind {}, incompatible with previous kind {}",
                    column.name, kind_of(column.kind), kind_of(dropped.kind)));
  }
  if (table.is_counter) {
    return invalid(fmt::format("Cannot re-add previously dropped counter column {}", column.name));
  }
  return {};
}

/// A table has counters, or other columns.
Status check_counter(const TableDef& table, const ColumnDef& column) {
  const bool is_counter = column.type->kind() == Kind::kCounter;
  if (is_counter == table.is_counter) return {};
  return fail(ErrorCode::kConfig,
              fmt::format("{}.{}: Cannot have a {}counter column (\"{}\") in a {}counter table", table.keyspace,
                          table.name, is_counter ? "" : "non ", column.name, table.is_counter ? "" : "non "));
}

/// The number of a new column: that of a dropped one that it revives, else the next.
Result<uint32_t> column_id_for(TableDef& table, const ColumnDef& column, bool revives) {
  const DroppedColumn* dropped = revives ? table.find_dropped(column.name) : nullptr;
  if (dropped == nullptr) return table.next_column_id++;
  SAGITTA_CHECK(check_revival(table, *dropped, column));
  return dropped->id != 0 ? dropped->id : table.next_column_id++;
}

/// What an earlier drop of the column has taken stays gone, whatever the timestamp of this one.
void record_drop(TableDef& table, const ColumnDef& column, const AlterTableDrop& c) {
  const int64_t dropped_us = std::max(c.timestamp_us, column.dropped_us);
  std::erase_if(table.dropped_columns, [&](const auto& old) { return old.name == column.name; });
  table.dropped_columns.push_back({column.name, column.type, column.kind, dropped_us, c.revivable ? column.id : 0});
}

}  // namespace

Result<SchemaOutcome> change(Editor& edit, const CreateTable& c) {
  const auto& def = c.table;
  auto event = table_event("CREATED", def.keyspace, def.name);
  KeyspaceDef* keyspace = edit.keyspace(def.keyspace);
  if (keyspace == nullptr) return invalid(no_keyspace(def.keyspace));
  if (keyspace->tables.contains(def.name)) {
    if (c.if_not_exists) return edit.unchanged(event);
    return std::unexpected(
        Error(ErrorCode::kAlreadyExists,
              fmt::format("Cannot add already existing table \"{}\" to keyspace \"{}\"", def.name, def.keyspace),
              def.keyspace, def.name));
  }
  auto table = std::make_shared<TableDef>(def);
  table->id = edit.schema().next_table_id++;
  give_uuid(*table);
  table->next_column_id = 1;
  table->finish();
  for (auto& column : table->columns) column.id = table->next_column_id++;
  SAGITTA_CHECK(check_columns(*table));
  keyspace->tables[def.name] = std::move(table);
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const AlterTableAdd& c) {
  auto event = table_event("UPDATED", c.keyspace, c.table);
  TableDef* table = edit.table(c.keyspace, c.table);
  if (table == nullptr) return edit.missing(c.if_exists, event, no_table(c.keyspace, c.table));
  bool added = false;
  for (ColumnDef column : c.columns) {
    if (table->find_column(column.name) != nullptr) {
      if (c.if_column_not_exists) continue;
      return invalid(fmt::format("Column with name '{}' already exists", column.name));
    }
    SAGITTA_CHECK(check_counter(*table, column));
    SAGITTA_TRY(column.id, column_id_for(*table, column, c.revives));
    table->columns.push_back(std::move(column));
    added = true;
  }
  if (!added) return edit.unchanged(event);
  table->finish();
  SAGITTA_CHECK(check_columns(*table));
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const AlterTableDrop& c) {
  auto event = table_event("UPDATED", c.keyspace, c.table);
  TableDef* table = edit.table(c.keyspace, c.table);
  if (table == nullptr) return edit.missing(c.if_exists, event, no_table(c.keyspace, c.table));
  bool dropped = false;
  for (const auto& name : c.columns) {
    const ColumnDef* column = table->find_column(name);
    if (column == nullptr) {
      if (c.if_column_exists) continue;
      return invalid(fmt::format("Column {} was not found in table '{}.{}'", name, c.keyspace, c.table));
    }
    if (column->is_key()) return invalid(fmt::format("Cannot drop PRIMARY KEY column {}", name));
    if (column->type->kind() == Kind::kUdt && column->type->is_multi_cell()) {
      return invalid(fmt::format("Cannot drop non-frozen column {} of user type {}", name, column->type->name()));
    }
    if (auto names = index_names_on(*table, column->id); !names.empty()) {
      return invalid(fmt::format("Cannot drop column {} because it has dependent secondary indexes ({})", name, names));
    }
    record_drop(*table, *column, c);
    table->columns.erase(table->columns.begin() + (column - table->columns.data()));
    dropped = true;
  }
  if (!dropped) return edit.unchanged(event);
  table->finish();
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const AlterTableRename& c) {
  auto event = table_event("UPDATED", c.keyspace, c.table);
  TableDef* table = edit.table(c.keyspace, c.table);
  if (table == nullptr) return edit.missing(c.if_exists, event, no_table(c.keyspace, c.table));
  for (const auto& [from, to] : c.columns) {
    auto it = std::ranges::find(table->columns, from, &ColumnDef::name);
    if (it == table->columns.end()) {
      return invalid(fmt::format("Undefined column name {} in table {}.{}", from, c.keyspace, c.table));
    }
    if (!it->is_key()) return invalid(fmt::format("Cannot rename non PRIMARY KEY column {}", from));
    if (table->find_column(to) != nullptr) {
      return invalid(
          fmt::format("Cannot rename column {} to {} in table '{}.{}'; another column with that name already exists",
                      from, to, c.keyspace, c.table));
    }
    if (auto names = index_names_on(*table, it->id); !names.empty()) {
      return invalid(
          fmt::format("Can't rename column {} because it has dependent secondary indexes ({})", from, names));
    }
    it->name = to;
  }
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const AlterTableOptions& c) {
  auto event = table_event("UPDATED", c.keyspace, c.table);
  TableDef* table = edit.table(c.keyspace, c.table);
  if (table == nullptr) return edit.missing(c.if_exists, event, no_table(c.keyspace, c.table));
  const auto& defaults = default_table_options();
  const auto is_as_before = [&](const auto& option) {
    if (const auto given = table->options.find(option.first); given != table->options.end()) {
      return given->second == option.second;
    }
    const auto standard = defaults.find(option.first);
    return standard != defaults.end() && standard->second == option.second;
  };
  if (std::ranges::all_of(c.options, is_as_before)) return edit.unchanged(event);
  for (const auto& [name, value] : c.options) table->options[name] = value;
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const DropTable& c) {
  auto event = table_event("DROPPED", c.keyspace, c.table);
  if (edit.table(c.keyspace, c.table) == nullptr)
    return edit.missing(c.if_exists, event, no_table(c.keyspace, c.table));
  edit.keyspace(c.keyspace)->tables.erase(c.table);
  return edit.changed(event);
}

}  // namespace sagitta::schema
