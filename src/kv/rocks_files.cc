#include "rocks_files.h"

namespace sagitta::kv {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus to_rocks(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kNotFound: return IOStatus::PathNotFound(error.message());
    case ErrorCode::kNoSpace: return IOStatus::NoSpace(error.message());
    case ErrorCode::kLocked: return IOStatus::Busy(error.message());
    default: return IOStatus::IOError(error.message());
  }
}

template <class T>
IOStatus to_rocks(const Result<T>& result) {
  return result ? IOStatus::OK() : to_rocks(result.error());
}

/// Moves a value into RocksDB's out-parameter.
template <class T, class Out>
IOStatus deliver(Result<T> result, Out* out) {
  if (!result) return to_rocks(result.error());
  *out = *std::move(result);
  return IOStatus::OK();
}

class RandomAccess final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccess(std::unique_ptr<RandomFile> file) : file_(std::move(file)) {}
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    const auto got = file_->read(offset, n, scratch);
    *result = Slice(scratch, got.value_or(0));
    return to_rocks(got);
  }

 private:
  const std::unique_ptr<RandomFile> file_;
};

class Sequential final : public rocksdb::FSSequentialFile {
 public:
  explicit Sequential(std::unique_ptr<RandomFile> file) : file_(std::move(file)) {}
  IOStatus Read(size_t n, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    const auto got = file_->read(position_, n, scratch);
    *result = Slice(scratch, got.value_or(0));
    position_ += got.value_or(0);
    return to_rocks(got);
  }
  IOStatus Skip(uint64_t n) override {
    position_ += n;
    return IOStatus::OK();
  }

 private:
  const std::unique_ptr<RandomFile> file_;
  uint64_t position_ = 0;
};

class Writable final : public rocksdb::FSWritableFile {
 public:
  explicit Writable(std::unique_ptr<AppendFile> file) : file_(std::move(file)) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    return to_rocks(file_->append({data.data(), data.size()}));
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    return size == file_->size() ? IOStatus::OK() : IOStatus::NotSupported("truncate of an open file");
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return to_rocks(file_->close()); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return to_rocks(file_->sync()); }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return file_->size(); }

 private:
  const std::unique_ptr<AppendFile> file_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return to_rocks(files_.sync_directory(path_)); }

 private:
  FileSystem& files_;
  const std::string path_;
};

struct HeldLock final : rocksdb::FileLock {
  explicit HeldLock(std::unique_ptr<sagitta::FileLock> l) : lock(std::move(l)) {}
  const std::unique_ptr<sagitta::FileLock> lock;
};

class RocksFiles final : public rocksdb::FileSystem {
 public:
  explicit RocksFiles(sagitta::FileSystem& files) : files_(files) {}
  const char* Name() const override { return "SagittaFiles"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext*) override {
    return open_for_reading<Sequential>(path, result);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext*) override {
    return open_for_reading<RandomAccess>(path, result);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    return open_for_writing(path, sagitta::FileSystem::OpenMode::kTruncate, result);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    return open_for_writing(path, sagitta::FileSystem::OpenMode::kAppend, result);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&, std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext*) override {
    *result = std::make_unique<Directory>(files_, path);
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    const auto there = files_.exists(path);
    if (there && !*there) return IOStatus::NotFound(path);
    return to_rocks(there);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    auto names = files_.list(path);
    if (!names && names.error().code() == ErrorCode::kNotFound) return IOStatus::NotFound(path);
    return deliver(std::move(names), result);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_.remove(path));
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_.truncate(path, size));
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_.make_directories(path));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_.make_directories(path));
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_.remove_directory(path));
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size, IODebugContext*) override {
    return deliver(files_.file_size(path), size);
  }
  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, uint64_t* seconds,
                                   IODebugContext*) override {
    const auto us = files_.modified_us(path);
    *seconds = static_cast<uint64_t>(us.value_or(0) / 1'000'000);
    return to_rocks(us);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_.rename(from, to));
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_.link(from, to));
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock, IODebugContext*) override {
    auto held = files_.lock(path);
    *lock = held ? new HeldLock(*std::move(held)) : nullptr;
    return to_rocks(held);
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete static_cast<HeldLock*>(lock);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("test directory");
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result, IODebugContext*) override {
    *result = path;
    return IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, uint64_t* bytes, IODebugContext*) override {
    return deliver(files_.free_bytes(path), bytes);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* result, IODebugContext*) override {
    return deliver(files_.is_directory(path), result);
  }

 private:
  template <class Adapter, class Out>
  IOStatus open_for_reading(const std::string& path, Out* result) {
    auto file = files_.open_random(path);
    if (file) *result = std::make_unique<Adapter>(*std::move(file));
    return to_rocks(file);
  }
  IOStatus open_for_writing(const std::string& path, sagitta::FileSystem::OpenMode mode,
                            std::unique_ptr<rocksdb::FSWritableFile>* result) {
    auto file = files_.open_append(path, mode);
    if (file) *result = std::make_unique<Writable>(*std::move(file));
    return to_rocks(file);
  }

  sagitta::FileSystem& files_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> make_rocks_files(FileSystem& files) { return std::make_shared<RocksFiles>(files); }

}  // namespace sagitta::kv
