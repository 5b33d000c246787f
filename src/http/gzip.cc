/// zlib's streams behind gzip bodies.
#include "sagitta/http/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "sagitta/base/assert.h"

#include "grammar.h"

namespace sagitta::http {
namespace {

/// zlib's way to ask for gzip's header and trailer.
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;
constexpr size_t kPieceBytes = 16 << 10;

void give(z_stream& stream, BytesView data) {
  // zlib's interface is older than const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
}

/// Pieces of what zlib counts in 32 bits.
template <class Work>
void in_pieces(BytesView data, const Work& work) {
  constexpr size_t kGivenMax = size_t{1} << 30;
  do {
    const BytesView piece = data.substr(0, kGivenMax);
    data.remove_prefix(piece.size());
    work(piece, data.empty());
  } while (!data.empty());
}

}  // namespace

struct GzipWriter::Stream {
  explicit Stream(int level) {
    const int outcome = deflateInit2(&z, level, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY);
    SAGITTA_ASSERT(outcome == Z_OK);
  }
  ~Stream() { deflateEnd(&z); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  z_stream z{};
};

GzipWriter::GzipWriter(int level) : stream_(std::make_unique<Stream>(level)) {}
GzipWriter::~GzipWriter() = default;
GzipWriter::GzipWriter(GzipWriter&&) noexcept = default;

Bytes GzipWriter::write(BytesView data) { return run(data, Z_NO_FLUSH); }
Bytes GzipWriter::finish() { return run({}, Z_FINISH); }

Bytes GzipWriter::run(BytesView data, int flush) {
  Bytes out;
  std::array<char, kPieceBytes> piece;
  in_pieces(data, [&](BytesView given, bool last) {
    give(stream_->z, given);
    do {
      stream_->z.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_->z.avail_out = piece.size();
      const int outcome = deflate(&stream_->z, last ? flush : Z_NO_FLUSH);
      SAGITTA_ASSERT(outcome != Z_STREAM_ERROR);
      out.append(piece.data(), piece.size() - stream_->z.avail_out);
    } while (stream_->z.avail_out == 0);
  });
  return out;
}

struct GzipReader::Stream {
  explicit Stream(uint64_t limit) : bytes_max(limit) {
    const int outcome = inflateInit2(&z, kGzipWindow);
    SAGITTA_ASSERT(outcome == Z_OK);
  }
  ~Stream() { inflateEnd(&z); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// All that `data` gives, up to the limit.
  Status read(BytesView data, Bytes& out) {
    std::array<char, kPieceBytes> piece;
    give(z, data);
    for (;;) {
      if (z.avail_in > 0 && ended) {
        inflateReset(&z);
        ended = false;
      }
      z.next_out = reinterpret_cast<Bytef*>(piece.data());
      z.avail_out = piece.size();
      const int outcome = ended ? Z_BUF_ERROR : inflate(&z, Z_NO_FLUSH);
      const size_t made = piece.size() - z.avail_out;
      if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR) {
        return fail(ErrorCode::kCorruption, fmt::format("gzip: {}", z.msg == nullptr ? "damaged" : z.msg));
      }
      if (made > bytes_max - bytes) {
        return fail(ErrorCode::kOverloaded, fmt::format("gzip: more than {} bytes", bytes_max));
      }
      out.append(piece.data(), made);
      bytes += made;
      ended |= outcome == Z_STREAM_END;
      if (z.avail_in == 0 && z.avail_out != 0) return {};
    }
  }

  z_stream z{};
  const uint64_t bytes_max;
  uint64_t bytes = 0;
  bool ended = false;
};

GzipReader::GzipReader(uint64_t bytes_max) : stream_(std::make_unique<Stream>(bytes_max)) {}
GzipReader::~GzipReader() = default;
GzipReader::GzipReader(GzipReader&&) noexcept = default;

Result<Bytes> GzipReader::read(BytesView data) {
  Bytes out;
  Status status;
  in_pieces(data, [&](BytesView piece, bool) {
    if (status && !piece.empty()) status = stream_->read(piece, out);
  });
  SAGITTA_CHECK(status);
  return out;
}

bool GzipReader::is_whole() const { return stream_->ended; }

Bytes gzip(BytesView data, int level) {
  GzipWriter writer(level);
  Bytes out = writer.write(data);
  return out += writer.finish();
}

Result<Bytes> gunzip(BytesView data, uint64_t bytes_max) {
  GzipReader reader(bytes_max);
  SAGITTA_TRY(Bytes out, reader.read(data));
  if (!reader.is_whole()) return fail(ErrorCode::kCorruption, "gzip: the bytes end early");
  return out;
}

bool accepts_gzip(const Fields& fields) {
  bool by_star = false;
  for (const Field& field : fields) {
    if (!equal_ignoring_case(field.name, "accept-encoding")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::string_view item = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(item.size() + 1, rest.size()));
      const size_t semicolon = std::min(item.find(';'), item.size());
      const std::string_view coding = trim(item.substr(0, semicolon));
      std::string_view weight = trim(item.substr(std::min(semicolon + 1, item.size())));
      const bool refused = weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string_view::npos;
      if (equal_ignoring_case(coding, "gzip")) return !refused;
      by_star |= coding == "*" && !refused;
    }
  }
  return by_star;
}

}  // namespace sagitta::http
