#include "sagitta/rows/purge.h"

#include <unordered_map>

#include "sagitta/rows/apart_cells.h"
#include "sagitta/rows/deletions.h"
#include "sagitta/rows/posting.h"
#include "sagitta/rows/row_keys.h"
#include "sagitta/rows/stored_row.h"

namespace sagitta::rows {
namespace {

using kv::Compaction;

/// Purges an entry.
template <class Entry>
Compaction purge(BytesView value, int64_t log_s, int64_t gc_grace_s, Bytes& replacement) {
  auto entry = Entry::decode(value);
  if (!entry || !entry->purge(log_s, gc_grace_s)) return Compaction::kKeep;
  if (entry->is_empty()) return Compaction::kDrop;
  entry->encode(replacement);
  return Compaction::kReplace;
}

/// A posting that has expired is as none.
Compaction purge_posting(BytesView key, BytesView value, int64_t log_s) {
  const auto posting = decode_posting(key, value);
  return posting && !posting->is_live(log_s) ? Compaction::kDrop : Compaction::kKeep;
}

}  // namespace

void PurgeHorizon::advance(int64_t log_time_us, schema::SchemaPtr schema) {
  std::lock_guard lock(mutex_);
  log_s_ = log_time_us / 1'000'000;
  schema_ = std::move(schema);
}

kv::CompactionFilter PurgeHorizon::filter() const {
  std::lock_guard lock(mutex_);
  if (schema_ == nullptr) return nullptr;
  std::unordered_map<uint32_t, int64_t> grace_s;
  for (const auto& [keyspace_name, keyspace] : schema_->keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) grace_s[table->id] = table->gc_grace_s();
  }
  return [log_s = log_s_, grace_s = std::move(grace_s)](kv::Family family, BytesView key, BytesView value,
                                                        Bytes& replacement) {
    if (family == kv::Family::kPostings) return purge_posting(key, value, log_s);
    const auto parts = split_key(key);
    const auto found = parts ? grace_s.find(get_big<uint32_t>(key.data())) : grace_s.end();
    if (found == grace_s.end()) return Compaction::kKeep;
    switch (parts->kind) {
      case EntryKind::kHeader: return purge<PartitionHeader>(value, log_s, found->second, replacement);
      case EntryKind::kStaticCells:
      case EntryKind::kRowCells: return purge<CellPage>(value, log_s, found->second, replacement);
      case EntryKind::kDeletions: return purge<DeletionPage>(value, log_s, found->second, replacement);
      default: return purge<StoredRow>(value, log_s, found->second, replacement);
    }
  };
}

}  // namespace sagitta::rows
