/// Programmer errors end the process, in release builds too: a database that goes on with a broken
/// invariant loses data.
#pragma once

namespace sagitta {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace sagitta

/// Checks an invariant that is cheap to test. Always on.
#define SAGITTA_ASSERT(expression) \
  (static_cast<bool>(expression) ? static_cast<void>(0) : ::sagitta::assertion_failed(#expression, __FILE__, __LINE__))
