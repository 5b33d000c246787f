/// The data directory: its lock, and the file FORMAT that says what wrote it
/// (docs/formats/data-directory.md).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sagitta/base/file.h"
#include "sagitta/base/random.h"
#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"

namespace sagitta::db {

/// The newest versions this program reads and writes.
inline constexpr uint32_t kDirectoryFormat = 2;
/// Of directories with one log partition, which earlier programs read too.
inline constexpr uint32_t kOnePartitionFormat = 1;
inline constexpr uint32_t kDirectoryFeatures = 3;

/// What the FORMAT file holds.
struct DirectoryFormat {
  uint32_t format = kOnePartitionFormat;
  uint32_t features = kDirectoryFeatures;
  Uuid host_id;
  uint32_t partitions = 1;
  /// Timeuuids of the last process that began while the clock was behind the log began here,
  /// microseconds since the epoch; 0: there was none.
  int64_t timeuuids_from_us = 0;
};

struct DataDirectory {
  std::string path;
  DirectoryFormat format;
  std::unique_ptr<FileLock> lock;

  /// Has a folder for each partition.
  std::string log_path() const { return path + "/log"; }
  /// Of schema changes, and of batches, where there are several partitions.
  std::string meta_path() const { return path + "/log/meta"; }
  std::string batch_path() const { return path + "/log/batch"; }
  std::string store_path(uint32_t partition) const { return path + "/store/" + std::to_string(partition); }
  std::string index_path() const { return path + "/index/0"; }
};

/// The most log partitions that a directory may have.
inline constexpr uint32_t kPartitionsMax = 64;

/// Makes the directory if needed, locks it, reads FORMAT or writes a first one. In one of fewer
/// features it says that there may be those of this program from now on. `partitions`: how many a
/// new one gets, and one that is there must have; none: one, or as it has. kLocked, kInvalid
/// (another number of partitions), kFormat (newer than this program), kCorruption (unreadable
/// FORMAT, or data without one), kIo, kNoSpace.
Result<DataDirectory> open_data_directory(FileSystem& files, const std::string& path, Random& random,
                                          std::optional<uint32_t> partitions = {});

/// Replaces FORMAT. kIo, kNoSpace.
Status save_format(FileSystem& files, const DataDirectory& directory);

std::string encode_directory_format(const DirectoryFormat& format);
Result<DirectoryFormat> decode_directory_format(std::string_view text, const std::string& path);

}  // namespace sagitta::db
