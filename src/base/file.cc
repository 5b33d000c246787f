#include "sagitta/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace sagitta {
namespace {

std::unexpected<Error> fail_errno(const std::string& path, std::string_view action, int error) {
  ErrorCode code = ErrorCode::kIo;
  if (error == ENOENT) code = ErrorCode::kNotFound;
  if (error == ENOSPC || error == EDQUOT) code = ErrorCode::kNoSpace;
  return fail(code, fmt::format("{}: {}: {}", path, action, std::generic_category().message(error)));
}

template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Closes at most once; -1 is closed.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { (void)close(); }
  int get() const { return fd_; }
  int close() { return fd_ < 0 ? 0 : ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

Result<Descriptor> open_descriptor(const std::string& path, int flags, std::string_view action) {
  const int fd = retry_interrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
  if (fd < 0) return fail_errno(path, action, errno);
  return Descriptor(fd);
}

Result<struct stat> stat_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return fail_errno(path, "stat", errno);
  return info;
}

Status checked(const std::string& path, std::string_view action, int result) {
  if (result != 0) return fail_errno(path, action, errno);
  return {};
}

Status check_range(const std::string& name, uint64_t offset, size_t count, uint64_t size) {
  if (offset <= size && count <= size - offset) return {};
  return fail(ErrorCode::kCorruption, fmt::format("{}: {} bytes from {} on wanted of {}", name, count, offset, size));
}

class RealAppendFile final : public AppendFile {
 public:
  RealAppendFile(std::string path, Descriptor fd, uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size), file_end_(size) {}

  Status append(BytesView bytes) override { return write_at(size_, bytes); }
  Status reserve(uint64_t bytes) override {
    static constexpr std::array<char, size_t{64} << 10> kZeros{};
    uint64_t at = file_end_;
    for (const uint64_t end = size_ + bytes; at < end;) {
      SAGITTA_CHECK(write_at(at, BytesView(kZeros.data(), std::min<uint64_t>(kZeros.size(), end - at))));
    }
    return {};
  }
  Status sync() override {
    return checked(path_, "sync", retry_interrupted([&] { return ::fdatasync(fd_.get()); }));
  }
  Status close() override {
    if (file_end_ > size_) {
      SAGITTA_CHECK(checked(path_, "truncate", ::ftruncate(fd_.get(), static_cast<off_t>(size_))));
      file_end_ = size_;
      SAGITTA_CHECK(sync());
    }
    return checked(path_, "close", fd_.close());
  }
  uint64_t size() const override { return size_; }

