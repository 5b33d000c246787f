#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sagitta/index/kinds.h"
#include "sagitta/types/name.h"

#include "ddl.h"
#include "options.h"

namespace sagitta::plan {
namespace {

/// The options inside nested maps come out flat; the names of the maps around them say nothing.
Status flatten(const cql::Properties& properties, std::vector<index::WrittenOption>& out) {
  constexpr std::array kGroups =
      std::to_array<std::string_view>({"indexing_options", "usearch_options", "hnsw_options"});
  for (const auto& [name, property] : properties) {
    if (property.kind == cql::Property::Kind::kMap && std::ranges::find(kGroups, name) != kGroups.end()) {
      SAGITTA_CHECK(flatten(property.map, out));
      continue;
    }
    if (name == "index_version" || name == "target") {
      return fail(ErrorCode::kInvalid, fmt::format("Cannot specify {} as a CUSTOM option", name));
    }
    SAGITTA_TRY(std::string value, scalar_option(name, property));
    out.push_back({.name = name, .value = std::move(value)});
  }
  return {};
}

std::unexpected<Error> not_a_vector(const schema::ColumnDef& column) {
  return fail(ErrorCode::kInvalid,
              fmt::format("Indexes on non-vector columns are not supported yet: column {} has type {}", column.name,
                          column.type->to_cql()));
}

Result<std::string> class_of(const cql::CreateIndex& statement, const schema::ColumnDef& column) {
  if (statement.class_name) return *statement.class_name;
  if (statement.custom) return fail(ErrorCode::kInvalid, "CUSTOM index requires specifying the index class");
  if (column.type->kind() != types::Kind::kVector) return not_a_vector(column);
  return fail(ErrorCode::kInvalid,
              "Only vector indexes are supported yet: name their class by USING 'sai' or USING 'vector_index'");
}

Result<const schema::ColumnDef*> target_column(const cql::CreateIndex& statement, const schema::TableDef& table) {
  if (statement.targets.size() != 1 || statement.targets[0].kind == cql::IndexTarget::Kind::kTuple) {
    return fail(ErrorCode::kInvalid,
                "A vector index has one column: queries filter by any other column without an index on it");
  }
  SAGITTA_TRY(const schema::ColumnDef* column, find_column(table, statement.targets[0].columns[0]));
  if (statement.targets[0].kind != cql::IndexTarget::Kind::kColumn) return not_a_vector(*column);
  return column;
}

}  // namespace

Result<Plan> bind_ddl(Binder& binder, const cql::CreateIndex& statement) {
  SAGITTA_TRY(std::string keyspace, existing_user_keyspace(binder, statement.table));
  schema::TableDefPtr table = binder.schema().find_table(keyspace, statement.table.name);
  if (table == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("Table '{}.{}' doesn't exist", keyspace, statement.table.name));
  }
  SAGITTA_TRY(const schema::ColumnDef* column, target_column(statement, *table));
  SAGITTA_TRY(std::string class_name, class_of(statement, *column));
  const std::string shown_name =
      statement.name.empty() ? fmt::format("{}_{}_idx", table->name, column->name) : statement.name;
  const index::Target target{.index = shown_name, .class_name = class_name, .column = *column};
  const index::Kind* kind = index::find_kind(target);
  if (kind == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("Unable to find custom indexer class '{}'", class_name));
  }
  SAGITTA_CHECK(kind->check_column(target));
  std::vector<index::WrittenOption> written;
  SAGITTA_CHECK(flatten(statement.options, written));
  SAGITTA_TRY(index::CheckedOptions options, kind->check_options(written, target));
  std::ranges::move(options.warnings, std::back_inserter(binder.warnings()));
  schema::IndexDef index;
  index.name = statement.name;
  index.column_id = column->id;
  index.target = types::quote_name(column->name);
  index.class_name = std::move(class_name);
  index.options = std::move(options.stored);
  index.kind = kind->name();
  return schema_plan(keyspace, table->name,
                     schema::CreateIndex{.keyspace = keyspace,
                                         .table = table->name,
                                         .column = column->name,
                                         .index = std::move(index),
                                         .if_not_exists = statement.if_not_exists});
}

Result<Plan> bind_ddl(Binder& binder, const cql::DropIndex& statement) {
  SAGITTA_TRY(std::string keyspace, binder.keyspace_of(statement.name));
  SAGITTA_CHECK(check_user_keyspace(keyspace));
  schema::DropIndex change{.keyspace = keyspace, .name = statement.name.name, .if_exists = statement.if_exists};
  return schema_plan(std::move(keyspace), statement.name.name, std::move(change));
}

}  // namespace sagitta::plan
