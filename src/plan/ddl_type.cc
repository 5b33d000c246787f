#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/limits.h"

#include "ddl.h"

namespace sagitta::plan {
namespace {

Result<types::DataTypePtr> field_type(const Binder& binder, const cql::FieldDefinition& field,
                                      const std::string& keyspace) {
  SAGITTA_TRY(types::DataTypePtr type, binder.resolve(field.type, keyspace));
  if (type->kind() == types::Kind::kCounter) return fail(ErrorCode::kInvalid, "A user type cannot contain counters");
  if (type->kind() == types::Kind::kUdt && type->is_multi_cell()) {
    return fail(ErrorCode::kInvalid, "A user type cannot contain non-frozen UDTs");
  }
  return type;
}

Status check_field_count(std::string_view type, size_t count) {
  if (count <= limits::kColumnsMax) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("Type {} would have {} fields, the most is {}", type, count, limits::kColumnsMax));
}

/// One overload for each thing that ALTER TYPE does.
struct AlterBinder {
  const Binder& binder;
  const cql::AlterType& statement;
  const std::string& keyspace;

  Result<schema::SchemaChange> operator()(const cql::AddFields& add) const {
    if (add.fields.size() != 1) return fail(ErrorCode::kInvalid, "ALTER TYPE adds one field at a time");
    const auto present = binder.schema().find_type(keyspace, statement.name.name);
    const size_t count = present == nullptr ? 0 : present->field_names().size();
    SAGITTA_CHECK(check_field_count(statement.name.name, count + 1));
    SAGITTA_TRY(types::DataTypePtr type, field_type(binder, add.fields[0], keyspace));
    if (type->is_multi_cell()) SAGITTA_CHECK(check_no_cells());
    return schema::AlterTypeAdd{.keyspace = keyspace,
                                .name = statement.name.name,
                                .field_name = add.fields[0].name,
                                .field_type = std::move(type),
                                .if_exists = statement.if_exists,
                                .if_field_not_exists = add.if_not_exists};
  }

  /// A column that has a cell for each field of the type cannot have cells within one.
  Status check_no_cells() const {
    const auto owner = binder.schema().find_keyspace(keyspace);
    if (owner == nullptr) return {};
    for (const auto& [name, table] : owner->tables) {
      for (const schema::ColumnDef& column : table->columns) {
        const bool has_cells = column.type->kind() == types::Kind::kUdt && column.type->is_multi_cell();
        if (!has_cells || column.type->name() != statement.name.name) continue;
        return fail(ErrorCode::kInvalid,
                    fmt::format("Non-frozen UDTs with nested non-frozen collections are not supported for column {} of "
                                "table {}",
                                column.name, name));
      }
    }
    return {};
  }

  Result<schema::SchemaChange> operator()(const cql::RenameFields& rename) const {
    schema::AlterTypeRename change{
        .keyspace = keyspace, .name = statement.name.name, .fields = rename.names, .if_exists = statement.if_exists};
    const auto type = binder.schema().find_type(keyspace, statement.name.name);
    if (rename.if_exists && type != nullptr) {
      std::erase_if(change.fields, [&](const auto& field) { return !has_field(*type, field.first); });
    }
    return change;
  }

  static bool has_field(const types::DataType& type, const std::string& name) {
    return std::ranges::find(type.field_names(), name) != type.field_names().end();
  }

  Result<schema::SchemaChange> operator()(const cql::AlterFieldType&) const {
    return fail(ErrorCode::kInvalid, "Altering field types is no longer supported");
  }
};

}  // namespace

Result<Plan> bind_ddl(Binder& binder, const cql::CreateType& statement) {
  SAGITTA_TRY(std::string keyspace, existing_user_keyspace(binder, statement.name));
  SAGITTA_CHECK(check_field_count(statement.name.name, statement.fields.size()));
  schema::CreateType change{
      .keyspace = keyspace, .name = statement.name.name, .if_not_exists = statement.if_not_exists};
  for (const cql::FieldDefinition& field : statement.fields) {
    if (std::ranges::find(change.field_names, field.name) != change.field_names.end()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Duplicate field name '{}' in type '{}'", field.name, statement.name.name));
    }
    SAGITTA_TRY(types::DataTypePtr type, field_type(binder, field, keyspace));
    change.field_names.push_back(field.name);
    change.field_types.push_back(std::move(type));
  }
  return schema_plan(std::move(keyspace), statement.name.name, std::move(change));
}

Result<Plan> bind_ddl(Binder& binder, const cql::AlterType& statement) {
  SAGITTA_TRY(std::string keyspace, existing_user_keyspace(binder, statement.name));
  SAGITTA_TRY(schema::SchemaChange change, std::visit(AlterBinder{binder, statement, keyspace}, statement.action));
  return schema_plan(std::move(keyspace), statement.name.name, std::move(change));
}

Result<Plan> bind_ddl(Binder& binder, const cql::DropType& statement) {
  SAGITTA_TRY(std::string keyspace, binder.keyspace_of(statement.name));
  SAGITTA_CHECK(check_user_keyspace(keyspace));
  schema::DropType change{.keyspace = keyspace, .name = statement.name.name, .if_exists = statement.if_exists};
  return schema_plan(std::move(keyspace), statement.name.name, std::move(change));
}

}  // namespace sagitta::plan
