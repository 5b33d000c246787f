/// The shapes of the system tables: what clients of Cassandra 5.0 expect to find.
#pragma once

#include <string_view>
#include <vector>

#include "sagitta/types/data_type.h"

namespace sagitta::db {

struct SystemColumn {
  enum class Role : uint8_t { kPartition, kClustering, kRegular };
  std::string_view name;
  types::DataTypePtr type;
  Role role = Role::kRegular;
};

struct SystemTable {
  std::string_view keyspace, name, comment;
  /// Key columns first, in key order.
  std::vector<SystemColumn> columns;
};

/// Every system table, grouped by keyspace.
const std::vector<SystemTable>& system_tables();

}  // namespace sagitta::db
