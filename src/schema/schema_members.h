/// What the catalog's format holds of each struct of the schema (docs/formats/catalog.md).
#pragma once

#include "sagitta/schema/schema.h"
#include "sagitta/types/archive.h"

namespace sagitta::schema {

/// Of the catalog and of schema changes. Version 1 had no numbers of dropped columns, version 2 no
/// kinds of index.
inline constexpr uint8_t kCatalogVersion = 3;

/// For a table that was made without a uuid: one that follows from its place, so that every replica
/// gives the same.
inline void give_uuid(TableDef& table) {
  if (!table.uuid.is_nil()) return;
  Bytes place;
  put_blob(place, table.keyspace);
  put_blob(place, table.name);
  put_varint(place, table.id);
  table.uuid = Uuid::from_name(place);
}

}  // namespace sagitta::schema

namespace sagitta::types {

template <>
inline constexpr auto kMembers<schema::ColumnDef> =
    std::tuple(&schema::ColumnDef::id, &schema::ColumnDef::name, &schema::ColumnDef::type, &schema::ColumnDef::kind,
               &schema::ColumnDef::position, &schema::ColumnDef::descending);
template <>
inline constexpr auto kMembers<schema::DroppedColumn> =
    std::tuple(&schema::DroppedColumn::name, &schema::DroppedColumn::type, &schema::DroppedColumn::kind,
               &schema::DroppedColumn::dropped_us, Since{2, &schema::DroppedColumn::id});
template <>
inline constexpr auto kMembers<schema::IndexDef> =
    std::tuple(&schema::IndexDef::id, &schema::IndexDef::name, &schema::IndexDef::column_id, &schema::IndexDef::target,
               &schema::IndexDef::class_name, &schema::IndexDef::options, &schema::IndexDef::version,
               Since{3, &schema::IndexDef::kind});
template <>
inline constexpr auto kMembers<schema::TableDef> =
    std::tuple(&schema::TableDef::id, &schema::TableDef::uuid, &schema::TableDef::keyspace, &schema::TableDef::name,
               &schema::TableDef::columns, &schema::TableDef::dropped_columns, &schema::TableDef::options,
               &schema::TableDef::indexes, &schema::TableDef::next_column_id);
template <>
inline constexpr auto kMembers<schema::KeyspaceDef> =
    std::tuple(&schema::KeyspaceDef::name, &schema::KeyspaceDef::replication, &schema::KeyspaceDef::durable_writes,
               &schema::KeyspaceDef::types, &schema::KeyspaceDef::tables);

}  // namespace sagitta::types
