/// The data directory: its lock, and the file FORMAT that says what wrote it
/// (docs/formats/data-directory.md).
#pragma once

#include <memory>
#include <string>

#include "sagitta/base/file.h"
#include "sagitta/base/random.h"
#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"

namespace sagitta::db {

/// The newest versions this program reads and writes.
inline constexpr uint32_t kDirectoryFormat = 1;
inline constexpr uint32_t kDirectoryFeatures = 2;

/// What the FORMAT file holds.
struct DirectoryFormat {
  uint32_t format = kDirectoryFormat;
  uint32_t features = kDirectoryFeatures;
  Uuid host_id;
  uint32_t partitions = 1;
};

struct DataDirectory {
  std::string path;
  DirectoryFormat format;
  std::unique_ptr<FileLock> lock;

  std::string log_path() const { return path + "/log"; }
  std::string store_path(uint32_t partition) const { return path + "/store/" + std::to_string(partition); }
  std::string index_path() const { return path + "/index/0"; }
};

/// Makes the directory if needed, locks it, reads FORMAT or writes a first one. In one of fewer
/// features it says that there may be those of this program from now on. kLocked, kFormat (newer
/// than this program), kCorruption (unreadable FORMAT, or data without one), kIo, kNoSpace.
Result<DataDirectory> open_data_directory(FileSystem& files, const std::string& path, Random& random);

std::string encode_directory_format(const DirectoryFormat& format);
Result<DirectoryFormat> decode_directory_format(std::string_view text, const std::string& path);

}  // namespace sagitta::db
