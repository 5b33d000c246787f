/// Schema changes as data: what DDL becomes, what a log record of kind kSchema holds, and what
/// applying one gives. Names and types are resolved by `plan`; whether the change fits the schema
/// is decided here, in log order.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sagitta/schema/schema.h"

namespace sagitta::schema {

struct CreateKeyspace {
  std::string keyspace;
  OptionMap replication;
  bool durable_writes = true;
  bool if_not_exists = false;
};
struct AlterKeyspace {
  std::string keyspace;
  std::optional<OptionMap> replication;
  std::optional<bool> durable_writes;
  bool if_exists = false;
};
struct DropKeyspace {
  std::string keyspace;
  bool if_exists = false;
};
struct CreateType {
  std::string keyspace, name;
  std::vector<std::string> field_names;
  std::vector<types::DataTypePtr> field_types;
  bool if_not_exists = false;
};
struct AlterTypeAdd {
  std::string keyspace, name, field_name;
  types::DataTypePtr field_type;
  bool if_exists = false, if_field_not_exists = false;
};
struct AlterTypeRename {
  std::string keyspace, name;
  std::vector<std::pair<std::string, std::string>> fields;
  bool if_exists = false;
};
struct DropType {
  std::string keyspace, name;
  bool if_exists = false;
};
struct CreateTable {
  /// Names, types, kinds, positions, orders, options and uuid count; all ids are given out when it
  /// is applied, and a uuid when there is none.
  TableDef table;
  bool if_not_exists = false;
};
struct AlterTableAdd {
  std::string keyspace, table;
  /// Static or regular; name and type.
  std::vector<ColumnDef> columns;
  bool if_exists = false, if_column_not_exists = false;
  /// A column of a dropped name is that column again, and is refused when its type cannot hold the
  /// old values. False in records of version 1: there it is another column, of any type.
  bool revives = true;
};
struct AlterTableDrop {
  std::string keyspace, table;
  std::vector<std::string> columns;
  /// Values written later than this outlive the drop.
  int64_t timestamp_us = 0;
  bool if_exists = false, if_column_exists = false;
  /// The timestamp is only proposed, as a Mutation's may be: the drop takes its place among
  /// server-stamped writes by the order of the log.
  bool server_timestamp = false;
  /// A column added under the name later is this one. False in records of version 1, whose
  /// timestamps say nothing.
  bool revivable = true;
};
/// Of primary key columns.
struct AlterTableRename {
  std::string keyspace, table;
  std::vector<std::pair<std::string, std::string>> columns;
  bool if_exists = false;
};
struct AlterTableOptions {
  std::string keyspace, table;
  std::map<std::string, OptionValue> options;
  bool if_exists = false;
};
struct DropTable {
  std::string keyspace, table;
  bool if_exists = false;
};
struct CreateIndex {
  std::string keyspace, table, column;
  /// An empty name gives <table>_<column>_idx; the id is given out when it is applied.
  IndexDef index;
  bool if_not_exists = false;
};
struct DropIndex {
  std::string keyspace, name;
  bool if_exists = false;
};

using SchemaChange = std::variant<CreateKeyspace, AlterKeyspace, DropKeyspace, CreateType, AlterTypeAdd,
                                  AlterTypeRename, DropType, CreateTable, AlterTableAdd, AlterTableDrop,
                                  AlterTableRename, AlterTableOptions, DropTable, CreateIndex, DropIndex>;

/// What clients are told of a change.
struct ChangeEvent {
  std::string change;  ///< CREATED, UPDATED, DROPPED
  std::string target;  ///< KEYSPACE, TABLE, TYPE
  std::string keyspace;
  std::string name;  ///< empty for a keyspace
};

struct SchemaOutcome {
  /// The same as before when nothing changed (IF [NOT] EXISTS).
  SchemaPtr schema;
  bool changed = false;
  ChangeEvent event;
};

/// Pure and deterministic: every replica gets the same ids and the same error. kAlreadyExists
/// (keyspaces and tables), kInvalid and kConfig with Cassandra's texts.
Result<SchemaOutcome> apply(const SchemaPtr& schema, const SchemaChange& change);

/// The same under the next version: what is left of a change of another kind.
SchemaPtr next_version(const Schema& schema);

void encode(const SchemaChange& change, Bytes& out);
/// kCorruption; kFormat for a kind this version does not know.
Result<SchemaChange> decode_schema_change(BytesView bytes);

}  // namespace sagitta::schema
