/// Arbitrary snapshot files whose checksums are corrected, so that the code behind them is reached.
/// Loading may refuse a file, and a loaded index may answer nonsense, but nothing may crash.
#include <algorithm>
#include <cmath>

#include "sagitta/ann/index.h"
#include "sagitta/base/checksum.h"
#include "sagitta/base/memory_file.h"

namespace {

using namespace sagitta;
using namespace sagitta::ann;

constexpr size_t kTailBytes = 20, kBlockBytes = size_t{1} << 20;
/// The start of a footer: dimension, metric, level, connections, bytes of a vector, code and links.
constexpr size_t kOptionsBytes = 22, kLinksBytesAt = 18;

void put_at(Bytes& file, size_t at, uint32_t value) {
  Bytes bytes;
  put_big<uint32_t>(bytes, value);
  file.replace(at, bytes.size(), bytes);
}

/// Where the footer begins; nullopt for files without one.
std::optional<size_t> footer_of(const Bytes& file) {
  if (file.size() < kTailBytes) return std::nullopt;
  const auto length = get_big<uint32_t>(file.data() + file.size() - kTailBytes);
  if (length > file.size() - kTailBytes || length < kOptionsBytes + sizeof(uint32_t)) return std::nullopt;
  return file.size() - kTailBytes - length;
}

void repair_checksums(Bytes& file, size_t footer) {
  const size_t tail = file.size() - kTailBytes;
  if (footer > 0 && footer <= kBlockBytes) put_at(file, tail - 4, crc32c(BytesView(file).substr(0, footer)));
  const uint32_t checksum = crc32c(BytesView(file).substr(footer, tail + 4 - footer));
  put_at(file, tail + 4, crc32c(BytesView(file).substr(tail + 8), checksum));
}

/// The options the file was saved with, limited to small values.
IndexOptions options_of(const Bytes& file, size_t footer) {
  IndexOptions options{.link_threads = 0};
  options.dim = std::clamp(get_big<uint32_t>(file.data() + footer), 1U, 600U);
  options.metric = static_cast<Metric>(static_cast<uint8_t>(file[footer + 4]) % 3);
  options.level = static_cast<Level>(static_cast<uint8_t>(file[footer + 5]) % 4);
  options.connections = std::clamp(get_big<uint32_t>(file.data() + footer + 6), 1U, 32U);
  const bool compact = get_big<uint32_t>(file.data() + footer + kLinksBytesAt) == 8 * options.connections;
  options.profile = compact ? Profile::kCompact : Profile::kFast;
  return options;
}

void use(Index& index) {
  std::vector<float> query(index.options().dim);
  for (size_t i = 0; i < query.size(); ++i) query[i] = std::sin(static_cast<float>(i + 1));
  static_cast<void>(index.search(query, {.k = 20}));
  for (int i = 0; i < 3; ++i) static_cast<void>(index.insert(query));
  for (uint32_t slot = 0; slot < 40; ++slot) index.erase(Slot{slot});
  index.settle();
  static_cast<void>(index.search(query, {.k = 20}));
  static_cast<void>(index.check());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes file(reinterpret_cast<const char*>(data), size);
  IndexOptions options{.dim = 4, .link_threads = 0};
  if (const auto footer = footer_of(file)) {
    repair_checksums(file, *footer);
    options = options_of(file, *footer);
  }
  const auto files = MemoryFileSystem::make();
  if (!write_file_atomically(*files, "/x", file)) return 0;
  const auto loaded = Index::load(*files, "/x", options);
  if (loaded) use(**loaded);
  return 0;
}
