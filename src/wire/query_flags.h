/// The flags of the parameters of QUERY, EXECUTE and BATCH, and those of PREPARE.
#pragma once

#include <cstdint>

namespace sagitta::wire {

namespace query_flags {
inline constexpr uint32_t kValues = 0x01, kSkipMetadata = 0x02, kPageSize = 0x04, kPagingState = 0x08,
                          kSerialConsistency = 0x10, kTimestamp = 0x20, kNames = 0x40, kKeyspace = 0x80,
                          kNowInSeconds = 0x100;
inline constexpr uint32_t kAllV4 = 0x7F, kAllV5 = 0x1FF;
}  // namespace query_flags

inline constexpr uint32_t kPrepareKeyspace = 0x01;
/// The length of a value that is left unset; -1 is null.
inline constexpr int32_t kUnsetLength = -2;

}  // namespace sagitta::wire
