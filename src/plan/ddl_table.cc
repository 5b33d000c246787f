#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/base/limits.h"

#include "ddl.h"
#include "options.h"

namespace sagitta::plan {
namespace {

using schema::ColumnDef;
using schema::ColumnKind;
using types::DataType;
using types::Kind;

Status check_ttl(const std::map<std::string, schema::OptionValue>& options, bool is_counter) {
  const auto ttl = options.find("default_time_to_live");
  if (!is_counter || ttl == options.end() || std::get<std::string>(ttl->second) == "0") return {};
  return fail(ErrorCode::kInvalid, "Cannot set default_time_to_live on a table with counters");
}

constexpr std::string_view kNestsCollection = "Non-frozen UDTs with nested non-frozen collections are not supported";

/// A UDT whose fields are cells, one of which would have cells of its own.
bool nests_collection(const types::DataType& type) {
  return type.kind() == Kind::kUdt && type.is_multi_cell() &&
         std::ranges::any_of(type.parameters(), [](const auto& field) { return field->is_multi_cell(); });
}

Status check_column_count(std::string_view table, size_t count) {
  if (count <= limits::kColumnsMax) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("Table {} would have {} columns, the most is {}", table, count, limits::kColumnsMax));
}

/// Builds the TableDef of one CREATE TABLE.
class TableBuilder {
 public:
  TableBuilder(Binder& binder, const cql::CreateTable& statement, std::string keyspace)
      : binder_(binder), statement_(statement) {
    table_.keyspace = std::move(keyspace);
    table_.name = statement.name.name;
  }

  Result<schema::TableDef> build() {
    if (!is_plain_name(table_.name)) {
      return fail(ErrorCode::kConfig, fmt::format("{}.{}: Table name must not be empty or not contain "
                                                  "non-alphanumeric-underscore characters (got \"{}\")",
                                                  table_.keyspace, table_.name, table_.name));
    }
    SAGITTA_CHECK(check_column_count(table_.name, statement_.columns.size()));
    for (const cql::ColumnDefinition& column : statement_.columns) SAGITTA_CHECK(add_column(column));
    SAGITTA_CHECK(place_key(statement_.partition_key, ColumnKind::kPartitionKey));
    SAGITTA_CHECK(place_key(statement_.clustering_key, ColumnKind::kClustering));
    SAGITTA_CHECK(check_static());
    SAGITTA_CHECK(order_clustering());
    SAGITTA_CHECK(check_counters());
    SAGITTA_CHECK(read_options());
    table_.finish();
    return std::move(table_);
  }

 private:
  ColumnDef* find(std::string_view name) {
    auto found = std::ranges::find(table_.columns, name, &ColumnDef::name);
    return found == table_.columns.end() ? nullptr : &*found;
  }

  Status add_column(const cql::ColumnDefinition& definition) {
    if (find(definition.name) != nullptr) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Duplicate column '{}' declaration for table '{}'", definition.name, table_.name));
    }
    ColumnDef column;
    column.name = definition.name;
    SAGITTA_TRY(column.type, binder_.resolve(definition.type, table_.keyspace));
    if (nests_collection(*column.type)) return fail(ErrorCode::kInvalid, std::string(kNestsCollection));
    column.kind = definition.is_static ? ColumnKind::kStatic : ColumnKind::kRegular;
    table_.columns.push_back(std::move(column));
    return {};
  }

  Status place_key(const std::vector<std::string>& names, ColumnKind kind) {
    for (uint32_t position = 0; position < names.size(); ++position) {
      ColumnDef* column = find(names[position]);
      if (column == nullptr) {
        return fail(ErrorCode::kInvalid, fmt::format("Unknown column '{}' referenced in PRIMARY KEY for table '{}'",
                                                     names[position], table_.name));
      }
      SAGITTA_CHECK(check_key_column(*column));
      column->kind = kind;
      column->position = position;
    }
    return {};
  }

