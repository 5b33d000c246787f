/// The token of a partition key: Cassandra's Murmur3Partitioner.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sagitta/base/bytes.h"

namespace sagitta::types {

/// Murmur3 (x64, 128 bits, Cassandra's signed-byte variant), high half; INT64_MIN becomes
/// INT64_MAX, for it is the token of no bytes alone: of what is no key.
int64_t token_of(BytesView partition_key);
/// Which of `count` log partitions has the token: each has the same share of the ring.
size_t partition_of(int64_t token, size_t count);
/// The least token that `partition_of` gives the partition.
int64_t first_token_of(size_t partition, size_t count);

/// The serialised partition key: the single component itself, or for several (16-bit length, bytes,
/// 0)*. As drivers hash it.
Bytes pack_partition_key(std::span<const Bytes> components);
/// The components of a serialised key of `count` parts. kInvalid when the bytes do not hold them.
Result<std::vector<Bytes>> unpack_partition_key(BytesView key, size_t count);

}  // namespace sagitta::types
