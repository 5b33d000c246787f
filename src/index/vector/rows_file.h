/// The rows file of a snapshot of a vector index: whose its slots are
/// (docs/formats/vector-index.md).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sagitta/ann/index.h"
#include "sagitta/index/index_files.h"

namespace sagitta::index {

/// A row of a snapshot: with a slot, or refused.
struct SnapshotRow {
  ann::Slot slot = ann::kNoSlot;  ///< kNoSlot: the index refused its vector
  uint64_t print = 0;
  Bytes key;
};

/// Writes the rows file aside. One thread.
class RowsWriter {
 public:
  RowsWriter(FileSystem& files, std::string path);
  Status open(const SnapshotHeader& header);
  Status add(const SnapshotRow& row);
  /// It takes its place.
  Status finish();

 private:
  Status flush();

  FileSystem& files_;
  const std::string path_;
  std::unique_ptr<AppendFile> file_;
  Bytes frame_;
  uint64_t rows_ = 0;
};

/// Reads a rows file frame by frame. kCorruption names the place. One thread.
class RowsReader {
 public:
  explicit RowsReader(std::string path) : path_(std::move(path)) {}
  Result<SnapshotHeader> open(FileSystem& files);
  Status for_each(const std::function<Status(const SnapshotRow&)>& take);

 private:
  /// The body of the next frame.
  Result<Bytes> next_frame();
  std::unexpected<Error> damaged(std::string_view what) const;

  const std::string path_;
  std::unique_ptr<RandomFile> file_;
  uint64_t size_ = 0, at_ = 0;
};

}  // namespace sagitta::index