  Status check_key_column(const ColumnDef& column) const {
    if (column.is_key()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Duplicate column '{}' in PRIMARY KEY clause for table '{}'", column.name, table_.name));
    }
    if (column.kind == ColumnKind::kStatic) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Static column '{}' cannot be part of the PRIMARY KEY", column.name));
    }
    const DataType& type = *column.type;
    if (type.kind() == Kind::kCounter || has_duration(type)) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("{} type is not supported for PRIMARY KEY column '{}'",
                              type.kind() == Kind::kCounter ? "counter" : "duration", column.name));
    }
    if (!type.is_multi_cell()) return {};
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid non-frozen {} type {} for PRIMARY KEY column '{}'",
                            type.kind() == Kind::kUdt ? "user-defined" : "collection", type.to_cql(), column.name));
  }

  Status check_static() const {
    const bool any =
        std::ranges::any_of(table_.columns, [](const ColumnDef& c) { return c.kind == ColumnKind::kStatic; });
    if (!any || !statement_.clustering_key.empty()) return {};
    return fail(ErrorCode::kInvalid,
                "Static columns are only useful (and thus allowed) if the table has at least one clustering column");
  }

  Status order_clustering() {
    const auto& wanted = statement_.clustering_order;
    const auto& keys = statement_.clustering_key;
    if (wanted.empty()) return {};
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (std::ranges::count(wanted, wanted[i].column, &cql::ClusteringOrder::column) > 1) {
        return fail(ErrorCode::kInvalid,
                    fmt::format("Duplicate column '{}' in CLUSTERING ORDER BY clause for table '{}'", wanted[i].column,
                                table_.name));
      }
      if (std::ranges::find(keys, wanted[i].column) == keys.end()) {
        return fail(ErrorCode::kInvalid, fmt::format("Only clustering key columns can be defined in CLUSTERING ORDER "
                                                     "directive: [{}] are not clustering columns",
                                                     wanted[i].column));
      }
      if (keys[i] != wanted[i].column) return refuse_order(keys[i], wanted[i].column);
      find(wanted[i].column)->descending = wanted[i].descending;
    }
    return {};
  }

  /// `wanted` stands where `key` should.
  std::unexpected<Error> refuse_order(const std::string& key, const std::string& wanted) const {
    if (std::ranges::find(statement_.clustering_order, key, &cql::ClusteringOrder::column) ==
        statement_.clustering_order.end()) {
      return fail(ErrorCode::kInvalid, "Missing CLUSTERING ORDER for column " + key);
    }
    return fail(ErrorCode::kInvalid,
                fmt::format("The order of columns in the CLUSTERING ORDER directive must match that of the "
                            "clustering columns ({} must appear before {})",
                            key, wanted));
  }

  Status check_counters() const {
    size_t counters = 0, others = 0;
    for (const ColumnDef& column : table_.columns) {
      if (!column.is_key()) ++(column.type->kind() == Kind::kCounter ? counters : others);
    }
    if (counters == 0 || others == 0) return {};
    return fail(ErrorCode::kInvalid, "Cannot mix counter and non counter columns in the same table");
  }

  Status read_options() {
    SAGITTA_TRY(table_.options, check_table_options(statement_.options));
    SAGITTA_CHECK(check_intervals(table_.options));
    std::ranges::move(warnings_of(table_.options), std::back_inserter(binder_.warnings()));
    for (const auto& [name, property] : statement_.options) {
      if (name != "id") continue;
      auto uuid = Uuid::parse(property.text);
      if (!uuid) return fail(ErrorCode::kConfig, "Invalid table id");
      table_.uuid = *uuid;
    }
    const bool counter =
        std::ranges::any_of(table_.columns, [](const ColumnDef& c) { return c.type->kind() == Kind::kCounter; });
    return check_ttl(table_.options, counter);
  }

  Binder& binder_;
  const cql::CreateTable& statement_;
  schema::TableDef table_;
};

/// One overload for each thing that ALTER TABLE does.
struct AlterBinder {
  Binder& binder;
  const cql::AlterTable& statement;
  const std::string& keyspace;

