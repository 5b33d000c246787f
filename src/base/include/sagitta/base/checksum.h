/// Checksums of our formats and of the CQL protocol.
#pragma once

#include <cstdint>

#include "sagitta/base/bytes.h"

namespace sagitta {

/// CRC-32C (Castagnoli) of `bytes`, continuing from `seed`; the checksum of every file of ours.
uint32_t crc32c(BytesView bytes, uint32_t seed = 0);
/// CRC-32 (IEEE, as zlib computes it), continuing from `seed`; CQL v5 segments use it.
uint32_t crc32(BytesView bytes, uint32_t seed = 0);

}  // namespace sagitta
