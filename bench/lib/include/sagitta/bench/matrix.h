/// Matrices of vectors and of ids, and the files that hold them: u32 count, u32 dim, then row-major
/// values of four bytes, little-endian. `.fbin` holds floats, `.ibin` u32 ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "sagitta/base/result.h"

namespace sagitta::bench {

/// Does not own what it shows.
template <class T>
struct MatrixView {
  const T* values = nullptr;  ///< count × dim, row-major
  size_t count = 0;
  uint32_t dim = 0;

  std::span<const T> row(size_t at) const { return {values + at * dim, dim}; }
  MatrixView first(size_t rows) const { return {values, rows < count ? rows : count, dim}; }
};
using Floats = MatrixView<float>;
using Ids = MatrixView<uint32_t>;

/// A matrix file mapped for reading. Movable; views must not outlive it.
class MatrixFile {
 public:
  /// kNotFound, kIo; kCorruption when the size is not what the header says, or a dimension is 0.
  static Result<MatrixFile> open(const std::string& path);
  MatrixFile(MatrixFile&& other) noexcept
      : map_(std::exchange(other.map_, nullptr)), map_bytes_(std::exchange(other.map_bytes_, 0)) {}
  MatrixFile& operator=(MatrixFile&& other) noexcept {
    std::swap(map_, other.map_);
    std::swap(map_bytes_, other.map_bytes_);
    return *this;
  }
  ~MatrixFile();

  Floats floats() const;
  Ids ids() const;
  /// Takes the file's pages out of this process, so that they do not count as memory in use; a read
  /// maps them again.
  void drop_pages() const;

 private:
  MatrixFile(const char* map, size_t map_bytes) : map_(map), map_bytes_(map_bytes) {}
  const char* map_ = nullptr;
  size_t map_bytes_ = 0;
};

/// Replaces the file. kIo.
Status write_matrix(const std::string& path, Floats matrix);
Status write_matrix(const std::string& path, Ids matrix);

}  // namespace sagitta::bench
