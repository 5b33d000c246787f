/// Where a log partition learns what versions of the schema beyond its own have changed.
#pragma once

#include <cstdint>

#include "sagitta/base/result.h"
#include "sagitta/log/record.h"

namespace sagitta::replica {

/// Thread-safe.
class SchemaSource {
 public:
  virtual ~SchemaSource() = default;
  /// What made the version, which follows the one before it: a record of kind kSchema or kTruncate.
  /// kCorruption when there is no such version.
  virtual Result<log::RecordPtr> change(uint64_t version) const = 0;
};

}  // namespace sagitta::replica
