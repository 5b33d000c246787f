/// Arbitrary rows files of index snapshots, the checksums of their frames put right: read to the
/// end or refused.
#include <algorithm>

#include "sagitta/base/checksum.h"
#include "sagitta/base/memory_file.h"

#include "vector/rows_file.h"

namespace {

using namespace sagitta;
using namespace sagitta::index;

void repair_checksums(Bytes& file) {
  for (size_t at = 0; file.size() - at >= 8;) {
    const auto length = get_big<uint32_t>(file.data() + at);
    if (length > file.size() - at - 8) return;
    Bytes checksum;
    const uint32_t head = crc32c(BytesView(file).substr(at, 4));
    put_big<uint32_t>(checksum, crc32c(BytesView(file).substr(at + 8, length), head));
    file.replace(at + 4, checksum.size(), checksum);
    at += 8 + length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes file(reinterpret_cast<const char*>(data), size);
  repair_checksums(file);
  const auto files = MemoryFileSystem::make();
  if (!write_file_atomically(*files, "/1.rows", file)) return 0;
  RowsReader reader("/1.rows");
  if (!reader.open(*files)) return 0;
  static_cast<void>(reader.for_each([](const SnapshotRow&) { return Status(); }));
  return 0;
}
