/// A disk whose syncs hang while its gate is shut.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sagitta/base/file.h"

namespace sagitta::db::test {

/// Where syncs wait while it is shut.
class SyncGate {
 public:
  /// For files whose path has `part` in it.
  void shut(bool is_shut, std::string part = "") {
    std::lock_guard lock(mutex_);
    shut_ = is_shut;
    part_ = std::move(part);
    changed_.notify_all();
  }
  void pass(const std::string& path) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !shut_ || path.find(part_) == std::string::npos; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool shut_ = false;
  std::string part_;
};

class HangingFile final : public AppendFile {
 public:
  HangingFile(std::unique_ptr<AppendFile> file, std::string path, SyncGate& gate)
      : file_(std::move(file)), path_(std::move(path)), gate_(gate) {}
  Status append(BytesView bytes) override { return file_->append(bytes); }
  Status sync() override {
    gate_.pass(path_);
    return file_->sync();
  }
  Status reserve(uint64_t bytes) override { return file_->reserve(bytes); }
  Status close() override { return file_->close(); }
  uint64_t size() const override { return file_->size(); }

 private:
  std::unique_ptr<AppendFile> file_;
  const std::string path_;
  SyncGate& gate_;
};

class HangingDisk final : public FileSystem {
 public:
  explicit HangingDisk(FileSystem& files) : files_(files) {}
  Result<std::unique_ptr<AppendFile>> open_append(const std::string& path, OpenMode mode) override {
    SAGITTA_TRY(auto file, files_.open_append(path, mode));
    return std::make_unique<HangingFile>(std::move(file), path, gate);
  }
  Result<std::unique_ptr<RandomFile>> open_random(const std::string& path) override { return files_.open_random(path); }
  Status rename(const std::string& from, const std::string& to) override { return files_.rename(from, to); }
  Status link(const std::string& from, const std::string& to) override { return files_.link(from, to); }
  Status remove(const std::string& path) override { return files_.remove(path); }
  Status truncate(const std::string& path, uint64_t size) override { return files_.truncate(path, size); }
  Status make_directories(const std::string& path) override { return files_.make_directories(path); }
  Status remove_directory(const std::string& path) override { return files_.remove_directory(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return files_.list(path); }
  Status sync_directory(const std::string& path) override { return files_.sync_directory(path); }
  Result<bool> exists(const std::string& path) override { return files_.exists(path); }
  Result<bool> is_directory(const std::string& path) override { return files_.is_directory(path); }
  Result<uint64_t> file_size(const std::string& path) override { return files_.file_size(path); }
  Result<int64_t> modified_us(const std::string& path) override { return files_.modified_us(path); }
  Result<uint64_t> free_bytes(const std::string& path) override { return files_.free_bytes(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return files_.lock(path); }

  SyncGate gate;

 private:
  FileSystem& files_;
};

}  // namespace sagitta::db::test
