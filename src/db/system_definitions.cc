#include "system_definitions.h"

namespace sagitta::db {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;
constexpr auto P = SystemColumn::Role::kPartition;
constexpr auto C = SystemColumn::Role::kClustering;

DataTypePtr of(Kind kind) { return DataType::native(kind); }
DataTypePtr text() { return of(Kind::kText); }
DataTypePtr integer() { return of(Kind::kInt); }
DataTypePtr bigint() { return of(Kind::kBigint); }
DataTypePtr boolean() { return of(Kind::kBoolean); }
DataTypePtr number() { return of(Kind::kDouble); }
DataTypePtr uuid() { return of(Kind::kUuid); }
DataTypePtr inet() { return of(Kind::kInet); }
DataTypePtr frozen_map() { return DataType::map(text(), text(), true); }
DataTypePtr frozen_list() { return DataType::list(text(), true); }

std::vector<SystemColumn> local_columns() {
  return {{"key", text(), P},
          {"bootstrapped", text()},
          {"broadcast_address", inet()},
          {"broadcast_port", integer()},
          {"cluster_name", text()},
          {"cql_version", text()},
          {"data_center", text()},
          {"gossip_generation", integer()},
          {"host_id", uuid()},
          {"listen_address", inet()},
          {"listen_port", integer()},
          {"native_protocol_version", text()},
          {"partitioner", text()},
          {"rack", text()},
          {"release_version", text()},
          {"rpc_address", inet()},
          {"rpc_port", integer()},
          {"schema_version", uuid()},
          {"tokens", DataType::set(text())},
          {"truncated_at", DataType::map(uuid(), of(Kind::kBlob))}};
}

std::vector<SystemColumn> peers_columns() {
  return {{"peer", inet(), P},      {"data_center", text()},    {"host_id", uuid()},
          {"preferred_ip", inet()}, {"rack", text()},           {"release_version", text()},
          {"rpc_address", inet()},  {"schema_version", uuid()}, {"tokens", DataType::set(text())}};
}

std::vector<SystemColumn> peers_v2_columns() {
  return {{"peer", inet(), P},         {"peer_port", integer(), C},   {"data_center", text()},
          {"host_id", uuid()},         {"native_address", inet()},    {"native_port", integer()},
          {"preferred_ip", inet()},    {"preferred_port", integer()}, {"rack", text()},
          {"release_version", text()}, {"schema_version", uuid()},    {"tokens", DataType::set(text())}};
}

std::vector<SystemColumn> prepared_columns() {
  return {{"prepared_id", of(Kind::kBlob), P}, {"logged_keyspace", text()}, {"query_string", text()}};
}

/// Options that tables and views share.
void add_option_columns(std::vector<SystemColumn>& columns) {
  const std::vector<SystemColumn> options = {{"additional_write_policy", text()},
                                             {"allow_auto_snapshot", boolean()},
                                             {"bloom_filter_fp_chance", number()},
                                             {"caching", frozen_map()},
                                             {"cdc", boolean()},
                                             {"comment", text()},
                                             {"compaction", frozen_map()},
                                             {"compression", frozen_map()},
                                             {"crc_check_chance", number()},
                                             {"dclocal_read_repair_chance", number()},
                                             {"default_time_to_live", integer()},
                                             {"extensions", DataType::map(text(), of(Kind::kBlob), true)},
                                             {"gc_grace_seconds", integer()},
                                             {"id", uuid()},
                                             {"incremental_backups", boolean()},
                                             {"max_index_interval", integer()},
                                             {"memtable", text()},
                                             {"memtable_flush_period_in_ms", integer()},
                                             {"min_index_interval", integer()},
                                             {"read_repair", text()},
                                             {"read_repair_chance", number()},
                                             {"speculative_retry", text()}};
  columns.insert(columns.end(), options.begin(), options.end());
}

std::vector<SystemColumn> tables_columns() {
  std::vector<SystemColumn> columns = {
      {"keyspace_name", text(), P}, {"table_name", text(), C}, {"flags", DataType::set(text(), true)}};
  add_option_columns(columns);
  return columns;
}

std::vector<SystemColumn> views_columns() {
  std::vector<SystemColumn> columns = {{"keyspace_name", text(), P},       {"view_name", text(), C},
                                       {"base_table_id", uuid()},          {"base_table_name", text()},
                                       {"include_all_columns", boolean()}, {"where_clause", text()}};
  add_option_columns(columns);
  return columns;
}

std::vector<SystemColumn> columns_columns() {
  return {{"keyspace_name", text(), P},
          {"table_name", text(), C},
          {"column_name", text(), C},
          {"clustering_order", text()},
          {"column_name_bytes", of(Kind::kBlob)},
          {"kind", text()},
          {"position", integer()},
          {"type", text()}};
}

std::vector<SystemColumn> functions_columns() {
  return {{"keyspace_name", text(), P},
          {"function_name", text(), C},
          {"argument_types", frozen_list(), C},
          {"argument_names", frozen_list()},
          {"body", text()},
          {"called_on_null_input", boolean()},
          {"language", text()},
          {"return_type", text()}};
}

std::vector<SystemColumn> aggregates_columns() {
  return {{"keyspace_name", text(), P}, {"aggregate_name", text(), C}, {"argument_types", frozen_list(), C},
          {"final_func", text()},       {"initcond", text()},          {"return_type", text()},
          {"state_func", text()},       {"state_type", text()}};
}

std::vector<SystemTable> schema_tables() {
  const std::string_view k = "system_schema";
  return {{k, "aggregates", "user-defined aggregates", aggregates_columns()},
          {k, "columns", "columns", columns_columns()},
          {k,
           "dropped_columns",
           "dropped columns",
           {{"keyspace_name", text(), P},
            {"table_name", text(), C},
            {"column_name", text(), C},
            {"dropped_time", of(Kind::kTimestamp)},
            {"kind", text()},
            {"type", text()}}},
          {k, "functions", "user-defined functions", functions_columns()},
          {k,
           "indexes",
           "secondary indexes",
           {{"keyspace_name", text(), P},
            {"table_name", text(), C},
            {"index_name", text(), C},
            {"kind", text()},
            {"options", frozen_map()}}},
          {k,
           "keyspaces",
           "keyspaces",
           {{"keyspace_name", text(), P}, {"durable_writes", boolean()}, {"replication", frozen_map()}}},
          {k, "tables", "tables", tables_columns()},
          {k,
           "triggers",
           "triggers",
           {{"keyspace_name", text(), P},
            {"table_name", text(), C},
            {"trigger_name", text(), C},
            {"options", frozen_map()}}},
          {k,
           "types",
           "user-defined types",
           {{"keyspace_name", text(), P},
            {"type_name", text(), C},
            {"field_names", frozen_list()},
            {"field_types", frozen_list()}}},
          {k, "views", "materialized views", views_columns()}};
}

std::vector<SystemTable> virtual_schema_tables() {
  const std::string_view k = "system_virtual_schema";
  return {{k, "columns", "virtual column definitions", columns_columns()},
          {k, "keyspaces", "virtual keyspace definitions", {{"keyspace_name", text(), P}}},
          {k,
           "tables",
           "virtual table definitions",
           {{"keyspace_name", text(), P}, {"table_name", text(), C}, {"comment", text()}}}};
}

std::vector<SystemColumn> clients_columns() {
  return {{"address", inet(), P},       {"port", integer(), C},       {"client_options", frozen_map()},
          {"connection_stage", text()}, {"driver_name", text()},      {"driver_version", text()},
          {"hostname", text()},         {"keyspace_name", text()},    {"protocol_version", integer()},
          {"request_count", bigint()},  {"ssl_cipher_suite", text()}, {"ssl_enabled", boolean()},
          {"ssl_protocol", text()},     {"username", text()}};
}

std::vector<SystemColumn> caches_columns() {
  return {{"name", text(), P},
          {"capacity_bytes", bigint()},
          {"entry_count", integer()},
          {"hit_count", bigint()},
          {"hit_ratio", number()},
          {"recent_hit_rate_per_second", bigint()},
          {"recent_request_rate_per_second", bigint()},
          {"request_count", bigint()},
          {"size_bytes", bigint()}};
}

std::vector<SystemColumn> index_columns() {
  return {{"keyspace_name", text(), P}, {"index_name", text(), C}, {"bytes", bigint()}, {"kind", text()},
          {"progress", number()},       {"refused", bigint()},     {"rows", bigint()},  {"state", text()},
          {"table_name", text()},       {"target", text()}};
}

std::vector<SystemTable> view_tables() {
  const std::string_view k = "system_views";
  return {{k, "caches", "system caches", caches_columns()},
          {k, "clients", "currently connected clients", clients_columns()},
          {k, "cql_metrics", "metrics of CQL statements", {{"name", text(), P}, {"value", number()}}},
          {k, "indexes", "indexes: how far they are, and what they hold", index_columns()},
          {k,
           "queries",
           "requests that are running",
           {{"thread_id", text(), P},
            {"client_address", inet()},
            {"client_port", integer()},
            {"keyspace_name", text()},
            {"queued_micros", bigint()},
            {"running_micros", bigint()},
            {"task", text()}}},
          {k,
           "sai_column_indexes",
           "indexes as Cassandra's StorageAttachedIndex shows them",
           {{"keyspace_name", text(), P},
            {"index_name", text(), C},
            {"analyzer", text()},
            {"column_name", text()},
            {"is_building", boolean()},
            {"is_queryable", boolean()},
            {"is_string", boolean()},
            {"table_name", text()}}},
          {k, "settings", "what the server was started with", {{"name", text(), P}, {"value", text()}}}};
}

std::vector<SystemTable> trace_tables() {
  const std::string_view k = "system_traces";
  return {{k,
           "events",
           "tracing events",
           {{"session_id", uuid(), P},
            {"event_id", of(Kind::kTimeuuid), C},
            {"activity", text()},
            {"source", inet()},
            {"source_elapsed", integer()},
            {"source_port", integer()},
            {"thread", text()}}},
          {k,
           "sessions",
           "tracing sessions",
           {{"session_id", uuid(), P},
            {"client", inet()},
            {"command", text()},
            {"coordinator", inet()},
            {"coordinator_port", integer()},
            {"duration", integer()},
            {"parameters", DataType::map(text(), text())},
            {"request", text()},
            {"started_at", of(Kind::kTimestamp)}}}};
}

std::vector<SystemTable> make_system_tables() {
  std::vector<SystemTable> all = {{"system", "local", "information about the local node", local_columns()},
                                  {"system", "peers", "information about known peers", peers_columns()},
                                  {"system", "peers_v2", "information about known peers", peers_v2_columns()},
                                  {"system", "prepared_statements", "prepared statements", prepared_columns()}};
  for (auto* group : {&schema_tables, &trace_tables, &virtual_schema_tables, &view_tables}) {
    for (SystemTable& table : group()) all.push_back(std::move(table));
  }
  return all;
}

}  // namespace

const std::vector<SystemTable>& system_tables() {
  static const std::vector<SystemTable> tables = make_system_tables();
  return tables;
}

}  // namespace sagitta::db
