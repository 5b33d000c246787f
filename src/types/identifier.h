#pragma once

#include <string>

namespace sagitta::types {

/// A name as CQL reads it back: in double quotes unless it is all lower case.
std::string quoted_if_needed(const std::string& name);

}  // namespace sagitta::types
