#include "sagitta/types/request.h"

#include <array>

namespace sagitta::types {

std::string_view to_string(Consistency consistency) {
  static constexpr std::array<std::string_view, 11> kNames = {"ANY",    "ONE",          "TWO",          "THREE",
                                                              "QUORUM", "ALL",          "LOCAL_QUORUM", "EACH_QUORUM",
                                                              "SERIAL", "LOCAL_SERIAL", "LOCAL_ONE"};
  auto number = static_cast<size_t>(consistency);
  return number < kNames.size() ? kNames[number] : "UNKNOWN";
}

}  // namespace sagitta::types
