#include "schema_editor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace sagitta::schema {

KeyspaceDef* Editor::keyspace(const std::string& name) {
  auto it = next_->keyspaces.find(name);
  if (it == next_->keyspaces.end()) return nullptr;
  auto copy = std::make_shared<KeyspaceDef>(*it->second);
  it->second = copy;
  return copy.get();
}

TableDef* Editor::table(const std::string& keyspace_name, const std::string& table_name) {
  KeyspaceDef* in = keyspace(keyspace_name);
  if (in == nullptr) return nullptr;
  auto it = in->tables.find(table_name);
  if (it == in->tables.end() || it->second->is_virtual) return nullptr;
  auto copy = std::make_shared<TableDef>(*it->second);
  it->second = copy;
  return copy.get();
}

Result<SchemaOutcome> Editor::missing(bool if_exists, ChangeEvent event, std::string text) {
  if (if_exists) return unchanged(std::move(event));
  return invalid(std::move(text));
}

Result<SchemaOutcome> Editor::changed(ChangeEvent event) {
  next_->version = base_->version + 1;
  next_->version_uuid = {};
  Bytes content;
  next_->encode(content);
  next_->version_uuid = Uuid::from_name(content);
  return SchemaOutcome{next_, true, std::move(event)};
}

ChangeEvent keyspace_event(std::string change, const std::string& keyspace) {
  return {std::move(change), "KEYSPACE", keyspace, ""};
}
ChangeEvent table_event(std::string change, const std::string& keyspace, const std::string& table) {
  return {std::move(change), "TABLE", keyspace, table};
}
ChangeEvent type_event(std::string change, const std::string& keyspace, const std::string& type) {
  return {std::move(change), "TYPE", keyspace, type};
}

std::unexpected<Error> invalid(std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); }

std::string no_keyspace(std::string_view keyspace) { return fmt::format("Keyspace '{}' doesn't exist", keyspace); }
std::string no_table(std::string_view keyspace, std::string_view table) {
  return fmt::format("Table '{}.{}' doesn't exist", keyspace, table);
}
std::string no_type(std::string_view keyspace, std::string_view type) {
  return fmt::format("Type {}.{} doesn't exist", keyspace, type);
}

std::string index_names_on(const TableDef& table, uint32_t column_id) {
  std::vector<std::string> names;
  for (const auto& index : table.indexes) {
    if (index.column_id == column_id) names.push_back(index.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace sagitta::schema
