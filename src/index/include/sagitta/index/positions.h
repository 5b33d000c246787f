/// Up to where an index has the records of each log partition.
#pragma once

#include <vector>

#include "sagitta/log/record.h"

namespace sagitta::index {

/// By log partition: every record before this offset.
using Positions = std::vector<log::Offset>;

}  // namespace sagitta::index
