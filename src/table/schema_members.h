/// What the catalog's format holds of each struct of the schema (docs/formats/catalog.md).
#pragma once

#include "sagitta/table/schema.h"

#include "archive.h"

namespace sagitta::table {

template <class C>
  requires Is<C, ColumnDef>
auto members(C& c) {
  return std::tie(c.id, c.name, c.type, c.kind, c.position, c.descending);
}
template <class C>
  requires Is<C, DroppedColumn>
auto members(C& c) {
  return std::tie(c.name, c.type, c.kind, c.dropped_us);
}
template <class C>
  requires Is<C, IndexDef>
auto members(C& c) {
  return std::tie(c.id, c.name, c.column_id, c.target, c.class_name, c.options, c.version);
}
template <class C>
  requires Is<C, TableDef>
auto members(C& c) {
  return std::tie(c.id, c.uuid, c.keyspace, c.name, c.columns, c.dropped_columns, c.options, c.indexes,
                  c.next_column_id);
}
template <class C>
  requires Is<C, KeyspaceDef>
auto members(C& c) {
  return std::tie(c.name, c.replication, c.durable_writes, c.types, c.tables);
}

}  // namespace sagitta::table
