#include "sagitta/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace sagitta {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "sagitta: broken invariant at %s:%d: %s\n", file, line, expression);
  std::abort();
}

}  // namespace sagitta