  Result<schema::SchemaChange> operator()(const cql::AddColumns& add) const {
    schema::AlterTableAdd change{.keyspace = keyspace,
                                 .table = statement.name.name,
                                 .if_exists = statement.if_exists,
                                 .if_column_not_exists = add.if_not_exists};
    const schema::TableDefPtr table = binder.schema().find_table(keyspace, statement.name.name);
    const size_t present = table == nullptr ? 0 : table->columns.size();
    SAGITTA_CHECK(check_column_count(statement.name.name, present + add.columns.size()));
    for (const cql::ColumnDefinition& definition : add.columns) {
      ColumnDef column;
      column.name = definition.name;
      SAGITTA_TRY(column.type, binder.resolve(definition.type, keyspace));
      if (nests_collection(*column.type)) {
        return fail(ErrorCode::kInvalid, fmt::format("{} for column {}", kNestsCollection, column.name));
      }
      column.kind = definition.is_static ? ColumnKind::kStatic : ColumnKind::kRegular;
      change.columns.push_back(std::move(column));
    }
    return change;
  }

  Result<schema::SchemaChange> operator()(const cql::DropColumns& drop) const {
    return schema::AlterTableDrop{.keyspace = keyspace,
                                  .table = statement.name.name,
                                  .columns = drop.columns,
                                  .timestamp_us = drop.timestamp_us.value_or(0),
                                  .if_exists = statement.if_exists,
                                  .if_column_exists = drop.if_exists,
                                  .server_timestamp = !drop.timestamp_us};
  }

  Result<schema::SchemaChange> operator()(const cql::RenameColumns& rename) const {
    return schema::AlterTableRename{
        .keyspace = keyspace, .table = statement.name.name, .columns = rename.names, .if_exists = statement.if_exists};
  }

  Result<schema::SchemaChange> operator()(const cql::AlterColumnType&) const {
    return fail(ErrorCode::kInvalid, "Altering column types is no longer supported");
  }

  Result<schema::SchemaChange> operator()(const cql::SetOptions& set) const {
    schema::AlterTableOptions change{
        .keyspace = keyspace, .table = statement.name.name, .if_exists = statement.if_exists};
    const auto names_id = [](const auto& option) { return option.name == "id"; };
    if (std::ranges::any_of(set.options, names_id)) return fail(ErrorCode::kConfig, "Cannot alter table id.");
    SAGITTA_TRY(change.options, check_table_options(set.options));
    SAGITTA_CHECK(check_beside_present(change.options));
    std::ranges::move(warnings_of(change.options), std::back_inserter(binder.warnings()));
    return change;
  }

  /// The new options with those that the table has.
  Status check_beside_present(std::map<std::string, schema::OptionValue> options) const {
    const schema::TableDefPtr table = binder.schema().find_table(keyspace, statement.name.name);
    if (table == nullptr) return {};
    SAGITTA_CHECK(check_ttl(options, table->is_counter));
    options.insert(table->options.begin(), table->options.end());
    return check_intervals(options);
  }
};

}  // namespace

Result<Plan> bind_ddl(Binder& binder, const cql::CreateTable& statement) {
  SAGITTA_TRY(std::string keyspace, existing_user_keyspace(binder, statement.name));
  SAGITTA_TRY(schema::TableDef table, TableBuilder(binder, statement, keyspace).build());
  return schema_plan(std::move(keyspace), statement.name.name,
                     schema::CreateTable{.table = std::move(table), .if_not_exists = statement.if_not_exists});
}

Result<Plan> bind_ddl(Binder& binder, const cql::AlterTable& statement) {
  SAGITTA_TRY(std::string keyspace, binder.keyspace_of(statement.name));
  SAGITTA_CHECK(check_user_keyspace(keyspace));
  SAGITTA_TRY(schema::SchemaChange change, std::visit(AlterBinder{binder, statement, keyspace}, statement.action));
  return schema_plan(std::move(keyspace), statement.name.name, std::move(change));
}

Result<Plan> bind_ddl(Binder& binder, const cql::DropTable& statement) {
  SAGITTA_TRY(std::string keyspace, binder.keyspace_of(statement.name));
  SAGITTA_CHECK(check_user_keyspace(keyspace));
  schema::DropTable change{.keyspace = keyspace, .table = statement.name.name, .if_exists = statement.if_exists};
  return schema_plan(std::move(keyspace), statement.name.name, std::move(change));
}

}  // namespace sagitta::plan
