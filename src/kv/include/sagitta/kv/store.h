/// An ordered key-value store: families of keys, atomic batches, snapshots, iterators. RocksDB
/// underneath, or a map in memory (the twin of tests). It has no write-ahead log of its own: our
/// log is that (docs/adr/0004-log-is-the-wal.md).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/base/bytes.h"
#include "sagitta/base/file.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/result.h"

namespace sagitta::kv {

/// A key space of its own. All families are flushed together, so that they always show the same log
/// offset.
enum class Family : uint8_t { kMeta, kRows, kJournal, kRequests, kRowNumbers, kPostings };
inline constexpr size_t kFamilyCount = 6;

/// Whether a read may wait for a disk.
enum class ReadMode : uint8_t {
  kCacheOnly,  ///< kWouldBlock when the answer is not in memory: for session cores
  kBlocking,   ///< for worker threads
};

/// Looks at an entry; whether the next is wanted.
using EntryVisitor = std::function<bool(BytesView key, BytesView value)>;
/// Which end of a range comes first.
enum class Direction : uint8_t { kForward, kBackward };

/// Changes that become visible together. Its own reads see them already: so it can hold many steps,
/// each of which depends on those before it. Not thread-safe.
class Batch {
 public:
  virtual ~Batch() = default;
  virtual void put(Family family, BytesView key, BytesView value) = 0;
  virtual void remove(Family family, BytesView key) = 0;
  /// Removes all keys in [from, to); nothing when from >= to.
  virtual void remove_range(Family family, BytesView from, BytesView to) = 0;

  /// What the key of Family::kRows has once the batch is written; nothing when it is not there.
  /// Blocks.
  virtual Result<std::optional<Bytes>> row(BytesView key) const = 0;
  /// Calls `visit` with the entries of Family::kRows in [from, to) as they are once the batch is
  /// written. `visit` must not change the batch. Blocks.
  virtual Status visit_rows(BytesView from, BytesView to, Direction direction, const EntryVisitor& visit) const = 0;
  /// Their keys, ascending.
  Result<std::vector<Bytes>> row_keys(BytesView from, BytesView to) const;

  /// Begins a step.
  virtual void mark() = 0;
  /// Takes back what was done since the last mark, or all when there is none.
  virtual void rollback() = 0;

  /// Approximate bytes held.
  virtual size_t size_bytes() const = 0;
  virtual void clear() = 0;
};

/// The store as it was at one moment; keeps old versions alive while it lives. Thread-safe.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// Walks the keys of [from, to) of one snapshot in memcmp order, either way. Not thread-safe. After
/// any move `status()` is kWouldBlock if a cache-only iterator hit the disk: it then stands nowhere
/// and valid() is false.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual void seek_to_first() = 0;
  virtual void seek_to_last() = 0;
  /// To the first key >= `key` (within the range).
  virtual void seek(BytesView key) = 0;
  /// To the last key <= `key` (within the range).
  virtual void seek_for_prev(BytesView key) = 0;
  virtual void next() = 0;
  virtual void prev() = 0;
  virtual bool valid() const = 0;
  /// Of the current entry; good until the next move.
  virtual BytesView key() const = 0;
  virtual BytesView value() const = 0;
  virtual Status status() const = 0;
};

/// What becomes of an entry when what holds it is rewritten.
enum class Compaction : uint8_t { kKeep, kDrop, kReplace };

/// Decides on the newest version of an entry of kRows or kPostings, for one compaction; kReplace
/// with a new value in `replacement`. Pure, thread-safe, must not throw. Readers of older snapshots
/// may see its work, so it must leave out only what no reader can tell from absent.
using CompactionFilter = std::function<Compaction(Family family, BytesView key, BytesView value, Bytes& replacement)>;
/// Asked once a compaction, from any thread, also by snapshots that outlive their store; null:
/// everything stays.
using CompactionFilterSource = std::function<CompactionFilter()>;

/// Thread-safe, except that one thread at a time writes.
class Store {
 public:
  virtual ~Store() = default;
  virtual std::unique_ptr<Batch> make_batch() = 0;
  /// Applies all of the batch or nothing; visible to every later read and snapshot. Durable only
  /// after flush(); closing the store does not flush.
  virtual Status write(Batch& batch) = 0;
  virtual SnapshotPtr snapshot() = 0;
  /// Nothing when the key is not there. `snapshot` null means now.
  virtual Result<std::optional<Bytes>> get(Family family, BytesView key, ReadMode mode,
                                           const Snapshot* snapshot = nullptr) = 0;
  /// `to` empty means to the end of the family. The iterator keeps what it needs of the snapshot
  /// alive.
  virtual std::unique_ptr<Iterator> iterate(Family family, BytesView from, BytesView to, ReadMode mode,
                                            SnapshotPtr snapshot = nullptr) = 0;
  /// About how many bytes the keys and values in [from, to) have; `to` empty means to the end of
  /// the family. Without a disk.
  virtual uint64_t estimate_bytes(Family family, BytesView from, BytesView to) const = 0;
  /// Makes everything written before this call survive a power cut, all families together. Blocks;
  /// any thread.
  virtual Status flush() = 0;
  /// Rewrites what is flushed of both families through the compaction filter, which otherwise
  /// happens when files are merged or a day old. Blocks, long; any thread.
  virtual Status compact() = 0;
};

/// For all RocksDB stores of a process together.
struct RocksOptions {
  /// How many there will be.
  size_t stores = 1;
  size_t block_cache_bytes = size_t{256} << 20;
  /// Of several stores each may use what the others leave. They need 256 KiB each; what is missing
  /// to that is taken from the block cache.
  size_t memtable_bytes = size_t{64} << 20;
  int background_threads = 2;
};

/// What the RocksDB stores of a process share: block cache, room for memtables, files, threads.
/// Lives as long as one of its stores, their snapshots or iterators. Thread-safe.
class RocksShared {
 public:
  virtual ~RocksShared() = default;
  /// Bytes of memory that memtables and the block cache hold.
  virtual size_t memory_bytes() const = 0;
  struct CacheUse {
    size_t capacity_bytes = 0, used_bytes = 0;
  };
  virtual CacheUse block_cache() const = 0;
};
using RocksSharedPtr = std::shared_ptr<RocksShared>;

/// For stores whose every file operation goes through `files`. `budget` is charged for the block
/// cache and memtables. Both must outlive it. For more than one store the process's limit on open
/// files is raised as far as it goes. kOverloaded from the budget, or when that limit is below 64
/// files a store.
Result<RocksSharedPtr> share_rocks(FileSystem& files, RocksOptions options, MemoryBudget& budget);

/// Opens or creates a store. kCorruption (which names the directory and says what to do), kIo,
/// kNoSpace, kLocked.
Result<std::unique_ptr<Store>> open_rocks_store(const RocksSharedPtr& shared, const std::string& directory,
                                                CompactionFilterSource filters = {});

/// The twin: an ordered map, with snapshots. `flush` succeeds at once; nothing survives the object.
/// Compacts only when told to.
std::unique_ptr<Store> make_memory_store(CompactionFilterSource filters = {});

}  // namespace sagitta::kv
