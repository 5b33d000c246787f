/// What errors tell an operator to do next, in the same words everywhere.
#pragma once

#include <string_view>

namespace sagitta {

/// For stored bytes that are damaged beyond what the log can mend.
inline constexpr std::string_view kDamageAdvice =
    "restore the data directory from a backup, or load the data again into a new one";

}  // namespace sagitta
