/// Every index of a database, compared with its rows.
#pragma once

#include <vector>

#include "sagitta/base/clock.h"
#include "sagitta/index/index_check.h"

#include "partitions.h"
#include "schemas.h"

namespace sagitta::db {

/// One entry an index, in the order of the schema. Blocks. Errors are of reading.
Result<std::vector<index::IndexCheck>> verify(const Partitions& partitions, const schema::Schema& schema,
                                              const Clock& clock);

}  // namespace sagitta::db
