/// A frame out of what a fuzzer is given: a byte each for version, opcode and flags, then the body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "sagitta/wire/frame.h"

namespace sagitta::wire {

/// Nothing when the bytes are too few.
inline std::optional<Frame> fuzz_frame(const uint8_t* data, size_t size) {
  if (size < 3) return std::nullopt;
  Frame frame;
  frame.version = data[0] % 2 == 0 ? 4 : 5;
  frame.opcode = data[1];
  frame.flags = data[2];
  frame.body = std::make_shared<const Bytes>(reinterpret_cast<const char*>(data) + 3, size - 3);
  return frame;
}

}  // namespace sagitta::wire
