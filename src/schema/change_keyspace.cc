/// Keyspaces: made, altered, dropped.
#include <fmt/format.h>

#include "schema_editor.h"

namespace sagitta::schema {

Result<SchemaOutcome> change(Editor& edit, const CreateKeyspace& c) {
  auto event = keyspace_event("CREATED", c.keyspace);
  if (edit.schema().find_keyspace(c.keyspace) != nullptr) {
    if (c.if_not_exists) return edit.unchanged(event);
    return std::unexpected(
        Error(ErrorCode::kAlreadyExists, fmt::format("Cannot add existing keyspace \"{}\"", c.keyspace), c.keyspace));
  }
  auto keyspace = std::make_shared<KeyspaceDef>();
  keyspace->name = c.keyspace;
  keyspace->replication = c.replication;
  keyspace->durable_writes = c.durable_writes;
  edit.schema().keyspaces[c.keyspace] = std::move(keyspace);
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const AlterKeyspace& c) {
  auto event = keyspace_event("UPDATED", c.keyspace);
  KeyspaceDef* keyspace = edit.keyspace(c.keyspace);
  if (keyspace == nullptr) return edit.missing(c.if_exists, event, no_keyspace(c.keyspace));
  if (c.replication) keyspace->replication = *c.replication;
  if (c.durable_writes) keyspace->durable_writes = *c.durable_writes;
  return edit.changed(event);
}

Result<SchemaOutcome> change(Editor& edit, const DropKeyspace& c) {
  auto event = keyspace_event("DROPPED", c.keyspace);
  if (edit.schema().keyspaces.erase(c.keyspace) == 0) return edit.missing(c.if_exists, event, no_keyspace(c.keyspace));
  return edit.changed(event);
}

}  // namespace sagitta::schema
