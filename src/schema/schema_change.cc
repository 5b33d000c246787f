#include "sagitta/schema/schema_change.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sagitta/types/name.h"

#include "schema_members.h"

namespace sagitta::schema {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;

std::unexpected<Error> invalid(std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); }

/// `type` with every use of the UDT replaced by its new definition.
DataTypePtr with_udt(const DataTypePtr& type, const DataTypePtr& udt) {
  if (type->kind() == Kind::kUdt && type->keyspace() == udt->keyspace() && type->name() == udt->name()) {
    return type->is_frozen() ? DataType::freeze(udt) : udt;
  }
  std::vector<DataTypePtr> inner;
  for (const auto& parameter : type->parameters()) inner.push_back(with_udt(parameter, udt));
  switch (type->kind()) {
    case Kind::kList: return DataType::list(inner[0], type->is_frozen());
    case Kind::kSet: return DataType::set(inner[0], type->is_frozen());
    case Kind::kMap: return DataType::map(inner[0], inner[1], type->is_frozen());
    case Kind::kTuple: return DataType::tuple(std::move(inner));
    case Kind::kVector: return DataType::vector(inner[0], type->dim());
    case Kind::kUdt:
      return DataType::udt(type->keyspace(), type->name(), type->field_names(), std::move(inner), type->is_frozen());
    default: return type;
  }
}

bool uses_udt(const DataType& type, std::string_view keyspace, std::string_view name) {
  if (type.kind() == Kind::kUdt && type.keyspace() == keyspace && type.name() == name) return true;
  return std::ranges::any_of(type.parameters(), [&](const DataTypePtr& p) { return uses_udt(*p, keyspace, name); });
}

/// The schema being changed: copies of what is touched, published at the end.
class Editor {
 public:
  explicit Editor(const SchemaPtr& base) : base_(base), next_(std::make_shared<Schema>(*base)) {}

  Schema& schema() { return *next_; }
  KeyspaceDef* keyspace(const std::string& name) {
    auto it = next_->keyspaces.find(name);
    if (it == next_->keyspaces.end()) return nullptr;
    auto copy = std::make_shared<KeyspaceDef>(*it->second);
    it->second = copy;
    return copy.get();
  }
  /// A table to be changed; null when there is none, or it is virtual.
  TableDef* table(const std::string& keyspace_name, const std::string& table_name) {
    KeyspaceDef* in = keyspace(keyspace_name);
    if (in == nullptr) return nullptr;
    auto it = in->tables.find(table_name);
    if (it == in->tables.end() || it->second->is_virtual) return nullptr;
    auto copy = std::make_shared<TableDef>(*it->second);
    it->second = copy;
    return copy.get();
  }

  Result<SchemaOutcome> unchanged(ChangeEvent event) { return SchemaOutcome{base_, false, std::move(event)}; }
  Result<SchemaOutcome> changed(ChangeEvent event) {
    next_->version = base_->version + 1;
    next_->version_uuid = {};
    Bytes content;
    next_->encode(content);
    next_->version_uuid = Uuid::from_name(content);
    return SchemaOutcome{next_, true, std::move(event)};
  }

 private:
  SchemaPtr base_;
  std::shared_ptr<Schema> next_;
};

ChangeEvent keyspace_event(std::string change, const std::string& keyspace) {
  return {std::move(change), "KEYSPACE", keyspace, ""};
}
ChangeEvent table_event(std::string change, const std::string& keyspace, const std::string& table) {
  return {std::move(change), "TABLE", keyspace, table};
}
ChangeEvent type_event(std::string change, const std::string& keyspace, const std::string& type) {
  return {std::move(change), "TYPE", keyspace, type};
}

std::string no_keyspace(std::string_view keyspace) { return fmt::format("Keyspace '{}' doesn't exist", keyspace); }
std::string no_table(std::string_view keyspace, std::string_view table) {
  return fmt::format("Table '{}.{}' doesn't exist", keyspace, table);
}
std::string no_type(std::string_view keyspace, std::string_view type) {
  return fmt::format("Type '{}.{}' doesn't exist", keyspace, type);
}

std::string index_names_on(const TableDef& table, uint32_t column_id) {
  std::vector<std::string> names;
  for (const auto& index : table.indexes) {
    if (index.column_id == column_id) names.push_back(index.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// ---- keyspaces ----

Result<SchemaOutcome> change(Editor& edit, const CreateKeyspace& c) {
  auto event = keyspace_event("CREATED", c.keyspace);
  if (edit.schema().find_keyspace(c.keyspace) != nullptr) {
    if (c.if_not_exists) return edit.unchanged(event);
    return std::unexpected(
        Error(ErrorCode::kAlreadyExists, fmt::format("Cannot add existing keyspace \"{}\"", c.keyspace), c.keyspace));
  }
  auto keyspace = std::make_shared<KeyspaceDef>();
  keyspace->name = c.keyspace;
  keyspace->replication = c.replication;
  keyspace->durable_writes = c.durable_writes;
  edit.schema().keyspaces[c.keyspace] = std::move(keyspace);
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const AlterKeyspace& c) {
  auto event = keyspace_event("UPDATED", c.keyspace);
  KeyspaceDef* keyspace = edit.keyspace(c.keyspace);
  if (keyspace == nullptr) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_keyspace(c.keyspace));
  }
  if (c.replication) keyspace->replication = *c.replication;
  if (c.durable_writes) keyspace->durable_writes = *c.durable_writes;
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const DropKeyspace& c) {
  auto event = keyspace_event("DROPPED", c.keyspace);
  if (edit.schema().keyspaces.erase(c.keyspace) == 0) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_keyspace(c.keyspace));
  }
  return edit.changed(event);
}

