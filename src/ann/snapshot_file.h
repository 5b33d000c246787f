/// The file of a snapshot (docs/formats/vector-index.md): columns of slots, each part on its own
/// pages, then a footer that describes them and holds the checksum of every block.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/base/file.h"

#include "codec.h"
#include "slot_store.h"

namespace sagitta::ann {

/// What a snapshot stores for each slot, in file order.
enum class PartKind : uint8_t { kStates, kExpiries, kVectors, kCodes, kFactors, kLinks, kFine };
inline constexpr uint8_t kPartKinds = 7;
std::string_view to_string(PartKind kind);

/// Bits of a slot's state in a snapshot.
inline constexpr uint8_t kSavedLive = 1, kSavedLinked = 2;

/// The records of one kind for the saved slots of one segment.
struct Part {
  PartKind kind = PartKind::kStates;
  uint32_t segment = 0;
  uint32_t begin = 0, end = 0;  ///< slots
  uint64_t offset = 0, bytes = 0;
};

/// The parts for slots below `end`, in file order. Each part begins on a page, and so does what
/// follows the last.
struct SnapshotLayout {
  SnapshotLayout(const SlotShape& shape, uint32_t end);
  std::vector<Part> parts;
  uint64_t bytes = 0;
};

struct SnapshotFooter {
  uint32_t dim = 0;
  Metric metric = Metric::kCosine;
  Level level = Level::kF32;
  uint32_t connections = 0;
  SlotShape shape;
  CodeBits code_bits = CodeBits::k4;
  uint32_t end = 0;  ///< the file holds the slots below this
  bool has_codec = false;
  float unit = 1;
  std::vector<float> centre;
  Neighbours neighbours = Neighbours::kByDistance;
  std::vector<uint32_t> entries;
  Bytes tag;
  std::vector<uint32_t> checksums;  ///< of each block
};

/// Writes to a temporary file, and moves it to `path` when everything has succeeded. Destroyed
/// before finish(), it leaves the old file in place. One thread.
class SnapshotWriter {
 public:
  /// Fails with kUnavailable when `*cancelled` (may be null) becomes true.
  static Result<SnapshotWriter> open(FileSystem& files, const std::string& path, const std::atomic<bool>* cancelled);
  SnapshotWriter(SnapshotWriter&&) = default;
  ~SnapshotWriter();

  Status append(BytesView bytes);
  /// The length of the file so far.
  uint64_t position() const { return flushed_ + block_.size(); }
  /// Appends zeros up to the next page.
  Status pad();
  /// Writes the footer with its checksums filled in, syncs, and replaces the file.
  Status finish(SnapshotFooter footer);

 private:
  SnapshotWriter(FileSystem& files, std::string path, std::unique_ptr<AppendFile> file,
                 const std::atomic<bool>* cancelled);
  std::string aside() const { return path_ + ".tmp"; }
  Status flush_block();

  FileSystem* files_;
  std::string path_;
  std::unique_ptr<AppendFile> file_;
  const std::atomic<bool>* cancelled_;
  Bytes block_;
  uint64_t flushed_ = 0;
  std::vector<uint32_t> checksums_;
};

/// A snapshot whose every byte was verified.
struct SnapshotSource {
  std::unique_ptr<RandomFile> file;
  SnapshotFooter footer;
  std::vector<Part> parts;
};

/// Errors: kCorruption names the part and the place; kFormat for an unknown version; kNotFound,
/// kIo.
Result<SnapshotSource> read_snapshot(FileSystem& files, const std::string& path);

/// Calls work(i) for every i < `count` on a few threads; returns the error of the lowest i that
/// failed.
Status in_parallel(size_t count, const std::function<Status(size_t)>& work);

}  // namespace sagitta::ann
