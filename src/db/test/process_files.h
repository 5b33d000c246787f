/// A machine's files as one process sees them: none, once it is dead, though its objects are still
/// being destroyed.
#pragma once

#include <atomic>

#include "sagitta/base/file.h"

namespace sagitta::db::test {

/// Thread-safe.
class ProcessFiles final : public FileSystem {
 public:
  explicit ProcessFiles(FileSystem& files) : files_(files) {}
  void kill() { dead_ = true; }

  Result<std::unique_ptr<AppendFile>> open_append(const std::string& path, OpenMode mode) override {
    return alive([&] { return files_.open_append(path, mode); });
  }
  Result<std::unique_ptr<RandomFile>> open_random(const std::string& path) override {
    return alive([&] { return files_.open_random(path); });
  }
  Status rename(const std::string& from, const std::string& to) override {
    return alive([&] { return files_.rename(from, to); });
  }
  Status link(const std::string& from, const std::string& to) override {
    return alive([&] { return files_.link(from, to); });
  }
  Status remove(const std::string& path) override {
    return alive([&] { return files_.remove(path); });
  }
  Status truncate(const std::string& path, uint64_t size) override {
    return alive([&] { return files_.truncate(path, size); });
  }
  Status make_directories(const std::string& path) override {
    return alive([&] { return files_.make_directories(path); });
  }
  Status remove_directory(const std::string& path) override {
    return alive([&] { return files_.remove_directory(path); });
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    return alive([&] { return files_.list(path); });
  }
  Status sync_directory(const std::string& path) override {
    return alive([&] { return files_.sync_directory(path); });
  }
  Result<bool> exists(const std::string& path) override {
    return alive([&] { return files_.exists(path); });
  }
  Result<bool> is_directory(const std::string& path) override {
    return alive([&] { return files_.is_directory(path); });
  }
  Result<uint64_t> file_size(const std::string& path) override {
    return alive([&] { return files_.file_size(path); });
  }
  Result<int64_t> modified_us(const std::string& path) override {
    return alive([&] { return files_.modified_us(path); });
  }
  Result<uint64_t> free_bytes(const std::string& path) override {
    return alive([&] { return files_.free_bytes(path); });
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return alive([&] { return files_.lock(path); });
  }

 private:
  template <class Call>
  auto alive(Call call) -> decltype(call()) {
    if (dead_) return fail(ErrorCode::kIo, "the process is dead");
    return call();
  }

  FileSystem& files_;
  std::atomic<bool> dead_{false};
};

}  // namespace sagitta::db::test
