/// The file of a snapshot (docs/formats/vector-index.md): columns of slots, each part of them on pages of its own, then
/// a footer that says what they are and has the checksum of every block of the file.
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

/// What a snapshot has of each slot, in the order of the file.
enum class PartKind : uint8_t { kStates, kExpiries, kVectors, kCodes, kFactors, kLinks, kFine };
inline constexpr uint8_t kPartKinds = 7;
std::string_view to_string(PartKind kind);

/// Of a slot's state in a snapshot.
inline constexpr uint8_t kSavedLive = 1, kSavedLinked = 2;

/// The records of one kind for the saved slots of one segment.
struct Part {
  PartKind kind = PartKind::kStates;
  uint32_t segment = 0;
  uint32_t begin = 0, end = 0;  ///< slots
  uint64_t offset = 0, bytes = 0;
};

/// The parts that hold slots below `end`, in order; each begins on a page, and so does what follows the last.
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
  uint32_t end = 0;  ///< slots below are in the file
  bool has_codec = false;
  float unit = 1;
  std::vector<float> centre;
  Neighbours neighbours = Neighbours::kByDistance;
  std::vector<uint32_t> entries;
  Bytes tag;
  std::vector<uint32_t> checksums;  ///< of each block
};

/// Writes a file aside, and in the place of `path` when all is well. One thread. Destroyed before finish(), it leaves
/// what was there.
class SnapshotWriter {
 public:
  /// Gives up with kUnavailable when `*cancelled` (may be null) becomes true.
  static Result<SnapshotWriter> open(FileSystem& files, const std::string& path, const std::atomic<bool>* cancelled);
  SnapshotWriter(SnapshotWriter&&) = default;
  ~SnapshotWriter();

  Status append(BytesView bytes);
  /// Zeros up to the next page.
  Status pad();
  /// Its checksums are filled in.
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

/// A snapshot whose every byte has been verified.
struct SnapshotSource {
  std::unique_ptr<RandomFile> file;
  SnapshotFooter footer;
  std::vector<Part> parts;
};

/// kCorruption names the part and the place; kFormat for a version that is not known; kNotFound, kIo.
Result<SnapshotSource> read_snapshot(FileSystem& files, const std::string& path);

/// Calls work(i) for every i below `count` on a few threads; returns the error of the lowest i that has one.
Status in_parallel(size_t count, const std::function<Status(size_t)>& work);

}  // namespace sagitta::ann
