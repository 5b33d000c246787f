/// The schema of now, as statements are bound to it.
#pragma once

#include <memory>
#include <mutex>

#include "sagitta/schema/schema.h"

namespace sagitta::db {

class Partitions;

/// The user's schema and the same with system keyspaces, which is what statements are bound to.
struct SchemaPair {
  schema::SchemaPtr stored, full;
};

/// Thread-safe.
class Schemas {
 public:
  /// `partitions` must outlive it.
  explicit Schemas(const Partitions& partitions) : partitions_(partitions) {}
  std::shared_ptr<const SchemaPair> newest() const;

 private:
  const Partitions& partitions_;
  mutable std::mutex mutex_;
  /// Made when the schema changes.
  mutable std::shared_ptr<const SchemaPair> newest_;
};

}  // namespace sagitta::db
