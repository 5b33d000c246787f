#include "sagitta/schema/schema_change.h"

#include "schema_editor.h"

namespace sagitta::schema {

Result<SchemaOutcome> apply(const SchemaPtr& schema, const SchemaChange& schema_change) {
  Editor edit(schema);
  return std::visit([&](const auto& c) { return change(edit, c); }, schema_change);
}

SchemaPtr next_version(const Schema& schema) {
  auto next = std::make_shared<Schema>(schema);
  ++next->version;
  return next;
}

}  // namespace sagitta::schema
