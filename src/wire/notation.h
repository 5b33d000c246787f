/// Writes the notations of the protocol (§3).
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "sagitta/base/bytes.h"
#include "sagitta/wire/protocol.h"

namespace sagitta::wire {

inline constexpr size_t kStringBytesMax = 0xFFFF;

/// [string] or [short bytes]; a longer one is cut.
inline void put_string(Bytes& out, std::string_view s) {
  s = s.substr(0, kStringBytesMax);
  put_big(out, static_cast<uint16_t>(s.size()));
  out.append(s);
}

/// [string list]; a longer one is cut.
template <class Strings>
void put_string_list(Bytes& out, const Strings& list) {
  const size_t count = std::min(list.size(), kStringBytesMax);
  put_big(out, static_cast<uint16_t>(count));
  for (size_t i = 0; i < count; ++i) put_string(out, list[i]);
}

/// [bytes], [value] or [long string]
inline void put_bytes(Bytes& out, BytesView bytes) {
  put_big(out, static_cast<int32_t>(bytes.size()));
  out.append(bytes);
}
/// [bytes] or null
inline void put_bytes(Bytes& out, const ValueView& bytes) {
  if (bytes) {
    put_bytes(out, *bytes);
  } else {
    put_big<int32_t>(out, -1);
  }
}

/// [bytes map]
inline void put_custom_payload(Bytes& out, const CustomPayload& payload) {
  put_big(out, static_cast<uint16_t>(payload.size()));
  for (const auto& [name, value] : payload) {
    put_string(out, name);
    put_bytes(out, value);
  }
}

}  // namespace sagitta::wire
