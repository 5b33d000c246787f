/// The schema: one immutable snapshot of all keyspaces, types, tables and indexes. A change makes a
/// new snapshot (schema_change.h); whoever holds an old one keeps a consistent view of it.
///
/// Ids come from counters inside the schema and are never used again: data of a dropped table or
/// index can never be taken for that of a later one with the same name. A dropped column that is
/// added again is the same column, with its id: what was written after its drop is there again, and
/// nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"
#include "sagitta/types/data_type.h"

namespace sagitta::schema {

enum class ColumnKind : uint8_t { kPartitionKey, kClustering, kStatic, kRegular };

struct ColumnDef {
  /// Unique in its table, dropped columns included.
  uint32_t id = 0;
  std::string name;
  types::DataTypePtr type;
  ColumnKind kind = ColumnKind::kRegular;
  /// Among the partition key or clustering components; 0 for the others.
  uint32_t position = 0;
  /// Clustering only.
  bool descending = false;
  /// Derived: the column was dropped and came back; what was written at this time or earlier stays
  /// gone.
  int64_t dropped_us = kNeverDropped;

  static constexpr int64_t kNeverDropped = INT64_MIN;

  bool is_key() const { return kind == ColumnKind::kPartitionKey || kind == ColumnKind::kClustering; }
  bool operator==(const ColumnDef& other) const;
};

struct DroppedColumn {
  std::string name;
  types::DataTypePtr type;
  ColumnKind kind = ColumnKind::kRegular;
  /// What was written at this time or earlier is gone for good.
  int64_t dropped_us = 0;
  /// The column's; 0 when a catalog of version 1 did not keep it.
  uint32_t id = 0;
};

/// Of all indexes in catalogs before version 3.
inline constexpr std::string_view kFirstIndexKind = "vector";
/// Of indexes that find rows by a value: one of a class on a target.
inline constexpr std::string_view kOrderedIndexKind = "ordered";

struct IndexDef {
  uint32_t id = 0;
  /// Unique in its keyspace.
  std::string name;
  uint32_t column_id = 0;
  /// What system_schema.indexes shows as `target`: the column's name, quoted where CQL needs it.
  std::string target;
  /// As the user spelt it: "vector_index", "sai",
  /// "org.apache.cassandra.index.sai.StorageAttachedIndex", ...
  std::string class_name;
  /// The user's options in the user's case, without class_name and target.
  std::map<std::string, std::string> options;
  /// A timeuuid that the coordinator made at CREATE.
  Uuid version;
  /// The kind of index that does the work (index::Kind::name).
  std::string kind = std::string(kFirstIndexKind);
};

/// The value of a table or keyspace option: one text (numbers and booleans as text), or a map.
using OptionMap = std::map<std::string, std::string>;
using OptionValue = std::variant<std::string, OptionMap>;

struct TableDef {
  uint32_t id = 0;
  Uuid uuid;
  std::string keyspace, name;
  /// In the order of SELECT *: partition key and clustering by position, then static, then regular,
  /// both by name.
  std::vector<ColumnDef> columns;
  /// One for each name that was ever dropped, also when a column of that name is there again.
  std::vector<DroppedColumn> dropped_columns;
  /// Of WITH, as given; what is not there has its default.
  std::map<std::string, OptionValue> options;
  std::vector<IndexDef> indexes;
  uint32_t next_column_id = 1;
  uint32_t partition_key_count = 0;
  uint32_t clustering_count = 0;
  bool has_static = false;
  /// All non-key columns are counters.
  bool is_counter = false;
  /// Some column has a dropped_us.
  bool has_revived = false;
  /// A system table: its rows are made at read time, it takes no mutations.
  bool is_virtual = false;

  /// Null when there is none.
  const ColumnDef* find_column(std::string_view column_name) const;
  const ColumnDef* find_column(uint32_t column_id) const;
  const ColumnDef& partition_key_column(size_t position) const { return columns[position]; }
  const ColumnDef& clustering_column(size_t position) const { return columns[partition_key_count + position]; }
  const DroppedColumn* find_dropped(std::string_view column_name) const;
  const IndexDef* find_index(std::string_view index_name) const;
  const IndexDef* find_index(uint32_t index_id) const;
  /// Seconds; 0 = none.
  int32_t default_ttl_s() const;
  int64_t gc_grace_s() const;
  /// Sorts `columns` and sets what is derived from them (counts, has_static, is_counter,
  /// dropped_us). For whoever fills a TableDef by hand.
  void finish();
};
using TableDefPtr = std::shared_ptr<const TableDef>;

struct KeyspaceDef {
  std::string name;
  /// WITH replication, as given: {"class": "SimpleStrategy", "replication_factor": "1"}.
  OptionMap replication;
  bool durable_writes = true;
  /// UDTs by name, never frozen at the top.
  std::map<std::string, types::DataTypePtr> types;
  std::map<std::string, TableDefPtr> tables;
};
using KeyspaceDefPtr = std::shared_ptr<const KeyspaceDef>;

/// Immutable once published; thread-safe.
struct Schema {
  /// 0 = nothing was ever created; each change adds one.
  uint64_t version = 0;
  /// A hash of the content, as clients compare it.
  Uuid version_uuid;
  std::map<std::string, KeyspaceDefPtr> keyspaces;
  uint32_t next_table_id = 1;
  uint32_t next_index_id = 1;

  const KeyspaceDef* find_keyspace(std::string_view keyspace) const;
  /// Null when there is no such keyspace or table.
  TableDefPtr find_table(std::string_view keyspace, std::string_view table) const;
  TableDefPtr find_table(uint32_t table_id) const;
  /// The type as a column would have it when written without frozen<>.
  types::DataTypePtr find_type(std::string_view keyspace, std::string_view type) const;

  /// Format of the catalog (docs/formats/catalog.md). Virtual tables are left out.
  void encode(Bytes& out) const;
  /// Reads every version so far. kCorruption; kFormat for a newer version.
  static Result<std::shared_ptr<const Schema>> decode(BytesView bytes);
};
using SchemaPtr = std::shared_ptr<const Schema>;

/// The name after the last dot: strategies and other classes go by it, with or without package.
std::string_view simple_class(std::string_view name);
/// Whether the index is a vector index, by its class name: vector_index, sai, StorageAttachedIndex,
/// SASIIndex, full names. Letter case is ignored.
bool is_vector_index_class(std::string_view class_name);
/// Whether the class is one of Cassandra's; of those that make a vector index only vector_index,
/// ScyllaDB's, is not.
bool is_storage_attached_class(std::string_view class_name);

}  // namespace sagitta::schema
