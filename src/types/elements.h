/// Views of the parts of a packed value; the copying versions in value.h are built on these.
#pragma once

#include <vector>

#include "sagitta/types/value.h"

namespace sagitta::types {

/// As unpack_elements and unpack_tuple; the views point into `bytes`.
Result<std::vector<BytesView>> view_elements(const DataType& type, BytesView bytes);
Result<std::vector<ValueView>> view_tuple(const DataType& type, BytesView bytes);

}  // namespace sagitta::types
