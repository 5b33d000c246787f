/// What RocksDB stores of one process share, as they see it.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_buffer_manager.h>

#include <mutex>
#include <vector>

#include "sagitta/kv/store.h"

namespace sagitta::kv {

/// A database whose memtables count against the shared room.
struct SharedMember {
  rocksdb::DB* db;
  const std::vector<rocksdb::ColumnFamilyHandle*>* families;
};

/// Thread-safe.
class RocksProcess final : public RocksShared {
 public:
  RocksProcess(FileSystem& files, const RocksOptions& options, MemoryCharge charge, size_t open_files_max);

  size_t memory_bytes() const override { return cache_->GetUsage() + memtables_->memory_usage(); }

  CacheUse block_cache() const override { return {cache_->GetCapacity(), cache_->GetUsage()}; }

  FileSystem& files() const { return files_; }
  rocksdb::ColumnFamilyOptions family_options() const;
  rocksdb::DBOptions database_options() const;

  /// From now on until `leave` its memtables may be flushed.
  void join(const SharedMember& member);
  void leave(const rocksdb::DB* db);
  /// To be called after each write: begins to flush the largest memtables when all of them together
  /// take up half of the room.
  void make_room();

 private:
  bool is_shared() const { return options_.stores > 1; }
  void flush_largest();

  FileSystem& files_;
  const RocksOptions options_;
  /// Given back last.
  const MemoryCharge charge_;
  const size_t open_files_max_;
  const std::unique_ptr<rocksdb::Env> env_;
  const std::shared_ptr<rocksdb::Cache> cache_;
  const std::shared_ptr<rocksdb::WriteBufferManager> memtables_;
  std::mutex mutex_;
  std::vector<SharedMember> members_;
};

}  // namespace sagitta::kv
