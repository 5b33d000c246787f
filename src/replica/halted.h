/// What those who wait, or come later, are told once nothing is applied any more.
#pragma once

#include "sagitta/base/result.h"

namespace sagitta::replica {

/// `error` has halted the node.
inline Error halted_by(const Error& error) {
  return {ErrorCode::kUnavailable, "this node has stopped applying writes: " + error.message()};
}

/// For a record that went to the log and was not applied here: the next start may find it there and
/// apply it.
inline Error open_outcome(const Error& halted) {
  return {ErrorCode::kWriteTimeout, halted.message() + "; the write may still take effect"};
}

}  // namespace sagitta::replica