 private:
  /// Moves `end` on as far as it gets.
  Status write_at(uint64_t& end, BytesView bytes) {
    while (!bytes.empty()) {
      const ssize_t written =
          retry_interrupted([&] { return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(end)); });
      if (written < 0) return fail_errno(path_, "write", errno);
      end += static_cast<uint64_t>(written);
      file_end_ = std::max(file_end_, end);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  const std::string path_;
  Descriptor fd_;
  uint64_t size_;
  /// Where the file ends: there, or behind what is reserved.
  uint64_t file_end_;
};

class RealRandomFile final : public RandomFile {
 public:
  RealRandomFile(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<size_t> read(uint64_t offset, size_t count, char* out) const override {
    size_t done = 0;
    while (done < count) {
      const ssize_t got = retry_interrupted(
          [&] { return ::pread(fd_.get(), out + done, count - done, static_cast<off_t>(offset + done)); });
      if (got < 0) return fail_errno(path_, "read", errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }
  Result<uint64_t> size() const override {
    struct stat info{};
    if (::fstat(fd_.get(), &info) != 0) return fail_errno(path_, "stat", errno);
    return static_cast<uint64_t>(info.st_size);
  }
  Status map(uint64_t offset, size_t count, char* memory) const override {
    SAGITTA_TRY(const uint64_t there, size());
    SAGITTA_CHECK(check_range(path_, offset, count, there));
    if (count == 0) return {};
    void* const mapped =
        ::mmap(memory, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd_.get(), static_cast<off_t>(offset));
    if (mapped == MAP_FAILED) return fail_errno(path_, "map", errno);
    return {};
  }

 private:
  const std::string path_;
  Descriptor fd_;
};

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;
};

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<AppendFile>> open_append(const std::string& path, OpenMode mode) override {
    const int how = mode == OpenMode::kTruncate ? O_TRUNC : 0;
    SAGITTA_TRY(Descriptor fd, open_descriptor(path, O_WRONLY | O_CREAT | how, "open for writing"));
    SAGITTA_TRY(const uint64_t size, file_size(path));
    return std::make_unique<RealAppendFile>(path, std::move(fd), size);
  }
  Result<std::unique_ptr<RandomFile>> open_random(const std::string& path) override {
    SAGITTA_TRY(Descriptor fd, open_descriptor(path, O_RDONLY, "open for reading"));
    return std::make_unique<RealRandomFile>(path, std::move(fd));
  }
  Status rename(const std::string& from, const std::string& to) override {
    return checked(from, "rename to " + to, ::rename(from.c_str(), to.c_str()));
  }
  Status link(const std::string& from, const std::string& to) override {
    return checked(from, "link to " + to, ::link(from.c_str(), to.c_str()));
  }
  Status remove(const std::string& path) override { return checked(path, "remove", ::unlink(path.c_str())); }
  Status truncate(const std::string& path, uint64_t size) override {
    return checked(path, "truncate", ::truncate(path.c_str(), static_cast<off_t>(size)));
  }
  Status make_directories(const std::string& path) override {
    if (path.empty() || path == "/") return {};
    SAGITTA_TRY(const bool there, is_directory(path));
    if (there) return {};
    const std::string parent = std::filesystem::path(path).parent_path().string();
    if (parent == path) return {};
    SAGITTA_CHECK(make_directories(parent));
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(path, "make directory", errno);
    return sync_directory(parent.empty() ? "." : parent);
  }
  Status remove_directory(const std::string& path) override {
    return checked(path, "remove directory", ::rmdir(path.c_str()));
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return fail_errno(path, "list", errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    const int error = errno;
    ::closedir(directory);
    if (error != 0) return fail_errno(path, "list", error);
    std::ranges::sort(names);
    return names;
  }
  Status sync_directory(const std::string& path) override {
    SAGITTA_TRY(Descriptor fd, open_descriptor(path, O_RDONLY | O_DIRECTORY, "open directory"));
    return checked(path, "sync directory", retry_interrupted([&] { return ::fsync(fd.get()); }));
  }
  Result<bool> exists(const std::string& path) override { return mode_matches(path, 0); }
  Result<bool> is_directory(const std::string& path) override { return mode_matches(path, S_IFDIR); }
  Result<uint64_t> file_size(const std::string& path) override {
    SAGITTA_TRY(const struct stat info, stat_of(path));
    return static_cast<uint64_t>(info.st_size);
  }
  Result<int64_t> modified_us(const std::string& path) override {
    SAGITTA_TRY(const struct stat info, stat_of(path));
    return int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1000;
  }
  Result<uint64_t> free_bytes(const std::string& path) override {
    struct statvfs info{};
    if (::statvfs(path.c_str(), &info) != 0) return fail_errno(path, "statvfs", errno);
    return uint64_t{info.f_bavail} * uint64_t{info.f_frsize};
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    SAGITTA_TRY(Descriptor fd, open_descriptor(path, O_RDWR | O_CREAT, "open lock"));
    // flock belongs to the open file, so that it also keeps out a second holder in this process.
    if (retry_interrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno == EWOULDBLOCK) return fail(ErrorCode::kLocked, path + ": held by another process");
      return fail_errno(path, "lock", errno);
    }
    return std::make_unique<RealFileLock>(std::move(fd));
  }

 private:
  static Result<bool> mode_matches(const std::string& path, mode_t type) {
    const auto info = stat_of(path);
    if (info) return type == 0 || (info->st_mode & S_IFMT) == type;
    if (info.error().code() == ErrorCode::kNotFound) return false;
    return fail(info);
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_real_file_system() { return std::make_unique<RealFileSystem>(); }

Status RandomFile::map(uint64_t offset, size_t count, char* memory) const {
  SAGITTA_TRY(const uint64_t there, size());
  SAGITTA_CHECK(check_range("file", offset, count, there));
  SAGITTA_TRY(const size_t got, read(offset, count, memory));
  return check_range("file", 0, count, got);
}

Result<Bytes> read_file(FileSystem& files, const std::string& path, size_t max_bytes) {
  SAGITTA_TRY(const auto file, files.open_random(path));
  SAGITTA_TRY(const uint64_t size, file->size());
  if (size > max_bytes) {
    return fail(ErrorCode::kInvalid, fmt::format("{}: {} bytes, at most {} expected", path, size, max_bytes));
  }
  Bytes content(size, '\0');
  SAGITTA_TRY(const size_t got, file->read(0, content.size(), content.data()));
  content.resize(got);
  return content;
}

Status write_file_atomically(FileSystem& files, const std::string& path, BytesView content) {
  const std::string aside = path + ".tmp";
  SAGITTA_TRY(const auto file, files.open_append(aside, FileSystem::OpenMode::kTruncate));
  SAGITTA_CHECK(file->append(content));
  SAGITTA_CHECK(file->sync());
  SAGITTA_CHECK(file->close());
  SAGITTA_CHECK(files.rename(aside, path));
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return files.sync_directory(parent.empty() ? "." : parent);
}

}  // namespace sagitta
