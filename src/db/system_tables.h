/// The rows of the system tables, made when they are read.
#pragma once

#include <memory>

#include "sagitta/db/options.h"
#include "sagitta/exec/memory_rows.h"
#include "sagitta/schema/schema.h"

#include "admission.h"
#include "binder.h"
#include "clients.h"
#include "partitions.h"
#include "traces.h"

namespace sagitta::db {

/// What system tables tell about, beside the schema. All must outlive whoever has it.
struct NodeContext {
  const Options& options;
  const Uuid& host_id;
  const Budgets& budgets;
  const Partitions& partitions;
  const TraceRing& traces;
  const Clients& clients;
  const Admission& admission;
  const Binder& binder;
};

/// The references must outlive the call.
struct SystemContext {
  const NodeContext& node;
  /// System keyspaces included.
  const schema::Schema& schema;
};

/// `schema` with the system keyspaces added; its version and version_uuid stay.
schema::SchemaPtr with_system_keyspaces(const schema::Schema& schema);
/// Of tables that only system_virtual_schema describes.
bool is_virtual_keyspace(std::string_view keyspace);

/// `table` is a system table.
std::unique_ptr<exec::MemoryRows> system_rows(const schema::TableDefPtr& table, const SystemContext& context);

// One group of tables each; false when the table is not of the group.
bool add_local_rows(exec::MemoryRows& rows, const SystemContext& context);
bool add_schema_rows(exec::MemoryRows& rows, const SystemContext& context);
bool add_virtual_schema_rows(exec::MemoryRows& rows, const SystemContext& context);
bool add_trace_rows(exec::MemoryRows& rows, const SystemContext& context);
bool add_view_rows(exec::MemoryRows& rows, const SystemContext& context);

// Values for rows.
using SystemRow = std::map<std::string, Value, std::less<>>;
Value text_value(std::string_view text);
/// Null when it is empty.
Value text_or_null(std::string_view text);
/// Null when the text is no address.
Value inet_value(const std::string& address);
Value text_map_value(const std::map<std::string, std::string>& map);
Value text_list_value(const std::vector<std::string>& list);

}  // namespace sagitta::db