// ---- types ----

Result<SchemaOutcome> change(Editor& edit, const CreateType& c) {
  auto event = type_event("CREATED", c.keyspace, c.name);
  KeyspaceDef* keyspace = edit.keyspace(c.keyspace);
  if (keyspace == nullptr) return invalid(no_keyspace(c.keyspace));
  if (keyspace->types.contains(c.name)) {
    if (c.if_not_exists) return edit.unchanged(event);
    return invalid(fmt::format("A user type with name '{}' already exists", c.name));
  }
  keyspace->types[c.name] = DataType::udt(c.keyspace, c.name, c.field_names, c.field_types);
  return edit.changed(event);
}

/// Puts the new definition into the keyspace and everything in it that uses the type.
void replace_udt(KeyspaceDef& keyspace, const DataTypePtr& udt) {
  for (auto& [name, type] : keyspace.types) type = with_udt(type, udt);
  for (auto& [name, table] : keyspace.tables) {
    auto copy = std::make_shared<TableDef>(*table);
    for (auto& column : copy->columns) column.type = with_udt(column.type, udt);
    table = std::move(copy);
  }
}

Result<SchemaOutcome> change(Editor& edit, const AlterTypeAdd& c) {
  auto event = type_event("UPDATED", c.keyspace, c.name);
  DataTypePtr type = edit.schema().find_type(c.keyspace, c.name);
  if (type == nullptr) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_type(c.keyspace, c.name));
  }
  auto names = type->field_names();
  if (std::ranges::find(names, c.field_name) != names.end()) {
    if (c.if_field_not_exists) return edit.unchanged(event);
    return invalid(fmt::format("Cannot add field {0} to type {1}.{2}: a field with name {0} already exists",
                               c.field_name, c.keyspace, c.name));
  }
  if (uses_udt(*c.field_type, c.keyspace, c.name)) {
    return invalid(
        fmt::format("Cannot add new field {} of type {} to user type {}.{} as it would create a circular reference",
                    c.field_name, c.field_type->to_cql(), c.keyspace, c.name));
  }
  auto fields = type->parameters();
  names.push_back(c.field_name);
  fields.push_back(c.field_type);
  replace_udt(*edit.keyspace(c.keyspace), DataType::udt(c.keyspace, c.name, std::move(names), std::move(fields)));
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const AlterTypeRename& c) {
  auto event = type_event("UPDATED", c.keyspace, c.name);
  DataTypePtr type = edit.schema().find_type(c.keyspace, c.name);
  if (type == nullptr) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_type(c.keyspace, c.name));
  }
  auto names = type->field_names();
  for (const auto& [from, to] : c.fields) {
    auto it = std::ranges::find(names, from);
    if (it == names.end()) return invalid(fmt::format("Unknown field {} in user type {}.{}", from, c.keyspace, c.name));
    *it = to;
  }
  for (const auto& name : names) {
    if (std::ranges::count(names, name) > 1) {
      return invalid(fmt::format("Duplicate field name {} in type {}.{}", name, c.keyspace, c.name));
    }
  }
  replace_udt(*edit.keyspace(c.keyspace), DataType::udt(c.keyspace, c.name, std::move(names), type->parameters()));
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const DropType& c) {
  auto event = type_event("DROPPED", c.keyspace, c.name);
  KeyspaceDef* keyspace = edit.keyspace(c.keyspace);
  if (keyspace == nullptr || !keyspace->types.contains(c.name)) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_type(c.keyspace, c.name));
  }
  std::vector<std::string> tables, others;
  for (const auto& [name, table] : keyspace->tables) {
    if (std::ranges::any_of(table->columns, [&](const auto& col) { return uses_udt(*col.type, c.keyspace, c.name); })) {
      tables.push_back(name);
    }
  }
  for (const auto& [name, type] : keyspace->types) {
    if (name != c.name && uses_udt(*type, c.keyspace, c.name)) others.push_back(name);
  }
  constexpr auto kText = "Cannot drop user type '{}.{}' as it is still used by {} {}";
  if (!tables.empty()) return invalid(fmt::format(kText, c.keyspace, c.name, "tables", fmt::join(tables, ", ")));
  if (!others.empty()) return invalid(fmt::format(kText, c.keyspace, c.name, "user types", fmt::join(others, ", ")));
  keyspace->types.erase(c.name);
  return edit.changed(event);
}

// ---- tables ----

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

