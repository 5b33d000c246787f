/// Files in memory, with faults: the file system of tests. It keeps apart what was synced and what
/// was only written, so a test can cut the power and see exactly what a disk may show afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sagitta/base/file.h"
#include "sagitta/base/random.h"

namespace sagitta {

/// Thread-safe. Directories themselves are durable at once; the entries in them are not. Open files
/// stay valid across a crash but fail with kIo: their process is gone.
class MemoryFileSystem : public FileSystem {
 public:
  /// How a crash treats bytes and directory entries that were not synced.
  struct CrashFaults {
    /// Keep a random prefix of each file's unsynced tail, any sectors of what was written over
    /// reserved bytes, and a prefix of the unsynced changes of entries, instead of dropping all.
    bool tear = true;
    /// Flip bits in what is kept.
    bool garble = false;
  };

  static std::unique_ptr<MemoryFileSystem> make();

  /// Cuts the power: only what was synced is sure to remain. Locks are released.
  virtual void crash(Random& random, CrashFaults faults) = 0;
  /// From now on appends fail with kNoSpace once all files together would hold more than `bytes`.
  virtual void limit_bytes(uint64_t bytes) = 0;
  /// The `nth` sync from now, of a file or a directory, fails with kIo (1 = the next); 0 turns the
  /// fault off.
  virtual void fail_sync(uint64_t nth) = 0;
  /// After `count` more mutating calls every call fails with kIo, as if the process had died there;
  /// then call crash().
  virtual void stop_after(uint64_t count) = 0;
  /// Flips one bit of a file at rest.
  virtual Status flip_bit(const std::string& path, uint64_t bit) = 0;
  /// How often the size of the file has changed since it was made: each time a sync has more to
  /// store than bytes.
  virtual Result<uint64_t> size_changes(const std::string& path) = 0;
};

}  // namespace sagitta
