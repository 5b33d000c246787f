/// What a client is told of a batch that is no good idea, in Cassandra's words.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sagitta/rows/mutation.h"
#include "sagitta/schema/schema.h"
#include "sagitta/types/request.h"

namespace sagitta::db {

/// A batch over several partitions is large from so many bytes on; one that is not logged covers
/// many from so many on. Cassandra's defaults.
inline constexpr size_t kBatchWarnBytes = 5120, kBatchWarnPartitions = 10;

/// Of a batch that makes `mutations`, all of tables of `schema`.
std::vector<std::string> batch_warnings(const schema::Schema& schema, types::BatchKind kind,
                                        std::span<const rows::Mutation> mutations);

}  // namespace sagitta::db
