#include "sagitta/bench/matrix.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace sagitta::bench {
namespace {

constexpr size_t kHeaderBytes = 8;
constexpr size_t kValueBytes = 4;

struct Header {
  uint32_t count = 0;
  uint32_t dim = 0;
};

Header header_of(const char* map) {
  Header header;
  std::memcpy(&header, map, sizeof header);
  return header;
}

std::unexpected<Error> refused(const std::string& path) {
  return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, fmt::format("{}: {}", path, strerror(errno)));
}

Status check_size(const std::string& path, Header header, size_t file_bytes) {
  if (header.dim == 0) return fail(ErrorCode::kCorruption, fmt::format("{}: dimension 0", path));
  const size_t room = (file_bytes - kHeaderBytes) / kValueBytes / header.dim;
  if (room == header.count && file_bytes == kHeaderBytes + kValueBytes * header.count * size_t{header.dim}) return {};
  return fail(ErrorCode::kCorruption, fmt::format("{}: {} bytes, but its header says {} rows of {} values", path,
                                                  file_bytes, header.count, header.dim));
}

template <class T>
Status write(const std::string& path, MatrixView<T> matrix) {
  static_assert(sizeof(T) == kValueBytes);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (file == nullptr) return refused(path);
  const std::array<uint32_t, 2> header{static_cast<uint32_t>(matrix.count), matrix.dim};
  const size_t values = matrix.count * matrix.dim;
  if (std::fwrite(header.data(), sizeof header, 1, file.get()) != 1 ||
      std::fwrite(matrix.values, sizeof(T), values, file.get()) != values || std::fflush(file.get()) != 0) {
    return refused(path);
  }
  return {};
}

}  // namespace

Result<MatrixFile> MatrixFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return refused(path);
  struct stat status{};
  const bool known = ::fstat(descriptor, &status) == 0;
  const auto bytes = static_cast<size_t>(status.st_size);
  void* map = known && bytes >= kHeaderBytes ? ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor, 0) : nullptr;
  const int map_errno = errno;
  ::close(descriptor);
  errno = map_errno;
  if (!known || map == MAP_FAILED) return refused(path);
  if (map == nullptr) return fail(ErrorCode::kCorruption, fmt::format("{}: {} bytes, too short", path, bytes));
  MatrixFile file(static_cast<const char*>(map), bytes);
  SAGITTA_CHECK(check_size(path, header_of(file.map_), bytes));
  return file;
}

MatrixFile::~MatrixFile() {
  if (map_ != nullptr) ::munmap(const_cast<char*>(map_), map_bytes_);
}

Floats MatrixFile::floats() const {
  const Header header = header_of(map_);
  return {reinterpret_cast<const float*>(map_ + kHeaderBytes), header.count, header.dim};
}

Ids MatrixFile::ids() const {
  const Header header = header_of(map_);
  return {reinterpret_cast<const uint32_t*>(map_ + kHeaderBytes), header.count, header.dim};
}

void MatrixFile::drop_pages() const { ::madvise(const_cast<char*>(map_), map_bytes_, MADV_DONTNEED); }

Status write_matrix(const std::string& path, Floats matrix) { return write(path, matrix); }
Status write_matrix(const std::string& path, Ids matrix) { return write(path, matrix); }

}  // namespace sagitta::bench