/// Whether `column` may be added under the name of the dropped one.
Status check_revival(const TableDef& table, const DroppedColumn& dropped, const ColumnDef& column) {
  const auto kind_of = [](ColumnKind kind) { return kind == ColumnKind::kStatic ? "STATIC" : "REGULAR"; };
  if (!types::may_hold_values_of(*column.type, *dropped.type)) {
    return invalid(
        fmt::format("Cannot re-add previously dropped column '{}' of type {}, incompatible with previous type {}",
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

/// The number of a new column: that of a dropped one that it revives, else the next.
Result<uint32_t> column_id_for(TableDef& table, const ColumnDef& column, bool revives) {
  const DroppedColumn* dropped = revives ? table.find_dropped(column.name) : nullptr;
  if (dropped == nullptr) return table.next_column_id++;
  SAGITTA_CHECK(check_revival(table, *dropped, column));
  return dropped->id != 0 ? dropped->id : table.next_column_id++;
}

Result<SchemaOutcome> change(Editor& edit, const AlterTableAdd& c) {
  auto event = table_event("UPDATED", c.keyspace, c.table);
  TableDef* table = edit.table(c.keyspace, c.table);
  if (table == nullptr) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_table(c.keyspace, c.table));
  }
  bool added = false;
  for (ColumnDef column : c.columns) {
    if (table->find_column(column.name) != nullptr) {
      if (c.if_column_not_exists) continue;
      return invalid(fmt::format("Column with name '{}' already exists", column.name));
    }
    if (!table->is_counter && column.type->kind() == Kind::kCounter) {
      return invalid(fmt::format("Cannot add a counter column ({}) in a non counter table", column.name));
    }
    SAGITTA_TRY(column.id, column_id_for(*table, column, c.revives));
    table->columns.push_back(std::move(column));
    added = true;
  }
  if (!added) return edit.unchanged(event);
  table->finish();
  SAGITTA_CHECK(check_columns(*table));
  return edit.changed(event);
}

/// What an earlier drop of the column has taken stays gone, whatever the timestamp of this one.
void record_drop(TableDef& table, const ColumnDef& column, const AlterTableDrop& c) {
  const int64_t dropped_us = std::max(c.timestamp_us, column.dropped_us);
  std::erase_if(table.dropped_columns, [&](const auto& old) { return old.name == column.name; });
  table.dropped_columns.push_back({column.name, column.type, column.kind, dropped_us, c.revivable ? column.id : 0});
}

Result<SchemaOutcome> change(Editor& edit, const AlterTableDrop& c) {
  auto event = table_event("UPDATED", c.keyspace, c.table);
  TableDef* table = edit.table(c.keyspace, c.table);
  if (table == nullptr) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_table(c.keyspace, c.table));
  }
  bool dropped = false;
  for (const auto& name : c.columns) {
    const ColumnDef* column = table->find_column(name);
    if (column == nullptr) {
      if (c.if_column_exists) continue;
      return invalid(fmt::format("Column {} was not found in table '{}.{}'", name, c.keyspace, c.table));
    }
    if (column->is_key()) return invalid(fmt::format("Cannot drop PRIMARY KEY column {}", name));
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
  if (table == nullptr) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_table(c.keyspace, c.table));
  }
  for (const auto& [from, to] : c.columns) {
    auto it = std::ranges::find(table->columns, from, &ColumnDef::name);
    if (it == table->columns.end()) {
      return invalid(fmt::format("Column {} was not found in table '{}.{}'", from, c.keyspace, c.table));
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
  if (table == nullptr) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_table(c.keyspace, c.table));
  }
  for (const auto& [name, value] : c.options) table->options[name] = value;
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const DropTable& c) {
  auto event = table_event("DROPPED", c.keyspace, c.table);
  if (edit.table(c.keyspace, c.table) == nullptr) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(no_table(c.keyspace, c.table));
  }
  edit.keyspace(c.keyspace)->tables.erase(c.table);
  return edit.changed(event);
}

// ---- indexes ----

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

/// Several indexes on a column must be told apart by name.
Error second_unnamed(const KeyspaceDef& keyspace, const CreateIndex& c, const IndexDef* same) {
  if (same != nullptr && !is_storage_attached_class(same->class_name)) {
    return {ErrorCode::kInvalid, fmt::format("Index {} is a duplicate of existing index {}",
                                             free_index_name(keyspace, c.table, c.column), same->name)};
  }
  return {ErrorCode::kInvalid,
          fmt::format("Cannot create more than one storage-attached index on the same column: {}", c.column)};
}

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
  if (owner.empty()) {
    if (c.if_exists) return edit.unchanged(event);
    return invalid(fmt::format("Index '{}.{}' doesn't exist", c.keyspace, c.name));
  }
  std::erase_if(edit.table(c.keyspace, owner)->indexes, [&](const auto& index) { return index.name == c.name; });
  return edit.changed(event);
}

}  // namespace

Result<SchemaOutcome> apply(const SchemaPtr& schema, const SchemaChange& schema_change) {
  Editor edit(schema);
  return std::visit([&](const auto& c) { return change(edit, c); }, schema_change);
}

}  // namespace sagitta::schema
