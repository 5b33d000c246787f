/// User-defined types: made, altered, dropped, and what uses them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "schema_editor.h"

namespace sagitta::schema {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;

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

/// As the cells of a column are: what is in one of them is frozen, whatever a field that was added
/// says.
DataTypePtr of_column(const DataTypePtr& type) {
  if (type->kind() != Kind::kUdt || type->is_frozen()) return type;
  std::vector<DataTypePtr> fields;
  for (const DataTypePtr& field : type->parameters()) fields.push_back(DataType::freeze(field));
  return DataType::udt(type->keyspace(), type->name(), type->field_names(), std::move(fields));
}

bool uses_udt(const DataType& type, std::string_view keyspace, std::string_view name) {
  if (type.kind() == Kind::kUdt && type.keyspace() == keyspace && type.name() == name) return true;
  return std::ranges::any_of(type.parameters(), [&](const DataTypePtr& p) { return uses_udt(*p, keyspace, name); });
}

/// Puts the new definition into the keyspace and everything in it that uses the type.
void replace_udt(KeyspaceDef& keyspace, const DataTypePtr& udt) {
  for (auto& [name, type] : keyspace.types) type = with_udt(type, udt);
  for (auto& [name, table] : keyspace.tables) {
    auto copy = std::make_shared<TableDef>(*table);
    for (auto& column : copy->columns) column.type = of_column(with_udt(column.type, udt));
    table = std::move(copy);
  }
}

}  // namespace

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

Result<SchemaOutcome> change(Editor& edit, const AlterTypeAdd& c) {
  auto event = type_event("UPDATED", c.keyspace, c.name);
  DataTypePtr type = edit.schema().find_type(c.keyspace, c.name);
  if (type == nullptr) return edit.missing(c.if_exists, event, no_type(c.keyspace, c.name));
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
  if (type == nullptr) return edit.missing(c.if_exists, event, no_type(c.keyspace, c.name));
  if (c.fields.empty()) return edit.unchanged(event);
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
  if (keyspace == nullptr || !keyspace->types.contains(c.name))
    return edit.missing(c.if_exists, event, fmt::format("Type '{}.{}' doesn't exist", c.keyspace, c.name));
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
  if (!others.empty()) return invalid(fmt::format(kText, c.keyspace, c.name, "user types", fmt::join(others, ", ")));
  if (!tables.empty()) return invalid(fmt::format(kText, c.keyspace, c.name, "tables", fmt::join(tables, ", ")));
  keyspace->types.erase(c.name);
  return edit.changed(event);
}

}  // namespace sagitta::schema
