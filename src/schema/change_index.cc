/// Indexes: made and dropped.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sagitta/types/name.h"

#include "schema_editor.h"

namespace sagitta::schema {
namespace {

/// The table that has the index of that name; empty for none.
std::string index_owner(const KeyspaceDef& keyspace, std::string_view index_name) {
  for (const auto& [name, table] : keyspace.tables) {
    if (table->find_index(index_name) != nullptr) return name;
  }
  return {};
}

std::string free_index_name(const KeyspaceDef& keyspace, const std::string& table, std::string_view column) {
  std::string base = table + "_" + std::string(column) + "_idx";
  std::erase_if(base, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_'; });
  std::string name = base;
  for (int i = 1; !index_owner(keyspace, name).empty(); ++i) name = fmt::format("{}_{}", base, i);
  return name;
}

/// The index on that column with the same class and options; null when there is none.
const IndexDef* same_but_for_name(const TableDef& table, const IndexDef& wanted, uint32_t column_id) {
  const auto it = std::ranges::find_if(table.indexes, [&](const IndexDef& index) {
    return index.column_id == column_id && index.class_name == wanted.class_name && index.options == wanted.options;
  });
  return it == table.indexes.end() ? nullptr : &*it;
}

bool is_ordered(const IndexDef& index) { return index.kind == kOrderedIndexKind; }

/// An ordered index is one of its kind on its target; nothing when it may be made.
std::optional<Error> check_alone(const KeyspaceDef& keyspace, const TableDef& table, const IndexDef& wanted,
                                 const ColumnDef& column) {
  for (const IndexDef& other : table.indexes) {
    if (other.column_id != column.id || other.target != wanted.target) continue;
    const bool is_same = other.class_name == wanted.class_name && other.options == wanted.options;
    if (is_same) {
      const std::string name = wanted.name.empty() ? free_index_name(keyspace, table.name, column.name) : wanted.name;
      return Error(ErrorCode::kInvalid, fmt::format("Index {} is a duplicate of existing index {}", name, other.name));
    }
    if (is_storage_attached_class(other.class_name) && is_storage_attached_class(wanted.class_name)) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("Cannot create more than one storage-attached index on the same column: {}",
                               types::quote_name(column.name)));
    }
  }
  return std::nullopt;
}

/// Several indexes on a column must be told apart by name.
Error second_unnamed(const KeyspaceDef& keyspace, const CreateIndex& c, const IndexDef* same) {
  if (same != nullptr) {
    return {ErrorCode::kInvalid, fmt::format("Index {} is a duplicate of existing index {}",
                                             free_index_name(keyspace, c.table, c.column), same->name)};
  }
  return {ErrorCode::kInvalid,
          fmt::format("Cannot create more than one storage-attached index on the same column: {}", c.column)};
}

}  // namespace

Result<SchemaOutcome> change(Editor& edit, const CreateIndex& c) {
  auto event = table_event("UPDATED", c.keyspace, c.table);
  TableDef* table = edit.table(c.keyspace, c.table);
  if (table == nullptr) return invalid(no_table(c.keyspace, c.table));
  const KeyspaceDef& keyspace = *edit.schema().find_keyspace(c.keyspace);
  IndexDef index = c.index;
  if (!index.name.empty() && !index_owner(keyspace, index.name).empty()) {
    if (c.if_not_exists) return edit.unchanged(event);
    return invalid(fmt::format("Index '{}' already exists", index.name));
  }
  const ColumnDef* column = table->find_column(c.column);
  if (column == nullptr) {
    return invalid(fmt::format("Undefined column name {} in table {}.{}", c.column, c.keyspace, c.table));
  }
  if (is_ordered(index)) {
    if (auto refused = check_alone(keyspace, *table, index, *column)) {
      if (c.if_not_exists) return edit.unchanged(event);
      return std::unexpected(*std::move(refused));
    }
    if (index.name.empty()) index.name = free_index_name(keyspace, c.table, c.column);
  }
  if (index.name.empty()) {
    const IndexDef* same = same_but_for_name(*table, index, column->id);
    if (same != nullptr && c.if_not_exists) return edit.unchanged(event);
    if (!index_names_on(*table, column->id).empty()) return std::unexpected(second_unnamed(keyspace, c, same));
    index.name = free_index_name(keyspace, c.table, c.column);
  }
  index.id = edit.schema().next_index_id++;
  index.column_id = column->id;
  if (index.target.empty()) index.target = types::quote_name(c.column);
  table->indexes.push_back(std::move(index));
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const DropIndex& c) {
  const KeyspaceDef* keyspace = edit.schema().find_keyspace(c.keyspace);
  const std::string owner = keyspace == nullptr ? "" : index_owner(*keyspace, c.name);
  auto event = table_event("UPDATED", c.keyspace, owner);
  if (owner.empty())
    return edit.missing(c.if_exists, event, fmt::format("Index '{}.{}' doesn't exist", c.keyspace, c.name));
  std::erase_if(edit.table(c.keyspace, owner)->indexes, [&](const auto& index) { return index.name == c.name; });
  return edit.changed(event);
}

}  // namespace sagitta::schema
