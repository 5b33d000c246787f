/// RocksDB's view of the base file system: each of its file operations becomes one of ours.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

#include "sagitta/base/file.h"

namespace sagitta::kv {

/// `files` must outlive the result. A lock that another holds comes back as Busy.
std::shared_ptr<rocksdb::FileSystem> make_rocks_files(FileSystem& files);

}  // namespace sagitta::kv
