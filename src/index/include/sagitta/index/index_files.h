/// The files of index snapshots (docs/formats/vector-index.md). A snapshot is two: `ID-N.vectors`,
/// which the ann index writes, and `ID.rows`, which says whose the slots are, which N belongs to
/// it, and up to where in each log partition it is complete. The second is renamed into place last,
/// so that the two always fit.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sagitta/base/file.h"
#include "sagitta/index/positions.h"

namespace sagitta::index {

/// What a rows file begins with.
struct SnapshotHeader {
  uint32_t index_id = 0;
  uint32_t number = 0;    ///< N
  Positions complete_to;  ///< every record before them is in it
  /// Ties the vectors to the rows.
  Bytes tag() const;
};

/// Names and removes. Thread-safe, but one save of an index at a time.
class IndexFiles {
 public:
  IndexFiles(FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  FileSystem& files() const { return files_; }
  std::string rows_path(uint32_t id) const;
  std::string vectors_path(const SnapshotHeader& header) const;
  /// Of the snapshot that is there. kNotFound, kCorruption, kFormat, kIo.
  Result<SnapshotHeader> header(uint32_t id) const;
  /// A number that no file of the index has.
  Result<uint32_t> next_number(uint32_t id) const;
  /// Removes the files of indexes for which `keep` is false, and what unfinished saves of the
  /// others left. Nobody saves meanwhile.
  void tidy(const std::function<bool(uint32_t id)>& keep) const;
  /// Removes what the index's rows file does not name; all when there is no such file.
  void remove_unused(uint32_t id) const;
  /// Removes the files of the index except those of this number; all of them when there is none.
  void remove(uint32_t id, std::optional<uint32_t> except) const;

 private:
  FileSystem& files_;
  const std::string directory_;
};

}  // namespace sagitta::index
