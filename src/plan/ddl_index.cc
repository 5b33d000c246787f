/// CREATE INDEX and DROP INDEX, bound.
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

/// Cassandra's name for its plain index.
constexpr std::string_view kPlainClass = "legacy_local_table";

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

using TargetKind = cql::IndexTarget::Kind;

/// The class in the user's spelling; empty for the default.
Result<std::string> class_of(const cql::CreateIndex& statement, const schema::ColumnDef& column) {
  const std::string name = statement.class_name.value_or(std::string(kPlainClass));
  if (name.empty() || (statement.custom && name == kPlainClass)) {
    return fail(ErrorCode::kConfig, fmt::format("Unable to find custom indexer class '{}'", name));
  }
  if (name != kPlainClass) return name;
  if (column.type->kind() != types::Kind::kVector) return std::string();
  return fail(ErrorCode::kInvalid,
              "Only vector indexes are of vectors: name their class by USING 'sai' or USING 'vector_index'");
}

/// Of ScyllaDB's local index, ((partition key), column), the column: ours are local and global at
/// once.
Result<const cql::IndexTarget*> single_target(const cql::CreateIndex& statement, const schema::TableDef& table) {
  const auto& targets = statement.targets;
  if (targets.empty()) {
    return fail(ErrorCode::kInvalid, "Only CUSTOM indexes can be created without specifying a target column");
  }
  if (targets[0].kind != TargetKind::kTuple) {
    if (targets.size() == 1) return &targets[0];
    return fail(ErrorCode::kInvalid, "Only CUSTOM indexes support multiple columns");
  }
  const auto is_key = [&, i = size_t{0}](const std::string& name) mutable {
    return i < table.partition_key_count && table.partition_key_column(i++).name == name;
  };
  const auto& names = targets[0].columns;
  if (targets.size() != 2 || names.size() != table.partition_key_count || !std::ranges::all_of(names, is_key)) {
    return fail(ErrorCode::kInvalid,
                "Local index definition must contain full partition key only, and one more column");
  }
  return &targets[1];
}

std::string_view keyword_of(TargetKind kind) {
  switch (kind) {
    case TargetKind::kKeys: return "keys";
    case TargetKind::kEntries: return "entries";
    case TargetKind::kFull: return "full";
    default: return "values";
  }
}

/// kInvalid when the column has no such part.
Status check_part(TargetKind kind, const schema::ColumnDef& column) {
  const types::DataType& type = *column.type;
  const std::string name = types::quote_name(column.name);
  const bool is_frozen = type.is_collection() && !type.is_multi_cell();
  if (kind == TargetKind::kFull) {
    if (is_frozen) return {};
    return fail(ErrorCode::kInvalid, "full() indexes can only be created on frozen collections");
  }
  if (is_frozen) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Cannot create {0}() index on frozen column {1}. Frozen collections are immutable and must "
                            "be fully indexed by using the 'full({1})' modifier",
                            keyword_of(kind), name));
  }
  if (!type.is_collection()) {
    if (kind == TargetKind::kColumn) return {};
    return fail(ErrorCode::kInvalid,
                fmt::format("Cannot create {}() index on {}. Non-collection columns only support simple indexes",
                            keyword_of(kind), name));
  }
  const bool of_keys = kind == TargetKind::kKeys || kind == TargetKind::kEntries;
  if (of_keys && type.kind() != types::Kind::kMap) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Cannot create index on {} of column {} with non-map type", keyword_of(kind), name));
  }
  return {};
}

Status check_column(const schema::TableDef& table, const schema::ColumnDef& column) {
  if (table.is_counter) {
    return fail(ErrorCode::kInvalid, "Secondary indexes on counter tables aren't supported");
  }
  if (column.kind == schema::ColumnKind::kPartitionKey && table.partition_key_count == 1) {
    return fail(ErrorCode::kInvalid, fmt::format("Cannot create secondary index on the only partition key column {}",
                                                 types::quote_name(column.name)));
  }
  return {};
}

/// As system_schema.indexes shows it.
std::string target_text(TargetKind kind, const schema::ColumnDef& column) {
  const std::string name = types::quote_name(column.name);
  if (!column.type->is_collection()) return name;
  return fmt::format("{}({})", keyword_of(kind), name);
}

/// A storage-attached index with other options than one that is there is refused before its options
/// are looked at. Of vectors there may be several.
Status check_alone(const schema::TableDef& table, const index::Target& wanted, const std::string& target_text,
                   std::span<const index::WrittenOption> written) {
  if (!schema::is_storage_attached_class(wanted.class_name) || wanted.column.type->is_float_vector()) return {};
  std::map<std::string, std::string> options;
  for (const index::WrittenOption& option : written) options.emplace(option.name, option.value);
  for (const schema::IndexDef& other : table.indexes) {
    const bool is_on_it = other.column_id == wanted.column.id && other.target == target_text;
    if (!is_on_it || !schema::is_storage_attached_class(other.class_name) || other.options == options) continue;
    return fail(
        ErrorCode::kInvalid,
        fmt::format("Cannot create more than one storage-attached index on the same column: {}", wanted.column.name));
  }
  return {};
}

}  // namespace

Result<Plan> bind_ddl(Binder& binder, const cql::CreateIndex& statement) {
  SAGITTA_TRY(std::string keyspace, existing_user_keyspace(binder, statement.table));
  schema::TableDefPtr table = binder.schema().find_table(keyspace, statement.table.name);
  if (table == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("Table '{}.{}' doesn't exist", keyspace, statement.table.name));
  }
  SAGITTA_TRY(const cql::IndexTarget* wanted, single_target(statement, *table));
  SAGITTA_TRY(const schema::ColumnDef* column, find_column(*table, wanted->columns[0]));
  SAGITTA_CHECK(check_column(*table, *column));
  SAGITTA_CHECK(check_part(wanted->kind, *column));
  SAGITTA_TRY(std::string class_name, class_of(statement, *column));
  schema::IndexDef index;
  index.target = target_text(wanted->kind, *column);
  const std::string shown_name =
      statement.name.empty() ? fmt::format("{}_{}_idx", table->name, column->name) : statement.name;
  const index::Target target{
      .index = shown_name, .class_name = class_name, .column = *column, .part = index::part_of(index)};
  const index::Kind* kind = index::find_kind(target);
  if (kind == nullptr) {
    return fail(ErrorCode::kConfig, fmt::format("Unable to find custom indexer class '{}'", class_name));
  }
  SAGITTA_CHECK(kind->check_column(target));
  std::vector<index::WrittenOption> written;
  SAGITTA_CHECK(flatten(statement.options, written));
  if (!statement.if_not_exists) SAGITTA_CHECK(check_alone(*table, target, index.target, written));
  SAGITTA_TRY(index::CheckedOptions options, kind->check_options(written, target));
  std::ranges::move(options.warnings, std::back_inserter(binder.warnings()));
  index.name = statement.name;
  index.column_id = column->id;
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
