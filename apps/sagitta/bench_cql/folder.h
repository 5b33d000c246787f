/// Where a benchmark's server keeps its data.
#pragma once

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>

#include "sagitta/base/result.h"

namespace sagitta::cql_bench {

/// A folder that is removed at the end, unless the user named it.
class Folder {
 public:
  /// Makes the folder `named`, or a fresh one when that is empty. kIo naming it when that fails.
  static Result<Folder> make(const std::string& named) {
    std::error_code error;
    if (!named.empty()) {
      std::filesystem::create_directories(named, error);
      if (error) return fail(ErrorCode::kIo, fmt::format("cannot make {}: {}", named, error.message()));
      return Folder(named, false);
    }
    std::string path = (std::filesystem::temp_directory_path(error) / "sagitta-bench-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) return fail(ErrorCode::kIo, fmt::format("cannot make {}", path));
    return Folder(path, true);
  }
  Folder(Folder&& other) noexcept : path_(std::exchange(other.path_, {})), ours_(std::exchange(other.ours_, false)) {}
  Folder& operator=(Folder&&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (ours_) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  Folder(std::string path, bool ours) : path_(std::move(path)), ours_(ours) {}
  std::string path_;
  bool ours_;
};

}  // namespace sagitta::cql_bench
