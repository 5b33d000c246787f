/// The logs of a database.
#pragma once

#include <memory>

#include "sagitta/db/options.h"
#include "sagitta/db/storage.h"
#include "sagitta/log/local_log.h"

namespace sagitta::db {

/// As the environment's storage has it, else files as `options` say. Errors as those.
inline Result<std::unique_ptr<log::Log>> open_log(const Environment& environment, LogRole role,
                                                  const log::LocalOptions& options) {
  if (environment.storage != nullptr) return environment.storage->open_log(role);
  return log::open_local_log(environment.files, environment.clock, environment.metrics, options);
}

}  // namespace sagitta::db
