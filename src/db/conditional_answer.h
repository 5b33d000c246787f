/// The answer to a conditional write: whether it was applied, and if not, what stood against it.
#pragma once

#include "sagitta/db/answer.h"
#include "sagitta/plan/plan.h"
#include "sagitta/rows/conditional_write.h"

namespace sagitta::db {

/// As Cassandra has it: `[applied]`, and beside false the columns of the rows that were looked at.
Rows conditional_answer(const plan::Conditional& asked, const rows::Decision& decision);

}  // namespace sagitta::db
