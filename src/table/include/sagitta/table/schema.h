/// The schema: an immutable snapshot of keyspaces, types, tables and indexes, and the changes that lead from one
/// snapshot to the next. Applying a change is pure and deterministic, so that every replica of the log arrives at the
/// same schema.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"
#include "sagitta/types/data_type.h"

namespace sagitta::table {

using TableId = uint32_t;
/// Unique within its table for ever: a dropped column's id is not given again, so its old cells stay invisible.
using ColumnId = uint32_t;
using IndexId = uint32_t;

enum class ColumnKind : uint8_t { kPartition, kClustering, kStatic, kRegular };

struct ColumnDef {
  ColumnId id = 0;  ///< given when the change is applied
  std::string name;
  types::DataTypePtr type;
  ColumnKind kind = ColumnKind::kRegular;
  /// Place within the partition key or the clustering key; 0 for others.
  uint32_t position = 0;
  /// Clustering columns only.
  bool descending = false;

  bool is_primary_key() const { return kind == ColumnKind::kPartition || kind == ColumnKind::kClustering; }
};

/// A vector index. Options are the user's, flattened to the flat names, in the user's spelling of values.
struct IndexDef {
  IndexId id = 0;  ///< given when the change is applied
  std::string name;
  std::string column;
  /// As the user spelt it: "sai", "vector_index", …
  std::string class_name;
  /// CUSTOM or COMPOSITES, as system_schema.indexes shows it.
  std::string kind = "CUSTOM";
  std::map<std::string, std::string> options;

  /// The value of a flat option (names in lower case), or `otherwise`.
  std::string_view option(const std::string& option_name, std::string_view otherwise) const {
    const auto found = options.find(option_name);
    return found == options.end() ? otherwise : std::string_view(found->second);
  }
};

/// A table option's value: text, or a map of texts (compaction, caching …).
using OptionValue = std::variant<std::string, std::map<std::string, std::string>>;

/// Immutable once in a schema.
struct TableDef {
  TableId id = 0;  ///< given when the change is applied
  Uuid uuid;
  std::string keyspace, name;
  /// In the order of SELECT *: partition key, clustering key, static columns, regular columns, the last two by name.
  std::vector<ColumnDef> columns;
  ColumnId next_column_id = 0;
  std::map<std::string, OptionValue> options;
  std::vector<IndexDef> indexes;
  /// Served from memory by `db`, never stored.
  bool is_virtual = false;

  const ColumnDef* find(std::string_view column) const;
  const ColumnDef* find(ColumnId column) const;
  const IndexDef* find_index(std::string_view index) const;
  std::vector<const ColumnDef*> of_kind(ColumnKind kind) const;
  /// Columns of that kind; partition_columns() etc. are spans of `columns`.
  size_t count(ColumnKind kind) const;
  bool is_counter() const;
  bool has_static() const { return count(ColumnKind::kStatic) > 0; }
  /// Option default_time_to_live, seconds; 0 = none.
  int32_t default_ttl_s() const;
  int32_t gc_grace_s() const;
  /// Puts `columns` into their order and gives new ids to columns that have none. For whoever builds a TableDef.
  void arrange();
};
using TableDefPtr = std::shared_ptr<const TableDef>;

struct KeyspaceDef {
  std::string name;
  /// With "class": the full class name.
  std::map<std::string, std::string> replication;
  bool durable_writes = true;
};

/// What a keyspace holds. UDTs are unfrozen DataTypes by name.
struct Keyspace {
  KeyspaceDef def;
  std::map<std::string, types::DataTypePtr, std::less<>> types;
  std::map<std::string, TableDefPtr, std::less<>> tables;
};
using KeyspacePtr = std::shared_ptr<const Keyspace>;

struct Schema;
using SchemaPtr = std::shared_ptr<const Schema>;

/// Immutable; share freely between threads.
struct Schema {
  /// Goes up by one with each change.
  uint64_t version = 0;
  /// What drivers compare: a name-based UUID of the version and the host.
  Uuid version_uuid;
  std::map<std::string, KeyspacePtr, std::less<>> keyspaces;
  TableId next_table_id = 1;
  IndexId next_index_id = 1;

  const Keyspace* find_keyspace(std::string_view keyspace) const;
  TableDefPtr find_table(std::string_view keyspace, std::string_view table) const;
  TableDefPtr find_table(TableId id) const;
  types::DataTypePtr find_type(std::string_view keyspace, std::string_view type) const;
  /// The table of the index of that name in a keyspace; null when there is none.
  TableDefPtr find_index_table(std::string_view keyspace, std::string_view index) const;

  void encode(Bytes& out) const;
  static Result<SchemaPtr> decode(BytesView bytes);
};

// ---- changes ----

struct CreateKeyspace {
  KeyspaceDef def;
  bool if_not_exists = false;
};
struct AlterKeyspace {
  KeyspaceDef def;
};
struct DropKeyspace {
  std::string keyspace;
  bool if_exists = false;
};
struct CreateTable {
  TableDef def;
  bool if_not_exists = false;
};
struct AlterTable {
  std::string keyspace, table;
  std::vector<ColumnDef> add;
  std::vector<std::string> drop;
  /// From, to; primary-key columns only.
  std::vector<std::pair<std::string, std::string>> rename;
  std::map<std::string, OptionValue> options;
};
struct DropTable {
  std::string keyspace, table;
  bool if_exists = false;
};
struct CreateType {
  std::string keyspace;
  types::DataTypePtr type;
  bool if_not_exists = false;
};
struct AlterType {
  std::string keyspace, name;
  std::vector<std::pair<std::string, types::DataTypePtr>> add;
  std::vector<std::pair<std::string, std::string>> rename;
};
struct DropType {
  std::string keyspace, name;
  bool if_exists = false;
};
struct CreateIndex {
  std::string keyspace, table;
  /// An empty name gets TABLE_COLUMN_idx, made unique.
  IndexDef def;
  bool if_not_exists = false;
};
struct DropIndex {
  std::string keyspace, name;
  bool if_exists = false;
};
using SchemaChange = std::variant<CreateKeyspace, AlterKeyspace, DropKeyspace, CreateTable, AlterTable, DropTable,
                                  CreateType, AlterType, DropType, CreateIndex, DropIndex>;

/// What a change did, for answers and events.
struct SchemaEffect {
  /// The schema afterwards; the one before when nothing changed.
  SchemaPtr schema;
  /// False when an IF [NOT] EXISTS made it do nothing.
  bool changed = false;
  /// CREATED, UPDATED, DROPPED; KEYSPACE, TABLE, TYPE. An index change is UPDATED TABLE.
  std::string change, target, keyspace, name;
};

/// Pure. kAlreadyExists, kInvalid or kConfig with Cassandra's texts; the schema is then unchanged.
Result<SchemaEffect> apply(const SchemaPtr& schema, const SchemaChange& change);

void encode(const SchemaChange& change, Bytes& out);
Result<SchemaChange> decode_schema_change(BytesView bytes);

}  // namespace sagitta::table
