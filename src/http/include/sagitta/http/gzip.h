/// The gzip content coding (RFC 1952), in pieces and with a limit on what comes out.
#pragma once

#include <cstdint>
#include <memory>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/http/message.h"

namespace sagitta::http {

/// Compresses a body piece by piece. Not thread-safe; holds about 256 KiB.
class GzipWriter {
 public:
  /// 1 is fastest, 9 smallest.
  explicit GzipWriter(int level = 6);
  ~GzipWriter();
  GzipWriter(GzipWriter&&) noexcept;

  /// What is ready so far; often nothing.
  Bytes write(BytesView data);
  /// The rest. Nothing may be written after it.
  Bytes finish();

 private:
  struct Stream;
  Bytes run(BytesView data, int flush);
  std::unique_ptr<Stream> stream_;
};

/// Undoes it. Not thread-safe; holds about 48 KiB. Several members in a row are one body.
class GzipReader {
 public:
  /// A small body can stand for a huge one: more than `bytes_max` in all are refused.
  explicit GzipReader(uint64_t bytes_max);
  ~GzipReader();
  GzipReader(GzipReader&&) noexcept;

  /// kCorruption when the bytes are no gzip; kOverloaded past the limit.
  Result<Bytes> read(BytesView data);
  /// Whether the bytes so far end where a member ends.
  bool is_whole() const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

/// A whole body at once.
Bytes gzip(BytesView data, int level = 6);
/// As GzipReader; kCorruption too when the bytes end early.
Result<Bytes> gunzip(BytesView data, uint64_t bytes_max);

/// Whether Accept-Encoding takes gzip: named, or by '*', and not with q=0.
bool accepts_gzip(const Fields& fields);

}  // namespace sagitta::http
