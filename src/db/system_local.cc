/// system: this node, alone, and what it has prepared and built.
#include "sagitta/db/database.h"
#include "sagitta/types/value.h"

#include "system_tables.h"

namespace sagitta::db {
namespace {

/// One token: this node owns the whole ring, wherever it begins.
constexpr std::string_view kToken = "0";

SystemRow local_row(const SystemContext& context) {
  const NodeOptions& node = context.node.options.node;
  const Value address = inet_value(node.cql_address), port = types::from_int32(node.cql_port);
  return {{"key", text_value("local")},
          {"bootstrapped", text_value("COMPLETED")},
          {"broadcast_address", address},
          {"broadcast_port", port},
          {"cluster_name", text_value(node.cluster_name)},
          {"cql_version", text_value(kCqlVersion)},
          {"data_center", text_value(node.data_center)},
          {"gossip_generation", types::from_int32(1)},
          {"host_id", context.node.host_id.bytes()},
          {"listen_address", address},
          {"listen_port", port},
          {"native_protocol_version", text_value("5")},
          {"partitioner", text_value("org.apache.cassandra.dht.Murmur3Partitioner")},
          {"rack", text_value(node.rack)},
          {"release_version", text_value(kReleaseVersion)},
          {"rpc_address", address},
          {"rpc_port", port},
          {"schema_version", context.schema.version_uuid.bytes()},
          {"tokens", text_list_value({std::string(kToken)})}};
}

void add_prepared(exec::MemoryRows& rows, const SystemContext& context) {
  for (const StatementPtr& statement : context.node.binder.prepared()) {
    rows.add({{"prepared_id", statement->id},
              {"logged_keyspace", text_or_null(statement->keyspace)},
              {"query_string", text_value(statement->text)}});
  }
}

}  // namespace

bool add_local_rows(exec::MemoryRows& rows, const SystemContext& context) {
  const schema::TableDef& table = *rows.table();
  if (table.keyspace != "system") return false;
  if (table.name == "local") rows.add(local_row(context));
  if (table.name == "prepared_statements") add_prepared(rows, context);
  return true;
}

}  // namespace sagitta::db
