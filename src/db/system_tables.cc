#include "system_tables.h"

#include "sagitta/base/assert.h"
#include "sagitta/types/value.h"

#include "system_definitions.h"

namespace sagitta::db {
namespace {

/// Far above what tables of users reach.
constexpr uint32_t kFirstSystemTableId = 0xFFFF0000;

schema::ColumnKind kind_of(SystemColumn::Role role) {
  switch (role) {
    case SystemColumn::Role::kPartition: return schema::ColumnKind::kPartitionKey;
    case SystemColumn::Role::kClustering: return schema::ColumnKind::kClustering;
    case SystemColumn::Role::kRegular: break;
  }
  return schema::ColumnKind::kRegular;
}

schema::TableDefPtr make_table(const SystemTable& shape, uint32_t id) {
  auto table = std::make_shared<schema::TableDef>();
  table->id = id;
  table->keyspace = shape.keyspace;
  table->name = shape.name;
  table->uuid = Uuid::from_name(table->keyspace + "." + table->name);
  table->is_virtual = true;
  table->options["comment"] = std::string(shape.comment);
  // As Cassandra keeps them.
  if (shape.keyspace == "system" || shape.keyspace == "system_schema") {
    table->options["gc_grace_seconds"] = shape.keyspace == "system" ? "0" : "604800";
    table->options["memtable_flush_period_in_ms"] = "3600000";
  }
  uint32_t partition = 0, clustering = 0;
  for (const SystemColumn& column : shape.columns) {
    schema::ColumnDef def;
    def.id = table->next_column_id++;
    def.name = column.name;
    def.type = column.type;
    def.kind = kind_of(column.role);
    if (def.kind == schema::ColumnKind::kPartitionKey) def.position = partition++;
    if (def.kind == schema::ColumnKind::kClustering) def.position = clustering++;
    table->columns.push_back(std::move(def));
  }
  table->finish();
  return table;
}

using KeyspaceMap = std::map<std::string, schema::KeyspaceDefPtr>;

KeyspaceMap make_system_keyspaces() {
  std::map<std::string, schema::KeyspaceDef> keyspaces;
  uint32_t id = kFirstSystemTableId;
  for (const SystemTable& shape : system_tables()) {
    schema::KeyspaceDef& keyspace = keyspaces[std::string(shape.keyspace)];
    keyspace.name = shape.keyspace;
    keyspace.replication = {{"class", "LocalStrategy"}};
    if (keyspace.name == "system_traces") {
      keyspace.replication = {{"class", "SimpleStrategy"}, {"replication_factor", "2"}};
    }
    keyspace.tables[std::string(shape.name)] = make_table(shape, id++);
  }
  KeyspaceMap shared;
  for (auto& [name, keyspace] : keyspaces) {
    shared.emplace(name, std::make_shared<const schema::KeyspaceDef>(std::move(keyspace)));
  }
  return shared;
}

const KeyspaceMap& system_keyspaces() {
  static const KeyspaceMap keyspaces = make_system_keyspaces();
  return keyspaces;
}

}  // namespace

schema::SchemaPtr with_system_keyspaces(const schema::Schema& schema) {
  auto all = std::make_shared<schema::Schema>(schema);
  for (const auto& [name, keyspace] : system_keyspaces()) all->keyspaces[name] = keyspace;
  return all;
}

bool is_virtual_keyspace(std::string_view keyspace) {
  return keyspace == "system_virtual_schema" || keyspace == "system_views";
}

std::unique_ptr<exec::MemoryRows> system_rows(const schema::TableDefPtr& table, const SystemContext& context) {
  auto rows = std::make_unique<exec::MemoryRows>(table);
  const bool known = add_local_rows(*rows, context) || add_schema_rows(*rows, context) ||
                     add_virtual_schema_rows(*rows, context) || add_trace_rows(*rows, context) ||
                     add_view_rows(*rows, context);
  SAGITTA_ASSERT(known);
  return rows;
}

Value text_value(std::string_view text) { return Bytes(text); }

Value text_or_null(std::string_view text) { return text.empty() ? Value() : text_value(text); }

Value inet_value(const std::string& address) {
  auto bytes = types::from_text(*types::DataType::native(types::Kind::kInet), address);
  return bytes ? Value(*std::move(bytes)) : Value();
}

Value text_map_value(const std::map<std::string, std::string>& map) {
  const std::vector<std::pair<Bytes, Bytes>> entries(map.begin(), map.end());
  return types::pack_map(entries);
}

Value text_list_value(const std::vector<std::string>& list) { return types::pack_list(list); }

}  // namespace sagitta::db
