// Cache, memtables, files and threads of all RocksDB stores of a process, and their options.
#include "rocks_shared.h"

#include <fmt/format.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

#include "sagitta/base/logging.h"
#include "sagitta/base/open_files.h"

#include "rocks_files.h"

namespace sagitta::kv {
namespace {

/// Point reads fetch one row: blocks larger than a few rows would waste cache.
constexpr size_t kBlockBytes = size_t{16} << 10;
constexpr double kBloomBitsPerKey = 10;
/// Part of a memtable's bytes that a Bloom filter of its keys may take: most rows that are written
/// are new, and the search for them in the memtable costs as much as writing them.
constexpr double kMemtableBloomPart = 0.02;

/// Of one store among several. Less, and what empty memtables take would be a large part of it.
constexpr size_t kMemtableBytesLeast = size_t{256} << 10;
/// What a memtable takes from the allocator at a time. RocksDB's default is 1 MiB, which each of
/// its families takes with its first key: many stores that hold next to nothing would fill the room
/// of all, and each write would flush a file of a few keys.
constexpr size_t kArenaBlockBytesMax = size_t{64} << 10;
constexpr size_t kArenaBlocksOfMemtable = 8;
/// A store among several is sure to have so many files open.
constexpr size_t kOpenFilesLeast = 64;
/// With so many files allowed to each store its tables stay open; that is 64 GiB of rows.
constexpr size_t kOpenFilesForAll = 1024;

/// RocksDB's own messages, from warnings on.
class WarningLogger final : public rocksdb::Logger {
 public:
  WarningLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, 1024> line;
    std::vsnprintf(line.data(), line.size(), format, arguments);
    log_warn("rocksdb", {{"message", static_cast<const char*>(line.data())}});
  }
};

/// The bytes of the members' memtables that writes go to.
uint64_t memtable_bytes(const SharedMember& member) {
  uint64_t bytes = 0;
  for (auto* family : *member.families) {
    uint64_t of_family = 0;
    if (member.db->GetIntProperty(family, rocksdb::DB::Properties::kCurSizeActiveMemTable, &of_family)) {
      bytes += of_family;
    }
  }
  return bytes;
}

}  // namespace

RocksProcess::RocksProcess(FileSystem& files, const RocksOptions& options, MemoryCharge charge, size_t open_files_max)
    : files_(files),
      options_(options),
      charge_(std::move(charge)),
      open_files_max_(open_files_max),
      env_(rocksdb::NewCompositeEnv(make_rocks_files(files))),
      cache_(rocksdb::NewLRUCache(options.block_cache_bytes)),
      memtables_(std::make_shared<rocksdb::WriteBufferManager>(options.memtable_bytes)) {}

rocksdb::ColumnFamilyOptions RocksProcess::family_options() const {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache_;
  table.block_size = kBlockBytes;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  // Indexes and filters count against the cache, so that its size bounds all memory of tables.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;

  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // A store that is written to alone may use all.
  family.write_buffer_size = options_.memtable_bytes;
  family.compression = rocksdb::kLZ4Compression;
  family.memtable_prefix_bloom_size_ratio = kMemtableBloomPart / static_cast<double>(options_.stores);
  family.memtable_whole_key_filtering = true;
  family.level_compaction_dynamic_level_bytes = true;
  if (is_shared()) {
    const size_t share = options_.memtable_bytes / options_.stores / kFamilyCount;
    family.arena_block_size = std::min(kArenaBlockBytesMax, share / kArenaBlocksOfMemtable);
  }
  return family;
}

rocksdb::DBOptions RocksProcess::database_options() const {
  rocksdb::DBOptions database;
  database.env = env_.get();
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.atomic_flush = true;
  database.avoid_flush_during_shutdown = true;
  database.write_buffer_manager = memtables_;
  database.max_background_jobs = options_.background_threads;
  // All tables stay open: a cache-only read must not have to open one.
  database.max_open_files = -1;
  if (is_shared()) {
    const size_t files = open_files_max_ / options_.stores;
    // Half is for what else the process opens.
    if (files < kOpenFilesForAll) database.max_open_files = static_cast<int>(files / 2);
    database.max_file_opening_threads = 1;
    database.table_cache_numshardbits = 1;
  }
  database.info_log = std::make_shared<WarningLogger>();
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  return database;
}

void RocksProcess::join(const SharedMember& member) {
  std::lock_guard lock(mutex_);
  members_.push_back(member);
}

void RocksProcess::leave(const rocksdb::DB* db) {
  std::lock_guard lock(mutex_);
  std::erase_if(members_, [db](const SharedMember& member) { return member.db == db; });
}

/// RocksDB itself flushes whichever store is written to when the room is full. Where others fill
/// it, that would be a file of a few keys at each write. So this comes before it.
void RocksProcess::make_room() {
  if (is_shared() && memtables_->mutable_memtable_memory_usage() > options_.memtable_bytes / 2) flush_largest();
}

void RocksProcess::flush_largest() {
  std::lock_guard lock(mutex_);
  if (members_.empty()) return;
  const SharedMember& largest = *std::ranges::max_element(members_, {}, memtable_bytes);
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;
  // A store that cannot flush says so to whoever writes to it.
  if (const auto begun = largest.db->Flush(options, *largest.families); !begun.ok()) {
    log_warn("memtables not flushed", {{"directory", largest.db->GetName()}, {"error", begun.ToString()}});
  }
}

Result<RocksSharedPtr> share_rocks(FileSystem& files, RocksOptions options, MemoryBudget& budget) {
  size_t open_files_max = 0;
  if (options.stores > 1) {
    const size_t least = options.stores * kMemtableBytesLeast;
    const size_t missing = least - std::min(least, options.memtable_bytes);
    options.memtable_bytes += missing;
    options.block_cache_bytes -= std::min(missing, options.block_cache_bytes / 2);
    open_files_max = raise_open_files_limit();
    if (open_files_max < options.stores * kOpenFilesLeast) {
      return fail(ErrorCode::kOverloaded,
                  fmt::format("kv: {} stores need {} open files, but the process may have {}: raise its limit "
                              "(ulimit -n, LimitNOFILE)",
                              options.stores, options.stores * kOpenFilesLeast, open_files_max));
    }
  }
  SAGITTA_TRY(auto charge, MemoryCharge::take(budget, options.block_cache_bytes + options.memtable_bytes));
  return std::make_shared<RocksProcess>(files, options, std::move(charge), open_files_max);
}

}  // namespace sagitta::kv
