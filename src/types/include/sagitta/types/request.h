/// What a request says of itself in the protocol and in CQL alike. The numbers are those of the
/// protocol.
#pragma once

#include <cstdint>
#include <string_view>

namespace sagitta::types {

enum class Consistency : uint16_t {
  kAny = 0x0,
  kOne = 0x1,
  kTwo = 0x2,
  kThree = 0x3,
  kQuorum = 0x4,
  kAll = 0x5,
  kLocalQuorum = 0x6,
  kEachQuorum = 0x7,
  kSerial = 0x8,
  kLocalSerial = 0x9,
  kLocalOne = 0xA,
};

/// "LOCAL_ONE"
std::string_view to_string(Consistency consistency);

enum class BatchKind : uint8_t { kLogged = 0, kUnlogged = 1, kCounter = 2 };

}  // namespace sagitta::types
