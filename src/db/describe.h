/// What DESCRIBE shows.
#pragma once

#include "sagitta/base/result.h"
#include "sagitta/db/answer.h"
#include "sagitta/db/options.h"
#include "sagitta/plan/plan.h"

#include "schemas.h"

namespace sagitta::db {

/// The rows, without their metadata. kInvalid, with Cassandra's texts, when there is no such thing.
Result<Rows> describe(const plan::DescribePlan& plan, const SchemaPair& schema, const NodeOptions& node);

}  // namespace sagitta::db
