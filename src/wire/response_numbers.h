/// The numbers in the body of a RESULT.
#pragma once

#include <cstdint>

namespace sagitta::wire {

enum class ResultKind : int32_t { kVoid = 1, kRows = 2, kSetKeyspace = 3, kPrepared = 4, kSchemaChange = 5 };

namespace metadata_flags {
inline constexpr uint32_t kGlobalTable = 0x01, kMorePages = 0x02, kNoMetadata = 0x04, kChanged = 0x08;
}  // namespace metadata_flags

}  // namespace sagitta::wire
