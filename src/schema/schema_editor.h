/// What the kinds of schema changes share: the schema being changed, what clients are told, and the
/// words of refusals.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sagitta/schema/schema_change.h"

namespace sagitta::schema {

/// The schema being changed: copies of what is touched, published at the end.
class Editor {
 public:
  explicit Editor(const SchemaPtr& base) : base_(base), next_(std::make_shared<Schema>(*base)) {}

  Schema& schema() { return *next_; }
  /// A keyspace to be changed; null when there is none.
  KeyspaceDef* keyspace(const std::string& name);
  /// A table to be changed; null when there is none, or it is virtual.
  TableDef* table(const std::string& keyspace_name, const std::string& table_name);

  /// What IF [NOT] EXISTS gives.
  Result<SchemaOutcome> unchanged(ChangeEvent event) { return SchemaOutcome{base_, false, std::move(event)}; }
  /// What a change of something that does not exist gives: nothing under IF EXISTS, else kInvalid
  /// with this text.
  Result<SchemaOutcome> missing(bool if_exists, ChangeEvent event, std::string text);
  /// The changed schema with its new version.
  Result<SchemaOutcome> changed(ChangeEvent event);

 private:
  SchemaPtr base_;
  std::shared_ptr<Schema> next_;
};

/// What clients are told of a change. `change`: CREATED, UPDATED, DROPPED.
ChangeEvent keyspace_event(std::string change, const std::string& keyspace);
ChangeEvent table_event(std::string change, const std::string& keyspace, const std::string& table);
ChangeEvent type_event(std::string change, const std::string& keyspace, const std::string& type);

/// Fails with kInvalid.
std::unexpected<Error> invalid(std::string text);
/// "Table 'ks.t' doesn't exist", and the like.
std::string no_keyspace(std::string_view keyspace);
std::string no_table(std::string_view keyspace, std::string_view table);
std::string no_type(std::string_view keyspace, std::string_view type);

/// The names of the indexes on a column, with commas between them; empty for none.
std::string index_names_on(const TableDef& table, uint32_t column_id);

/// Each applies one kind of change (change_keyspace.cc, change_type.cc, change_table.cc,
/// change_index.cc).
Result<SchemaOutcome> change(Editor& edit, const CreateKeyspace& c);
Result<SchemaOutcome> change(Editor& edit, const AlterKeyspace& c);
Result<SchemaOutcome> change(Editor& edit, const DropKeyspace& c);
Result<SchemaOutcome> change(Editor& edit, const CreateType& c);
Result<SchemaOutcome> change(Editor& edit, const AlterTypeAdd& c);
Result<SchemaOutcome> change(Editor& edit, const AlterTypeRename& c);
Result<SchemaOutcome> change(Editor& edit, const DropType& c);
Result<SchemaOutcome> change(Editor& edit, const CreateTable& c);
Result<SchemaOutcome> change(Editor& edit, const AlterTableAdd& c);
Result<SchemaOutcome> change(Editor& edit, const AlterTableDrop& c);
Result<SchemaOutcome> change(Editor& edit, const AlterTableRename& c);
Result<SchemaOutcome> change(Editor& edit, const AlterTableOptions& c);
Result<SchemaOutcome> change(Editor& edit, const DropTable& c);
Result<SchemaOutcome> change(Editor& edit, const CreateIndex& c);
Result<SchemaOutcome> change(Editor& edit, const DropIndex& c);

}  // namespace sagitta::schema
