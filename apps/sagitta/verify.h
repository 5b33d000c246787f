/// `sagitta verify`: whether the indexes of a data directory are equal to its rows.
#pragma once

#include <string>

namespace sagitta {

/// Opens the directory as a server would, so what the log has beyond the store is applied, and
/// prints a line for each index. Returns 0 when all are equal, 1 when one is not, 2 when the
/// directory cannot be read: then with one line on stderr.
int verify(const std::string& directory);

}  // namespace sagitta
