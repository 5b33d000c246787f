/// system_schema and system_virtual_schema: the schema as drivers read it.
#include "sagitta/schema/ddl_text.h"
#include "sagitta/types/value.h"

#include "system_tables.h"

namespace sagitta::db {
namespace {

using schema::ColumnDef;
using schema::ColumnKind;
using schema::TableDef;

void add_keyspace(exec::MemoryRows& rows, const schema::KeyspaceDef& keyspace) {
  auto replication = keyspace.replication;
  if (auto it = replication.find("class"); it != replication.end())
    it->second = schema::full_class("locator", it->second);
  rows.add({{"keyspace_name", text_value(keyspace.name)},
            {"durable_writes", types::from_bool(keyspace.durable_writes)},
            {"replication", text_map_value(replication)}});
}

Value option_value(const ColumnDef& column, const schema::OptionValue& option) {
  const auto* map = std::get_if<schema::OptionMap>(&option);
  if (map != nullptr && column.type->kind() == types::Kind::kBoolean) return types::from_bool(schema::turns_on(option));
  if (map != nullptr) return column.type->is_collection() ? text_map_value(*map) : Value();
  if (column.type->is_collection()) return std::nullopt;
  auto bytes = types::from_text(*column.type, std::get<std::string>(option));
  return bytes ? Value(*std::move(bytes)) : Value();
}

void add_table(exec::MemoryRows& rows, const TableDef& table) {
  SystemRow row = {{"keyspace_name", text_value(table.keyspace)},
                   {"table_name", text_value(table.name)},
                   {"flags", text_list_value(table.is_counter ? std::vector<std::string>{"compound", "counter"}
                                                              : std::vector<std::string>{"compound"})},
                   {"id", table.uuid.bytes()}};
  for (const ColumnDef& column : rows.table()->columns) {
    auto given = table.options.find(column.name);
    auto standard = schema::default_table_options().find(column.name);
    if (given != table.options.end()) {
      if (schema::is_only_described(given->first, given->second)) continue;
      row[column.name] = option_value(column, given->second);
    } else if (standard != schema::default_table_options().end()) {
      row[column.name] = option_value(column, standard->second);
    }
  }
  rows.add(row);
}

std::string_view kind_text(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kPartitionKey: return "partition_key";
    case ColumnKind::kClustering: return "clustering";
    case ColumnKind::kStatic: return "static";
    case ColumnKind::kRegular: break;
  }
  return "regular";
}

void add_columns(exec::MemoryRows& rows, const TableDef& table) {
  for (const ColumnDef& column : table.columns) {
    const bool clustering = column.kind == ColumnKind::kClustering;
    rows.add({{"keyspace_name", text_value(table.keyspace)},
              {"table_name", text_value(table.name)},
              {"column_name", text_value(column.name)},
              {"clustering_order", text_value(!clustering         ? "none"
                                              : column.descending ? "desc"
                                                                  : "asc")},
              {"column_name_bytes", text_value(column.name)},
              {"kind", text_value(kind_text(column.kind))},
              {"position", types::from_int32(column.is_key() ? static_cast<int32_t>(column.position) : -1)},
              {"type", text_value(column.type->to_cql())}});
  }
}

void add_dropped_columns(exec::MemoryRows& rows, const TableDef& table) {
  for (const auto& column : table.dropped_columns) {
    rows.add({{"keyspace_name", text_value(table.keyspace)},
              {"table_name", text_value(table.name)},
              {"column_name", text_value(column.name)},
              {"dropped_time", types::from_int64(column.dropped_us / 1000)},
              {"kind", text_value(kind_text(column.kind))},
              {"type", text_value(column.type->to_cql())}});
  }
}

void add_indexes(exec::MemoryRows& rows, const TableDef& table) {
  for (const auto& index : table.indexes) {
    auto options = index.options;
    options["target"] = index.target;
    if (!index.class_name.empty()) options["class_name"] = index.class_name;
    rows.add({{"keyspace_name", text_value(table.keyspace)},
              {"table_name", text_value(table.name)},
              {"index_name", text_value(index.name)},
              {"kind", text_value(index.class_name.empty() ? "COMPOSITES" : "CUSTOM")},
              {"options", text_map_value(options)}});
  }
}

void add_types(exec::MemoryRows& rows, const schema::KeyspaceDef& keyspace) {
  for (const auto& [name, type] : keyspace.types) {
    std::vector<std::string> field_types;
    for (const auto& field : type->parameters()) field_types.push_back(field->to_cql());
    rows.add({{"keyspace_name", text_value(keyspace.name)},
              {"type_name", text_value(name)},
              {"field_names", text_list_value(type->field_names())},
              {"field_types", text_list_value(field_types)}});
  }
}

void add_of_tables(exec::MemoryRows& rows, const schema::KeyspaceDef& keyspace) {
  const std::string& what = rows.table()->name;
  for (const auto& [name, table] : keyspace.tables) {
    if (what == "tables") add_table(rows, *table);
    if (what == "columns") add_columns(rows, *table);
    if (what == "dropped_columns") add_dropped_columns(rows, *table);
    if (what == "indexes") add_indexes(rows, *table);
  }
}

void add_virtual_table(exec::MemoryRows& rows, const TableDef& table) {
  auto comment = table.options.find("comment");
  rows.add({{"keyspace_name", text_value(table.keyspace)},
            {"table_name", text_value(table.name)},
            {"comment", text_value(comment == table.options.end() ? "" : std::get<std::string>(comment->second))}});
}

}  // namespace

bool add_schema_rows(exec::MemoryRows& rows, const SystemContext& context) {
  if (rows.table()->keyspace != "system_schema") return false;
  const std::string& what = rows.table()->name;
  for (const auto& [name, keyspace] : context.schema.keyspaces) {
    if (is_virtual_keyspace(name)) continue;
    if (what == "keyspaces") add_keyspace(rows, *keyspace);
    if (what == "types") add_types(rows, *keyspace);
    add_of_tables(rows, *keyspace);
  }
  return true;
}

bool add_virtual_schema_rows(exec::MemoryRows& rows, const SystemContext& context) {
  if (rows.table()->keyspace != "system_virtual_schema") return false;
  const std::string& what = rows.table()->name;
  for (const auto& [name, keyspace] : context.schema.keyspaces) {
    if (!is_virtual_keyspace(name)) continue;
    if (what == "keyspaces") rows.add({{"keyspace_name", text_value(name)}});
    for (const auto& [table_name, table] : keyspace->tables) {
      if (what == "tables") add_virtual_table(rows, *table);
      if (what == "columns") add_columns(rows, *table);
    }
  }
  return true;
}

}  // namespace sagitta::db
