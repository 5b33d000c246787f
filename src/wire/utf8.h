/// UTF-8, as the protocol's strings must be.
#pragma once

#include <cstddef>
#include <string_view>

namespace sagitta::wire {

/// The length of the longest prefix of `text` that is UTF-8 (no overlong forms, no surrogates).
size_t utf8_prefix(std::string_view text);

}  // namespace sagitta::wire
