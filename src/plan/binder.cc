#include "binder.h"

#include <fmt/format.h>

#include "sagitta/types/name.h"

namespace sagitta::plan {

Binder::Binder(const schema::Schema& schema, std::string_view keyspace, const std::vector<std::string>& marker_names)
    : schema_(schema), keyspace_(keyspace), marker_names_(marker_names), markers_(marker_names.size()) {}

Result<std::string> Binder::keyspace_of(const cql::QualifiedName& name) const {
  if (!name.keyspace.empty()) return name.keyspace;
  if (!keyspace_.empty()) return keyspace_;
  return fail(ErrorCode::kInvalid,
              "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
}

Result<schema::TableDefPtr> Binder::use_table(const cql::QualifiedName& name) {
  SAGITTA_TRY(std::string keyspace, keyspace_of(name));
  if (schema_.find_keyspace(keyspace) == nullptr) {
    return fail(ErrorCode::kInvalid, fmt::format("keyspace {} does not exist", keyspace));
  }
  table_ = schema_.find_table(keyspace, name.name);
  if (table_ == nullptr) {
    const bool is_log = name.name.ends_with("_scylla_cdc_log");
    return fail(ErrorCode::kInvalid,
                fmt::format("table {} does not exist{}", name.name, is_log ? ": CDC is not supported" : ""));
  }
  marker_keyspace_ = std::move(keyspace);
  marker_table_ = name.name;
  return table_;
}

Result<const schema::ColumnDef*> find_column(const schema::TableDef& table, std::string_view name) {
  if (const schema::ColumnDef* column = table.find_column(name)) return column;
  return fail(ErrorCode::kInvalid, fmt::format("Undefined column name {} in table {}.{}", types::quote_name(name),
                                               types::quote_name(table.keyspace), types::quote_name(table.name)));
}

std::vector<const schema::ColumnDef*> partition_columns(const schema::TableDef& table) {
  std::vector<const schema::ColumnDef*> columns;
  for (size_t i = 0; i < table.partition_key_count; ++i) columns.push_back(&table.partition_key_column(i));
  return columns;
}

std::vector<const schema::ColumnDef*> clustering_columns(const schema::TableDef& table) {
  std::vector<const schema::ColumnDef*> columns;
  for (size_t i = 0; i < table.clustering_count; ++i) columns.push_back(&table.clustering_column(i));
  return columns;
}

}  // namespace sagitta::plan
