/// Adds the system keyspaces to each version of the schema, once.
#include "schemas.h"

#include "partitions.h"
#include "system_tables.h"

namespace sagitta::db {

std::shared_ptr<const SchemaPair> Schemas::newest() const {
  schema::SchemaPtr stored = partitions_.meta().schema();
  std::lock_guard lock(mutex_);
  if (newest_ == nullptr || newest_->stored != stored) {
    // Two threads may come with different versions; the newer one stays.
    auto pair = std::make_shared<const SchemaPair>(SchemaPair{stored, with_system_keyspaces(*stored)});
    if (newest_ != nullptr && newest_->stored->version > stored->version) return pair;
    newest_ = std::move(pair);
  }
  return newest_;
}

}  // namespace sagitta::db
