/// The index journal: which rows of which index changed at which offset, in the batch that changed them. An index that
/// was built from an older snapshot catches up by reading the rows named here. Key: index id (4) | offset (8) | number
/// (4), big-endian; value: the row key.
#pragma once

#include "sagitta/base/bytes.h"
#include "sagitta/log/log.h"

namespace sagitta::table {

inline Bytes journal_key(uint32_t index_id, log::Offset offset, uint32_t number = 0) {
  Bytes key;
  put_big<uint32_t>(key, index_id);
  put_big<uint64_t>(key, offset);
  put_big<uint32_t>(key, number);
  return key;
}

/// The offset inside a journal key.
inline log::Offset journal_offset(BytesView key) { return get_big<uint64_t>(key.data() + 4); }
inline constexpr size_t kJournalKeyBytes = 16;

}  // namespace sagitta::table
