/// The file system as the database sees it. Everything that touches a disk goes through this,
/// RocksDB included, so that tests can lose power, tear writes, fill disks and flip bits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"

namespace sagitta {

/// A file being written from its end on, by one writer. Not thread-safe. The destructor closes, but
/// neither syncs nor cuts off what is reserved.
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  /// kNoSpace when the disk is full, kIo for any other refusal; a part of the bytes may then be in
  /// the file.
  virtual Status append(BytesView bytes) = 0;
  /// After this returns, all appended bytes survive a power cut (if the directory entry does: see
  /// sync_directory).
  virtual Status sync() = 0;
  /// Puts zeros behind the appended bytes, as many as `bytes`, for later appends to be written over
  /// them: syncing those has no new size to store. Until close() the zeros are in the file, also
  /// for who opens it after a crash; like appended bytes they are durable after the next sync.
  /// Errors as in append.
  virtual Status reserve(uint64_t bytes) = 0;
  /// Cuts off what is still reserved, durably, and closes.
  virtual Status close() = 0;
  /// Bytes in the file when it was opened, and those appended since.
  virtual uint64_t size() const = 0;
};

/// A file read at any place. Thread-safe.
class RandomFile {
 public:
  virtual ~RandomFile() = default;
  /// Reads up to `count` bytes at `offset` into `out`; fewer only at the end of the file. Returns
  /// how many.
  virtual Result<size_t> read(uint64_t offset, size_t count, char* out) const = 0;
  virtual Result<uint64_t> size() const = 0;
  /// Puts `size` bytes from `offset` on over the pages at `memory`, which the caller has mapped and
  /// will unmap: private to the process, writable, loaded when they are touched. Both places are
  /// multiples of kPageBytes; behind the bytes the last page has what follows in the file, or
  /// zeros. Pages not touched yet show what happens to the file later, and when the disk cannot
  /// read one the process ends: to be told of damage, read first. kCorruption when the file is
  /// shorter. A file system that is none of the system's copies the bytes.
  virtual Status map(uint64_t offset, size_t size, char* memory) const;
};
inline constexpr size_t kPageBytes = 4096;

/// Held while it lives; released by its destructor or the death of the process.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Paths use '/'. Thread-safe.
class FileSystem {
 public:
  enum class OpenMode { kTruncate, kAppend };

  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<AppendFile>> open_append(const std::string& path, OpenMode mode) = 0;
  /// kNotFound when there is no such file.
  virtual Result<std::unique_ptr<RandomFile>> open_random(const std::string& path) = 0;
  /// Replaces `to` if it exists. Durable after sync_directory of the parent.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status link(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  virtual Status truncate(const std::string& path, uint64_t size) = 0;
  /// Makes the directory and its parents, durably; no error if it is there.
  virtual Status make_directories(const std::string& path) = 0;
  virtual Status remove_directory(const std::string& path) = 0;
  /// Names in a directory, sorted, without . and ..
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  /// Makes creations, renames and removals in the directory survive a power cut.
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<bool> is_directory(const std::string& path) = 0;
  virtual Result<uint64_t> file_size(const std::string& path) = 0;
  virtual Result<int64_t> modified_us(const std::string& path) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
  /// kLocked when another holder, in this process or another, has it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

/// The operating system's files. One per process is enough.
std::unique_ptr<FileSystem> make_real_file_system();

/// The whole file. kNotFound, kIo; kInvalid when it is larger than `max_bytes`.
Result<Bytes> read_file(FileSystem& files, const std::string& path, size_t max_bytes = size_t{1} << 30);
/// Writes aside, syncs, renames, syncs the directory: after a crash the old or the new content is
/// there, never a mix.
Status write_file_atomically(FileSystem& files, const std::string& path, BytesView content);

}  // namespace sagitta
