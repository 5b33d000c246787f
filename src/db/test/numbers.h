/// Numbers from the environment, for whoever replays a test or makes it longer.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace sagitta::db::test {

inline uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace sagitta::db::test
