/// How many files the process may have open.
#pragma once

#include <cstdint>

namespace sagitta {

/// Raises the limit (RLIMIT_NOFILE) to the hardest that the system lets the process have. Returns
/// what it is then.
uint64_t raise_open_files_limit();

}  // namespace sagitta
