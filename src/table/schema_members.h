/// What the catalog's format holds of each struct of the schema (docs/formats/catalog.md).
#pragma once

#include "sagitta/table/schema.h"

#include "archive.h"

namespace sagitta::table {

template <>
inline constexpr auto kMembers<ColumnDef> = std::tuple(&ColumnDef::id, &ColumnDef::name, &ColumnDef::type,
                                                       &ColumnDef::kind, &ColumnDef::position, &ColumnDef::descending);
template <>
inline constexpr auto kMembers<DroppedColumn> =
    std::tuple(&DroppedColumn::name, &DroppedColumn::type, &DroppedColumn::kind, &DroppedColumn::dropped_us);
template <>
inline constexpr auto kMembers<IndexDef> =
    std::tuple(&IndexDef::id, &IndexDef::name, &IndexDef::column_id, &IndexDef::target, &IndexDef::class_name,
               &IndexDef::options, &IndexDef::version);
template <>
inline constexpr auto kMembers<TableDef> =
    std::tuple(&TableDef::id, &TableDef::uuid, &TableDef::keyspace, &TableDef::name, &TableDef::columns,
               &TableDef::dropped_columns, &TableDef::options, &TableDef::indexes, &TableDef::next_column_id);
template <>
inline constexpr auto kMembers<KeyspaceDef> =
    std::tuple(&KeyspaceDef::name, &KeyspaceDef::replication, &KeyspaceDef::durable_writes, &KeyspaceDef::types,
               &KeyspaceDef::tables);

}  // namespace sagitta::table
